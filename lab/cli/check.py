"""`lab check`: is *your* service stateless? Reads what was asked, checks, prints what was found."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from lab.cli import kept, options
from lab.cli.check_batch import WithSettings, current_batch, run_settings
from lab.cli.check_mcp import McpOptions, mcp_options
from lab.cli.check_openapi import openapi_options
from lab.cli.check_replicas import ReplicaOptions, replica_options
from lab.cli.output import EXIT_INTERRUPTED, err, progress, screen, write_json
from lab.cli.param_types import WAITING_TIME, CountRange
from lab.core.run_folder import new_run_folder
from lab.core.text import LogStep, in_lines

if TYPE_CHECKING:
    from lab.check.first_plays import Source
    from lab.check.sources.settings import OpenApiSettings

SELDOM_S = 5.0
_path = click.Path(dir_okay=False, path_type=Path)


def _settings(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    for value in values:
        if not value.partition("=")[0] or "=" not in value:
            raise click.BadParameter(f"{value!r}: write NAME=VALUE, such as PORT={{port}}")
    return {name: rest for name, _, rest in (value.partition("=") for value in values)}


@click.command(cls=WithSettings)
@click.version_option(package_name="two-desks", prog_name="lab check")
@click.argument("conversation", required=False, type=_path, metavar="[CONVERSATION]")
@click.option(
    "--start",
    "command",
    metavar="COMMAND",
    help="Command that starts your service. {port} is replaced by a free port, {dir} by an empty "
    "folder.",
)
@click.option(
    "--env",
    multiple=True,
    callback=_settings,
    metavar="NAME=VALUE",
    help="Environment variable for the service; {port} is replaced by the port.",
)
@click.option(
    "--reset",
    metavar="COMMAND",
    help="Shell command that empties the database or store behind the service.",
)
@click.option(
    "--shared",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder that all machines share; state in it counts as a backing service.",
)
@click.option(
    "--ready",
    metavar="PATH",
    help="Path that answers when the service is ready.  [default: /]",
)
@click.option(
    "--wait",
    default="20s",
    show_default=True,
    type=WAITING_TIME,
    help="How long the service may take to start.",
)
@click.option(
    "--host",
    metavar="NAME",
    help="Host name of the service: sent in the Host header, and used for its cookies.",
)
@click.option(
    "--http", "http_file", type=_path, help="Read the conversation from a .http file of any name."
)
@click.option(
    "--har", "har_file", type=_path, help="Read the conversation from a browser's recording."
)
@openapi_options
@mcp_options
@replica_options
@click.option(
    "--ignore",
    multiple=True,
    metavar="PLACE",
    help="Do not compare this place: /json/pointer or header:NAME.",
)
@click.option("--header", multiple=True, metavar="NAME", help="Compare this header as well.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["backing-service", "disk"]),
    help="Exit 0 if the only state is in a backing service, or on the disk; repeatable.",
)
@click.option(
    "--max-requests",
    default=5000,
    show_default=True,
    type=CountRange(1),
    metavar="N",
    help="Stop after this many requests.",
)
@click.option(
    "--max-processes",
    default=600,
    show_default=True,
    type=CountRange(1),
    metavar="N",
    help="Stop after this many processes.",
)
@click.option(
    "--max-seconds",
    default="5min",
    show_default=True,
    type=WAITING_TIME,
    help="Stop after this time.",
)
@click.option(
    "--timeout",
    default="10s",
    show_default=True,
    type=WAITING_TIME,
    help="How long one answer may take.",
)
@click.option(
    "--require-dependency",
    is_flag=True,
    help="Report *unknown* if no answer depends on an earlier request.",
)
@click.option(
    "--explain", is_flag=True, help="Name the likely cause, its usual remedy, and what that costs."
)
@options.as_json
@click.option("--junit", "junit_file", type=_path, help="Write JUnit XML for CI.")
@click.option("--sarif", "sarif_file", type=_path, help="Write SARIF 2.1.0 for code scanning.")
@options.out
def check(
    conversation: Path | None,
    command: str | None,
    env: dict[str, str],
    reset: str | None,
    shared: tuple[Path, ...],
    ready: str | None,
    wait: float,
    host: str | None,
    http_file: Path | None,
    har_file: Path | None,
    openapi_file: Path | None,
    openapi_settings: "OpenApiSettings",
    mcp: McpOptions,
    running: ReplicaOptions,
    ignore: tuple[str, ...],
    header: tuple[str, ...],
    allow: tuple[str, ...],
    max_requests: int,
    max_processes: int,
    max_seconds: float,
    timeout: float,
    require_dependency: bool,
    explain: bool,
    as_json: bool,
    junit_file: Path | None,
    sarif_file: Path | None,
    out: Path,
) -> int:
    """Find out whether your service is stateless; if it is not, see the shortest proof.

    CONVERSATION is a file with the calls of a client: a script (.py), a .http file, or a .har
    file, which a browser records. You can give an OpenAPI document instead (--openapi). An MCP
    server (--mcp) itself lists what can be called.

    The same calls are sent in several ways: all to one process; each to a fresh process; to two
    processes in turn; each to a process with a disk of its own; and each alone, after a reset.
    If an answer changes, the service keeps state; which way of sending changed it shows where.

    Examples:
      lab check --start "flask --app myapp run --port {port}" talk.py
      lab check --start "node server.js" --env PORT={port} --openapi openapi.yaml
      lab check --start "…" --reset "redis-cli flushall" --http session.http
      lab check --start "uvicorn server:app --port {port}" --mcp --call add_item
      lab check --url http://10.0.0.7:8080 --url http://10.0.0.8:8080 talk.py

    A script:
        def script(http):
            http.post("/login", json={"user": "ada"})
            http.get("/cart")

    The lab starts your command many times, with your rights.

    Without arguments, `lab check` reads lab-check.toml, or [tool.lab.check] in pyproject.toml.
    Each option can be set there by its name (--url as urls). A known finding does not fail the
    check until its date has passed. If a known finding is no longer found, the report says so.

    A settings file:
        start = "flask --app shop run --port {port}"
        env = { SECRET_KEY = "k" }
        conversations = ["talk.py", "session.http"]
        [[known]]  # in pyproject.toml: [[tool.lab.check.known]]
        request = "POST /cart"
        reason = "carts move to the store in March"
        until = 2027-03-31

    With --url, you name two or more replicas that already run. Each pair of calls then goes to
    two of them at least once. The lab starts and stops nothing, so the verdict is weaker:
    *alike on these replicas*. The requests are really sent, many times.

    Exit status:
      0    self-contained (of replicas: alike): no state was found
      1    state was found
      2    wrong usage
      3    unknown, or the service did not start
      130  stopped by Ctrl-C
    """
    kept.require_writable(junit_file, sarif_file, out=out)
    if command is None and not running.urls:
        return run_settings(conversation, (junit_file, sarif_file), as_json)
    from lab.check.budget import Budget  # the check loads much, and `--help` needs none of it
    from lab.check.checker import Check
    from lab.check.session import Options
    from lab.check.start import Start

    if command and running.urls:
        raise click.UsageError("give either --start COMMAND or --url URL of each replica")
    if running.urls and openapi_file:
        raise click.UsageError(
            "--openapi makes calls up, and what runs at --url may be in use: give a conversation"
        )
    given_files = (conversation, http_file, har_file, openapi_file)
    if mcp.path:
        source: Source = mcp.source(given_files, openapi_settings.headers)
    else:
        source = _source(*given_files, openapi_settings)
    volumes = tuple(path.absolute() for path in shared)
    start = Start(command or "", env, Path.cwd(), reset, _ready(ready), wait, volumes, host)
    if running.urls:
        asked = running.asked(host, start.ready)
    else:
        start.words(0)  # refuses a command that cannot be run, before anything is made
    compared = Options(
        frozenset(_place(each) for each in ignore),
        (*Options().headers, *(name.lower() for name in header)),
        timeout,
        require_dependency=require_dependency,
        known=batch.settings.known if (batch := current_batch()) else (),
    )
    budget = Budget(max_requests, max_processes, max_seconds)
    folder = new_run_folder(out, "check")
    with progress(quiet=as_json) as log:
        if running.urls:
            from lab.check.replicas.checker import ReplicaCheck

            parts = (asked, source, compared, budget, _seldom(log), _say)
            report = (mcp.check_replicas(*parts) if mcp.path else ReplicaCheck(*parts)).run()
        else:
            made = (start, source, folder, compared, budget, _seldom(log))
            report = (mcp.check(*made) if mcp.path else Check(*made)).run()
        log("")
    from lab.cli import check_report

    allowed = check_report.allowed_levels(allow, running=bool(running.urls))
    batch = current_batch()
    all_known = batch is not None and batch.mark(report, allowed)
    given = conversation or http_file or har_file or openapi_file
    files = check_report.CiFiles(junit_file, sarif_file, given)
    document, explanation = check_report.keep(report, start, folder, allowed, files, batch)
    if as_json and batch is None:
        write_json(document)
    elif not as_json:
        check_report.show(report, start, folder)
        if explain:
            screen.print(check_report.plain_text("\n" + explanation))
    if report.interrupted:
        return EXIT_INTERRUPTED
    return 0 if all_known else check_report.exit_status(report, allowed)


COMMANDS = (check,)


def _ready(path: str | None) -> str | None:
    if path is not None and not path.startswith("/"):
        raise click.UsageError(f"--ready {path!r}: give a path that begins with /")
    return path


def _say(line: str) -> None:
    """Print what is going to be sent, before it is."""
    err.print(Text(line), soft_wrap=True)


def _seldom(log: Callable[[str], None]) -> LogStep:
    """Pass steps on; without a terminal, only some of those that count (12 of 20)."""
    show, last = in_lines(log), dict[str, float]()

    def log_seldom(line: str, done: int = 0, of: int = 0) -> None:
        now_s = time.monotonic()
        if err.is_terminal or now_s - last.get(line, -SELDOM_S) >= SELDOM_S:
            last[line] = now_s
            show(line, done, of)

    return log_seldom


def _source(
    conversation: Path | None,
    http_file: Path | None,
    har_file: Path | None,
    openapi: Path | None,
    settings: "OpenApiSettings",
) -> "Source":
    given = [each for each in (conversation, http_file, har_file, openapi) if each]
    if len(given) != 1:
        raise click.UsageError(
            "give one conversation: a .py, .http or .har file, or --openapi FILE"
        )
    if not given[0].is_file():
        raise click.UsageError(f"no such file: {given[0]}")
    kind = given[0].suffix.lower()
    if openapi:
        from lab.check.sources.openapi import OpenApiSource

        return OpenApiSource(openapi, settings)
    if http_file or (given[0] == conversation and kind in (".http", ".rest")):
        from lab.check.sources.http_file import HttpFileSource

        return HttpFileSource(given[0])
    if har_file or kind == ".har":
        from lab.check.sources.har import HarSource

        return HarSource(given[0])
    if kind == ".py":
        from lab.check.sources.script import ScriptSource

        return ScriptSource(given[0])
    raise click.UsageError(f"{given[0]}: a conversation ends in .py, .http or .har")


def _place(text: str) -> str:
    if text.startswith("/") or text in ("body", "status"):
        return text
    kind, colon, name = text.partition(":")
    if kind == "header" and colon and name:
        return f"header:{name.lower()}"
    raise click.UsageError(f"--ignore {text!r}: give /json/pointer, header:NAME, body or status")
