"""`lab kill`, `restart`, `pause`, `resume`, `drain`, `add`: servers of a running `lab up`."""

from collections.abc import Mapping
from pathlib import Path

import click
import msgspec

from lab.cli import options
from lab.cli.output import say
from lab.core.faults import STORE_FAULTS, FaultKind, target_named
from lab.core.shell import typed

_SERVER = "SERVER is a letter (`B` is server B of both desks), or `stateful/B` for one desk only."
_SERVER_OR_STORE = f"{_SERVER} `store` is the session store."
# What it does, and the line for each server, or for the store, from its evidence.
_FAULTS: Mapping[FaultKind, tuple[str, str]] = {
    FaultKind.KILL: (
        "Kill a server of the running `lab up`.",
        "✕ {at}: pid {pid} {signal}, {seen}",
    ),
    FaultKind.RESTART: (
        "Restart a server of the running `lab up`, with an empty memory.",
        "✓ {at}: {was} is now {instance}",
    ),
    FaultKind.PAUSE: (
        "Freeze a server of the running `lab up`: it answers nothing until it is resumed.",
        "~ {at}: pid {pid} is paused; `{resume}` resumes it",
    ),
    FaultKind.RESUME: (
        "Resume a paused server of the running `lab up`.",
        "✓ {at}: pid {pid} goes on",
    ),
    FaultKind.DRAIN: (
        "Stop a server of the running `lab up` when its last requests are done.",
        "~ {at}: gets no new requests; `{status}` shows when it has gone",
    ),
    FaultKind.ADD: (
        "Start one more server at each desk of the running `lab up`.",
        "✓ {at}: {instance} is one more server",
    ),
}


def give_order(out: Path, kind: FaultKind, path: str, body: Mapping[str, str]) -> None:
    """Call the running lab, and print the evidence of each fault of that kind."""
    from lab.console import control_file  # `--help` needs none of it
    from lab.console.stack_state import FaultsDone

    _, line = _FAULTS[kind]
    for done in control_file.call(out, "POST", path, FaultsDone, body).done:
        seen = "gone, port closed" if done.confirmed else "NOT confirmed"
        at = "/".join(filter(None, (done.desk, done.name)))
        facts = {name: value or "" for name, value in msgspec.structs.asdict(done).items()}
        then = {"resume": typed(f"lab resume {at}", out), "status": typed("lab status", out)}
        say(line.format(**facts, **then, at=at, seen=seen))


def _fault_command(kind: FaultKind) -> click.Command:
    what, _ = _FAULTS[kind]
    target = _SERVER_OR_STORE if kind in STORE_FAULTS else _SERVER

    @click.command(kind, help=f"{what}\n\n{target}")
    @click.argument("server")
    @options.out
    def command(server: str, out: Path) -> None:
        give_order(out, kind, f"/lab/{kind}", {"server": target_named(server)})

    return command


@click.command(help=f"{_FAULTS[FaultKind.ADD][0]}\n\nIf you name a desk, only that desk gets one.")
@click.argument("desk", type=click.Choice(["stateful", "stateless"]), required=False)
@options.out
def add(desk: str | None, out: Path) -> None:
    """Start one more server at each desk, or at one."""
    give_order(out, FaultKind.ADD, "/lab/add", {"desk": desk or ""})


COMMANDS = (*(_fault_command(kind) for kind in FaultKind if kind is not FaultKind.ADD), add)
