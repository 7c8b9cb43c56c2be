"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from lab.shop.redis.store_url import FORMS, SCHEMES

if TYPE_CHECKING:
    from lab.stack.deployment import Deployment

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
    envvar="LAB_STORE",
    show_envvar=True,
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
    """Give a command --servers, --store, --affinity and --retry: the fields of `Settings`."""
    for option in (retry, affinity, store, servers):
        command = option(command)
    return command


_FAULTS = {
    "kill": "Kills an upstream: for each one command, in order, or one for all, with {host}, "
    "{port}, {name} in it. Split into words, run without a shell.",
    "restart": "Starts a killed upstream again; without it the lab leaves it dead.",
    "pause": "Freezes an upstream.",
    "resume": "Lets a frozen upstream go on.",
}


def deployment(command: Command) -> Command:
    """Give a command --upstream and the commands that break one; it gets a `Deployment`."""

    @wraps(command)
    def asked(*given: Any, upstream: tuple[str, ...], **options: Any) -> Any:
        commands = {fault: options.pop(f"{fault}_command") for fault in _FAULTS}
        if upstream and is_given("servers"):
            raise click.UsageError("--servers: there are as many servers as --upstream names")
        if not upstream and (useless := [fault for fault in _FAULTS if commands[fault]]):
            raise click.UsageError(f"--{useless[0]}-command is for servers named by --upstream")
        deployment = _found(upstream, commands) if upstream else {}
        if "stateful" in deployment and not is_given("store"):
            raise click.UsageError("--upstream: say with --store where they keep sessions")
        return command(*given, deployment=deployment, **options)

    for fault, told in reversed(_FAULTS.items()):
        asked = click.option(f"--{fault}-command", multiple=True, metavar="COMMAND", help=told)(
            asked
        )
    return click.option(  # type: ignore[return-value]
        "--upstream",
        multiple=True,
        metavar="http://HOST:PORT",
        help="A desk's server that runs already, not started by the lab; repeat for each.",
    )(asked)


def _found(upstream: tuple[str, ...], commands: dict[str, tuple[str, ...]]) -> "Deployment":
    from lab.stack.deployment import find  # the stack: only who names upstreams waits for it

    return find(upstream, commands)


def is_given(option: str) -> bool:
    """Whether somebody gave the option, on the command line or by environment."""
    source = click.get_current_context().get_parameter_source(option)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


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
