"""A recording as text for a page: JSON in which each repeated part stands once, compressed.

Events of different runs are alike for the most part, and gzip sees 32 kB back. So a part that
comes again is {"$": number}: the part of that number in a list, whose parts refer to earlier
ones only. An object that has a key "$" of its own is {"$": its entries}.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Hashable
from dataclasses import dataclass

from lab.core.errors import LabError

LEAST_PART_CHARS = 30  # a shorter part is not worth a reference
_REFERENCE = "$"


def packed(value: object) -> str:
    """Return JSON data as one line of base64, for recorded.js; LabError if it is too deep."""
    try:
        parts = _Parts(value).all
    except RecursionError:
        raise LabError("what was recorded is nested too deeply: leave out the --run") from None
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    compressed = gzip.compress(text.encode(errors="replace"), 9, mtime=0)
    return b64encode(compressed).decode()


@dataclass
class _Part:
    """A part that may be repeated; an object or array holds the numbers of its parts."""

    value: object
    size: int
    uses: int = 0


class _Parts:
    """`all` is the list of parts; the last one is the whole."""

    def __init__(self, value: object) -> None:
        self.all: list[object] = []
        self._parts: list[_Part] = []
        self._numbers: dict[Hashable, int] = {}
        self._written_at: dict[int, int] = {}
        self.all.append(self._written(self._number(value)))

    def _number(self, value: object) -> int:
        """Return the number of the part that is equal to the value."""
        inside: dict[str, int] | list[int] | None = None
        key: Hashable = (type(value), value) if not isinstance(value, dict | list) else None
        if isinstance(value, dict):
            inside = {name: self._number(each) for name, each in value.items()}
            key = tuple(inside.items())
        elif isinstance(value, list):
            inside = [self._number(each) for each in value]
            key = (list, *inside)
        if key not in self._numbers:
            self._numbers[key] = len(self._parts)
            self._parts.append(_Part(value if inside is None else inside, self._use(value, inside)))
        return self._numbers[key]

    def _use(self, value: object, inside: dict[str, int] | list[int] | None) -> int:
        """Note that a new part uses those inside; return about how long its JSON is."""
        if inside is None:
            return len(str(value)) + 2
        used = [self._parts[n] for n in (inside.values() if isinstance(inside, dict) else inside)]
        for each in used:
            each.uses += 1
        return 2 + sum(each.size + 1 for each in used) + sum(len(str(name)) + 3 for name in inside)

    def _written(self, number: int) -> object:
        if number in self._written_at:
            return {_REFERENCE: self._written_at[number]}
        part = self._parts[number]
        value = part.value
        if isinstance(value, dict):
            value = {name: self._written(each) for name, each in value.items()}
            if _REFERENCE in value:
                value = {_REFERENCE: [[name, each] for name, each in value.items()]}
        elif isinstance(value, list):
            value = [self._written(each) for each in value]
        if part.uses < 2 or part.size < LEAST_PART_CHARS:
            return value
        self._written_at[number] = len(self.all)
        self.all.append(value)
        return {_REFERENCE: self._written_at[number]}
