"""`lab up` and what steers it from another terminal; `lab play`, the page without servers."""

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from lab.cli import browser, options
from lab.cli.output import progress, screen
from lab.console import control_file
from lab.console.settings import MOST_PER_DESK, SETTINGS
from lab.core.errors import LabError
from lab.evidence.result import Settings

Json = dict[str, Any]

_SERVER = "SERVER is B for both desks, stateful/B for one."
# Name → what it does, and the line that says it was done, from the evidence of each server.
_SERVER_ORDERS = {
    "kill": ("Kill SERVER of the running `lab up`.", "✕ {at}: pid {pid} {signal}, {seen}"),
    "restart": (
        "Start SERVER of the running `lab up` again, with an empty memory.",
        "✓ {at}: {was} is now {instance}",
    ),
    "pause": (
        "Freeze SERVER: it keeps its connections and answers nobody.",
        "~ {at}: pid {pid} is frozen; `lab resume {at}` lets it go on",
    ),
    "resume": ("Let a frozen SERVER go on.", "✓ {at}: pid {pid} goes on"),
    "drain": (
        "Take SERVER out of the balancer, and stop it when its requests are done.",
        "~ {at}: gets no new requests; `lab status` shows when it has gone",
    ),
}
_STORE_TOLD = {
    "kill": "✕ store: pid {pid} {signal}, {seen}",
    "restart": "✓ store: started again, empty",
    "hang": "~ store: frozen; `lab store resume` lets it go on",
    "resume": "✓ store: goes on",
}
_SIGNS = {"up": "✓", "dead": "✕", "external": "✓"}
_no_open = click.option("--no-open", is_flag=True, help="Print the link, open no browser.")


@click.command()
@options.port
@_no_open
@options.knobs
@options.out
def up(port: int | None, no_open: bool, out: Path, **knobs: Any) -> None:
    """Keep both desks running on one address until Ctrl-C, with the page that explains them.

    The page opens in the browser: a walkthrough with real requests, and the switches for
    whoever stands in front of the room. The link with the ticket makes one browser the
    instructor's, once; everybody else on this machine only watches and shops.

    \b
    From another terminal in the same folder:
      lab status                 every server, where the carts are, the knobs
      lab kill B                 B at both desks; stateful/B at one
      lab restart B              lab pause B, lab resume B, lab drain B, lab add
      lab store kill             of the session store, with --store redis
      lab reset --servers 2      a clean stage
      lab open                   another link with a ticket
    """  # noqa: D301 - click reads the \b
    from lab.console import assembly as console  # only who serves the page pays for loading it

    wanted = Settings(**knobs)
    with (
        progress() as tell,
        console.running(wanted, out, console.choose_port(port), tell) as lab,
    ):
        tell("")
        _say(_addresses(lab.origin, lab.link, wanted))
        _show(lab.link, no_open)
        _wait_for_ctrl_c()
    _say("Stopped; nothing is left running.")


@click.command("open")
@_no_open
@options.out
def open_(no_open: bool, out: Path) -> None:
    """Open the page of the running `lab up` as its instructor.

    The link works once: use it in another browser, or after the first one was closed.
    """
    link = control_file.new_link(out)
    _say(f"{link}\nThis link works once.")
    _show(link, no_open)


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@options.port
@_no_open
@options.out
def play(run: str | None, port: int | None, no_open: bool, out: Path) -> None:
    """Show kept runs in the page, step by step, without servers, until Ctrl-C.

    RUN is a folder or the name of one below --out; the newest run if none is named.

    \b
    lab run crash && lab play
    """  # noqa: D301 - click reads the \b
    from lab.console import assembly as console

    root, name = _run_to_play(run, out)
    with console.playing(root, console.choose_port(port)) as origin:
        link = f"{origin}/?run={name}"
        _say(f"{link}\nNo servers run: this shows what was recorded.\nCtrl-C stops everything.")
        _show(link, no_open)
        _wait_for_ctrl_c()
    _say("Stopped; nothing is left running.")


@click.command()
@click.argument("desk", type=click.Choice(["stateful", "stateless"]), required=False)
@options.out
def add(desk: str | None, out: Path) -> None:
    """Start one more server at each desk of the running `lab up`, or at DESK."""
    _order(out, "/lab/add", {"desk": desk or ""}, "✓ {at}: {instance} is one more server")


@click.command()
@click.argument("do", metavar="[kill|restart|hang|resume]", type=click.Choice(list(_STORE_TOLD)))
@options.out
def store(do: str, out: Path) -> None:
    """Break or mend the session store of the running `lab up`.

    There is none yet? `lab reset --store redis` sets up a clean stage with one.
    """
    _order(out, "/lab/store", {"do": do}, _STORE_TOLD[do])


def _knob(name: str) -> Callable[..., Any]:
    return click.option(f"--{name}", type=click.Choice(SETTINGS[name]))


