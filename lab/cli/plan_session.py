"""Computes a capacity plan, keeps it, and prints it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from lab.cli import kept
from lab.cli.output import progress, screen, write_json
from lab.core.errors import LabError, reason
from lab.core.run_folder import new_run_folder
from lab.core.units import format_number
from lab.experiments.matrix import MATRIX

CHART = "plan.svg"


def compute(
    constants: Path, assumed: Mapping[str, Any], chart: Path | None, out: Path, as_json: bool
) -> None:
    """Compute the plan for these constants and assumptions, keep it in `out`, and print it."""
    measured = load(constants)
    measured.require_carts_of(assumed["cart_lines"])
    chosen = CapacityPlan(measured, Assumptions(**assumed))
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


def constants_for(again: bool, quick: bool, out: Path) -> Path:
    """Return the newest constants of `out`; measure them first with `again`, or without any."""
    return (None if again else newest(out)) or _measured_now(out, quick)


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
        raise LabError(f"cannot write {file}: {reason(error)}; choose another --chart") from None
