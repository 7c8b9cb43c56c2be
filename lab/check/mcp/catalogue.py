"""What a server offers: its tools, resources and prompts, read from the answers to its lists."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.check.mcp.values import value_for
from lab.core.json_object import JsonObject

MOST_NAME = 200  # characters; a longer one is left out
_MIRROR_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")


@dataclass(frozen=True)
class Tool:
    """A tool. `read_only` is its own annotation."""

    name: str
    schema: JsonObject = field(default_factory=dict)
    read_only: bool = False

    @property
    def wanted(self) -> JsonObject:
        """The schemas of the arguments that a call must have, by name."""
        known, required = self.schema.get("properties"), self.schema.get("required")
        known = known if isinstance(known, dict) else {}
        names = required if isinstance(required, list) else []
        return {name: known.get(name, True) for name in names if isinstance(name, str)}

    def arguments(self, given: Mapping[str, Any]) -> JsonObject:
        """Return the arguments of a call, some of them given; NoValue if there are none."""
        left = {name: each for name, each in self.schema.items() if name != "required"}
        names = [name for name in self.wanted if name not in given]
        made = value_for({**left, "type": "object", "required": names})
        return {**(made if isinstance(made, dict) else {}), **given}

    def mirrored(self, arguments: Mapping[str, Any]) -> dict[str, str | int | bool]:
        """Return the arguments that go into headers too, by the name of the header (SEP-2243)."""
        known = self.schema.get("properties")
        found: dict[str, str | int | bool] = {}
        for name, schema in (known if isinstance(known, dict) else {}).items():
            header = schema.get("x-mcp-header") if isinstance(schema, dict) else None
            named = isinstance(header, str) and _MIRROR_HEADER.fullmatch(header)
            if named and isinstance(value := arguments.get(name), str | int):
                found[str(header)] = value
        return found


@dataclass(frozen=True)
class Prompt:
    """A prompt, and the arguments that it must be given."""

    name: str
    wanted: tuple[str, ...] = ()


def tools(result: JsonObject) -> Iterator[Tool]:
    """Yield the tools of an answer to tools/list, without malformed entries."""
    for item in _items(result, "tools"):
        if name := _name(item.get("name")):
            schema, notes = item.get("inputSchema"), item.get("annotations")
            hint = notes.get("readOnlyHint") if isinstance(notes, dict) else None
            yield Tool(name, schema if isinstance(schema, dict) else {}, hint is True)


def prompts(result: JsonObject) -> Iterator[Prompt]:
    """Yield the prompts of an answer to prompts/list."""
    for item in _items(result, "prompts"):
        if name := _name(item.get("name")):
            wanted = [each for each in _items(item, "arguments") if each.get("required") is True]
            yield Prompt(name, tuple(filter(None, (_name(each.get("name")) for each in wanted))))


def resources(result: JsonObject) -> Iterator[str]:
    """Yield the addresses of the resources in an answer to resources/list."""
    for item in _items(result, "resources"):
        if uri := _name(item.get("uri")):
            yield uri


def _items(result: JsonObject, key: str) -> list[JsonObject]:
    listed = result.get(key)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _name(value: object) -> str:
    return value if isinstance(value, str) and 0 < len(value) <= MOST_NAME else ""
