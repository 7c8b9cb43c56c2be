"""The one name for JSON of unknown shape: everything else in the lab has a type of its own."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object whose shape the lab does not know until it has looked at it.

Bodies of requests and of services, what a script measures, documents of other programs and of
earlier versions. What the lab itself makes has a Struct, a dataclass or a TypedDict.
"""
