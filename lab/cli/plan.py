"""`lab plan`: from constants measured on this machine to the machines that users need."""

import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import psutil
from rich.text import Text

from lab.capacity import constants as kept
from lab.capacity import view
from lab.capacity.constants import Constant, Constants, ConstantsRow, Measured
from lab.capacity.crossings import CapacityPlan, Crossing, crossings, steps, users_range
from lab.capacity.measuring import (
    QUICK,
    Effort,
    Meters,
    Turns,
    another_server,
    measure_lane,
)
from lab.capacity.rules import NOT_MODELLED, Assumptions
from lab.cli import options
from lab.cli.output import progress, screen
from lab.cli.plan_options import assumptions
from lab.core import units
from lab.core.errors import LabError
from lab.core.run_folder import new_run_folder
from lab.evidence.record import Record
from lab.evidence.result import Variant
from lab.experiments.matrix import MATRIX
from lab.experiments.provision import ProvisionedStack
from lab.experiments.script_api import Lab
from lab.stack.local_pool import own_pool
from lab.stack.local_store import LocalStore
from lab.stack.programs import find_store

ENOUGH_EVENTS = 100  # the record only has to show what went wrong last
CHART = "plan.svg"


_file = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Compute what many users need: memory, traffic, machines.")
@assumptions
@click.option(
    "--measure", "again", is_flag=True, help="Measure this machine first (half a minute)."
)
@click.option("--quick", is_flag=True, help="With --measure: smaller n, wider spread.")
@click.option(
    "--constants",
    "source",
    type=click.Path(exists=True, path_type=Path),
    help="A run, or its constants.json, instead of the newest here.",
)
@click.option("--chart", type=_file, help="Write the chart to FILE.svg, not to the run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
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
    """Memory, store operations, traffic and machines for many users, wherever a cart lives.

    What a request costs in each row of the knob matrix was measured on this machine: the
    first time it is, which takes half a minute. Everything that was not measured is assumed,
    and each assumption is an option.

    \b
    lab plan --users 50M --actions-per-user 20/day
    lab plan --users 2M --cart-lines 30 --session-lifetime 7d
    lab plan --measure                another machine or software: measure again
    """  # noqa: D301 - click reads the \b
    if source and again:
        raise click.UsageError("give --constants, or --measure them, not both")
    if quick and not again:
        raise click.UsageError("--quick is about measuring: say --measure --quick")
    if not assumed["target_utilisation"]:
        raise click.BadParameter("a machine that may not be used at all: give more than 0")
    path = source or (None if again else kept.newest(out)) or _measured_now(out, quick)
    constants = kept.load(path)
    constants.require_carts_of(assumed["cart_lines"])
    chosen = CapacityPlan(constants, Assumptions(**assumed))
    drawn = chart or (path if path.is_dir() else path.parent) / CHART
    found = crossings(chosen, users_range(chosen.assume.users))
    _draw(chosen, found, drawn)
    if as_json:
        document = _document(chosen, found, drawn)
        click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1))
    else:
        _print(chosen, found, drawn)
    return 0


def _measured_now(out: Path, quick: bool) -> Path:
    with progress() as tell:
        length = "ten seconds" if quick else "half a minute"
        tell(f"measuring what requests cost on this machine first: about {length}, kept in {out}")
        path = measure(out, QUICK if quick else Effort(), tell)
        tell("")
    return path


