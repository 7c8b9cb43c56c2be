"""Figure 6: the stack of six servers, from nothing to ready, and where its CPU goes."""

import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measuring import Row, Scale
from subjects import KEYS

from lab.stack.pool_spec import PoolSpec
from lab.stack.stack import Stack

AIM_S = 0.6  # on 2 cores
POOLS = (
    PoolSpec("stateful", "stateful_app"),
    PoolSpec("stateless", "stateless_app", env=KEYS),
)


def figure(scale: Scale) -> Iterator[Row]:
    """Two pools of three and nginx: seconds until the balancer answers; then all is ended."""
    runs = [_once() for _ in range(scale.rounds)]
    wall, until_up, own, theirs, closing = zip(*runs, strict=True)
    yield Row(
        "start-up of six servers and nginx",
        wall,
        f"servers up after {statistics.median(until_up):.2f} s; CPU: servers and nginx "
        f"{statistics.median(theirs):.2f} s, the lab itself {statistics.median(own):.2f} s; "
        f"ending them: {statistics.median(closing):.2f} s",
        unit="s",
        at_most=AIM_S,
    )


def _once() -> tuple[float, float, float, float, float]:
    marks: list[float] = []
    children, own = _children_cpu_s(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with Stack(POOLS, Path(folder) / "run", report=lambda _: marks.append(time.perf_counter())):
            ready = time.perf_counter()
            own = time.process_time() - own
        closed = time.perf_counter()
    # The children's CPU is known when they have ended; ending costs them next to nothing.
    children = _children_cpu_s() - children
    return ready - began, marks[len(POOLS) - 1] - began, own, children, closed - ready


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
