"""Amounts as people write them, `500ms`, `20/day`, `16GiB`, `80%`: the one reader and writer.

Durations are in seconds, rates in events a second, sizes in bytes, shares from 0 to 1. A reader
raises LabError with an example of what is right; what a writer of the same name returns, the
reader reads back.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from lab.core.errors import LabError

MOST_USERS = 10**12
DAY_S = 86_400
MOST_S = 3650.0 * DAY_S
MOST_WAIT_S = 24.0 * DAY_S  # systems count the milliseconds of a wait in 31 bits: 24.8 days
MOST_PER_S = 1e6
MOST_PRICE = 1_000_000
_COUNT_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_PERIODS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": DAY_S, "day": DAY_S}
_SECONDS: Mapping[str, int | Decimal] = {**_PERIODS, "": 1, "ms": Decimal("0.001")}
_DECIMAL = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_BYTE_UNITS = {**_DECIMAL, **_BINARY}
_SIZE_UNITS = {**_BYTE_UNITS, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# No sign, no exponent, no other script's digits, and no 5,000 of them.
_NUMBER = r"(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"


def parse_count(text: str) -> int:
    """Read `50M`, `1.5k` or `2000`: a whole number from 1 to 10^12."""
    value = _read(text, _COUNT_UNITS, "a whole number above 0, such as 12, 5000, 1.5k or 50M")
    if value != int(value) or not 1 <= value <= MOST_USERS:
        raise LabError(f"{as_given(text)}: give a whole number from 1 to {MOST_USERS:,}")
    return int(value)


def parse_duration(text: str, least_s: float = 0.0, most_s: float = MOST_S) -> float:
    """Read `500ms`, `30s`, `1.5m`, `5min`, `1h` or `7d`; a plain number is in seconds."""
    value = float(_read(text, _SECONDS, "a duration, such as 500ms, 30s, 1.5min, 1h or 7d"))
    if not least_s <= value <= most_s:
        limits = f"at least {format_duration(least_s)} and at most {format_duration(most_s)}"
        raise LabError(f"{as_given(text)}: give {limits}")
    return value


def parse_rate(text: str, most_per_s: float = MOST_PER_S, needs_unit: bool = False) -> float:
    """Read `300/s`, `18000/min`, `3/h` or `20/day`; a plain number is per second, if it may be."""
    number, slash, unit = text.strip().partition("/")
    if (slash or needs_unit) and unit not in _PERIODS:
        raise LabError(f"{as_given(text)}: give a rate, such as 300/s, 18000/min, 3/h or 20/day")
    value = _read(number, _COUNT_UNITS, "a rate, such as 300/s or 20/day", text)
    value /= _PERIODS[unit] if slash else 1
    if not Decimal("1e-9") <= value <= Decimal(most_per_s):
        raise LabError(
            f"{as_given(text)}: give at least 1 in 30 years and at most {format_rate(most_per_s)}"
        )
    return float(value)


def parse_size(text: str) -> float:
    """Read `512MB`, `50M` (which are MB) or `16GiB`: from 1 MB to 1,000 TB."""
    value = _read(text, _SIZE_UNITS, "a size, such as 50M, 512MB or 16GiB")
    if not 10**6 <= value <= 10**15:
        raise LabError(f"{as_given(text)}: give at least 1MB and at most 1000TB")
    return float(value)


def parse_share(text: str) -> float:
    """Read `0.8` or `80%`."""
    value = _read(text, {"": 1, "%": Decimal("0.01")}, "a share, such as 0.8 or 80%")
    if value > 1:
        raise LabError(f"{as_given(text)}: give a share of at most 1, or 100%")
    return float(value)


def parse_price(text: str) -> float:
    """Read "0.04", an amount of money in any currency: 0 to 1,000,000. LabError otherwise."""
    value = float(_read(text, {"": 1}, "a price, such as 0.04"))
    if value > MOST_PRICE:
        raise LabError(f"{as_given(text)}: give a price of at most {MOST_PRICE:,}")
    return value


def parse_factor(text: str) -> float:
    """Read `3` or `2.5`: from 1 to 1,000."""
    value = _read(text, {"": 1}, "a factor, such as 3 or 2.5")
    if not 1 <= value <= 1000:
        raise LabError(f"{as_given(text)}: give a factor from 1 to 1000")
    return float(value)


def format_duration(value_s: float) -> str:
    """Return "7d", "5min", "90s", "1.5s" or "500ms": the largest unit that gives a whole number."""
    for unit, seconds in (("d", DAY_S), ("h", 3600), ("min", 60)):
        if value_s and value_s % seconds == 0:
            return f"{_plain(value_s / seconds)}{unit}"
    return f"{_plain(value_s * 1000)}ms" if 0 < value_s < 1 else f"{_plain(value_s)}s"


def format_rate(per_s: float) -> str:
    """Return "300/s", "6/min" or "20/day": the shortest period that has at least one."""
    for unit in ("s", "min", "h"):
        if (often := per_s * _PERIODS[unit]) >= 1:
            return f"{_plain(often)}/{unit}"
    return f"{_plain(per_s * DAY_S)}/day"


def format_size(value: float) -> str:
    """Return "32GiB" or "1.25GB": the largest unit that gives a short number."""
    units = sorted(_BYTE_UNITS.items(), key=lambda each: -each[1])
    exact = (unit for unit, times in units if value >= times and value * 1000 % times == 0)
    unit = next(exact, "B")
    return f"{_plain(value / _BYTE_UNITS[unit])}{unit}"


def format_share(value: float) -> str:
    """Return "80%"."""
    return f"{_plain(value * 100)}%"


def format_number(value: float) -> str:
    """Return three significant digits: 1234567 is "1.23 M", 0.0312 is "0.0312"."""
    return " ".join(scaled_number(value))


def scaled_number(value: float) -> tuple[str, ...]:
    """Return three significant digits, and after them what they are multiplied by, if anything."""
    for name, times in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= times * 0.9995:
            return _three(value / times), name
    return (_three(value),)


def format_bytes(value: float) -> str:
    """Return three significant digits of bytes, in powers of 1,000: "1.23 GB"."""
    return " ".join(scaled_bytes(value))


def scaled_bytes(value: float) -> tuple[str, ...]:
    """Return three significant digits of bytes, and their unit."""
    for name, times in reversed(_DECIMAL.items()):
        if abs(value) >= times * 0.9995:
            return _three(value / times), name
    return _three(value), "B"


def _plain(value: float) -> str:
    """Return a number without an exponent, to at most nine places."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _three(value: float) -> str:
    """Return three significant digits, without an exponent up to a million."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def _read(
    text: str, units: Mapping[str, int | Decimal], wanted: str, whole: str | None = None
) -> Decimal:
    """Return the number in `text` times its unit; `whole` is what an error quotes."""
    names = "|".join(sorted(map(re.escape, units), key=len, reverse=True))
    found = re.fullmatch(f"{_NUMBER}(?P<unit>{names})", text.strip(), re.ASCII)
    if not found:
        raise LabError(f"{as_given(text if whole is None else whole)}: give {wanted}")
    return Decimal(found["number"]) * units[found["unit"]]


def as_given(text: str) -> str:
    """Return a value as a message shows it: quoted, and cut if it is long."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