def _print(chosen: CapacityPlan, found: Sequence[Crossing], drawn: Path) -> None:
    assume, needs = chosen.assume, chosen.needs()
    told = units.format_number
    peak = assume.requests_s * assume.peak_factor
    screen.print(
        Text.assemble(
            (f"{told(assume.users)} users: ", "bold"),
            f"{told(assume.requests_s)} requests/s on average, {told(peak)} at the peak; "
            f"{told(assume.visits_alive)} visits to remember then",
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
    screen.print("\nWhere they cross", style="bold")
    screen.print(view.crossings_text(found, users_range(assume.users)))
    measured = {row.name for row in chosen.constants.rows}
    if absent := [each.name for each in MATRIX if each.name not in measured]:
        screen.print(f"not measured: {', '.join(absent)} (no session store here: lab doctor)")
    screen.print(view.carts_text(chosen))
    screen.print()
    screen.print(view.constants_view(chosen.constants))
    screen.print()
    screen.print(view.assumptions_text(chosen))
    screen.print(Text(f"chart: {drawn}"), soft_wrap=True)


def _document(chosen: CapacityPlan, found: Sequence[Crossing], drawn: Path) -> dict[str, Any]:
    return {
        "schema": kept.CONSTANTS_SCHEMA,
        "assumptions": asdict(chosen.assume),
        "needs": [asdict(each) | {"machines": each.machines} for each in chosen.needs()],
        "steps": [asdict(each) for each in steps(chosen)],
        "crossings": [asdict(each) for each in found],
        "not_modelled": list(NOT_MODELLED),
        "constants": chosen.constants.document(),
        "chart": str(drawn),
    }


def _draw(chosen: CapacityPlan, found: Sequence[Crossing], file: Path) -> None:
    from lab.report.log_chart import Series, log_chart  # pygal: only who draws pays

    users = users_range(chosen.assume.users)
    lines = []
    for row in chosen.constants.rows:
        seen = [(each, chosen.at(row.name, each).machines) for each in users]
        lines.append(Series(row.name, row.app, [(x, y) for x, y in seen if y is not None]))
    sure = [each for each in found if each.certain]
    ends = [
        f"{line.name} ends at {units.format_number(line.points[-1][0])}, "
        "where one server is not enough"
        for line in lines
        if line.points and line.points[-1][0] < users[-1]
    ]
    crossed = ", ".join(f"{c.more} over {c.less} at {units.format_number(c.users)}" for c in sure)
    svg = log_chart(
        "Machines against users, by where the cart lives",
        "users",
        "machines: servers, nginx and store",
        lines,
        "; ".join([f"crossings: {crossed}" if sure else "no crossing beyond the spread", *ends]),
        chosen.assume.users,
    )
    try:
        file.write_text(svg, encoding="utf-8", newline="\n")
    except OSError as error:
        raise LabError(f"cannot write {file}: {error}; choose another --chart") from None


def measure(root: Path, effort: Effort, tell: Callable[[str], None]) -> Path:
    """Measure every row of the matrix that can run here; return the constants.json it made."""
    began = time.monotonic()
    folder = new_run_folder(root, "constants", latest=False)
    has_store = find_store() is not None
    rows = [replace(v, knobs=replace(v.knobs, servers=1)) for v in MATRIX]
    rows = [variant for variant in rows if has_store or not variant.uses_store]
    bench = ProvisionedStack(folder, tell)
    with bench.open(rows, keep_log=ENOUGH_EVENTS) as stack:
        labs = [_lab(bench, variant) for variant in rows]
        found = in_turns(
            [
                measure_lane(lab, _meters(bench, variant), effort)
                for variant, lab in zip(rows, labs, strict=True)
            ],
            tell,
        )
        tell("asking a second server of each")
        for constants, lab in zip(found, labs, strict=True):
            constants += another_server(lab, effort)
        components = stack.components()
    measured = tuple(
        ConstantsRow(variant.name, variant.app, tuple(constants))
        for variant, constants in zip(rows, found, strict=True)
    )
    store = components["store"]
    where = Measured(
        run=folder.name,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=_cpu_model(),
        cores=psutil.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        nginx=components["nginx"]["version"],
        store=store["version"] if store else "none",
        seconds=round(time.monotonic() - began, 1),
    )
    return kept.save(Constants(where, measured), folder)


def in_turns(lanes: Sequence[Turns], tell: Callable[[str], None]) -> list[list[Constant]]:
    """Take a turn at each lane, one after the other, until all of them have ended."""
    going = dict(enumerate(lanes))
    ended: dict[int, list[Constant]] = {}
    turn = 0
    while going:
        turn += 1
        tell(f"measuring, each row in turn ({turn})")
        for number, lane in list(going.items()):
            try:
                next(lane)
            except StopIteration as end:
                ended[number] = end.value
                del going[number]
    return [ended[number] for number in range(len(lanes))]


def _lab(bench: ProvisionedStack, variant: Variant) -> Lab:
    setting = bench.context(variant, customers=0, seed=0, quick=False)
    return Lab(setting, Record(variant.name, keep=ENOUGH_EVENTS))


def _meters(bench: ProvisionedStack, variant: Variant) -> Meters:
    stack, store = bench.stack, bench.store_of(variant)
    return Meters(
        desk=[each.pid for each in own_pool(stack.pools[variant.name]).servers.values()],
        balancer=_with_children(stack.balancer.pid),
        store=[store.pid] if isinstance(store, LocalStore) else [],
    )


def _with_children(pid: int) -> Sequence[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children())]


def _cpu_model() -> str:
    """Return what the processor calls itself, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


COMMANDS = (plan,)
