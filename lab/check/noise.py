"""A change between two answers, and the places of a call that vary by themselves."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from lab.check.text import Pattern
from lab.core.http import Answer


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


@dataclass
class Noise:
    """The places of one call that vary by themselves, and what has been seen there.

    A place that varies is still expected to be of a kind: where it was always a text, nothing
    at all (or an empty one) is a difference.
    """

    places: dict[str, set[str]] = field(default_factory=dict)
    pattern: Pattern | None = None

    def learn(self, found: Iterable[Change], one: Answer, other: Answer) -> set[str]:
        """Note that these differences vary by themselves; return the places not known before."""
        new = set()
        for change in found:
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
        """The places that vary by themselves, in order."""
        return tuple(sorted({*self.places} | ({"body"} if self.pattern else set())))

    @property
    def whole(self) -> bool:
        """True if nothing of the body is left to compare."""
        return bool({"body", "/"} & {*self.places}) or (
            self.pattern is not None and self.pattern.is_empty
        )

    def covers(self, change: Change) -> bool:
        """Return True if the change is only at a place that varies by itself."""
        if change.where in self.places:
            known = self.places[change.where]
            return kind_of(change.before) in known and kind_of(change.after) in known
        parts = change.where.split("/")
        above = ("/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
        return any((at or "/") in self.places or f"{at}/-" in self.places for at in above)


def kind_of(value: Any) -> str:
    """Return the kind of a value (text, number, …): a value that varies keeps its kind."""
    if value is ABSENT or value is None:
        return "nothing" if value is ABSENT else "null"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str | bytes):
        return "text" if value else "empty text"
    return type(value).__name__
