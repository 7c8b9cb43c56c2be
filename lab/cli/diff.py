"""`lab diff`: what differs between the two desks' source."""

import click
from rich.syntax import Syntax

from lab.cli.output import screen
from lab.experiments import app_diff


@click.command(short_help="Compare the source code of the two desks.")
@click.argument("file", type=click.Choice(["app.py", "state.py", "config.py"]), default="app.py")
def diff(file: str) -> None:
    """Compare the source code of the two desks: it shows what statelessness changes."""
    lines = app_diff.diff(file)
    screen.print(Syntax("\n".join(lines), "diff", background_color="default", word_wrap=True))
    screen.print(
        f"{app_diff.changed_lines(lines)} changed lines. - stateful, + stateless", style="dim"
    )


COMMANDS = (diff,)
