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
import sys
import tempfile
import time
from pathlib import Path

from lab.check.checker import Check
from lab.check.judge import Level, Report
from lab.check.service import Start
from lab.check.sources.script import ScriptSource

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


def once(command: str, size: int) -> tuple[Report, float]:
    """Check one shop; the report, and the seconds until it was there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "talk.py").write_text(talk(size), encoding="utf-8")
        (folder / "service").mkdir()
        began = time.monotonic()
        report = Check(
            Start(command, cwd=folder / "service"), ScriptSource(folder / "talk.py"), folder / "run"
        ).run()
        took_s = time.monotonic() - began
    shortest = report.reproducer.calls if report.reproducer else None
    assert report.level is Level.PROCESS and shortest == (size // 3, size - 1), report
    return report, took_s


def main(repetitions: int) -> None:
    """Print one table."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print("shop     n  requests  processes  seconds  requests / (n log2 n)")
    for shop, command in SHOPS.items():
        for size in SIZES:
            runs = [once(command, size) for _ in range(repetitions)]
            requests = statistics.median(report.requests for report, _ in runs)
            processes = statistics.median(report.processes for report, _ in runs)
            seconds = statistics.median(took_s for _, took_s in runs)
            ratio = requests / (size * math.log2(size))
            print(
                f"{shop:6} {size:3} {requests:9.0f} {processes:10.0f} {seconds:8.1f} {ratio:8.2f}"
                + (f"   aim {AIM_S:.0f} s" if size == 20 else "")
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
