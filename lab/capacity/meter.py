"""How much processor time processes have used: what wall time on a busy machine cannot tell."""

import sys
import time
from collections.abc import Iterable

import psutil

from lab.core.errors import LabError


def cpu_s(pids: Iterable[int]) -> float:
    """Return the processor time these living processes have used, all threads, in seconds."""
    try:
        return sum(map(_cpu_s, pids))
    except (OSError, psutil.Error) as error:
        raise LabError(f"a process ended while it was measured ({error}): measure again") from None


def _cpu_s(pid: int) -> float:
    if sys.platform != "linux":
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    # clock_getcpuclockid(3), which Python has not: nanoseconds, where /proc counts in 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    """Return the memory a process occupies (resident set), in bytes."""
    return int(psutil.Process(pid).memory_info().rss)
