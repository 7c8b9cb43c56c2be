"""`lab up`: both desks, and the page that explains them, until Ctrl-C."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli import browser, options, signals, stack_options
from lab.cli.output import progress, say
from lab.cli.param_types import CountRange
from lab.console.stack_state import MOST_PAGE_SERVERS
from lab.core.shell import typed
from lab.core.text import counted

if TYPE_CHECKING:
    from lab.evidence.result import Settings


@click.command()
@options.port
@options.no_open
@partial(stack_options.settings, most=MOST_PAGE_SERVERS)
@click.option(
    "--learners",
    type=CountRange(0, 50),
    default=3,
    show_default=True,
    metavar="N",
    help="How many other browsers may have a small stage of their own at a time.",
)
@options.out
def up(port: int | None, no_open: bool, learners: int, out: Path, **settings: Any) -> None:
    """Run both desks on one address until Ctrl-C, and open the page that explains them.

    The page is a walkthrough with real requests, and the instructor can break servers in
    it. The printed link makes one browser the instructor's, and works once. Every other
    browser on this machine can watch, shop, and run the lesson on a small stage of its own;
    --learners limits how many there are at a time. A restart in the same folder recognises the
    instructor's browser for a day, and takes the same port if it is free.

    From another terminal, in the same folder:
        lab status               show each server, its carts and the settings
        lab kill B               kill server B of both desks
        lab kill stateful/B      kill server B of one desk only
        lab restart B            start it again, with an empty memory
        lab pause B              freeze it: it answers nothing
        lab resume B             let it continue
        lab drain B              stop it when its last requests are done
        lab add                  start one more server at each desk
        lab store kill           kill the session store (with --store redis)
        lab reset --servers 2    start again with empty carts
        lab open                 open the page in another browser
    """
    from lab.console import assembly, listening  # the whole page: loaded only when it is served
    from lab.evidence.result import Settings

    wanted = Settings(**settings)
    with (
        progress() as show,
        assembly.running(wanted, out, listening.choose_port(port, out), show, learners) as lab,
    ):
        show("")
        say(_addresses(lab.origin, lab.link, wanted, out))
        browser.open_private(lab.link, no_open, out)
        signals.wait_for_stop()
    say("Stopped; nothing is left running.")


def _addresses(origin: str, link: str, settings: "Settings", out: Path) -> str:
    login = '-H \'Content-Type: application/json\' -d \'{"user_id":"123","name":"John"}\''
    servers = counted(settings.servers, "server")
    last = "A" if settings.servers == 1 else "B"
    orders = [typed(f"lab {each}", out) for each in ("status", f"kill {last}", f"restart {last}")]
    return (
        f"The page: {link}\n"
        f"(this link makes one browser the instructor's, once; `{typed('lab open', out)}` makes "
        "another)\n\n"
        f"Both desks are open at {origin}\n\n"
        f"stateful   {origin}/stateful/   {servers}, carts in {settings.store_label}\n"
        f"  curl -c jar -b jar {login} {origin}/stateful/api/login\n"
        f"stateless  {origin}/stateless/  {servers}, carts in the client's token\n"
        f"  curl {login} {origin}/stateless/api/login\n\n"
        f"From another terminal, in this folder: {' · '.join(orders)}\n"
        "Ctrl-C stops everything."
    )


COMMANDS = (up,)
