"""A plausible value for a JSON schema, the same one every time; no fuzzing, and no chance."""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lab.check.sources.description import Description
from lab.check.sources.scalars import ANY_NUMBER, distinct, scalar, typed
from lab.core.json_object import JsonObject

MOST_DEPTH = 8
MOST_MADE = 2000  # values that are made for one body
MOST_UNASKED = 12  # fields that are filled in although none is required


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
            return typed(self._fields[name], kind)
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
        return scalar(kind, whole, name)

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
            made.append(distinct(self.of(schema.get("items", {}), name, depth + 1), len(made)))
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
        return ANY_NUMBER
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
