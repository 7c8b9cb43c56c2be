"""Moments: dates, times and seconds since the epoch that a clock may have said in this run."""

import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_MOMENTS = (
    re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"),
    re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),  # RFC 9110, 5.6.7
)
NEAR_S = 600.0  # two clocks that were read in one run say moments this close
EARLIEST_S = 1_000_000_000.0  # a smaller number is not a moment


def same_moment(one: Any, other: Any) -> bool:
    """Return True if both can be readings of a clock in one run, and so are not state.

    They lie within 10 minutes of each other. Each also lies within 10 minutes of now, or, like
    the time of an expiry, further away but not on a whole minute: a person chooses whole minutes.
    """
    first, second = _moment(one), _moment(other)
    if first is None or second is None or type(one) is not type(other):
        return False
    now_s = time.time()
    return abs(first - second) <= NEAR_S and all(
        abs(each - now_s) <= NEAR_S or (each % 60 and each > EARLIEST_S) for each in (first, second)
    )


def _moment(value: Any) -> float | None:
    """Return the seconds since the epoch that a text or a number says, None if it says none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value / 1000 if abs(value) > 1e11 else float(value)
    if not isinstance(value, str) or not any(form.fullmatch(value) for form in _MOMENTS):
        return None
    with suppress(ValueError, OverflowError):
        if value[0].isalpha():
            return parsedate_to_datetime(value).timestamp()
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None
