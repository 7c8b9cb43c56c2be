"""Measures every row of the matrix on this machine, and keeps the constants."""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from lab.capacity import constants as kept
from lab.capacity.balancer_load import balancer_costs
from lab.capacity.constants import Constant, Constants, ConstantsRow, Measured
from lab.capacity.effort import Effort, Measuring
from lab.capacity.measuring import Costs, another_server, measure_variant
from lab.capacity.meters import Meters
from lab.capacity.store_load import operation_costs
from lab.core.run_folder import new_run_folder
from lab.evidence.record import Record
from lab.evidence.result import Variant
from lab.experiments.matrix import MATRIX
from lab.experiments.provision import ProvisionedStack
from lab.experiments.script_api import Lab
from lab.stack.local_pool import own_pool
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import Affinity
from lab.stack.programs import Program, find_store

MARK_BYTES = 1  # what a denylist or a reserved revision keeps
SESSION_BYTES, LINE_BYTES = 102, 9  # a session as MessagePack without lines, and each line
ENOUGH_EVENTS = 100  # the record only has to show what went wrong last


def measure_machine(root: Path, effort: Effort, log: Callable[[str], None]) -> Path:
    """Measure every row of the matrix that can run here; return the path of constants.json."""
    began = time.monotonic()
    folder = new_run_folder(root, "constants", latest=False)
    has_store = find_store() is not None
    rows = [replace(v, settings=replace(v.settings, servers=1)) for v in MATRIX]
    rows = [variant for variant in rows if has_store or not variant.uses_store]
    provisioned = ProvisionedStack(folder, log)
    with provisioned.open(rows, keep_log=ENOUGH_EVENTS) as stack:
        labs = [_lab(provisioned, variant) for variant in rows]
        costs = [Costs() for _ in rows]
        found = take_turns(
            [
                measure_variant(lab, _meters(provisioned, variant), effort, into)
                for variant, lab, into in zip(rows, labs, costs, strict=True)
            ],
            log,
        )
        log("loading nginx and the store")
        program = stack.balancer.program
        _add_balancer_costs(program, folder, rows, costs, effort)
        if isinstance(stack.store, LocalStore):
            _add_store_costs(stack.store, rows, costs, effort)
        log("asking a second server of each")
        for constants, lab in zip(found, labs, strict=True):
            constants += another_server(lab, effort)
        nginx = stack.balancer.program.version
        store = stack.store.description().version if stack.store else "none"
    measured = tuple(
        ConstantsRow(variant.name, variant.app, tuple(constants))
        for variant, constants in zip(rows, found, strict=True)
    )
    where = Measured(
        run=folder.name,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=_cpu_model(),
        cores=psutil.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        nginx=nginx,
        store=store,
        seconds=round(time.monotonic() - began, 1),
    )
    return kept.save(Constants(where, measured), folder)


def take_turns(variants: Sequence[Measuring], log: Callable[[str], None]) -> list[list[Constant]]:
    """Take a turn at each variant, one after the other, until all of them have ended."""
    going = dict(enumerate(variants))
    ended: dict[int, list[Constant]] = {}
    turn = 0
    while going:
        turn += 1
        log(f"measuring, each row in turn ({turn})")
        for number, turns in list(going.items()):
            try:
                next(turns)
            except StopIteration as end:
                ended[number] = end.value
                del going[number]
    return [ended[number] for number in range(len(variants))]


def _add_balancer_costs(
    program: Program, folder: Path, rows: Sequence[Variant], costs: Sequence[Costs], effort: Effort
) -> None:
    """Add what nginx costs: once for each desk and affinity, since it knows no other difference."""
    known: dict[tuple[str, Affinity], list[Constant]] = {}
    for row, each in zip(rows, costs, strict=True):
        affinity: Affinity = "cookie" if row.settings.affinity == "cookie" else "none"
        key = row.app, affinity
        if key not in known:
            where = folder / f"nginx-{row.name}"
            known[key] = balancer_costs(program, where, each.samples, affinity, effort)
        each.constants += known[key]


def _add_store_costs(
    store: LocalStore, rows: Sequence[Variant], costs: Sequence[Costs], effort: Effort
) -> None:
    """Add what the store costs: its operations, each of a value as large as what the row keeps."""
    sizes = [MARK_BYTES, *(SESSION_BYTES + LINE_BYTES * lines for lines in effort.lines)]
    by_size = operation_costs(store, sizes, effort)
    for row, row_costs in zip(rows, costs, strict=True):
        for (kind, lines), operations in row_costs.operations().items():
            is_session = row.app == "stateful" and row.uses_store
            size = SESSION_BYTES + LINE_BYTES * max(lines, effort.lines[0])
            one = by_size[size if is_session else MARK_BYTES]
            value, low, high = (operations * each for each in (one.value, one.low, one.high))
            row_costs.constants.append(Constant("store_cpu", kind, lines, value, low, high, one.n))


def _lab(provisioned: ProvisionedStack, variant: Variant) -> Lab:
    context = provisioned.context(variant, customers=0, seed=0, quick=False)
    return Lab(context, Record(variant.name, keep=ENOUGH_EVENTS))


def _meters(provisioned: ProvisionedStack, variant: Variant) -> Meters:
    stack, store = provisioned.stack, provisioned.store_of(variant)
    return Meters(
        desk=[each.pid for each in own_pool(stack.pools[variant.name]).servers.values()],
        store=[store.pid] if isinstance(store, LocalStore) else [],
    )


def _cpu_model() -> str:
    """Return the processor's name, as far as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
