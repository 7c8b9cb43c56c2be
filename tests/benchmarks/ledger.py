"""Figure 6: the whole ledger, wall time by experiment, and what share is process start-up."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from measuring import Row, Scale
from subjects import KEYS

from lab import experiments
from lab.evidence.exchange import Fault
from lab.runner import Run
from lab.stack import LaneSpec, Stack

RUNS = 5
STARTS = ("restart", "add")
"""Faults of a script that start a server and wait until it answers."""
STORE = "store"  # is started as well, but in a twentieth of the time


def figure(scale: Scale) -> Iterator[Row]:
    """`lab run --all --quick` and without; seconds of each experiment are its own, in `how`."""
    runs = 1 if scale.quick else RUNS
    yield _command(["--quick"], runs)
    if not scale.quick:
        yield _command([], 1)
    one = _one_start(scale)
    yield _share(True, one)
    if not scale.quick:
        yield _share(False, one)


def _command(options: list[str], runs: int) -> Row:
    name = " ".join(["lab run --all", *options])
    walls, by_experiment = [], Counter()
    for number in range(1, runs + 1):
        print(f"    {name} ({number} of {runs})", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "lab", "run", "--all", "--json", *options]
            began = time.perf_counter()
            done = subprocess.run(
                [*command, "--out", folder], stdout=subprocess.PIPE, cwd=folder, check=False
            )
            walls.append(time.perf_counter() - began)
        for each in json.loads(done.stdout)["experiments"]:
            by_experiment[each["name"]] += each["seconds"] / runs
    told = ", ".join(f"{each} {seconds:.1f}" for each, seconds in by_experiment.most_common())
    return Row(name, walls, f"n = {runs}; mean seconds by experiment: {told}", unit="s")


def _one_start(scale: Scale) -> float:
    """Seconds that a script waits for one server that it starts, all else being up."""
    with tempfile.TemporaryDirectory() as folder:
        spec = LaneSpec("stateless", "stateless_app", env=KEYS)
        with Stack([spec], Path(folder) / "run") as stack:
            server = stack.lanes["stateless"].replicas["A"]
            return statistics.median(_restart(server.restart) for _ in range(scale.rounds))


def _restart(restart) -> float:
    began = time.perf_counter()
    restart()
    return time.perf_counter() - began


def _share(quick: bool, one_start_s: float) -> Row:
    """Run the ledger here, one experiment after the other, none started ahead, and look on."""
    spent: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for experiment in experiments.bundled():
            print(f"    {experiment.name}", file=sys.stderr, flush=True)
            spent[experiment.name] = _watched(experiment, Path(folder), quick, one_start_s)
    wall = sum(wall for wall, _ in spent.values())
    start = sum(start for _, start in spent.values())
    told = ", ".join(
        f"{name} {share:.2f}"
        for share, name in sorted(((s / w, n) for n, (w, s) in spent.items()), reverse=True)
    )
    return Row(
        f"share of start-up in the ledger{', quick' if quick else ''}",
        [start / wall],
        f"n = 1; {start:.1f} of {wall:.1f} s with no stack started ahead: until a stack is up, and "
        f"about {one_start_s:.2f} s where a script starts servers; by experiment: {told}",
    )


def _watched(
    experiment: experiments.Experiment, folder: Path, quick: bool, one_start_s: float
) -> tuple[float, float]:
    """Seconds of one experiment, and about how many of them a process was waited for."""
    told: list[tuple[float, str]] = []
    up: list[float] = []

    def on_event(lane: str, event: object) -> None:
        if isinstance(event, Fault) and event.kind in STARTS and event.target != STORE:
            up.append(time.perf_counter())

    began = time.perf_counter()
    run = Run(
        folder / experiment.name,
        lambda line: told.append((time.perf_counter(), line)),
        on_event,
        quick=quick,
    )
    run.folder.mkdir()
    run.perform(experiment, experiment.lanes(quick))
    run.close()
    wall = time.perf_counter() - began
    scripts = [at for at, line in told if ": running the script" in line]
    until_up = scripts[0] - began if scripts else 0.0
    return wall, until_up + _covered(up, one_start_s)


def _covered(ends: list[float], each_s: float) -> float:
    """Seconds in which at least one of these was going on: some are started at the same time."""
    gaps = [later - end for end, later in pairwise(sorted(ends))]
    return sum(min(gap, each_s) for gap in gaps) + (each_s if ends else 0.0)
