"""The command line: reads what was asked, calls the runner, prints what came of it."""

import secrets
import signal
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from lab import (
    checking,
    crowding,
    deploying,
    experiments,
    lesson,
    options,
    planning,
    reporting,
    serving,
    terminal,
)
from lab.errors import LabError
from lab.evidence.result import Knobs, Variant
from lab.experiments.matrix import MATRIX, two_desks
from lab.lanes import deployed
from lab.stack import Deployment, Finding, diagnose
from lab.terminal import INTERRUPTED, err, screen

IMPATIENT_S = 3.0  # presses of Ctrl-C closer than this are one


def main() -> NoReturn:
    """Run the command line; exit 0, 1 (expectation not met), 2 (usage), 3 (unknown) or 130."""
    # A closed terminal or a plain `kill` unwinds the `with` blocks too, so nothing is left.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _Stop())
    try:
        sys.exit(cli.main(prog_name="lab", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LabError as error:
        err.print(Text(f"lab: {error}", "red"), soft_wrap=True)  # a path stays in one piece
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)  # `lab show crash | head`
    except (KeyboardInterrupt, click.Abort):
        err.print("lab: stopped; nothing is left running")
        sys.exit(INTERRUPTED)


class _Stop:
    """Turns a signal into KeyboardInterrupt; an impatient second press is the same press.

    So the processes are ended and the partial report is written in peace. A later press
    counts again, for a script of somebody's own that swallowed the first.
    """

    _heard_at_s = -IMPATIENT_S

    def __call__(self, number: int, frame: object) -> None:
        now_s = time.monotonic()
        if now_s - _Stop._heard_at_s > IMPATIENT_S:
            _Stop._heard_at_s = now_s
            # Raised between any two instructions, it leaves what was just being opened to the
            # collector, which closes it: the process is about to end, nothing leaks.
            warnings.simplefilter("ignore", ResourceWarning)
            raise KeyboardInterrupt


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="two-desks", prog_name="lab")
@click.pass_context
def cli(context: click.Context) -> None:
    """Two Desks: what statelessness gives and what it costs, measured on real processes.

    One shop, two desks. At the stateful desk a clerk remembers you; at the stateless desk
    you carry a signed slip. The lab sends the same customers to both, makes clerks vanish,
    and shows what is left.

    Exit status: 0 every expectation met, 1 one was not, 3 nothing could be concluded,
    2 wrong usage or a lab that cannot start, 130 stopped by Ctrl-C.
    """
    if context.invoked_subcommand is None:
        screen.print(_WELCOME)


cli.add_command(reporting.report)
for command in (checking.check, crowding.crowd, deploying.deploy, planning.plan, *serving.COMMANDS):
    cli.add_command(command)

_WELCOME = """\
Two Desks: one shop, two desks, the same customers.
The stateful desk keeps your cart; the stateless desk signs it and hands it out.
Real processes behind a real nginx: the lab kills some, measures what is left.
Everything runs on this machine, offline; nothing is left running afterwards.
`lab COMMAND --help` explains each command; runs are kept under lab-runs/.

  lab demo    a server is killed: whose cart is left? (a few seconds)
  lab list    the claims, and the script that puts each to the test
  lab diff    the two desks' code: what statelessness changes in the source"""


@cli.command()
@options.knobs
@options.deployment
@options.out
def demo(out: Path, deployment: Deployment, **knobs: Any) -> int:
    """The crash, narrated: John buys a laptop, and the server that served him is killed.

    The same script runs at both desks. Try it with another place for the sessions:
    `lab demo --store redis`.
    """
    crash = experiments.find("crash")
    lanes = _two_desks(deployment, knobs)
    _say(
        f"[bold]Two Desks: the crash[/]\nJohn buys a laptop. The server that served him is "
        f"killed. He asks for his cart.\nThe same script at {_told_desks(lanes)}, behind nginx.\n"
    )
    crash = replace(crash, customers=1)  # one customer, so that every step can be read
    status = terminal.perform([crash], lambda _: lanes, terminal.Wish(out, deployment=deployment))
    screen.print()
    _say(
        "Try next\n"
        "  lab run crash --store redis   the sessions move to a store; so does the risk\n"
        "  lab run any-server            no crash at all, only another server\n"
        "  lab show crash                the script that just ran\n"
        "  lab diff                      the two desks' code"
    )
    return status


@cli.command("list")
def list_() -> None:
    """The bundled scripts and the claim each puts to the test."""
    table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
    for heading in ("script", "claim", "what is done"):
        table.add_column(heading, no_wrap=heading == "script")
    for experiment in experiments.bundled():
        table.add_row(experiment.name, experiment.claim, experiment.summary)
    screen.print(table)
    screen.print("lab show NAME  explains one   ·   lab run NAME  runs it at both desks")


