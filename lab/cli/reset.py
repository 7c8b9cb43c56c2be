"""`lab reset`: a fresh start for a running `lab up`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lab.cli import options
from lab.cli.param_types import AFFINITY, RETRY, CountRange
from lab.cli.status import print_status
from lab.console.stack_state import MOST_PAGE_SERVERS, SETTINGS, StackState

_GUESSED = {"affinity": AFFINITY, "retry": RETRY}


def _setting(name: str, what: str) -> Callable[..., Any]:
    kind = _GUESSED.get(name) or click.Choice(SETTINGS[name])
    return click.option(f"--{name}", type=kind, help=what)


@click.command()
@click.option(
    "--servers",
    type=CountRange(1, MOST_PAGE_SERVERS),
    metavar="N",
    help="Servers at each desk.",
)
@_setting("store", "Where the stateful desk keeps its sessions.")
@_setting("affinity", "cookie: the load balancer sends a client to the same server each time.")
@_setting("retry", "on: the load balancer tries another server after a failure.")
@_setting("cache", "Cache in front of the desks; naive: it ignores Cache-Control.")
@options.out
def reset(out: Path, **settings: Any) -> None:
    """Reset the running `lab up`: every server runs, and every cart is gone.

    A setting that you do not name keeps its value.
    """
    from lab.console import control_file  # `--help` needs none of it

    body = {name: value for name, value in settings.items() if value is not None}
    print_status(control_file.call(out, "POST", "/lab/stage", StackState, body))


COMMANDS = (reset,)
