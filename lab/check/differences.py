"""What differs between two answers, apart from what varies by itself, and how it is shown."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from lab.check.changes import COMPARED, MOST_LINES, changes
from lab.check.noise import ABSENT, Change, Noise
from lab.check.text import is_text
from lab.core.http import Answer
from lab.core.redaction import redact_text, shorten
from lab.core.text import counted

MOST_SHOWN = 300
MOST_DIFFERENCES = 20  # differences of one call that are worth showing
_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|session|csrf|jwt|api_?key|credential|cookie", re.I
)


@dataclass(frozen=True)
class Relation:
    """The value at `place` of answer `index` is that at `source_place` of answer `source`."""

    index: int
    place: str
    source: int
    source_place: str

    def difference(self) -> "Difference":
        """Return the difference to show when the relation no longer holds."""
        same = f"that of answer {self.source + 1} ({self.source_place})"
        where = f"{self.place} (answer {self.index + 1})"
        return Difference(where, same, f"no longer {same}", self)


@dataclass(frozen=True)
class Difference:
    """A change to show: `where` as in Change, or "script"; credentials are shortened.

    `broken` is the relation that does not hold any more, None for a change of any other kind.
    """

    where: str
    expected: str
    seen: str
    broken: Relation | None = None

    def __str__(self) -> str:
        if self.where == "script":
            return f"the script {self.expected}, and then not: {self.seen}"
        if self.broken:
            return f"{self.where} is {self.seen}"
        return f"{self.where}: {self.expected} became {self.seen}"


def differences(
    expected: Answer,
    seen: Answer,
    ignored: Iterable[str] = (),
    headers: Collection[str] = COMPARED,
    noise: Noise | None = None,
) -> list[Difference]:
    """Return the differences, the status first, at most 20. `ignored` names places (see `where`).

    A place that is ignored is ignored with all below it. Moments (dates, times, seconds since
    the epoch) that a clock may have said in one run are equal to each other: a clock is not memory.
    """
    left_out = tuple(ignored)
    found = [
        each
        for each in changes(expected, seen, headers, noise)
        if not any(covers(place, each.where) for place in left_out)
        and not (noise and noise.covers(each))
    ]
    return _shown_changes(found)


def varying(first: Answer, second: Answer, headers: Collection[str] = COMPARED) -> frozenset[str]:
    """Return the places in which two answers to the same call differ: they vary by themselves."""
    return frozenset(each.where for each in changes(first, second, headers))


def covers(place: str, where: str) -> bool:
    """Return True if an exclusion of `place` also covers this place."""
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
    return shown[:MOST_DIFFERENCES]


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


def _shown(value: Any, at: str = "") -> str:
    if value is ABSENT:
        return "nothing"
    if at.endswith("/-"):
        return counted(value, "item")
    if isinstance(value, dict | list):  # its members may be secrets, so they are only counted
        return counted(len(value), "member" if isinstance(value, dict) else "item")
    if isinstance(value, bytes):
        return counted(len(value), "byte") if not is_text(value) else _shown_text(repr(value))
    if isinstance(value, str) and _SECRET_NAME.search(at):
        return shorten(value)
    return _shown_text(value if at.endswith("/~") else repr(value))


def _shown_text(text: str) -> str:
    text = text.strip()
    if len(text) > MOST_SHOWN:  # first: a long text takes long to search
        text = f"{text[:MOST_SHOWN]}… ({len(text)} characters)"
    return redact_text(text)
