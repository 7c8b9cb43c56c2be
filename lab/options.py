"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lab.shop.store_url import FORMS, SCHEMES

Command = TypeVar("Command", bound=Callable[..., Any])


def _store(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value in ("memory", "file", "redis") or value.startswith(SCHEMES):
        return value
    raise click.BadParameter(f"choose memory, file, redis, or give a URL: {FORMS}")


servers = click.option(
    "--servers",
    type=click.IntRange(1, 26),
    default=3,
    show_default=True,
    help="Servers at each desk.",
)
store = click.option(
    "--store",
    callback=_store,
    default="memory",
    show_default=True,
    metavar="memory|file|redis|URL",
    help=f"Where the stateful desk keeps its sessions. URL: {FORMS}.",
)
affinity = click.option(
    "--affinity",
    type=click.Choice(["none", "cookie"]),
    default="none",
    show_default=True,
    help="cookie: the balancer keeps a client at one server.",
)
retry = click.option(
    "--retry",
    type=click.Choice(["off", "on"]),
    default="off",
    show_default=True,
    help="on: the balancer asks another server after a failure.",
)


def knobs(command: Command) -> Command:
    """Give a command --servers, --store, --affinity and --retry: the fields of `Knobs`."""
    for option in (retry, affinity, store, servers):
        command = option(command)
    return command


out = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("lab-runs"),
    show_default=True,
    help="Where runs are kept.",
)
port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help="8000 unless it is taken; 0 for any free one.",
)
