"""`lab show`: one script, explained."""

import click
from rich.text import Text

from lab.cli.output import say, screen, write_document


@click.command()
@click.argument("name")
@click.option("--source", is_flag=True, help="Print its source and nothing else.")
def show(name: str, source: bool) -> None:
    """Explain a script: its claim, what would disprove it, and its source.

    NAME is a bundled script (`lab list`) or the path of your own file.

    Example:
        lab show crash --source > mine.py    a copy for you to change
    """
    from lab import experiments  # `--help` needs none of it

    experiment = experiments.find(name)
    if source:
        write_document(experiment.path.read_text(encoding="utf-8"))
        return
    sentence = f"{experiment.kind}: “{experiment.claim}”" if experiment.claim else "no claim"
    screen.print(Text.assemble((f"{experiment.name}  ", "bold"), sentence))
    for paragraph in experiment.doc.split("\n\n"):
        screen.print()
        screen.print(paragraph.replace("\n", " "))
    screen.print()
    say(Text(str(experiment.path), "dim"))
    code = experiment.source_without_docstring
    if screen.is_terminal:
        from rich.syntax import Syntax

        screen.print(Syntax(code, "python", background_color="default", word_wrap=True))
    else:
        say(Text(code))


COMMANDS = (show,)
