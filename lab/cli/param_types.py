"""An option's value that a function of the lab reads, told as click tells a wrong one."""

from collections.abc import Callable
from typing import Any

import click

from lab.core.errors import LabError


class ParsedType(click.ParamType):  # type: ignore[type-arg]
    """A type of option: `name` in its help, `read` makes the value or raises LabError."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Return what was meant, or fail with the reason."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except LabError as error:
            self.fail(str(error), param, context)
