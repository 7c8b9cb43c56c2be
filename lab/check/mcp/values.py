"""A value for a JSON Schema: a small, plain one, the same every time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from lab.core import pointer
from lab.core.json_object import JsonObject

DEEPEST_VALUE = 12  # levels of a value, and references in a row
MOST_SCHEMAS = 2000  # schemas looked at for one value
MOST_ITEMS, LONGEST_TEXT = 50, 2000
_FORMAT_VALUES = {
    "date": "2025-01-02",
    "date-time": "2025-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/a",
    "iri-reference": "/a",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "json-pointer": "/a",
    "regex": "a",
    "byte": "YQ==",
}
_TRIED_TEXTS = (
    *("a", "1", "abc", "123", "A", "ABC", "en", "EN", "en-US", "2025", "USD", "1.0", "1.0.0"),
    *("a-b", "a_b", "a1", "abcd", "1234", "12345", "ada@example.com", "https://example.com/"),
    *_FORMAT_VALUES.values(),
)
_QUANTIFIER = re.compile(r"[*+?{]")
MOST_TRIED = 40  # characters times quantifiers: more may take for ever to match


class NoValue(ValueError):
    """No value was found; the text says for what."""


def value_for(schema: object) -> Any:
    """Return a value that a schema allows, as far as it is understood; NoValue if none is found.

    What it offers itself comes first: a const, a default, an example. References are followed
    within the schema.
    """
    return _Maker(schema).value(schema, 0)


@dataclass
class _Maker:
    root: object
    left: int = MOST_SCHEMAS

    def value(self, schema: object, depth: int) -> Any:
        self.left -= 1
        if depth > DEEPEST_VALUE or self.left < 0:
            raise NoValue("a schema that is nested too deeply, or contains itself")
        if schema is False:
            raise NoValue("a schema that allows nothing")
        if not isinstance(schema, dict):
            return "a"
        found, value = _offered(schema)
        if found:
            return value
        if "$ref" in schema:
            rest = {name: each for name, each in schema.items() if name != "$ref"}
            return self.value(_merged(self._target(schema["$ref"]), rest), depth + 1)
        if parts := _schemas(schema.get("allOf")):
            if False in schema["allOf"]:
                raise NoValue("a schema that allows nothing")
            rest = {name: each for name, each in schema.items() if name != "allOf"}
            return self.value(_merged(*map(self._plain, parts), rest), depth + 1)
        for word in ("oneOf", "anyOf"):
            if schema.get(word) and isinstance(schema[word], list):
                choices = _schemas(schema[word])
                rest = {name: each for name, each in schema.items() if name != word}
                return self._any([_merged(self._plain(each), rest) for each in choices], depth)
        return self._of_kind(_kind(schema), schema, depth)

    def _any(self, choices: list[JsonObject], depth: int) -> Any:
        """Return a value for the first choice that has one, nothing (null) last."""
        why = NoValue("a schema without a choice")
        for choice in sorted(choices, key=lambda each: _kind(each) == "null"):
            try:
                return self.value(choice, depth + 1)
            except NoValue as error:
                why = error
        raise why

    def _of_kind(self, kind: str, schema: JsonObject, depth: int) -> Any:
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return _number(schema, whole=kind == "integer")
        if kind == "boolean":
            return False
        return None if kind == "null" else _text(schema)

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        known = schema.get("properties")
        known = known if isinstance(known, dict) else {}
        wanted = schema.get("required")
        names = (
            [each for each in wanted if isinstance(each, str)] if isinstance(wanted, list) else []
        )
        return {name: self.value(known.get(name, True), depth + 1) for name in names}

    def _array(self, schema: JsonObject, depth: int) -> list[Any]:
        first = _schemas(schema.get("prefixItems"))
        least = max(_whole(schema.get("minItems"), 0), len(first))
        if least > MOST_ITEMS:
            raise NoValue(f"a list of {least} items")
        most = _whole(schema.get("maxItems"), MOST_ITEMS)
        items = schema.get("items", True)
        count = max(least, min(1, most))
        if count > 1 and schema.get("uniqueItems") is True:
            raise NoValue("a list of several different items")
        chosen = [first[n] if n < len(first) else items for n in range(count)]
        try:
            return [self.value(each, depth + 1) for each in chosen]
        except NoValue:
            if least:
                raise
            return []  # one that contains itself ends here

    def _plain(self, schema: JsonObject) -> JsonObject:
        """Return a schema without a reference at its top."""
        for _ in range(DEEPEST_VALUE):
            if "$ref" not in schema:
                return schema
            rest = {name: each for name, each in schema.items() if name != "$ref"}
            schema = _merged(self._target(schema["$ref"]), rest)
        raise NoValue("a $ref that never ends")

    def _target(self, ref: object) -> JsonObject:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise NoValue(f"a $ref that leads out of the schema: {str(ref)[:80]}")
        try:
            place = pointer.resolve(self.root, ref)
        except LookupError:
            place = None
        if place is True:
            return {}
        if not isinstance(place, dict):
            raise NoValue(f"a $ref to nothing: {ref[:80]}")
        return place


def _offered(schema: JsonObject) -> tuple[bool, Any]:
    """Return True and the value if a schema names one itself."""
    for word in ("const", "default", "example"):
        if word in schema:
            return True, schema[word]
    for word in ("examples", "enum"):
        if isinstance(listed := schema.get(word), list) and listed:
            return True, listed[0]
    return False, None


def _merged(*schemas: JsonObject) -> JsonObject:
    """Return one schema in place of several that all apply; the last one wins for a keyword."""
    whole: JsonObject = {}
    for schema in schemas:
        for name, each in schema.items():
            before = whole.get(name)
            if name == "properties" and isinstance(before, dict) and isinstance(each, dict):
                whole[name] = {**before, **each}
            elif name == "required" and isinstance(before, list) and isinstance(each, list):
                whole[name] = [*before, *each]
            else:
                whole[name] = each
    return whole


def _schemas(value: object) -> list[JsonObject]:
    if not isinstance(value, list):
        return []
    return [each if isinstance(each, dict) else {} for each in value if each is not False]


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _text(schema: JsonObject) -> str:
    least, most = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), LONGEST_TEXT)
    if least > LONGEST_TEXT or least > most:
        raise NoValue(f"a text of {least} to {most} characters")
    pattern, kind = schema.get("pattern"), schema.get("format")
    known = _FORMAT_VALUES.get(kind) if isinstance(kind, str) else None
    if known is not None and least <= len(known) <= most:
        return known
    for word in (each.ljust(least, each[-1])[:most] for each in _TRIED_TEXTS):
        if pattern is None or _matches(pattern, word):
            return word
    raise NoValue(f"a text like {str(pattern)[:80]}")


def _matches(pattern: object, word: str) -> bool:
    if not isinstance(pattern, str):
        return False
    if len(word) * len(_QUANTIFIER.findall(pattern)) > MOST_TRIED:
        return False
    try:
        return re.search(pattern, word) is not None
    except (re.error, OverflowError, RecursionError):
        return False


def _number(schema: JsonObject, *, whole: bool) -> int | float:
    step = _real(schema.get("multipleOf"))
    unit = 1.0 if whole or step is None else step
    low, high = _real(schema.get("minimum")), _real(schema.get("maximum"))
    over, under = _real(schema.get("exclusiveMinimum")), _real(schema.get("exclusiveMaximum"))
    if over is not None:
        low = max(over + unit, low) if low is not None else over + unit
    if under is not None:
        high = min(under - unit, high) if high is not None else under - unit
    value = 1.0 if low is None else max(1.0, low)
    if high is not None and value > high:
        value = high if low is None else low
    if step:
        value = ceil(value / step) * step
    elif whole:
        value = float(ceil(value))
    if (low is not None and value < low) or (high is not None and value > high):
        raise NoValue(f"a number from {low} to {high}")
    return int(value) if value.is_integer() else value


def _real(value: object) -> float | None:
    """Return a bound of a schema as a number, None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 and value == value else None


def _whole(value: object, default: int) -> int:
    number = _real(value)
    return default if number is None or number < 0 else int(number)
