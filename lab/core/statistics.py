"""Numbers with their uncertainty: shares, percentiles, and what a zero is worth."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

Z_95 = 1.959964  # two-sided 95 % of the normal distribution
LEAST_FOR_P99 = 1000
LEAST_FOR_INTERVAL = 10  # below, the interval is so wide that it says nothing


def share(successes: int, of: int) -> dict[str, Any]:
    """Return `{"k", "n", "share", "low", "high"}` with Wilson's 95 % interval (1927).

    `share`, `low` and `high` are None for n = 0. For k = 0 the upper end is the rule of
    three, 3/n, which is what 0 of n can promise at 95 %; likewise for k = n.
    """
    if not 0 <= successes <= of:
        raise ValueError(f"{successes} of {of} is no share")
    if of == 0:
        return {"k": 0, "n": 0, "share": None, "low": None, "high": None}
    p = successes / of
    centre = p + Z_95**2 / (2 * of)
    spread = Z_95 * math.sqrt(p * (1 - p) / of + Z_95**2 / (4 * of * of))
    scale = 1 + Z_95**2 / of
    low, high = (centre - spread) / scale, (centre + spread) / scale
    if successes == 0:
        low, high = 0.0, min(1.0, 3 / of)
    if successes == of:
        low, high = max(0.0, 1 - 3 / of), 1.0
    return {"k": successes, "n": of, "share": p, "low": low, "high": high}


def told(part: dict[str, Any], unit: str) -> str:
    """Say a share in words: "12 of 60 carts (95 %: 12–32 %)"."""
    text = f"{part['k']} of {part['n']} {unit}"
    if part["n"] < LEAST_FOR_INTERVAL:
        return text
    if part["k"] == 0:
        return f"{text} (95 %: fewer than {100 * part['high']:.2g} %)"
    if part["k"] == part["n"]:
        return f"{text} (95 %: more than {100 * part['low']:.3g} %)"
    return f"{text} (95 %: {100 * part['low']:.0f}–{100 * part['high']:.0f} %)"


def latency(samples_ms: Sequence[float]) -> dict[str, Any]:
    """Return `{"n", "p50_ms", "p95_ms", "p99_ms"}`; no p99 under n = 1,000, no p95 under 100."""
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
