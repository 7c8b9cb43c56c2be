"""`lab list`: the bundled scripts."""

import click
from rich.table import Table

from lab import experiments
from lab.cli.output import screen


@click.command("list", short_help="List the bundled scripts and their claims.")
def list_() -> None:
    """List the bundled scripts, each with the claim that it tests."""
    table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
    for heading in ("script", "claim", "what the script does"):
        table.add_column(heading, no_wrap=heading == "script")
    for experiment in experiments.bundled():
        table.add_row(experiment.name, experiment.claim, experiment.summary)
    screen.print(table)
    screen.print("lab show NAME  explains a script   ·   lab run NAME  runs it at both desks")


COMMANDS = (list_,)
