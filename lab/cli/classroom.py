"""`lab class`: `lab up` for a lecture, with the room's phones as customers and voters."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any

import click

from lab.cli import browser, kept, options, signals, stack_options
from lab.cli.output import progress, say
from lab.cli.param_types import CountRange
from lab.console.room.addresses import LOOPBACK, OwnAddress, chosen_address, own_addresses
from lab.console.stack_state import MOST_PAGE_SERVERS
from lab.core.errors import LabError, reason
from lab.core.shell import typed

PHONE_PORT = 8080
MOST_REHEARSED = 500
REACHED = """\
Phones on this network can reach, at {address}:{port} and nowhere else of this machine:
  the phone's page, the vote, and their own cart at both desks.
They cannot reach the instructor's page, the desks' servers, or a file: those stay at 127.0.0.1.
Nothing leaves this machine. It is not encrypted: phones show pretend names only."""


def _address(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        address = IPv4Address(value)
    except AddressValueError:
        raise click.BadParameter("write an IPv4 address such as 192.168.1.7") from None
    if address.is_unspecified or address.is_multicast:
        raise click.BadParameter("choose one address: the others stay closed")
    return str(address)


@click.command("class")
@click.option(
    "--listen",
    callback=_address,
    metavar="ADDRESS",
    help=f"The address of this machine that phones use; {LOOPBACK} keeps the network out.",
)
@click.option(
    "--phone-port",
    type=click.IntRange(0, 65535),
    default=None,
    metavar="N",
    help=f"Port for phones; 0 for any free port.  [default: {PHONE_PORT}, or a free one]",
)
@click.option("--yes", "-y", is_flag=True, help="Open the address without asking.")
@click.option(
    "--rehearse",
    type=CountRange(1, MOST_REHEARSED),
    default=None,
    metavar="N",
    help="Fill the room with N simulated phones, which shop and vote.",
)
@click.option(
    "--votes",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="At the end, write the votes to FILE as CSV. Without it, nothing of the room is kept.",
)
@options.port
@options.no_open
@partial(stack_options.settings, most=MOST_PAGE_SERVERS)
@options.out
def classroom(
    listen: str | None,
    phone_port: int | None,
    yes: bool,
    rehearse: int | None,
    votes: Path | None,
    port: int | None,
    no_open: bool,
    out: Path,
    **settings: Any,
) -> None:
    """Run the lesson for a room: everyone's phone is a customer, and votes before each run.

    It is `lab up` with one more listener, for phones. It lists this machine's addresses and what
    each exposes, then asks for confirmation once. The wall, a part of the instructor's page,
    shows how to join. A clicker leads through the class: each → takes the next step (ask, open
    the vote, close it, show the result, run the script, go on).

    Without --listen it takes this machine's only address. --listen 127.0.0.1 --rehearse 200
    opens no address to the network, and fills the room with simulated phones. The stage begins
    with session affinity, so that each phone finds its cart (--affinity changes that); chapters
    choose their own settings.
    """
    from lab.console import assembly, listening  # the whole page: loaded only when it is served
    from lab.evidence.result import Settings

    kept.require_writable(votes, out=out)
    address = _chosen(listen, phone_port, yes, alone=rehearse is not None)
    if not stack_options.is_given("affinity"):
        settings["affinity"] = "cookie"
    wanted = Settings(**settings)
    phones = assembly.PhonesAt(address, _free_or_any(phone_port))
    with ExitStack() as resources:
        show = resources.enter_context(progress())
        lab = resources.enter_context(
            assembly.running(
                wanted, out, listening.choose_port(port, out), show, learners=0, phones=phones
            )
        )
        room = lab.room
        assert room is not None
        if votes:
            resources.callback(_keep, votes, room.csv)
        if rehearse:
            from lab.console.room.rehearsal import rehearsing

            show(f"{rehearse} simulated phones are coming in")
            resources.enter_context(rehearsing(lab.phones_at, room.code, rehearse, lab.folder))
        show("")
        say(_words(lab.link, lab.phones_at, room.code, address, out))
        browser.open_private(lab.link, no_open, out)
        signals.wait_for_stop()
    say("Stopped; nothing is left running." + (f" The votes are in {votes}." if votes else ""))


def _chosen(listen: str | None, port: int | None, yes: bool, alone: bool) -> str:
    """Return the address for phones; ask before it is opened."""
    there_are = own_addresses()
    if listen == LOOPBACK or (listen is None and alone):
        return LOOPBACK
    say(_listed(there_are))
    address = chosen_address(listen, there_are)
    say(REACHED.format(address=address, port="PORT" if port == 0 else port or PHONE_PORT))
    if not yes:
        if not sys.stdin.isatty():
            raise LabError("no terminal to ask in: add --yes to open this address to phones")
        click.confirm("Open it until Ctrl-C?", abort=True, default=False)
    return address


def _listed(there_are: list[OwnAddress]) -> str:
    rows = [
        f"  {each.address:15}  {each.interface}, network {each.network}"
        + ("" if each.is_private else "  (not a local network: do not open this one)")
        for each in there_are
    ]
    return "\n".join(["Addresses of this machine:", *(rows or ["  none: join a network first"])])


def _free_or_any(port: int | None) -> int:
    from lab.processes.ports import can_bind

    return port if port is not None else PHONE_PORT if can_bind(PHONE_PORT) else 0


def _words(link: str, phones_at: str, code: str, address: str, out: Path) -> str:
    closed = "\n(no phone can reach 127.0.0.1: for this machine's own browsers)"
    return (
        f"Phones join at  {phones_at}   code  {code}{closed if address == LOOPBACK else ''}\n\n"
        f"The instructor's page: {link}\n"
        f"(this link makes one browser the instructor's, once; `{typed('lab open', out)}` makes "
        "another)\n\n"
        "Keys: → asks, opens, closes, shows, runs and goes on; W shows or hides the wall.\n"
        "Ctrl-C stops everything."
    )


def _keep(path: Path, csv: Callable[[], str]) -> None:
    try:
        path.write_text("\ufeff" + csv(), encoding="utf-8", newline="")
    except OSError as error:  # a full disk, say: the votes of a class cannot be taken again
        say(csv())
        raise LabError(
            f"the votes could not be kept in {path}: {reason(error)}; they are printed above"
        ) from None


COMMANDS = (classroom,)
