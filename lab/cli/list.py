"""`lab list`: the bundled scripts, claims and drawbacks apart."""

import click
from rich.table import Table

from lab.cli.output import screen


@click.command("list")
def list_() -> None:
    """List the bundled scripts: first those of the claims, then those of the drawbacks."""
    from lab import experiments  # `--help` needs none of it
    from lab.evidence.result import Kind

    width = max(len(name) for name in experiments.SUITE)
    for kind, promise in ((Kind.CLAIM, "holds or fails"), (Kind.DRAWBACK, "confirmed or not")):
        table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
        for heading in ("script", f"{kind} ({promise})", "what the script does"):
            table.add_column(heading, no_wrap=heading == "script", min_width=width)
        for experiment in experiments.bundled():
            if experiment.kind is kind:
                table.add_row(experiment.name, experiment.claim, experiment.summary)
        screen.print(table)
    screen.print("lab show NAME  explains a script   ·   lab run NAME  runs it at both desks")


COMMANDS = (list_,)
