"""Options of the stack that a command starts or uses: settings, and servers that already run."""

from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lab.cli.options import Command, Option, number, together, value
from lab.cli.param_types import AFFINITY, RETRY
from lab.shop.desks import MOST_SERVERS
from lab.shop.redis.store_url import FORMS, SCHEMES

if TYPE_CHECKING:
    from lab.stack.deployment import Deployment


def _store(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value in ("memory", "file", "redis") or value.startswith(SCHEMES):
        return value
    raise click.BadParameter(f"choose memory, file, redis, or give a URL: {FORMS}")


def servers(most: int = MOST_SERVERS) -> Option:
    """Return the option --servers, up to `most`."""
    return number("--servers", 1, most, 3, "Servers at each desk.")


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
affinity = value(
    "--affinity",
    AFFINITY,
    "none",
    "cookie: the load balancer sends a client to the same server each time.",
)
retry = value(
    "--retry", RETRY, "off", "on: the load balancer tries another server after a failure."
)


def settings(command: Command, most: int = MOST_SERVERS) -> Command:
    """Give a command --servers (up to `most`), --store, --affinity and --retry: `Settings`."""
    given: Command = together(servers(most), store, affinity, retry)(command)
    return given


_FAULT_COMMANDS = {
    "kill": "Command that kills an --upstream server. Give one for all servers, or one for each "
    "in the same order; {desk}, {name} (A), {name_lower} (a), {host} and {port} are filled in. "
    "It is split into words and runs without a shell.",
    "restart": "Command that starts a killed server again. Without it, the server stays dead.",
    "pause": "Command that freezes a server.",
    "resume": "Command that resumes a frozen server.",
}


def deployment(command: Command) -> Command:
    """Give a command --upstream and the commands that break a server; it gets a `Deployment`."""

    @wraps(command)
    def asked(*given: Any, upstream: tuple[str, ...], **options: Any) -> Any:
        commands = {fault: options.pop(f"{fault}_command") for fault in _FAULT_COMMANDS}
        if upstream and is_given("servers"):
            raise click.UsageError("leave out --servers: --upstream names the servers one by one")
        if not upstream and (useless := [fault for fault in commands if commands[fault]]):
            raise click.UsageError(
                f"--{useless[0]}-command needs servers to act on: name them with --upstream"
            )
        deployment: Deployment = {}
        if upstream:
            from lab.stack.deployment import find  # loaded only if --upstream is given

            deployment = find(upstream, commands)
        if "stateful" in deployment and not is_given("store"):
            raise click.UsageError("--upstream: say with --store where these servers keep sessions")
        return command(*given, deployment=deployment, **options)

    given: Command = together(
        click.option(
            "--upstream",
            multiple=True,
            metavar="http://HOST:PORT",
            help="Use a server that already runs; repeat the option for each server of a desk.",
        ),
        *(
            click.option(f"--{fault}-command", multiple=True, metavar="COMMAND", help=what)
            for fault, what in _FAULT_COMMANDS.items()
        ),
    )(asked)
    return given


def is_given(option: str) -> bool:
    """True if the user gave the option, on the command line or by environment."""
    source = click.get_current_context().get_parameter_source(option)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
