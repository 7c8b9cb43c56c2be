"""`lab status`: the servers, settings and store of a running `lab up`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.table import Table

from lab.cli import options
from lab.cli.output import say, screen, write_json
from lab.core.json_object import json_text

if TYPE_CHECKING:
    from lab.console.stack_state import StackState


@click.command()
@options.out
@options.as_json
def status(out: Path, as_json: bool) -> None:
    """Show each server of the running `lab up`, its settings, and the session store."""
    from lab.console import control_file  # `--help` needs none of it
    from lab.console.stack_state import StackState

    seen = control_file.call(out, "GET", "/lab/status", StackState)
    if as_json:
        write_json(json_text(seen))
    else:
        print_status(seen)


def print_status(seen: "StackState") -> None:
    """Print what `/lab/status` answered: a row for each server, then settings and store."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("desk", "server", "state", "pid", "port", "carts in this process"):
        table.add_column(heading)
    for desk, servers in seen.desks.items():
        for each in servers:
            values = (each.pid, each.port, each.carts_remembered)
            facts = ("–" if value is None else str(value) for value in values)
            table.add_row(desk, each.name, _signed(each.state), *facts)
    screen.print(table)
    from lab.console.stack_state import SETTINGS

    for desk, settings in seen.settings.items():
        present = msgspec.structs.asdict(settings)
        named = [f"{name} {value}" for name, value in present.items() if name in SETTINGS]
        say(f"{desk}: " + ", ".join([*named, *settings.changes_of(desk)]))
    if kept := seen.store:
        process = f", pid {kept.pid}" if kept.pid else ""
        say(f"store: {_signed(kept.state)} ({kept.program}{process})")


def _signed(state: str) -> str:
    from lab.console.stack_state import STATE_SIGNS

    return f"{STATE_SIGNS[state]} {state}"


COMMANDS = (status,)
