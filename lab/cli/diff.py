"""`lab diff`: what differs between the two desks' source."""

import click

from lab.cli.output import err, screen, write_document


@click.command()
@click.argument("file", type=click.Choice(["app.py", "state.py", "config.py"]), default="app.py")
def diff(file: str) -> None:
    """Compare the source code of the two desks: it shows what statelessness changes.

    In a pipe or a file, the output is a patch: `lab diff > one.patch`, then `git apply
    one.patch` in a clone turns the stateful file into the stateless one.
    """
    from lab.experiments import app_diff  # `--help` needs none of it

    lines = app_diff.diff(file)
    summary = f"{app_diff.changed_lines(lines)} changed lines. - stateful, + stateless"
    if screen.is_terminal:
        from rich.syntax import Syntax

        screen.print(Syntax("\n".join(lines), "diff", background_color="default", word_wrap=True))
        screen.print(summary, style="dim")
        return
    write_document(app_diff.as_patch(file, lines))
    err.print(summary, style="dim")


COMMANDS = (diff,)
