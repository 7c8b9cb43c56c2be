"""Every place in which two answers to the same call differ: status, body, cookies, headers."""

import json
from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lab.check.moments import same_moment
from lab.check.noise import ABSENT, Change, Noise
from lab.check.text import is_text, words
from lab.core import pointer
from lab.core.http import Answer

# In the order in which their differences are shown, after the body's and the cookies'.
COMPARED = ("content-type", "location", "www-authenticate", "allow", "cache-control", "vary")
_UNORDERED = frozenset({"allow", "vary"})
MOST_LINES = 5  # lines of one text whose differences are listed one by one


def changes(
    expected: Answer, seen: Answer, headers: Collection[str] = COMPARED, noise: Noise | None = None
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


def _bodies(expected: Answer, seen: Answer, noise: Noise | None) -> list[Change]:
    if expected.is_json and seen.is_json:
        return list(_json(expected.body, seen.body, "", noise))
    return _text(expected.content, seen.content, noise)


def _as_long(expected: Answer, seen: Answer) -> tuple[Answer, Answer]:
    """Cut two streams to the events that both have: how many arrive in time is chance.

    Not below what belongs together: a stream that has less of it differs.
    """
    if expected.complete and seen.complete:
        return expected, seen
    one, other = (each.content.replace(b"\r\n", b"\n") for each in (expected, seen))
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
    if before == after or same_moment(before, after) or _same_list(name, before, after):
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
    """True if a header that is a list without an order (RFC 9110, 10.2.1 and 12.5.5) says the same.

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
    """Compare bodies that are not JSON: word by word where both have as many, else as a whole."""
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
        if before.text != after.text and not same_moment(before.text, after.text)
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
            where = at + pointer.encode(name)
            if name not in seen or name not in expected:
                yield Change(where, expected.get(name, ABSENT), seen.get(name, ABSENT))
            else:
                yield from _json(expected[name], seen[name], where, noise)
    elif isinstance(expected, list) and isinstance(seen, list):
        yield from _lists(expected, seen, at, noise)
    # 1 and True are equal to Python, not to a client.
    elif (expected != seen or isinstance(expected, bool) != isinstance(seen, bool)) and (
        not same_moment(expected, seen)
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


def _cookies(answer: Answer) -> str:
    return ", ".join(sorted(answer.cookies))


def _status(answer: Answer) -> str:
    return str(answer.status) if answer.status is not None else str(answer.error or "no answer")
