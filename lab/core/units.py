"""Reads amounts as people write them, `50M`, `20/day`, `16GiB`, `1h`, `80%`, and writes them."""

import re
from collections.abc import Mapping
from decimal import Decimal

from lab.core.errors import LabError

MOST_USERS = 10**12
DAY_S = 86_400
_COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": DAY_S, "day": DAY_S}
_DECIMAL = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_BYTES = {**_DECIMAL, **_BINARY}
# No sign, no exponent, no other script's digits, and no 5,000 of them.
_NUMBER = r"(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?)"


def count(text: str) -> int:
    """Read how many: `50M`, `1.5k`, `2000`; a whole number from 1 to 10^12."""
    value = _read(text, _COUNTS, "a number of them, such as 5000, 1.5k or 50M")
    if value != int(value) or not 1 <= value <= MOST_USERS:
        raise LabError(f"{_quoted(text)}: give a whole number from 1 to {MOST_USERS:,}")
    return int(value)


def per_second(text: str) -> float:
    """Read how often, `20/day`, `3/h`, `10/s`, as a number a second; at most 1,000 a second."""
    often, slash, unit = text.partition("/")
    wanted = "how often, such as 20/day, 3/h or 10/s"
    if not slash or unit not in _SECONDS:
        raise LabError(f"{_quoted(text)}: give {wanted} (per s, min, h or day)")
    value = _read(often, _COUNTS, wanted) / _SECONDS[unit]
    if not Decimal("1e-9") <= value <= 1000:
        raise LabError(f"{_quoted(text)}: give at least 1 in 30 years and at most 1000/s")
    return float(value)


def seconds(text: str) -> float:
    """Read a time, `45s`, `30min`, `1h`, `7d`, in seconds; at most ten years."""
    value = _read(text, _SECONDS, "a time, such as 45s, 30min, 1h or 7d")
    if not Decimal("0.001") <= value <= 3650 * DAY_S:
        raise LabError(f"{_quoted(text)}: give at least 0.001s and at most 3650d")
    return float(value)


def size(text: str) -> float:
    """Read a size, `512MB`, `16GiB`, in bytes; from 1 MB to 1,000 TB."""
    value = _read(text, _BYTES, "a size, such as 512MB or 16GiB")
    if not 10**6 <= value <= 10**15:
        raise LabError(f"{_quoted(text)}: give at least 1MB and at most 1000TB")
    return float(value)


def share(text: str) -> float:
    """Read a part of a whole, `0.8` or `80%`, as a number from 0 to 1."""
    value = _read(text, {"": 1, "%": Decimal("0.01")}, "a share, such as 0.8 or 80%")
    if value > 1:
        raise LabError(f"{_quoted(text)}: a share is at most 1, or 100%")
    return float(value)


def factor(text: str) -> float:
    """Read how many times as much, `3` or `2.5`: from 1 to 1,000."""
    value = _read(text, {"": 1}, "a factor, such as 3 or 2.5")
    if not 1 <= value <= 1000:
        raise LabError(f"{_quoted(text)}: give a factor from 1 to 1000")
    return float(value)


def told(value: float) -> str:
    """Write a number short: 1234567 is "1.23 M", 0.0312 is "0.0312"."""
    for name, times in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= times * 0.9995:
            return f"{_three(value / times)} {name}"
    return _three(value)


def told_bytes(value: float) -> str:
    """Write bytes short, in powers of 1,000: "1.23 GB"."""
    for name, times in reversed(_DECIMAL.items()):
        if abs(value) >= times * 0.9995:
            return f"{_three(value / times)} {name}"
    return f"{_three(value)} B"


def told_seconds(value: float) -> str:
    """Write a time in the largest unit that it is a whole number of: "5min", "1h", "90s"."""
    for name, times in (("d", DAY_S), ("h", 3600), ("min", 60)):
        if value >= times and value % times == 0:
            return f"{value / times:g}{name}"
    return f"{value:g}s"


def _three(value: float) -> str:
    """Write three significant digits, without an exponent: up to a million."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def _read(text: str, units: Mapping[str, int | Decimal], wanted: str) -> Decimal:
    names = "|".join(sorted(map(re.escape, units), key=len, reverse=True))
    found = re.fullmatch(f"{_NUMBER}(?P<unit>{names})", text, re.ASCII)
    if not found:
        raise LabError(f"{_quoted(text)}: give {wanted}")
    return Decimal(found["number"]) * units[found["unit"]]


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
