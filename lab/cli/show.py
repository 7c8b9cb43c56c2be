"""`lab show`: one script, explained."""

import click
from rich.syntax import Syntax
from rich.text import Text

from lab import experiments
from lab.cli.output import say, screen


@click.command(short_help="Explain a script, and show its source.")
@click.argument("name")
def show(name: str) -> None:
    """Explain a script: its claim, what would disprove it, and its source.

    NAME is a bundled script (`lab list`) or the path of your own file.
    """
    experiment = experiments.find(name)
    sentence = f"{experiment.kind}: “{experiment.claim}”" if experiment.claim else "no claim"
    screen.print(Text.assemble((f"{experiment.name}  ", "bold"), sentence))
    for paragraph in experiment.doc.split("\n\n"):
        screen.print()
        screen.print(paragraph.replace("\n", " "))
    screen.print()
    say(Text(str(experiment.path), "dim"))
    source = experiment.source_without_docstring
    screen.print(Syntax(source, "python", background_color="default", word_wrap=True))


COMMANDS = (show,)
