"""Counts that can be added up: outcomes, and latencies in buckets one per cent wide.

A histogram takes the same memory for a hundred requests as for a hundred million, and those
of several generators add up to that of the crowd, as percentiles do not.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from lab.core.statistics import LEAST_FOR_P99

LEAST_FOR_P95 = 100
_WIDTH = math.log(1.01)
_LEAST_MS = 0.001


class Histogram:
    """How many values fell into each bucket; a percentile is exact to half a per cent."""

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        """`counts` are pairs of bucket and number, as `pairs` gives them."""
        self.counts: Counter[int] = Counter(dict(counts))

    def add(self, value_ms: float) -> None:
        """Count one value, in ms."""
        self.counts[round(math.log(max(value_ms, _LEAST_MS)) / _WIDTH)] += 1

    def merge(self, other: "Histogram") -> None:
        """Add what another has counted."""
        self.counts.update(other.counts)

    def pairs(self) -> list[tuple[int, int]]:
        """Return the buckets that hold something, with how much; for `Histogram(pairs)`."""
        return sorted(self.counts.items())

    @property
    def n(self) -> int:
        """How many values were counted."""
        return self.counts.total()

    def quantile(self, share: float) -> float | None:
        """Return the value below which `share` of them lie (nearest rank), None of nothing."""
        rank = math.ceil(share * self.n)
        for bucket, number in self.pairs():
            rank -= number
            if rank <= 0:
                return math.exp(bucket * _WIDTH)
        return None

    def summary(self) -> dict[str, Any]:
        """Return n, p50, p95 and p99 as `statistics.latency` does; the same n are asked for."""

        def at(share: float, least: int) -> float | None:
            value = self.quantile(share) if self.n >= least else None
            return None if value is None else round(value, 3)

        return {
            "n": self.n,
            "p50_ms": at(0.50, 1),
            "p95_ms": at(0.95, LEAST_FOR_P95),
            "p99_ms": at(0.99, LEAST_FOR_P99),
        }


@dataclass
class Tally:
    """What has happened so far (or since the last report) in the measured time."""

    ok: int = 0
    failed: int = 0
    unknown: int = 0
    warm_up: int = 0
    """Requests of the warm-up: in no other count."""
    closing: int = 0
    """Requests of the closing look, after the doors have closed: in no other count."""
    answered: int = 0
    """Requests of the whole run, warm-up and closing look included, that got an answer."""
    reads: int = 0
    """Reads of an owed cart."""
    reads_kept: int = 0
    begun: int = 0
    """Visits that were begun: each has to be settled in the end."""
    last_s: float = 0.0
    """When the last answer of the measured time was there (or the failure), after the start."""
    broken: int = 0
    """Visits whose script raised (an assertion, or any other exception)."""
    latency: Histogram = field(default_factory=Histogram)
    """From the intended start to the answer, or the failure."""
    lateness: Histogram = field(default_factory=Histogram)
    """From when a request could have been sent until it was: the generator's own delay."""

    @property
    def requests(self) -> int:
        """Requests of the measured time."""
        return self.ok + self.failed + self.unknown

    def add(self, other: "Tally") -> None:
        """Add what another has counted."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, Histogram):
                mine.merge(theirs)
            elif each.name == "last_s":
                self.last_s = max(mine, theirs)
            else:
                setattr(self, each.name, mine + theirs)

    def packed(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value.pairs() if isinstance(value, Histogram) else value
            for name, value in values.items()
        }

    @classmethod
    def unpacked(cls, values: dict[str, Any]) -> "Tally":
        """Return the tally that `packed` gave these values for."""
        histograms = {name: Histogram(map(tuple, values[name])) for name in ("latency", "lateness")}
        return cls(**(values | histograms))
