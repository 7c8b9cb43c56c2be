"""Option types whose value a function of the lab reads; click reports a wrong one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from lab.core import units
from lab.core.errors import LabError


class ParsedType(click.ParamType):  # type: ignore[type-arg]
    """A type of option: `name` stands in its help, `read` returns the value or raises LabError."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Return the value, or fail with the reason."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except LabError as error:
            self.fail(str(error), param, context)


def duration(least_s: float = 0.001, most_s: float = units.MOST_S) -> ParsedType:
    """Return the type of a duration, in seconds: `500ms`, `30s`, `1h`, or plain seconds."""
    read = partial(units.parse_duration, least_s=least_s, most_s=most_s)
    return ParsedType("DURATION", read)


DURATION = duration()
RATE = ParsedType("RATE", units.parse_rate)
COUNT = ParsedType("COUNT", units.parse_count)
SHARE = ParsedType("SHARE", units.parse_share)
SIZE = ParsedType("SIZE", units.parse_size)
FACTOR = ParsedType("FACTOR", units.parse_factor)
