"""`lab kill`, `restart`, `pause`, `resume`, `drain`, `add`: servers of a running `lab up`."""

from collections.abc import Mapping
from pathlib import Path

import click
import msgspec

from lab.cli import options
from lab.cli.output import say
from lab.console import control_file
from lab.console.stack_state import FaultsDone
from lab.core.faults import STORE_FAULTS, target_named

_SERVER = "SERVER is a letter (`B` is server B of both desks), or `stateful/B` for one desk only."
_SERVER_OR_STORE = f"{_SERVER} `store` is the session store."
# Name → what it does, in short and in full; the line for each server, from its evidence.
_FAULTS = {
    "kill": (
        "Kill a server of the running `lab up`.",
        "✕ {at}: pid {pid} {signal}, {seen}",
    ),
    "restart": (
        "Restart a server of the running `lab up`, with an empty memory.",
        "✓ {at}: {was} is now {instance}",
    ),
    "pause": (
        "Freeze a server of the running `lab up`: it answers nothing until it is resumed.",
        "~ {at}: pid {pid} is paused; `lab resume {at}` resumes it",
    ),
    "resume": (
        "Resume a paused server of the running `lab up`.",
        "✓ {at}: pid {pid} goes on",
    ),
    "drain": (
        "Stop a server of the running `lab up` when its last requests are done.",
        "~ {at}: gets no new requests; `lab status` shows when it has gone",
    ),
}


def give_order(out: Path, path: str, body: Mapping[str, str], line: str) -> None:
    """Call the running lab, and print `line` with the evidence of each thing it did."""
    for done in control_file.call(out, "POST", path, FaultsDone, body).done:
        seen = "gone, port closed" if done.confirmed else "NOT confirmed"
        at = "/".join(filter(None, (done.desk, done.name)))
        facts = {name: value or "" for name, value in msgspec.structs.asdict(done).items()}
        say(line.format(**facts, at=at, seen=seen))


def _fault_command(name: str) -> click.Command:
    what, line = _FAULTS[name]
    target = _SERVER_OR_STORE if name in STORE_FAULTS else _SERVER

    @click.command(name, help=f"{what}\n\n{target}")
    @click.argument("server")
    @options.out
    def command(server: str, out: Path) -> None:
        give_order(out, f"/lab/{name}", {"server": target_named(server)}, line)

    return command


@click.command()
@click.argument("desk", type=click.Choice(["stateful", "stateless"]), required=False)
@options.out
def add(desk: str | None, out: Path) -> None:
    """Start one more server at each desk of the running `lab up`.

    If you name a desk, only that desk gets one.
    """
    give_order(out, "/lab/add", {"desk": desk or ""}, "✓ {at}: {instance} is one more server")


COMMANDS = (*map(_fault_command, _FAULTS), add)
