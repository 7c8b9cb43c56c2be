"""`lab run`: bundled scripts and a student's own, at both desks."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli import options, stack_options
from lab.cli.output import stdout_to_stderr
from lab.cli.param_types import WAITING_TIME, CountRange

if TYPE_CHECKING:
    from lab.evidence.result import Variant
    from lab.experiments import Experiment
    from lab.stack.deployment import Deployment


@click.command()
@click.argument("names", nargs=-1, metavar="NAME|FILE...")
@click.option("--all", "everything", is_flag=True, help="Run every bundled script; print a table.")
@click.option("--quick", is_flag=True, help="Send fewer requests: faster, with wider intervals.")
@click.option(
    "--matrix",
    is_flag=True,
    help="Run once for each place where a cart can be kept (memory, file, store, token).",
)
@click.option("--predict", is_flag=True, help="Ask for your prediction before the run.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="Repeat the random choices of an earlier run.",
)
@click.option(
    "--crowd",
    type=CountRange(0, 1_000_000),
    default=0,
    metavar="N",
    help="Repeat the script with a crowd of N shoppers (only for crash, scale-out and storage).",
)
@click.option(
    "--max-seconds",
    type=WAITING_TIME,
    help="End a script after this time at a desk: 30s, 5min. "
    "[default for a file of your own: 2min]",
)
@stack_options.settings
@stack_options.tls
@stack_options.deployment
@options.out
@options.as_json
def run(
    names: tuple[str, ...],
    everything: bool,
    matrix: bool,
    predict: bool,
    seed: int | None,
    crowd: int,
    max_seconds: float | None,
    quick: bool,
    out: Path,
    as_json: bool,
    deployment: "Deployment",
    **settings: Any,
) -> int:
    """Run scripts at both desks: bundled ones by NAME, your own by FILE.

    FILE is the path of your own file, with a slash: ./mine.py.

    With a setting (--servers, --store, --affinity, --retry), a script runs once at each
    desk. Without one, it runs on the variants that the experiment names. With --upstream,
    it uses servers that already run. Then --store says where these servers keep their
    sessions; if it is a URL, the lab also reads the store itself.

    A script of your own is a Python file:
        def script(shopper, lab):
            shopper.login(server="A")
            shopper.add("laptop", server="A")
            lab.kill("A")
            shopper.view_cart(server="B")

    It runs with your rights, as every Python program does: run only what you trust.

    Exit status:
      0    every expectation was met (in a script of your own: every `assert`)
      1    an expectation was not met, or your script failed
      2    wrong usage, or the lab could not start
      3    too little evidence: a verdict, or that of one variant, is unknown
      130  stopped by Ctrl-C
    """
    if names and everything:
        raise click.UsageError("give names or --all, not both")
    if not (names or everything):
        raise click.UsageError("name a script (`lab list` shows them), or give --all for every one")
    from lab import experiments
    from lab.cli.perform import RunOptions, perform, variants_of_both_desks
    from lab.experiments.matrix import MATRIX

    has_settings = bool(deployment) or any(stack_options.is_given(name) for name in settings)
    if matrix and has_settings:
        raise click.UsageError("--matrix tries every setting: leave out the others")
    with stdout_to_stderr(as_json):
        mine = [experiments.find(name, max_seconds) for name in names]
    chosen = experiments.bundled() if everything else mine
    if crowd and settings["tls"]:
        raise click.UsageError("--crowd goes by plain HTTP: leave out --tls")
    if crowd:
        _require_crowd(chosen)

    def variants_of(experiment: experiments.Experiment) -> Sequence["Variant"]:
        if matrix:
            return MATRIX
        if has_settings:
            return variants_of_both_desks(deployment, settings, experiment.variants)
        return experiment.variants_for(quick)

    asked = RunOptions(
        out,
        as_json,
        as_suite=everything,
        predict=predict and sys.stdin.isatty() and not as_json,  # only a terminal can answer
        quick=quick,
        seed=secrets.randbelow(2**32) if seed is None else seed,
        crowd=crowd,
        max_seconds=max_seconds,
        deployment=deployment,
    )
    return perform(chosen, variants_of, asked)


def _require_crowd(chosen: Sequence["Experiment"]) -> None:
    from lab import experiments

    if not any(each.takes_crowd for each in chosen):
        able = ", ".join(each.name for each in experiments.bundled() if each.takes_crowd)
        raise click.UsageError(
            f"--crowd works with {able}, and with a file of yours that sets CROWD = True and "
            "reads lab.crowd_shoppers"
        )


COMMANDS = (run,)
