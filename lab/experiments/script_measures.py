"""What a script may measure: values that a result can keep, under names the lab does not use."""

import math
from collections.abc import Mapping, Set

import msgspec

from lab.core.errors import ScriptMistake
from lab.evidence.result import Counts

MEASURED = frozenset(Counts.__struct_fields__)
"""The names of what the lab measures itself."""


def require_keepable(name: str, value: object) -> None:
    """Raise ScriptMistake for a value that a result cannot keep: NaN, an object of another kind."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ScriptMistake(
            f"{name} is {value}, which cannot be kept as a number: leave it out, or give None"
        )
    if isinstance(value, str | int | float | None | msgspec.Struct):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str | int):
                raise ScriptMistake(
                    f"{name} has the key {key!r}: a key is a text or a whole number"
                )
            require_keepable(f"{name}[{key!r}]", item)
    elif isinstance(value, list | tuple | Set):
        for number, item in enumerate(value):
            require_keepable(f"{name}[{number}]", item)
    else:
        raise ScriptMistake(
            f"{name} is of type {type(value).__name__}, which a result cannot keep: give a "
            "number, a text, True, False, None, or a list or dict of these"
        )
