"""Numbers with their uncertainty: shares, percentiles, and the bound that a zero count gives."""

import math
from collections.abc import Sequence
from statistics import median
from typing import TypedDict

import msgspec

Z_95 = 1.959964  # two-sided 95 % of the normal distribution
LEAST_FOR_P99 = 1000
LEAST_FOR_INTERVAL = 10  # below, the interval is so wide that it says nothing


class Measure(msgspec.Struct, frozen=True):
    """A number that was measured, with its unit, what it was counted of, and its uncertainty.

    `low` and `high` are the ends of the 95 % interval of k/n; None if none is given.
    """

    k: int | float
    n: int | None = None
    """The total that `k` was counted in; None if `k` is not a count."""
    low: float | None = None
    high: float | None = None
    unit: str = ""

    @property
    def share(self) -> float | None:
        """Return k/n; None for n = 0 and where nothing was counted."""
        return self.k / self.n if self.n else None


def share(successes: int, of: int, unit: str = "") -> Measure:
    """Return k of n with Wilson's 95 % interval (1927); no interval for n = 0.

    For k = 0 the upper end is the rule of three, 3/n, which is what 0 of n can promise at
    95 %; likewise for k = n.
    """
    if not 0 <= successes <= of:
        raise ValueError(f"{successes} of {of} is not a share")
    if of == 0:
        return Measure(0, 0, unit=unit)
    p = successes / of
    centre = p + Z_95**2 / (2 * of)
    spread = Z_95 * math.sqrt(p * (1 - p) / of + Z_95**2 / (4 * of * of))
    scale = 1 + Z_95**2 / of
    low, high = (centre - spread) / scale, (centre + spread) / scale
    if successes == 0:
        low, high = 0.0, min(1.0, 3 / of)
    if successes == of:
        low, high = max(0.0, 1 - 3 / of), 1.0
    return Measure(successes, of, low, high, unit)


def format_measure(measure: Measure) -> str:
    """Format a measure: "12 of 60 carts (95 %: 12–32 %)", "1.5 s at most"."""
    k, n, low, high = measure.k, measure.n, measure.low, measure.high
    number = f"{k:,}" if isinstance(k, int) else f"{k:,.3g}"
    text = f"{number} of {n:,} {measure.unit}" if n is not None else f"{number} {measure.unit}"
    text = text.rstrip()
    if low is None or high is None or n is None or n < LEAST_FOR_INTERVAL:
        return text
    if k == 0:
        return f"{text} (95 %: fewer than {100 * high:.2g} %)"
    if k == n:
        return f"{text} (95 %: more than {100 * low:.3g} %)"
    return f"{text} (95 %: {100 * low:.0f}–{100 * high:.0f} %)"


class Latency(TypedDict):
    """Percentiles of `n` requests; None if `n` is too small for one."""

    n: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def latency(samples_ms: Sequence[float]) -> Latency:
    """Return the percentiles of these samples: no p99 under n = 1,000, no p95 under 100."""
    ordered = sorted(samples_ms)
    n = len(ordered)
    return {
        "n": n,
        "p50_ms": round(median(ordered), 3) if n else None,
        "p95_ms": round(_rank(ordered, 0.95), 3) if n >= 100 else None,
        "p99_ms": round(_rank(ordered, 0.99), 3) if n >= LEAST_FOR_P99 else None,
    }


def _rank(ordered: Sequence[float], quantile: float) -> float:
    return ordered[math.ceil(quantile * len(ordered)) - 1]  # nearest rank, no interpolation
