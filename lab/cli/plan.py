"""`lab plan`: from constants measured on this machine to the machines that users need."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from lab.capacity import constants_view, view
from lab.capacity.assumptions import Assumptions
from lab.capacity.constants import load, newest
from lab.capacity.crossings import CapacityPlan, Crossing, crossings, steps, users_range
from lab.capacity.document import text
from lab.capacity.effort import QUICK, Effort
from lab.capacity.intervals import intervals
from lab.capacity.machine import measure_machine
from lab.capacity.page import machines_chart
from lab.cli import kept, options
from lab.cli.output import progress, screen, write_json
from lab.cli.plan_options import assumptions
from lab.core.errors import LabError
from lab.core.run_folder import new_run_folder
from lab.core.units import format_number
from lab.experiments.matrix import MATRIX

CHART = "plan.svg"
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
) -> int:
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
    path = source or (None if again else newest(out)) or _measured_now(out, quick)
    constants = load(path)
    constants.require_carts_of(assumed["cart_lines"])
    chosen = CapacityPlan(constants, Assumptions(**assumed))
    found = crossings(chosen, users_range(chosen.assume.users))
    folder = new_run_folder(out, "plan")
    drawn = chart or folder / CHART
    _draw(chosen, found, drawn)
    document = text(chosen, found, drawn)
    kept.leave_plan(folder, document, chosen)
    if as_json:
        write_json(document)
    else:
        _print(chosen, found, drawn)
        screen.print(Text(f"kept: {folder} (plan.json, report.html)", "dim"), soft_wrap=True)
    return 0


def _measured_now(out: Path, quick: bool) -> Path:
    with progress() as log:
        length = "twenty seconds" if quick else "a minute"
        log(f"measuring what requests cost on this machine first: about {length}, kept in {out}")
        path = measure_machine(out, QUICK if quick else Effort(), log)
        log("")
    return path


def _print(chosen: CapacityPlan, found: Sequence[Crossing], drawn: Path) -> None:
    assume, needs = chosen.assume, chosen.needs()
    peak = assume.requests_s * assume.peak_factor
    screen.print(
        Text.assemble(
            (f"{format_number(assume.users)} users: ", "bold"),
            f"{format_number(assume.requests_s)} requests/s on average, {format_number(peak)} at "
            f"the peak; {format_number(assume.visits_alive)} sessions to remember then",
        )
    )
    screen.print()
    screen.print(view.needs_table(needs))
    screen.print(
        "\nMachines (servers + nginx + store), what decides the most of them, and from "
        "how many users on each of the three needs a second one (✕: needed, cannot be had)"
    )
    screen.print(view.machines_table(needs, steps(chosen)))
    for remark in view.remarks(needs):
        screen.print(remark)
    screen.print("\nBetween which values", style="bold")
    screen.print(view.INTERVALS_NOTE, style="dim")
    for table in view.interval_tables(intervals(chosen)):
        screen.print(table)
    screen.print("\nWhere they cross", style="bold")
    screen.print(view.crossings_text(found, users_range(assume.users)))
    measured = {row.name for row in chosen.constants.rows}
    if absent := [each.name for each in MATRIX if each.name not in measured]:
        screen.print(f"not measured: {', '.join(absent)} (no session store here: lab doctor)")
    screen.print(view.carts_text(chosen))
    screen.print()
    screen.print(constants_view.constants_view(chosen.constants))
    screen.print()
    screen.print(view.assumptions_text(chosen))
    screen.print(Text(f"chart: {drawn}"), soft_wrap=True)


def _draw(chosen: CapacityPlan, found: Sequence[Crossing], file: Path) -> None:
    from lab.report.log_chart import log_chart  # pygal takes long to load

    users = users_range(chosen.assume.users)
    figure = machines_chart(chosen, users)
    sure = [f"{c.more} over {c.less} at {format_number(c.users)}" for c in found if c.certain]
    ends = [
        f"{line.name} ends at {format_number(last)}, where one server is not enough"
        for line in figure.lines
        if line.points and (last := float(line.points[-1][0])) < users[-1]
    ]
    crossed = f"crossings: {', '.join(sure)}" if sure else "no crossing beyond the spread"
    figure = replace(
        figure,
        title="Machines against users, by where the cart lives",
        y="machines: servers, nginx and store",
        note="; ".join([crossed, *ends]),
    )
    svg = log_chart(figure, chosen.assume.users)
    try:
        file.write_text(svg, encoding="utf-8", newline="\n")
    except OSError as error:
        raise LabError(f"cannot write {file}: {error}; choose another --chart") from None


COMMANDS = (plan,)
