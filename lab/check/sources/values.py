"""A plausible value for a JSON schema, the same one every time; no fuzzing, and no chance."""

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.check.sources.description import Description
from lab.check.sources.pattern import LETTERS, matching
from lab.core.json_object import JsonObject

MOST_DEPTH = 8
MOST_MADE = 2000  # of one body
MOST_UNASKED = 12  # fields, where none is required
LONGEST_TEXT = 10_000
NUMBER = 7  # the ids of a service begin with 1: what a client made up must not look like one
_FORMATS = {
    "date-time": "2026-01-15T10:30:00Z",
    "date": "2026-01-15",
    "time": "10:30:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7",
    "uri": "https://example.com/a",
    "url": "https://example.com/a",
    "iri": "https://example.com/a",
    "uri-reference": "/a",
    "uri-template": "/a/{b}",
    "uuid": "6f0d5b1e-6c1f-4d0a-9b53-2f3a3c1d7e07",
    "byte": "bGFiIGNoZWNr",
    "binary": "lab check",
    "json-pointer": "/a",
    "regex": "^a$",
    "password": "Correct-Horse-7",
    "decimal": "7.5",
    "int64": "7",
}
# Where a schema says no more than that it is a text, its name often does.
_NAMES = (
    (re.compile(r"e_?mail", re.I), _FORMATS["email"]),
    (re.compile(r"pass(word|wd|phrase)", re.I), _FORMATS["password"]),
    (re.compile(r"(ur[il]|link|website|homepage|webhook)$", re.I), _FORMATS["uri"]),
    (re.compile(r"(phone|mobile)", re.I), "+15550100"),
    (re.compile(r"(_at|At|timestamp|date_?time)$"), _FORMATS["date-time"]),
    (re.compile(r"(^|_)(date|day|birthday)$", re.I), _FORMATS["date"]),
    (re.compile(r"currency", re.I), "EUR"),
    (re.compile(r"country", re.I), "NL"),
    (re.compile(r"(lang|language|locale)$", re.I), "en"),
    (re.compile(r"time_?zone", re.I), "Europe/Amsterdam"),
    (re.compile(r"user_?name|login$", re.I), "ada"),
    (re.compile(r"name$", re.I), "Ada"),
)


