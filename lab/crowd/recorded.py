"""The records of a crowd's workers, in windows of time: for charts and comparisons."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from lab.crowd.journal import COLUMNS
from lab.crowd.result import CrowdResult

_TIME_COLUMNS = tuple(COLUMNS.index(name) for name in ("at_s", "waited_ms", "elapsed_ms"))
_ITS_OP, _OUTCOME, _CUSTOMER = (COLUMNS.index(name) for name in ("op", "outcome", "customer"))
_SERVED_BY = COLUMNS.index("served_by")
_LOOK_SUFFIX = "-look"  # ends the ids of the lab's own looks: they are not the script's requests


@dataclass
class Window:
    """A stretch of a crowd's measured time; `at_s` is where it begins, after the warm-up."""

    at_s: float
    latencies_ms: list[float] = field(default_factory=list)
    failed: int = 0
    """Requests that failed, and those of which it is not known."""
    by_server: Counter[str] = field(default_factory=Counter)
    """Requests by the server that answered."""

    @property
    def p50_ms(self) -> float | None:
        """The median latency; None if no request was due."""
        return round(median(self.latencies_ms), 3) if self.latencies_ms else None

    @property
    def p95_ms(self) -> float | None:
        """The 95th percentile of the latency (nearest rank); None under 20 requests."""
        ordered = sorted(self.latencies_ms)
        if len(ordered) < 20:
            return None
        return round(ordered[math.ceil(0.95 * len(ordered)) - 1], 3)


@dataclass
class Recorded:
    """One crowd's record: its windows, and each shopper's requests and failures."""

    windows: list[Window]
    shoppers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Each shopper's requests, and how many of them failed or are unknown."""


def recorded(folder: Path, results: list[CrowdResult], count: int) -> list[Recorded | None]:
    """Return the record of each crowd of a run in `count` windows; None if none was kept.

    A line that was cut off is left out.
    """
    rounds: dict[str, int] = {}
    found = []
    for result in results:
        rounds[result.variant] = rounds.get(result.variant, 0) + 1
        name = f"crowd-{result.variant}-{rounds[result.variant]}"
        files = _files(folder, name)
        found.append(_read(files, result, count) if files else None)
    return found


def _files(folder: Path, name: str) -> list[Path]:
    # The document may be of another machine: its names lead nowhere but into its folder.
    if Path(name).name != name:
        return []
    try:
        return sorted((folder / name).glob("exchanges-*.jsonl"))
    except (OSError, ValueError):  # too long, or no name at all
        return []


def _read(files: list[Path], result: CrowdResult, count: int) -> Recorded:
    width_s = result.for_s / count
    found = Recorded([Window(round(number * width_s, 3)) for number in range(count)])
    for path in files:
        for customer, due_s, latency_ms, ok, server in _lines(path):
            after_s = due_s - result.warm_up_s
            if not 0 <= after_s < result.for_s:  # the warm-up, or a closing read
                continue
            window = found.windows[min(count - 1, int(after_s / width_s))]
            window.latencies_ms.append(latency_ms)
            window.failed += not ok
            if server:
                window.by_server[server] += 1
            requests, failed = found.shoppers.get(customer, (0, 0))
            found.shoppers[customer] = (requests + 1, failed + (not ok))
    return found


def _lines(path: Path) -> Iterator[tuple[str, float, float, bool, str]]:
    """Yield shopper, when it was due, latency, whether it succeeded, and which server answered."""
    decode = msgspec.json.Decoder(list[str | float | bool | None]).decode
    try:
        with path.open("rb") as lines:
            for line in lines:
                try:
                    row = decode(line)
                    if str(row[_ITS_OP]).endswith(_LOOK_SUFFIX):
                        continue
                    at_s, waited_ms, elapsed_ms = (float(row[n] or 0) for n in _TIME_COLUMNS)
                    # "c12-3" is the third iteration of shopper c12.
                    shopper, ok = str(row[_CUSTOMER]).rpartition("-")[0], row[_OUTCOME] == "ok"
                except (msgspec.MsgspecError, IndexError, ValueError, RecursionError):
                    continue
                server = str(row[_SERVED_BY] or "") if len(row) > _SERVED_BY else ""
                yield shopper, at_s - waited_ms / 1000, waited_ms + elapsed_ms, ok, server
    except OSError:
        return
