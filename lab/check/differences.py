"""What differs between two answers to the same call, apart from what differs by itself."""

import json
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import zip_longest
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from lab.check.text import Pattern, is_text, words
from lab.core.http import Answer
from lab.core.redaction import redact_text, shorten

# In the order in which their differences are shown, after the body's and the cookies'.
HEADERS = ("content-type", "location", "www-authenticate", "allow", "cache-control", "vary")
_UNORDERED = frozenset({"allow", "vary"})
MOST_SHOWN = 300
MOST = 20  # differences of one call that are worth telling
MOST_LINES = 5  # of them, lines of one text
_SECRET = re.compile(
    r"token|secret|password|passwd|session|csrf|jwt|api_?key|credential|cookie", re.I
)
_MOMENTS = (
    re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"),
    re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),  # RFC 9110, 5.6.7
)
NEAR_S = 600.0  # a clock that is read in the same run: these moments are the same
EARLIEST_S = 1_000_000_000.0  # a smaller number is no moment


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Change:
    """A place in which two answers differ, and the values there (ABSENT where it is missing).

    `where` is "status", "header:NAME", "header:location?NAME" (a parameter of its query),
    "body", "body/WORD", a JSON pointer, POINTER/- (the length of a list) or POINTER/~ (its
    order). `lines` are the lines of a text around the place.
    """

    where: str
    before: Any
    after: Any
    lines: tuple[str, str] | None = None


@dataclass(frozen=True)
class Difference:
    """A change to show: `where` as in Change, or "script"; credentials are shortened."""

    where: str
    expected: str
    seen: str

    def __str__(self) -> str:
        if self.where == "script":
            return f"the script {self.expected}, and then not: {self.seen}"
        if self.seen.startswith("no longer "):
            return f"{self.where} is {self.seen}"
        return f"{self.where}: {self.expected} became {self.seen}"


@dataclass
class Noise:
    """The places of one call that vary by themselves, and what has been seen there.

    A place that varies is still expected to be of a kind: where it was always a text, nothing
    at all (or an empty one) is a difference.
    """

    places: dict[str, set[str]] = field(default_factory=dict)
    pattern: Pattern | None = None

    def learn(self, one: Answer, other: Answer, headers: Collection[str] = HEADERS) -> set[str]:
        """Take what differs between these two as varying; return the places that are new."""
        new = set()
        for change in changes(one, other, headers, self):
            if change.where == "body" and change.lines is not None:
                new.add("body")
                self.pattern = self.pattern or Pattern()
                self.pattern.learn(one.text)
                self.pattern.learn(other.text)
                continue
            if change.where not in self.places:
                new.add(change.where)
            kinds = self.places.setdefault(change.where, set())
            kinds |= {kind_of(change.before), kind_of(change.after)}
        return new

    @property
    def shown(self) -> tuple[str, ...]:
        """The places that vary, in order."""
        return tuple(sorted({*self.places} | ({"body"} if self.pattern else set())))

    @property
    def whole(self) -> bool:
        """Whether nothing of the body is left to compare."""
        return bool({"body", "/"} & {*self.places}) or (
            self.pattern is not None and self.pattern.is_empty
        )

    def covers(self, change: Change) -> bool:
        """Whether this is only what varies by itself."""
        if change.where in self.places:
            known = self.places[change.where]
            return kind_of(change.before) in known and kind_of(change.after) in known
        parts = change.where.split("/")
        above = ("/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
        return any((at or "/") in self.places or f"{at}/-" in self.places for at in above)


def kind_of(value: Any) -> str:
    """Return what a value is, not which: a varying one is expected to stay that."""
    if value is ABSENT or value is None:
        return "nothing" if value is ABSENT else "null"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str | bytes):
        return "text" if value else "empty text"
    return type(value).__name__


def differences(
    expected: Answer,
    seen: Answer,
    ignored: Iterable[str] = (),
    headers: Collection[str] = HEADERS,
    noise: Noise | None = None,
) -> list[Difference]:
    """Return what differs, the status first, at most 20. `ignored` names places (see `where`).

    A place that is ignored is ignored with all below it. Moments (dates, times, seconds since
    the epoch) that a clock may have said in one run are equal to each other: a clock is no memory.
    """
    left_out = tuple(ignored)
    found = [
        each
        for each in changes(expected, seen, headers, noise)
        if not any(covers(place, each.where) for place in left_out)
        and not (noise and noise.covers(each))
    ]
    return _shown_changes(found)


