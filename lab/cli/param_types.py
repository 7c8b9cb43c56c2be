"""A type of option whose value is read by a function of the lab."""

from collections.abc import Callable
from typing import Any

import click

from lab.core.errors import LabError


class ParsedType(click.ParamType):  # type: ignore[type-arg]
    """A type of option: `name` stands in its help, `read` returns the value or raises LabError."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Return the value that was read; a LabError becomes click's error for this option."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except LabError as error:
            self.fail(str(error), param, context)
