"""The one name for JSON of unknown shape, and the one way to write the lab's own documents."""

import json
from typing import Any, TypeAlias

import msgspec

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object whose shape the lab does not know until it has looked at it.

Bodies of requests and of services, what a script measures, documents of other programs and of
earlier versions. What the lab itself makes has a Struct, a dataclass or a TypedDict.
"""


def json_or_none(text: str | bytes) -> Any:
    """Return the value of JSON text, or None if it is not JSON. NaN and long numbers are read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def json_text(document: object) -> str:
    """Return a document of the lab's own as indented JSON; ValueError for NaN and infinity."""
    plain = msgspec.to_builtins(document)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
