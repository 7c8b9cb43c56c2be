"""`lab demo`, `list`, `show` and `run`: the experiments, for somebody at a terminal."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from lab import experiments
from lab.cli import options, perform
from lab.cli.output import screen
from lab.evidence.result import Settings, Variant
from lab.experiments.matrix import MATRIX, two_desks
from lab.experiments.provision import deployed
from lab.stack.upstream import Deployment


@click.command()
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
    status = perform.perform(
        [crash], lambda _: lanes, perform.RunOptions(out, deployment=deployment)
    )
    screen.print()
    _say(
        "Try next\n"
        "  lab run crash --store redis   the sessions move to a store; so does the risk\n"
        "  lab run any-server            no crash at all, only another server\n"
        "  lab show crash                the script that just ran\n"
        "  lab diff                      the two desks' code"
    )
    return status


@click.command("list")
def list_() -> None:
    """The bundled scripts and the claim each puts to the test."""
    table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
    for heading in ("script", "claim", "what is done"):
        table.add_column(heading, no_wrap=heading == "script")
    for experiment in experiments.bundled():
        table.add_row(experiment.name, experiment.claim, experiment.summary)
    screen.print(table)
    screen.print("lab show NAME  explains one   ·   lab run NAME  runs it at both desks")


@click.command()
@click.argument("name")
def show(name: str) -> None:
    """Explain a script: its claim, what would disprove it, and its source."""
    from rich.syntax import Syntax  # brings pygments: only who reads a source pays

    experiment = experiments.find(name)
    screen.print(Text.assemble((f"{experiment.name}  ", "bold"), f"“{experiment.claim}”"))
    for paragraph in experiment.doc.split("\n\n"):
        screen.print()
        screen.print(Text(paragraph.replace("\n", " ")))
    screen.print()
    screen.print(Text(str(experiment.path), "dim"), soft_wrap=True)
    source = experiment.source_without_docstring
    screen.print(Syntax(source, "python", background_color="default", word_wrap=True))


@click.command()
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
            lab.kill(shopper.last.served_by)
            shopper.view_cart()

    It runs with your rights, like any Python file: run only what you would run anyway.
    """  # noqa: D301 - click reads the \b
    if bool(names) == everything:
        raise click.UsageError("name scripts (`lab list` shows them), or say --all for the ledger")
    turned = bool(deployment) or any(options.is_given(name) for name in knobs)
    if matrix and turned:
        raise click.UsageError("--matrix turns the knobs itself: give it without them")
    wish = perform.RunOptions(
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

    if crowd and not any(experiment.takes_crowd for experiment in chosen):
        letting_in = [each.name for each in experiments.bundled() if each.takes_crowd]
        raise click.UsageError(
            f"--crowd: no script named here lets one in; {', '.join(letting_in)} do, and a file "
            "of yours with CROWD = True that asks lab.crowd_shoppers"
        )

    def lanes_of(experiment: experiments.Experiment) -> Sequence[Variant]:
        if matrix:
            return MATRIX
        return _two_desks(deployment, knobs) if turned else experiment.variants_for(quick)

    return perform.perform(chosen, lanes_of, wish)


COMMANDS = (demo, list_, show, run)


def _two_desks(deployment: Deployment, knobs: Mapping[str, Any]) -> Sequence[Variant]:
    wanted = Settings(**knobs)
    return deployed(wanted, deployment) if deployment else two_desks(wanted)


def _told_desks(lanes: Sequence[Variant]) -> str:
    if lanes[0].upstreams:
        return " and ".join(
            f"the {lane.app} desk (servers: {lane.knobs.servers})" for lane in lanes
        )
    return f"both desks, {lanes[0].knobs.servers} servers each"


def _say(text: str) -> None:
    screen.print(text, soft_wrap=True)  # a command has to stay one line to be copied
