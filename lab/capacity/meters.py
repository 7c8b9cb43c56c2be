"""The processor time and memory of processes: what wall time on a busy machine cannot show."""

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from lab.core.errors import LabError, reason


@dataclass(frozen=True)
class Meters:
    """The processes of a variant that are measured, by process id."""

    desk: Sequence[int]
    store: Sequence[int]


def cpu_s(pids: Iterable[int]) -> float:
    """Return the processor time these living processes have used, all threads, in seconds."""
    try:
        return sum(map(_cpu_s, pids))
    except (OSError, psutil.Error) as error:
        raise LabError(
            f"a process ended while it was measured ({reason(error)}): measure again"
        ) from None


def _cpu_s(pid: int) -> float:
    if sys.platform != "linux":
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    # clock_getcpuclockid(3), which Python does not have: nanoseconds; /proc counts in 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    """Return the memory a process occupies (resident set), in bytes."""
    return int(psutil.Process(pid).memory_info().rss)


def with_children(pid: int) -> Sequence[int]:
    """Return a process and its children."""
    return [pid, *(child.pid for child in psutil.Process(pid).children())]