def varying(first: Answer, second: Answer, headers: Collection[str] = HEADERS) -> frozenset[str]:
    """Return the places in which two answers to the same differ: they vary by themselves."""
    return frozenset(each.where for each in changes(first, second, headers))


def changes(
    expected: Answer, seen: Answer, headers: Collection[str] = HEADERS, noise: Noise | None = None
) -> list[Change]:
    """Return every place that differs: the status, the body, the cookies, other headers."""
    found = []
    if expected.status != seen.status:
        found.append(Change("status", _status(expected), _status(seen)))
    if expected.status is not None and seen.status is not None:
        expected, seen = _as_long(expected, seen)
        found += _bodies(expected, seen, noise)
        before, after = _cookies(expected), _cookies(seen)
        if before != after:
            found.append(Change("header:set-cookie", before or ABSENT, after or ABSENT))
        for name in headers:
            found += _header(name, expected.header(name), seen.header(name))
    return found


def covers(place: str, where: str) -> bool:
    """Whether what is left out at a place is left out here, too."""
    return place in (where, "/") or where.startswith((f"{place}/", f"{place}?"))


def _shown_changes(found: list[Change]) -> list[Difference]:
    shown, lines = [], 0
    seen_lines = set()
    for change in found:
        if change.lines is not None:
            if change.lines in seen_lines or lines == MOST_LINES:
                continue
            seen_lines.add(change.lines)
            lines += 1
        shown.append(_shown_change(change))
    return shown[:MOST]


def _shown_change(change: Change) -> Difference:
    if change.lines is not None:
        before, after = (_shown_text(line) or "nothing" for line in change.lines)
        return Difference(change.where, before, after)
    if change.where.startswith(("/", "body")):
        return Difference(
            change.where, _shown(change.before, change.where), _shown(change.after, change.where)
        )
    before, after = (
        "nothing" if value is ABSENT else _shown_text(str(value))
        for value in (change.before, change.after)
    )
    return Difference(change.where, before, after)


def _bodies(expected: Answer, seen: Answer, noise: Noise | None) -> list[Change]:
    if expected.is_json and seen.is_json:
        return list(_json(expected.document, seen.document, "", noise))
    return _text(expected.body, seen.body, noise)


def _as_long(expected: Answer, seen: Answer) -> tuple[Answer, Answer]:
    """Cut two streams to what both have: how much comes until one is left is chance.

    Not below what belongs together: a stream that has less of it differs.
    """
    if expected.complete and seen.complete:
        return expected, seen
    one, other = (each.body.replace(b"\r\n", b"\n") for each in (expected, seen))
    mark = b"\n\n" if b"\n\n" in one or b"\n\n" in other else b"\n"
    if mark not in one and mark not in other:  # no events: bytes
        count = min(len(one), len(other))
        return _with_body(expected, one[:count]), _with_body(seen, other[:count])
    events = [each.split(mark)[:-1] for each in (one, other)]
    count = max(min(map(len, events)), expected.events, seen.events)
    one, other = (mark.join(each[:count]) for each in events)
    return _with_body(expected, one), _with_body(seen, other)


def _with_body(answer: Answer, body: bytes) -> Answer:
    return Answer(answer.status, answer.headers, body, elapsed_s=answer.elapsed_s)


def _header(name: str, before: str | None, after: str | None) -> Iterator[Change]:
    if before == after or _same_moment(before, after) or _same_list(name, before, after):
        return
    where = f"header:{name}"
    if name != "location" or before is None or after is None:
        yield Change(where, _or_absent(before), _or_absent(after))
        return
    (one, first), (other, second) = _address(before), _address(after)
    if one != other:
        yield Change(where, one, other)
    for key in [*first, *(key for key in second if key not in first)]:
        if first.get(key) != second.get(key):
            yield Change(f"{where}?{key}", _or_absent(first.get(key)), _or_absent(second.get(key)))


def _same_list(name: str, before: str | None, after: str | None) -> bool:
    """Whether a header that is a list without an order (RFC 9110, 10.2.1 and 12.5.5) says the same.

    Servers that make it from a set write it in the order of the process.
    """
    if name not in _UNORDERED or before is None or after is None:
        return False
    one, other = (
        sorted(part.strip().lower() for part in each.split(",")) for each in (before, after)
    )
    return one == other


def _or_absent(value: str | None) -> Any:
    return ABSENT if value is None else value


def _address(url: str) -> tuple[str, dict[str, str]]:
    try:
        parts = urlsplit(url)
        return parts._replace(query="").geturl(), dict(parse_qsl(parts.query, True))
    except ValueError:
        return url, {}


