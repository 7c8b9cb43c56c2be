"""Values that a service has given, found again by the names that a later operation uses."""

import re
from collections.abc import Iterator
from typing import Any

from lab.check.correlation import leaves
from lab.check.sources.operations import Operation, Parameter
from lab.core.http import Answer

_NOT_LETTERS = re.compile(r"[^a-z0-9]")
_TOKENS = ("accesstoken", "token", "jwt", "idtoken", "authtoken", "bearertoken")
_REFERS = re.compile(r"(\w+?)(?:_id|-id|Id|_uuid|Uuid)")
LEAST_END = 2  # letters at the end of a parameter's name that a field's name must have
MOST_LEARNT = 400  # values of one answer
Texts = dict[str, str]


class KnownValues:
    """Values from answers, by place and name; the newest counts."""

    def __init__(self) -> None:
        self._linked: dict[tuple[str, str], str] = {}
        self._by_path: dict[str, Texts] = {}
        self._by_thing: dict[str, Texts] = {}
        self._by_name: Texts = {}

    @property
    def token(self) -> str | None:
        """The newest bearer token that was given under a usual name."""
        return next((self._by_name[each] for each in _TOKENS if each in self._by_name), None)

    def named(self, name: str) -> str | None:
        """Return what was given under a name, however it is written (petId, pet_id)."""
        return self._by_name.get(_plain(name))

    def of_thing(self, name: str) -> str | None:
        """Return the id of what a name such as trip_id refers to, if one was given."""
        return self._by_thing.get(thing_named(name), {}).get("id")

    def learn(self, operation: Operation, sent: Any, answer: Answer) -> None:
        """Keep the values that a successful call sent and received."""
        found = dict(_named(sent))
        found.update(_named(answer.body))
        location = answer.header("location") or ""
        if location and "id" not in found:
            found["id"] = location.rstrip("/").rpartition("/")[2].partition("?")[0]
        self._by_path.setdefault(operation.path.rstrip("/"), {}).update(found)
        self._by_thing.setdefault(thing_at(operation.path), {}).update(found)
        self._by_name.update(found)
        for target, name, pointer in operation.links(answer.status or 0):
            value = dict(leaves(answer.body)).get(pointer)
            if value is not None:
                self._linked[target, name] = str(value)

    def value_of(self, operation: Operation, parameter: Parameter) -> str | None:
        """Return the most likely known value of a parameter; None if there is none."""
        name = _plain(parameter.name)
        linked = self._linked.get((operation.name, parameter.name))
        if linked is not None or parameter.where not in ("path", "query"):
            return linked if linked is not None else self._by_name.get(name)
        if parameter.where == "path":
            before = operation.path.partition("{" + parameter.name + "}")[0].rstrip("/")
            for place in (self._by_path.get(before), self._by_thing.get(thing_at(before))):
                if place and (found := _fitting(place, name)):
                    return found
            if found := self.of_thing(parameter.name):
                return found
        return self._by_name.get(name)


def _named(document: Any) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of the texts and numbers in a document; of each name the outermost."""
    found: dict[str, tuple[int, str]] = {}
    for number, (pointer, value) in enumerate(leaves(document)):
        if number == MOST_LEARNT:
            break
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            continue
        depth, name = pointer.count("/"), _plain(pointer.rpartition("/")[2])
        if name and (name not in found or depth < found[name][0]):
            found[name] = (depth, str(value))
    for name, (_, text) in found.items():
        yield name, text


def _fitting(place: Texts, name: str) -> str | None:
    """Return the value whose name is this one, or its end: `id` for petId, `number` for …Number."""
    if name in place:
        return place[name]
    ends = [each for each in place if len(each) >= LEAST_END and name.endswith(each)]
    return place[max(ends, key=len)] if ends else None


def thing_named(name: str) -> str:
    """Return the thing that an id names: "trip" for trip_id and tripId; "" for any other name."""
    found = _REFERS.fullmatch(name)
    return _singular(_plain(found[1])) if found else ""


def thing_at(path: str) -> str:
    """Return what the end of a path names, in the singular: "pet" for /v2/pets/{id}."""
    words = [each for each in path.split("/") if each and "{" not in each]
    return _singular(_plain(words[-1])) if words else ""


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", name.lower())
