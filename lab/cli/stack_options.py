"""Options of the stack that a command starts or uses: settings, and servers that already run."""

import os
from collections.abc import Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lab.cli.options import Command, Option, number, together, value
from lab.cli.param_types import AFFINITY, RETRY, WAITING_TIME
from lab.core.errors import reason
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


tls = click.option(
    "--tls",
    is_flag=True,
    help="Serve customers by HTTPS, with a certificate made for the run (by openssl); their "
    "cookies are then Secure. Browsers and curl get HTTP/2.",
)


def settings(command: Command, most: int = MOST_SERVERS) -> Command:
    """Give a command --servers (up to `most`), --store, --affinity and --retry: `Settings`."""
    given: Command = together(servers(most), store, affinity, retry)(command)
    return given


_FAULT_COMMANDS = {
    "kill": "Command that kills an --upstream server. Give one for all servers, or one for each "
    "in the same order; {desk}, {name} (A), {name_lower} (a), {host} and {port} are replaced by "
    "their values. It is split into words and runs without a shell.",
    "restart": "Command that starts a killed server again. Without it, the server stays dead.",
    "restart-env": "Command that starts a server with other variables (a new price, another "
    "key): they are in its own environment, and in {env_file} as lines NAME=VALUE. Run with no "
    "variables, it must restore the server's usual ones.",
    "pause": "Command that freezes a server.",
    "resume": "Command that resumes a paused server.",
    "add": "Command that starts one more server, {name}, and prints its address at the end.",
    "drain": "Command that stops a server gently, once nginx sends it nothing more.",
    "look": "Command that prints /proc/PID/status and /proc/PID/io of a server's process.",
}
_STORE_COMMANDS = {
    "kill": "Command that kills the session store of the --upstream servers.",
    "restart": "Command that starts the store again.",
    "pause": "Command that freezes the store.",
    "resume": "Command that resumes a paused store.",
}


def _python_name(fault: str) -> str:
    return fault.replace("-", "_")


def deployment(command: Command) -> Command:
    """Give a command --upstream, --on and the commands of a deployment; it gets a `Deployment`."""

    @wraps(command)
    def asked(
        *given: Any,
        upstream: tuple[str, ...],
        on: str | None,
        signing_keys: Path | None,
        deployment_wait: float,
        **options: Any,
    ) -> Any:
        commands = {each: options.pop(f"{_python_name(each)}_command") for each in _FAULT_COMMANDS}
        of_store = {each: options.pop(f"store_{each}_command") for each in _STORE_COMMANDS}
        _require_sense(upstream, on, commands, of_store)
        keys = _keys(signing_keys)
        if on:
            from lab.stack.shipped import PLACES  # loaded only if --on is given

            shipped = PLACES[on]()
            upstream, keys = shipped.urls, keys or shipped.signing_keys
            commands = {
                each: mine or tuple(filter(None, [shipped.commands.server.get(each)]))
                for each, mine in commands.items()
            }
            of_store = {
                each: mine or shipped.commands.store.get(each) for each, mine in of_store.items()
            }
            if not is_given("store"):
                options["store"] = shipped.store
        deployment = _found(upstream, commands, of_store, keys, deployment_wait)
        if not on and "stateful" in deployment and not is_given("store"):
            raise click.UsageError("--upstream: say with --store where these servers keep sessions")
        return command(*given, deployment=deployment, **options)

    given: Command = together(
        click.option(
            "--on",
            type=click.Choice(["compose", "kubernetes"]),
            help="Use the servers of the compose.yaml in this folder (or of COMPOSE_FILE), or of "
            "kubernetes.yaml, instead of setting the options below yourself.",
        ),
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
        *(
            click.option(f"--store-{fault}-command", metavar="COMMAND", help=what)
            for fault, what in _STORE_COMMANDS.items()
        ),
        click.option(
            "--signing-keys",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="File with the signing keys of the --upstream servers, separated by commas. By "
            "default they come from STATELESS_SIGNING_KEYS, if it is set.",
        ),
        click.option(
            "--deployment-wait",
            type=WAITING_TIME,
            default="60s",
            show_default=True,
            help="How long each of these commands may run, and a server may take to stop or come "
            "back.",
        ),
    )(asked)
    return given


def _require_sense(
    upstream: tuple[str, ...],
    on: str | None,
    commands: Mapping[str, Sequence[str]],
    of_store: Mapping[str, str | None],
) -> None:
    if on and upstream:
        raise click.UsageError(f"--on {on} finds the servers: leave out --upstream")
    if (on or upstream) and is_given("servers"):
        named = f"--on {on} finds the servers" if on else "--upstream names the servers one by one"
        raise click.UsageError(f"leave out --servers: {named}")
    useless = [each for each in commands if commands[each]]
    useless += [f"store-{each}" for each in of_store if of_store[each]]
    if useless and not (on or upstream):
        raise click.UsageError(
            f"--{useless[0]}-command needs servers to act on: name them with --upstream"
        )


def _keys(file: Path | None) -> str:
    """Return the signing keys of a deployment from a file, else from the environment."""
    if file is None:
        return os.environ.get("STATELESS_SIGNING_KEYS", "")
    try:
        return ",".join(file.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(
            f"{file} cannot be read: {reason(error)}; name a text file with the keys"
        ) from None


def _found(
    upstream: tuple[str, ...],
    commands: Mapping[str, Sequence[str]],
    of_store: Mapping[str, str | None],
    keys: str,
    wait_s: float,
) -> "Deployment":
    from lab.stack.deployment import Deployment, find

    if not upstream:
        return Deployment()
    given = {fault: each for fault, each in of_store.items() if each}
    return find(upstream, commands, given, keys, wait_s)


def is_given(option: str) -> bool:
    """True if the user gave the option, on the command line or by environment."""
    source = click.get_current_context().get_parameter_source(option)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
