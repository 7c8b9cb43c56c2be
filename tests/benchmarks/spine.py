"""What a student waits for: the recording Shopper's own cost, and `lab demo` to its verdict."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from statistics import median

import requests
from measuring import Row, Scale, alternate
from subjects import KEYS, served

from lab.evidence.record import Record
from lab.evidence.shopper import Shopper

DEMO_RUNS = 5


def shopper(scale: Scale) -> Iterator[Row]:
    """The recording Shopper ÷ a bare requests.Session, same request, same server: time."""
    with served(["-m", "stateless_app"], KEYS) as (port, _):
        base = f"http://127.0.0.1:{port}"
        john = Shopper(lambda server: base, Record("benchmark"))
        john.login()
        assert john.add("laptop").ok
        bare = requests.Session()
        bare.trust_env = False
        bare.headers["Authorization"] = f"Bearer {john.token}"
        url = f"{base}/api/cart"
        ours = _Timed(john.view_cart, scale.batch)
        theirs = _Timed(lambda: bare.get(url, allow_redirects=False).content, scale.batch)
        alternate(scale.rounds, ours.run, theirs.run)
        ratios = [one / other for one, other in zip(ours.wall_ms, theirs.wall_ms, strict=True)]
        how = f"{ours.describe()} ÷ {theirs.describe()}"
        yield Row("Shopper ÷ requests.Session", ratios, how, at_most=1.15)


class _Timed:
    """Time of a call, and the CPU that it takes on this thread, batch by batch."""

    def __init__(self, once: Callable[[], object], batch: int) -> None:
        self._once, self._batch = once, batch
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []

    def run(self) -> None:
        """One batch."""
        cpu, wall = time.thread_time(), time.perf_counter()
        for _ in range(self._batch):
            self._once()
        self.wall_ms.append((time.perf_counter() - wall) * 1000 / self._batch)
        self.cpu_ms.append((time.thread_time() - cpu) * 1000 / self._batch)

    def describe(self) -> str:
        """Both medians."""
        return f"{median(self.wall_ms):.2f} ms (the client's CPU: {median(self.cpu_ms):.2f} ms)"


def demo(scale: Scale) -> Iterator[Row]:
    """`lab demo`, from key press to verdict, and where the time goes (seconds)."""
    runs = [_demo_once() for _ in range(DEMO_RUNS)]
    phases = ", ".join(f"{name} {median(run[name] for run in runs):.2f}" for name in runs[0])
    until = [sum(s for name, s in run.items() if name != "the end") for run in runs]
    yield Row("lab demo, key press to verdict", until, phases, unit="s", at_most=1.0)


def _demo_once() -> dict[str, float]:
    """One run: seconds spent in each phase, from the lines that the lab prints."""
    marks = (
        ("starting ", "imports"),
        (" are up", "servers"),
        (" serves ", "nginx"),
        ("at the stateless desk", "script, stateful"),
        ("HOLDS", "script, stateless; teardown"),
    )
    last = time.perf_counter()
    phases = dict.fromkeys([name for _, name in marks], 0.0)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "lab", "demo"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            for mark, name in marks:
                if mark in line:
                    now = time.perf_counter()
                    phases[name], last = phases[name] + now - last, now
        assert process.wait() == 0, "lab demo failed"
    phases["the end"] = time.perf_counter() - last
    return phases