class SchemaValues:
    """Makes values. With `full` every field has one, else those that are required.

    `fields` are the author's own values, by the name of a field or parameter. `branch` chooses
    among what a schema leaves open (oneOf, anyOf). Without `examples` the document's own are not
    used: some documents have wrong ones.
    """

    def __init__(
        self,
        description: Description,
        fields: Mapping[str, str] | None = None,
        *,
        full: bool = False,
        branch: int = 0,
        examples: bool = True,
    ) -> None:
        self._description = description
        self._fields = fields or {}
        self._full = full
        self._branch = branch
        self._said = ("const", "example", "default") if examples else ("const",)
        self._listed = ("examples", "enum") if examples else ("enum",)
        self._left = MOST_MADE

    def of(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """Return a value of a schema; ValueError and the like where the schema is damaged."""
        self._left -= 1
        if depth > MOST_DEPTH or self._left < 0:
            return None
        whole = self._whole(schema)
        kind = kind_of(whole)
        if name in self._fields and kind not in ("object", "array"):
            return _typed(self._fields[name], kind)
        for word in self._said:
            if whole.get(word) is not None:
                return plain_value(whole[word])
        for word in self._listed:
            if isinstance(whole.get(word), list) and whole[word]:
                return plain_value(next((e for e in whole[word] if e is not None), None))
        if kind == "object":
            return self._object(whole, depth)
        if kind == "array":
            return self._array(whole, name, depth)
        return _scalar(kind, whole, name)

    def _whole(self, schema: Any) -> JsonObject:
        """Return a schema with its reference, its allOf and a branch of oneOf or anyOf in it."""
        whole = self._description.object(schema)
        for _ in range(MOST_DEPTH):
            parts = self._description.objects(whole.get("allOf"))
            choice: Sequence[JsonObject] = ()
            for word in ("oneOf", "anyOf"):
                choice = choice or self._description.objects(whole.get(word))
            if not parts and not choice:
                return whole
            base = {k: v for k, v in whole.items() if k not in ("allOf", "oneOf", "anyOf")}
            if choice:
                real = [each for each in choice if each.get("type") != "null"] or [{}]
                parts = [*parts, real[self._branch % len(real)]]
            for part in parts:
                base = _both(part, base)
            whole = base
        return whole

    def _object(self, schema: JsonObject, depth: int) -> Any:
        properties = self._description.object(schema.get("properties"))
        known = {str(k): self._description.object(v) for k, v in properties.items()}
        sent = {k: v for k, v in known.items() if not v.get("readOnly")}
        required = [str(each) for each in schema.get("required") or ()]
        if self._full:
            wanted = list(sent) if depth < 3 else list(required)
        elif required:
            wanted = list(required)
        else:
            simple = [k for k, v in sent.items() if kind_of(v) not in ("object", "array")]
            wanted = (simple or list(sent))[:MOST_UNASKED]
        wanted += [name for name in sent if name in self._fields and name not in wanted]
        found = {}
        for name in wanted:
            if name in known and name not in sent:
                continue
            value = self.of(known.get(name, {}), name, depth + 1)
            if value is not None or name in required:
                found[name] = value
        missing = int(schema.get("minProperties") or 0) - len(found)
        for name in [each for each in sent if each not in found][: max(0, missing)]:
            found[name] = self.of(sent[name], name, depth + 1)
        more = schema.get("additionalProperties")
        if not known and isinstance(more, dict):
            found["key"] = self.of(more, "key", depth + 1)
        return found

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[Any]:
        least = min(int(schema.get("minItems") or 0), 50)
        most = int(schema.get("maxItems", max(1, least)))
        if most < 1:
            return []
        first = self._description.objects(schema.get("prefixItems"))
        made = [self.of(each, name, depth + 1) for each in first]
        while len(made) < max(1, least):
            made.append(_distinct(self.of(schema.get("items", {}), name, depth + 1), len(made)))
        return [each for each in made if each is not None]


def kind_of(schema: JsonObject) -> str:
    """Return the type of a schema, the first of several that is not null; "string" if unsaid."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind is None:
        if "properties" in schema or "additionalProperties" in schema or "required" in schema:
            return "object"
        if "items" in schema or "prefixItems" in schema:
            return "array"
        return "integer" if "minimum" in schema or "maximum" in schema else "string"
    return "string" if kind == "file" else str(kind)


def plain_value(value: Any) -> Any:
    """Return a value as JSON has it: what YAML made a date of is a text."""
    if isinstance(value, dict):
        return {str(name): plain_value(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain_value(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return NUMBER
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _both(one: JsonObject, other: JsonObject) -> JsonObject:
    """Return a schema that asks for what both ask for; the second has the last word."""
    whole = {**one, **other}
    for word in ("properties", "allOf", "required"):
        first, second = one.get(word), other.get(word)
        if isinstance(first, dict) and isinstance(second, dict):
            whole[word] = {**first, **second}
        elif isinstance(first, list) and isinstance(second, list):
            whole[word] = [*first, *(each for each in second if each not in first)]
    return whole


def _typed(text: str, kind: str) -> Any:
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    return text.lower() == "true" if kind == "boolean" else text


def _scalar(kind: str, schema: JsonObject, name: str) -> Any:
    if kind in ("integer", "number"):
        return _number(kind, schema)
    if kind == "boolean":
        return True
    return None if kind == "null" else _string(schema, name)


def _number(kind: str, schema: JsonObject) -> int | float:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf") or 1
    # True in 3.0, where it says that the minimum itself is none; in 3.1 it is the bound.
    least = _bound(low, above, step, +1)
    most = _bound(high, below, step, -1)
    value: float = NUMBER
    if most is not None and value > most:
        value = most
    if least is not None and value < least:
        value = least
    if schema.get("multipleOf"):
        value = (math.ceil if least is not None else math.floor)(value / step) * step
    return int(value) if kind == "integer" or value == int(value) else float(value)


def _bound(inclusive: Any, exclusive: Any, step: float, sign: int) -> float | None:
    if exclusive is True:
        return None if inclusive is None else float(inclusive) + sign * step
    if exclusive is not None and exclusive is not False:
        return float(exclusive) + sign * step
    return None if inclusive is None else float(inclusive)


def _string(schema: JsonObject, name: str) -> str:
    least = min(int(schema.get("minLength") or 0), LONGEST_TEXT)
    most = int(schema.get("maxLength", LONGEST_TEXT))
    if isinstance(schema.get("pattern"), str):
        found = matching(schema["pattern"], least, most)
        if found is not None:
            return found
    known = _FORMATS.get(str(schema.get("format", "")))
    if known is None:
        known = next((text for pattern, text in _NAMES if pattern.search(name)), "text")
    if len(known) < least:
        known += (LETTERS * (least // len(LETTERS) + 1))[: least - len(known)]
    return known[:most]


def _distinct(value: Any, number: int) -> Any:
    """Return the n-th item of a list: its items may have to differ."""
    if number == 0 or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value + number
    return f"{value}{number}" if isinstance(value, str) else value
