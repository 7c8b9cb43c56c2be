"""`lab plan`: from constants measured on this machine to the machines that users need."""

from pathlib import Path
from typing import Any

import click

from lab.cli import options
from lab.cli.plan_options import assumptions

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@assumptions
@click.option("--measure", "again", is_flag=True, help="Measure this machine first (a minute).")
@click.option("--quick", is_flag=True, help="With --measure: fewer requests, wider intervals.")
@click.option(
    "--constants",
    "source",
    type=click.Path(exists=True, path_type=Path),
    metavar="RUN",
    help="Use the constants of this run (folder or constants.json), not the newest in --out.",
)
@click.option(
    "--chart",
    type=_file,
    metavar="FILE",
    help="Write the chart to FILE, instead of into the folder of the run.",
)
@options.as_json
@options.out
def plan(
    again: bool,
    quick: bool,
    source: Path | None,
    chart: Path | None,
    as_json: bool,
    out: Path,
    **assumed: Any,
) -> None:
    """Compute memory, store operations, traffic and machines for many users.

    There is one row for each place where the cart can live. The lab measures what a request
    costs on this machine, under load at half of saturation; the first time this takes a minute.
    Everything else is assumed, and each assumption is an option; replicas, spare machines,
    latency, TLS, data centres and prices are off by default.

    Examples:
      lab plan --users 50M --actions-per-user 20/day
      lab plan --users 2M --cart-lines 30 --session-lifetime 7d
      lab plan --users 50M --store-replicas 1 --spare-machines 1
      lab plan --users 50M --store-latency 0.5ms --price-core 0.04
      lab plan --measure           after a change of machine or software
    """
    if source and again:
        raise click.UsageError("give --constants or --measure, not both")
    if quick and not again:
        raise click.UsageError("--quick goes with --measure: lab plan --measure --quick")
    if not assumed["target_utilisation"]:
        raise click.BadParameter("--target-utilisation: give more than 0")
    from lab.cli import kept, plan_session  # `--help` needs none of it

    kept.require_writable(chart, out=out)

    constants = source or plan_session.constants_for(again, quick, out)
    plan_session.compute(constants, assumed, chart, out, as_json)


COMMANDS = (plan,)
