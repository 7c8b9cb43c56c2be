"""`lab plan`: from constants measured on this machine to the machines that users need."""

import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from lab.bench import Lab
from lab.capacity import constants as kept
from lab.capacity.constants import Constants, Measured, Row
from lab.capacity.measuring import Effort, Meters, another_server, measure_lane
from lab.errors import LabError
from lab.evidence.record import Record
from lab.evidence.result import Variant
from lab.experiments.matrix import MATRIX
from lab.lanes import Bench
from lab.runner import new_run_folder
from lab.stack import LocalStore, find_store

ENOUGH_EVENTS = 100  # the record only has to show what went wrong last


def measure(root: Path, effort: Effort, tell: Callable[[str], None]) -> Path:
    """Measure every row of the matrix that can run here; return the constants.json it made."""
    began = time.monotonic()
    folder = new_run_folder(root, "constants", latest=False)
    has_store = find_store() is not None
    rows = [replace(v, knobs=replace(v.knobs, servers=1)) for v in MATRIX]
    rows = [variant for variant in rows if has_store or not variant.uses_store]
    bench = Bench(folder, tell)
    with bench.open(rows, keep_log=ENOUGH_EVENTS) as stack:
        labs = [_lab(bench, variant) for variant in rows]
        found = []
        for number, (variant, lab) in enumerate(zip(rows, labs, strict=True), start=1):
            tell(f"measuring {variant.name} ({number} of {len(rows)})")
            found.append(measure_lane(lab, _meters(bench, variant), effort))
        tell("asking a second server of each")
        for constants, lab in zip(found, labs, strict=True):
            constants += another_server(lab, effort)
        components = stack.components()
    measured = tuple(
        Row(variant.name, variant.app, tuple(constants))
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


def _lab(bench: Bench, variant: Variant) -> Lab:
    setting = bench.setting(variant, customers=0, seed=0, quick=False)
    return Lab(setting, Record(variant.name, keep=ENOUGH_EVENTS))


def _meters(bench: Bench, variant: Variant) -> Meters:
    stack, store = bench.stack, bench.store_of(variant)
    return Meters(
        desk=[replica.pid for replica in stack.lanes[variant.name].replicas.values()],
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