def _text(expected: bytes, seen: bytes, noise: Noise | None) -> list[Change]:
    """Compare bodies that are no JSON: word by word where both have as many, else as a whole."""
    if expected == seen:
        return []
    if not is_text(expected) or not is_text(seen):
        return [Change("body", expected, seen)]
    one, other = (each.decode("utf-8", "replace") for each in (expected, seen))
    # Learnt from answers that do not even have the same number of words.
    pattern = noise.pattern if noise is not None else None
    if pattern is not None and pattern.fits(one) and pattern.fits(other):
        return []
    first, second = words(one), words(other)
    found = [
        Change(f"body/{number}", before.text, after.text, (before.line(one), after.line(other)))
        for number, (before, after) in enumerate(zip(first, second, strict=False))
        if before.text != after.text and not _same_moment(before.text, after.text)
    ]
    # What stands between the words is the same; and if most of them vary, nothing is compared.
    same_shape = [each.before for each in first] == [each.before for each in second]
    if same_shape and len(found) * 2 <= len(first):
        return found
    return _whole(one, other, varies=pattern is not None)


def _whole(one: str, other: str, varies: bool) -> list[Change]:
    """Return one place for the whole text, with the first lines that differ.

    Where lines vary by themselves, those that came or went are shown before them.
    """
    pairs = zip_longest(one.splitlines(), other.splitlines(), fillvalue="")
    lines = [pair for pair in pairs if pair[0].strip() != pair[1].strip()]
    if varies:
        lines.sort(key=lambda pair: bool(pair[0].strip() and pair[1].strip()))
    return [Change("body", one, other, pair) for pair in lines[:MOST_LINES] or [(one, other)]]


def _json(expected: Any, seen: Any, at: str, noise: Noise | None) -> Iterator[Change]:
    if isinstance(expected, dict) and isinstance(seen, dict):
        for name in [*expected, *(name for name in seen if name not in expected)]:
            where = f"{at}/{_escaped(str(name))}"
            if name not in seen or name not in expected:
                yield Change(where, expected.get(name, ABSENT), seen.get(name, ABSENT))
            else:
                yield from _json(expected[name], seen[name], where, noise)
    elif isinstance(expected, list) and isinstance(seen, list):
        yield from _lists(expected, seen, at, noise)
    # 1 and True are equal to Python, not to a client.
    elif (expected != seen or isinstance(expected, bool) != isinstance(seen, bool)) and (
        not _same_moment(expected, seen)
    ):
        yield Change(at or "/", expected, seen)


def _lists(expected: list[Any], seen: list[Any], at: str, noise: Noise | None) -> Iterator[Change]:
    if expected != seen and len(expected) == len(seen):
        if _sorted(expected) == _sorted(seen):
            yield Change(f"{at}/~", _one_line(expected), _one_line(seen))
            return
        if noise is not None and f"{at}/~" in noise.places:
            expected, seen = _sorted(expected), _sorted(seen)
    for number, (one, other) in enumerate(zip(expected, seen, strict=False)):
        yield from _json(one, other, f"{at}/{number}", noise)
    if len(expected) != len(seen):
        yield Change(f"{at}/-", len(expected), len(seen))


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=_one_line)


def _one_line(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _same_moment(one: Any, other: Any) -> bool:
    """Whether a clock may have said both: a clock is no memory, but another day may be one.

    They lie within 10 minutes of each other, and of now; or, as an expiry does, elsewhere, but
    on no whole minute: such a one was chosen by a person.
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
    return ", ".join(sorted(answer.cookies))


def _status(answer: Answer) -> str:
    return str(answer.status) if answer.status is not None else str(answer.error or "no answer")


def _shown(value: Any, at: str = "") -> str:
    if value is ABSENT:
        return "nothing"
    if at.endswith("/-"):
        return f"{value} items"
    if isinstance(value, dict | list):  # there may be anything in it
        kind = "members" if isinstance(value, dict) else "items"
        return f"{len(value)} {kind}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if not is_text(value) else _shown_text(repr(value))
    if isinstance(value, str) and _SECRET.search(at):
        return shorten(value)
    return _shown_text(value if at.endswith("/~") else repr(value))


def _shown_text(text: str) -> str:
    text = text.strip()
    if len(text) > MOST_SHOWN:  # first: a long text takes long to search
        text = f"{text[:MOST_SHOWN]}… ({len(text)} characters)"
    return redact_text(text)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
