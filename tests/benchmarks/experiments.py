"""Figure 6: the whole suite, wall time by experiment, and what share is process start-up."""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
from measuring import Row, Scale

from lab import experiments
from lab.core.faults import FaultEvent
from lab.experiments.runner import Run

RUNS = 5
QUICK_AIM_S, WHOLE_AIM_S = 25.0, 60.0
STARTS = ("restart", "add")
"""Faults of a script that start a server and wait until it answers."""
STORE = "store"  # is started as well, but in a twentieth of the time


def figure(scale: Scale) -> Iterator[Row]:
    """`lab run --all --quick` and without; seconds of each experiment are its own, in `how`."""
    runs = 1 if scale.quick else RUNS
    yield _command(["--quick"], runs)
    if not scale.quick:
        yield _command([], 1)
    yield _share(True)
    if not scale.quick:
        yield _share(False)


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
    text = ", ".join(f"{each} {seconds:.1f}" for each, seconds in by_experiment.most_common())
    how = f"n = {runs}; mean seconds by experiment: {text}"
    return Row(name, walls, how, unit="s", at_most=QUICK_AIM_S if options else WHOLE_AIM_S)


def _share(quick: bool) -> Row:
    """Run the suite here, one experiment after the other, none started ahead, and time it."""
    spent: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for experiment in experiments.bundled():
            print(f"    {experiment.name}", file=sys.stderr, flush=True)
            spent[experiment.name] = _watched(experiment, Path(folder), quick)
    wall = sum(wall for wall, _ in spent.values())
    start = sum(start for _, start in spent.values())
    text = ", ".join(
        f"{name} {share:.2f}"
        for share, name in sorted(((s / w, n) for n, (w, s) in spent.items()), reverse=True)
    )
    return Row(
        f"share of start-up in the suite{', quick' if quick else ''}",
        [start / wall],
        f"n = 1; {start:.1f} of {wall:.1f} s with no stack started ahead: until a stack is up, and "
        f"where a script starts servers until they answer; by experiment: {text}",
    )


def _watched(experiment: experiments.Experiment, folder: Path, quick: bool) -> tuple[float, float]:
    """Seconds of one experiment, and how many of them a server was waited for."""
    lines: list[tuple[float, str]] = []
    spans: list[tuple[float, float]] = []

    def on_event(variant: str, event: object) -> None:
        if isinstance(event, FaultEvent) and event.kind in STARTS and event.target != STORE:
            newest = max(map(_born_s, psutil.Process().children()))
            spans.append((newest, time.clock_gettime(time.CLOCK_BOOTTIME)))

    began = time.perf_counter()
    run = Run(
        folder / experiment.name,
        lambda line: lines.append((time.perf_counter(), line)),
        on_event,
        quick=quick,
    )
    run.folder.mkdir()
    run.perform(experiment, experiment.variants_for(quick))
    run.close()
    wall = time.perf_counter() - began
    scripts = [at for at, line in lines if ": running the script" in line]
    return wall, (scripts[0] - began if scripts else 0.0) + _covered(spans)


def _born_s(process: psutil.Process) -> float:
    """When a process was started, in seconds since the machine was."""
    return process.create_time() - psutil.boot_time()


def _covered(spans: list[tuple[float, float]]) -> float:
    """Seconds that the spans cover: servers started at the same time are waited for once."""
    total = covered_until = 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, covered_until))
        covered_until = max(covered_until, end)
    return total