@click.command()
@click.option("--servers", type=click.IntRange(1, MOST_PER_DESK), help="Servers at each desk.")
@_knob("store")
@_knob("affinity")
@_knob("retry")
@_knob("cache")
@options.out
def reset(out: Path, **wanted: Any) -> None:
    """Set up a clean stage in the running `lab up`: all servers up, nothing remembered.

    What is not named stays as it is.
    """
    body = {name: value for name, value in wanted.items() if value is not None}
    _print_status(control_file.call(out, "POST", "/lab/stage", body))


@click.command()
@options.out
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def status(out: Path, as_json: bool) -> None:
    """Show every server of the running `lab up`, its knobs, and the session store."""
    told = control_file.call(out, "GET", "/lab/status")
    if as_json:
        click.echo(json.dumps(told, indent=1))
    else:
        _print_status(told)


def _server_command(name: str) -> click.Command:
    what, told = _SERVER_ORDERS[name]

    @click.command(name, help=f"{what}\n\n{_SERVER}", short_help=what)
    @click.argument("server")
    @options.out
    def command(server: str, out: Path) -> None:
        _order(out, f"/lab/{name}", {"server": server}, told)

    return command


COMMANDS = (up, open_, play, *map(_server_command, _SERVER_ORDERS), add, store, reset, status)


def _order(out: Path, path: str, body: Json, told: str) -> None:
    """Give an order, and print a line about each thing that was done."""
    for done in control_file.call(out, "POST", path, body)["done"]:
        facts = {"name": "", "desk": ""} | done | done.get("evidence", {})
        seen = "gone, port closed" if facts.get("confirmed") else "NOT confirmed"
        _say(told.format(**facts, at=f"{facts['desk']}/{facts['name']}", seen=seen))


def _print_status(told: Json) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("desk", "server", "state", "pid", "port", "carts in this process"):
        table.add_column(heading)
    for desk, servers in told["desks"].items():
        for each in servers:
            values = (each["pid"], each["port"], each["carts_remembered"])
            facts = ("–" if value is None else str(value) for value in values)
            table.add_row(desk, each["name"], _signed(each["state"]), *facts)
    screen.print(table)
    for desk, knobs in told["knobs"].items():
        _say(f"{desk}: " + ", ".join(f"{name} {value}" for name, value in knobs.items()))
    if kept := told["store"]:
        process = f", pid {kept['pid']}" if kept["pid"] else ""
        _say(f"store: {_signed(kept['state'])} ({kept['program']}{process})")


def _signed(state: str) -> str:
    return f"{_SIGNS.get(state, '~')} {state}"


def _run_to_play(run: str | None, out: Path) -> tuple[Path, str]:
    """Return below which folder the run lies and its name there; LabError if there is none."""
    from lab.console.kept_runs import KeptRuns

    if run is None:
        runs = KeptRuns(out).list()["runs"]
        if not runs:
            raise LabError(f"no run is kept in {out} yet: `lab run crash` makes one")
        return out, KeptRuns(out).outline(runs[0]["name"])["name"]
    path = Path(run)
    folder = path.parent if path.is_file() else path
    if (folder / "result.json").is_file():
        folder = folder.resolve()  # so that "." has a name, and `latest` its own
        return folder.parent, KeptRuns(folder.parent).outline(folder.name)["name"]
    return out, KeptRuns(out).outline(run)["name"]


def _show(link: str, no_open: bool) -> None:
    """Open the page, unless nobody is there to see it.

    The link stands on the browser's command line, where every user of this machine can read
    it. So it holds a ticket and not the secret: once used, by the page itself, it is worth
    nothing.
    """
    if not no_open and sys.stdout.isatty():
        browser.open_page(link, os.environ)


def _wait_for_ctrl_c() -> None:
    with suppress(KeyboardInterrupt):
        while not threading.Event().wait(1):  # in steps: Windows cannot interrupt a long wait
            pass


def _say(text: str) -> None:
    screen.print(Text(text), soft_wrap=True)  # a command has to stay one line to be copied


def _addresses(origin: str, link: str, knobs: Settings) -> str:
    login = '-H \'Content-Type: application/json\' -d \'{"user_id":"123","name":"John"}\''
    return (
        f"The page: {link}\n"
        "(this link makes one browser the instructor's, once; `lab open` makes another)\n\n"
        f"Both desks are open at {origin}\n\n"
        f"stateful   {origin}/stateful/   {knobs.servers} servers, carts in {knobs.store_label}\n"
        f"  curl -c jar -b jar {login} {origin}/stateful/api/login\n"
        f"stateless  {origin}/stateless/  {knobs.servers} servers, carts in the client's token\n"
        f"  curl {login} {origin}/stateless/api/login\n\n"
        "From another terminal, in this folder: lab status · lab kill B · lab restart B\n"
        "Ctrl-C stops everything."
    )
