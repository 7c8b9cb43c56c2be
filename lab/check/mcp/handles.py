"""Handles: values that one tool returns and another needs, such as a basket's id (SEP-2567)."""

import re
from collections.abc import Iterator
from typing import Any

from lab.check.conversation import Ref
from lab.check.correlation import leaves
from lab.check.mcp.catalogue import Tool
from lab.check.mcp.messages import FromAnswer
from lab.core.http import Answer
from lab.core.json_object import JsonObject, json_or_none

MOST_HANDLES = 500
LONGEST_HANDLE = 200
_WORD_OR_NUMBER = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ONE_WORD = re.compile(r"[\w.~:/+=-]{1,200}")
_SAID = ("const", "enum", "default", "example", "examples")
_UNNAMED = {"result", "id", "text", "value"}


class Handles:
    """The newest values that tools returned, by name."""

    def __init__(self) -> None:
        self._known: dict[str, FromAnswer] = {}

    def learn(self, tool: str, index: int, answer: Answer) -> None:
        """Keep the values in a tool's answer to the call at `index`."""
        document = answer.body
        result = document.get("result") if isinstance(document, dict) else None
        if not isinstance(result, dict) or result.get("isError") is True:
            return
        for name, value, where in _given_by(result):
            if len(self._known) < MOST_HANDLES and len(str(value)) <= LONGEST_HANDLE:
                given = FromAnswer(Ref(index, where, str(value), "json"), value)
                for each in [name, *(_words(tool) if name in _UNNAMED else [])]:
                    self._known[each] = given

    def arguments(self, tool: Tool) -> JsonObject:
        """Return the required arguments of a tool that an answer has given, by name."""
        found = {}
        for name, schema in tool.wanted.items():
            given = self._known.get(_stem(name))
            if given and isinstance(schema, dict) and _may_be(schema, given.value):
                found[name] = given
        return found


def _may_be(schema: JsonObject, value: str | int) -> bool:
    if any(word in schema for word in _SAID):
        return False
    kind = schema.get("type", "string")
    return bool(kind == ("string" if isinstance(value, str) else "integer"))


def _given_by(result: JsonObject) -> Iterator[tuple[str, str | int, str]]:
    """Yield (name, value, place) of the values in a result: structured, in text, or one word."""
    for number, item in enumerate(_list(result.get("content"))):
        text = item.get("text") if isinstance(item, dict) else None
        if not isinstance(text, str):
            continue
        inner = json_or_none(text)
        if isinstance(inner, dict):
            for pointer, value in leaves(inner):
                if isinstance(value, str) and _ONE_WORD.fullmatch(value):
                    key = pointer.rpartition("/")[2]
                    where = rf'match:{re.escape(key)}\\?"\s*:\s*\\?"([^"\\]+)'
                    yield _stem(key), value, where
        elif inner is None and _ONE_WORD.fullmatch(text):
            yield "result", text, f"json:/result/content/{number}/text"
    for pointer, value in leaves(result.get("structuredContent")):
        if isinstance(value, str | int) and not isinstance(value, bool):
            where = f"json:/result/structuredContent{pointer}"
            yield _stem(pointer.rpartition("/")[2]), value, where


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD_OR_NUMBER.findall(name)]


def _stem(name: str) -> str:
    """Return the noun of a name: "cart" for cart_id, cartId and Cart."""
    words = _words(name)
    if len(words) > 1 and words[-1] in ("id", "uuid", "key", "token"):
        words.pop()
    return "".join(words) or name
