"""What differs between two answers to the same call, apart from what differs by itself."""

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lab.check.conversation import Answer
from lab.core.redaction import redact_text, shorten

HEADERS = ("content-type", "location", "www-authenticate", "cache-control", "allow", "vary")
MOST_SHOWN = 300
_SECRET = re.compile(
    r"token|secret|password|passwd|session|csrf|jwt|api_?key|credential|cookie", re.I
)
MOST = 20  # differences of one call that are worth telling
_MOMENTS = (
    re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"),
    re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),  # RFC 9110, 5.6.7
)
NEAR_S = 600.0  # a clock that is read in the same run: these moments are the same
EARLIEST_S = 1_000_000_000.0  # a smaller number is no moment
_WORD = re.compile(r"[^\s<>\"'=&;,]+")


@dataclass(frozen=True)
class Difference:
    """`where` is "status", "header:NAME", "body", "body/WORD" or a JSON pointer; text to show.

    Credentials in that text are shortened.
    """

    where: str
    expected: str
    seen: str

    def __str__(self) -> str:
        return f"{self.where}: {self.expected} became {self.seen}"


def differences(
    expected: Answer,
    seen: Answer,
    ignored: Iterable[str] = (),
    headers: Iterable[str] = HEADERS,
) -> list[Difference]:
    """Return what differs, the status first, at most 20. `ignored` names places (see `where`).

    A place that is ignored is ignored with all below it. Moments (dates, times, seconds since
    the epoch) that a clock may have said in one run are equal to each other: a clock is no memory.
    """
    left_out = tuple(ignored)
    told = [
        each
        for each in _all(expected, seen, tuple(headers))
        if not any(_covers(place, each.where) for place in left_out)
    ]
    return told[:MOST]


def varying(first: Answer, second: Answer, headers: Iterable[str] = HEADERS) -> frozenset[str]:
    """Return the places in which two answers to the same differ: they vary by themselves."""
    return frozenset(each.where for each in _all(first, second, tuple(headers)))


def _covers(place: str, where: str) -> bool:
    return place in (where, "/") or where.startswith(f"{place}/")


def _all(expected: Answer, seen: Answer, headers: tuple[str, ...]) -> list[Difference]:
    found = []
    if expected.status != seen.status:
        found.append(Difference("status", _status(expected), _status(seen)))
    for name in headers:
        before, after = expected.header(name), seen.header(name)
        if before != after and not _same_moment(before, after):
            found.append(Difference(f"header:{name}", _header(before), _header(after)))
    before, after = _cookies(expected), _cookies(seen)
    if before != after:
        found.append(Difference("header:set-cookie", before or "none", after or "none"))
    if expected.is_json and seen.is_json:
        return found + _json(expected.json, seen.json, "")
    return found + _text(expected.body, seen.body)


def _text(expected: bytes, seen: bytes) -> list[Difference]:
    """Compare bodies that are no JSON: word by word where both have as many, else as a whole."""
    if expected == seen:
        return []
    one, other = (each.decode("utf-8", "replace") for each in (expected, seen))
    words, others = _WORD.findall(one), _WORD.findall(other)
    found = [
        Difference(f"body/{number}", _shown_text(before), _shown_text(after))
        for number, (before, after) in enumerate(zip(words, others, strict=False))
        if before != after and not _same_moment(before, after)
    ]
    # What stands between the words is the same; and if most of them vary, nothing is compared.
    if _WORD.sub("", one) == _WORD.sub("", other) and len(found) * 2 <= len(words):
        return found
    return [Difference("body", _shown(expected), _shown(seen))]


def _json(expected: Any, seen: Any, at: str) -> list[Difference]:
    if isinstance(expected, dict) and isinstance(seen, dict):
        names = [*expected, *(name for name in seen if name not in expected)]
        return [
            each
            for name in names
            for each in _member(expected, seen, name, f"{at}/{_escaped(str(name))}")
        ]
    if isinstance(expected, list) and isinstance(seen, list):
        found = [
            each
            for number, (one, other) in enumerate(zip(expected, seen, strict=False))
            for each in _json(one, other, f"{at}/{number}")
        ]
        if len(expected) != len(seen):
            found.append(Difference(f"{at}/-", f"{len(expected)} items", f"{len(seen)} items"))
        return found
    # 1 and True are equal to Python, not to a client.
    if expected == seen and isinstance(expected, bool) == isinstance(seen, bool):
        return []
    if _same_moment(expected, seen):
        return []
    return [Difference(at or "/", _shown(expected, at), _shown(seen, at))]


def _member(expected: Any, seen: Any, name: str, at: str) -> list[Difference]:
    if name not in seen:
        return [Difference(at, _shown(expected[name], at), "nothing")]
    if name not in expected:
        return [Difference(at, "nothing", _shown(seen[name], at))]
    return _json(expected[name], seen[name], at)


def _same_moment(one: Any, other: Any) -> bool:
    """Whether a clock may have said both: a clock is no memory, but another day may be one.

    They lie within 10 minutes of each other, and of now; or, as an expiry does, elsewhere, but
    on no whole minute: such a one was chosen by somebody.
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


def _cookies(answer: Answer) -> str:
    values = [value for name, value in answer.headers if name == "set-cookie"]
    return ", ".join(sorted(value.partition("=")[0].strip() for value in values))


def _status(answer: Answer) -> str:
    return str(answer.status) if answer.status is not None else f"no answer ({answer.error})"


def _header(value: str | None) -> str:
    return "nothing" if value is None else _shown_text(value)


def _shown(value: Any, at: str = "") -> str:
    if isinstance(value, dict | list):  # there may be anything in it
        kind = "members" if isinstance(value, dict) else "items"
        return f"{len(value)} {kind}"
    if isinstance(value, str) and _SECRET.search(at):
        return shorten(value)
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(value)
    return _shown_text(text)


def _shown_text(text: str) -> str:
    if len(text) > MOST_SHOWN:  # first: a long text takes long to search
        text = f"{text[:MOST_SHOWN]}… ({len(text)} characters)"
    return redact_text(text)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