@cli.command()
@click.argument("name")
def show(name: str) -> None:
    """Explain a script: its claim, what would disprove it, and its source."""
    experiment = experiments.find(name)
    screen.print(Text.assemble((f"{experiment.name}  ", "bold"), f"“{experiment.claim}”"))
    for paragraph in experiment.doc.split("\n\n"):
        screen.print()
        screen.print(Text(paragraph.replace("\n", " ")))
    screen.print()
    screen.print(Text(str(experiment.path), "dim"), soft_wrap=True)
    source = experiment.source_without_docstring
    screen.print(Syntax(source, "python", background_color="default", word_wrap=True))


@cli.command()
@click.argument("names", nargs=-1, metavar="NAME|FILE...")
@click.option("--all", "everything", is_flag=True, help="The whole ledger: every bundled script.")
@click.option("--quick", is_flag=True, help="Smaller n, wider intervals.")
@click.option("--matrix", is_flag=True, help="Across every place a cart can live.")
@click.option("--predict", is_flag=True, help="Ask for a prediction before anything starts.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Repeat a run's random choices.")
@click.option(
    "--crowd",
    type=click.IntRange(0, 1_000_000),
    default=0,
    metavar="N",
    help="Let N shoppers in at once: crash, scale-out, storage. (See `lab crowd`.)",
)
@options.knobs
@options.deployment
@options.out
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_context
def run(
    context: click.Context,
    /,
    names: tuple[str, ...],
    everything: bool,
    matrix: bool,
    predict: bool,
    seed: int | None,
    crowd: int,
    quick: bool,
    out: Path,
    as_json: bool,
    deployment: Deployment,
    **knobs: Any,
) -> int:
    """Run scripts against both desks: bundled ones by NAME, your own by FILE (./mine.py).

    With a knob turned (--servers, --store, --affinity, --retry) the script runs on two
    lanes, one for each desk; with none on the lanes that the experiment names.
    With --upstream it runs against servers that are there already, a lane for each desk
    that has any; --store then says what they use, and its URL lets the lab look into it.

    \b
    A script of your own is a Python file:
        def script(shopper, lab):
            shopper.login()
            shopper.add("laptop")
            lab.kill(shopper.last.replica)
            shopper.view_cart()

    It runs with your rights, like any Python file: run only what you would run anyway.
    """  # noqa: D301 - click reads the \b
    if bool(names) == everything:
        raise click.UsageError("name scripts (`lab list` shows them), or say --all for the ledger")
    turned = bool(deployment) or any(
        context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in knobs
    )
    if matrix and turned:
        raise click.UsageError("--matrix turns the knobs itself: give it without them")
    wish = terminal.Wish(
        out,
        as_json,
        as_ledger=everything,
        # Nobody is there to answer where stdin is no terminal.
        predict=predict and sys.stdin.isatty() and not as_json,
        quick=quick,
        seed=secrets.randbelow(2**32) if seed is None else seed,
        crowd=crowd,
        deployment=deployment,
    )
    chosen = experiments.bundled() if everything else [experiments.find(name) for name in names]

    def lanes_of(experiment: experiments.Experiment) -> Sequence[Variant]:
        if matrix:
            return MATRIX
        return _two_desks(deployment, knobs) if turned else experiment.lanes(quick)

    return terminal.perform(chosen, lanes_of, wish)


@cli.command()
@click.argument("file", type=click.Choice(["app.py", "state.py", "config.py"]), default="app.py")
def diff(file: str) -> None:
    """The lesson: the stateful desk's source against the stateless desk's."""
    lines = lesson.diff(file)
    screen.print(Syntax("\n".join(lines), "diff", background_color="default", word_wrap=True))
    screen.print(
        f"{lesson.changed_lines(lines)} changed lines. - stateful, + stateless", style="dim"
    )


@cli.command()
def doctor() -> int:
    """What is here, what is missing, what that costs, and the one command that fixes it."""
    findings = diagnose()
    for finding in findings:
        screen.print(_told(finding))
    return 0 if all(finding.ok for finding in findings) else 1


def _two_desks(deployment: Deployment, knobs: Mapping[str, Any]) -> Sequence[Variant]:
    wanted = Knobs(**knobs)
    return deployed(wanted, deployment) if deployment else two_desks(wanted)


def _told_desks(lanes: Sequence[Variant]) -> str:
    if lanes[0].upstreams:
        return " and ".join(
            f"the {lane.app} desk (servers: {lane.knobs.servers})" for lane in lanes
        )
    return f"both desks, {lanes[0].knobs.servers} servers each"


def _say(text: str) -> None:
    screen.print(text, soft_wrap=True)  # a command has to stay one line to be copied


def _told(finding: Finding) -> Text:
    text = Text.assemble(("✓ ", "green") if finding.ok else ("✕ ", "red"))
    text.append(f"{finding.name}: ", "bold").append(finding.what)
    if not finding.ok:
        text.append(f"\n    costs: {finding.costs}\n    fix:   {finding.fix}")
    return text
