"""What `lab check` costs: `python tests/benchmarks/check.py [REPETITIONS]`.

Conversations of 5, 20 and 80 requests with one dependency, against a small Flask service that has
a number in its process, and against a server of the standard library, which starts in a third of
the time. Requests, processes and seconds to the verdict with its shortest script, the processor's
seconds (of the lab and of what it started), and requests divided by n log2 n: where that does not
grow, requests grow no faster than n log n. At last, how long the command takes until it starts
its first process. Medians of some repetitions; seconds are for a quiet machine.
"""

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.check.checker import Check
from lab.check.judge import Level, Report
from lab.check.sources.script import ScriptSource
from lab.check.start import Start

SERVICES = Path(__file__).parents[1] / "live" / "services"
SIZES = (5, 20, 80)
AIM_S, AIM_START_S = 7.0, 0.25  # for 20 requests of Flask; until the first process starts
SHOPS = {
    "flask": f'{sys.executable} -m flask --app "{SERVICES}/shops.py:number()" run --port {{port}}',
    "plain": f"{sys.executable} -I -S {SERVICES}/plain.py number {{port}}",
}


def talk(size: int) -> str:
    """A number written somewhere in the middle, read at the end, and other calls all around.

    All of those are writes (refused ones), and no cookie leads to the one that matters, so that
    no guess finds it: it has to be searched for.
    """
    lines = ['    http.post("/letter")'] * size
    lines[size // 3] = '    http.post("/number", json={"number": 7})'
    lines[-1] = '    http.get("/number")'
    return "\n".join(["def script(http):", *lines, ""])


def once(command: str, size: int) -> tuple[Report, float, float]:
    """Check one service; the report, and the seconds and the processor's until it was there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "talk.py").write_text(talk(size), encoding="utf-8")
        (folder / "service").mkdir()
        began, worked = time.monotonic(), cpu_s()
        report = Check(
            Start(command, cwd=folder / "service"), ScriptSource(folder / "talk.py"), folder / "run"
        ).run()
        took_s = time.monotonic() - began
    shortest = report.reproducer.calls if report.reproducer else None
    assert report.level is Level.PROCESS and shortest == (size // 3, size - 1), report
    return report, took_s, cpu_s() - worked


def cpu_s() -> float:
    """Return the processor's seconds of this process, and of those that it has seen the end of."""
    return sum(os.times()[:4])


def first_start() -> float:
    """Return how long `lab check` takes, from its own start until the service's first line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "talk.py").write_text(talk(2), encoding="utf-8")
        (folder / "service.sh").write_text("date +%s.%N >>began; sleep 9 # $1", encoding="utf-8")
        began = time.time()
        command = [
            "check",
            "--shared",
            ".",
            "--wait",
            "2s",
            "--start",
            "sh service.sh {port}",
            "talk.py",
        ]
        subprocess.run(
            [sys.executable, "-m", "lab", *command], cwd=folder, capture_output=True, check=False
        )
        lines = (folder / "began").read_text(encoding="utf-8").splitlines()
        return min(map(float, lines)) - began


def main(repetitions: int) -> None:
    """Print one table."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print("service  n  requests  processes  seconds  processor s  requests / (n log2 n)")
    for name, command in SHOPS.items():
        for size in SIZES:
            runs = [once(command, size) for _ in range(repetitions)]
            requests = statistics.median(report.requests for report, _, _ in runs)
            processes = statistics.median(report.processes for report, _, _ in runs)
            seconds = statistics.median(took_s for _, took_s, _ in runs)
            worked = statistics.median(worked_s for _, _, worked_s in runs)
            ratio = requests / (size * math.log2(size))
            print(
                f"{name:6} {size:3} {requests:9.0f} {processes:10.0f} {seconds:8.1f} {worked:12.1f}"
                f" {ratio:8.2f}" + (f"   aim {AIM_S:.0f} s" if size == 20 else "")
            )
    starts = statistics.median(first_start() for _ in range(2 * repetitions + 1))
    print(f"until its first process starts {starts:.2f} s   aim {AIM_START_S} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
