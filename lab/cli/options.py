"""Options that commands of every kind share, and how an option with a default is made."""

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

import click

from lab.cli.param_types import CountRange
from lab.core.run_folder import DEFAULT_ROOT

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Any], Any]
"""What gives a command an option, as a decorator."""


def value(name: str, kind: click.ParamType[Any], default: object, what: str, *into: str) -> Option:
    """Return an option whose help shows its default; `into` is the parameter that it fills."""
    return click.option(name, *into, type=kind, default=default, show_default=True, help=what)


def number(name: str, least: int, most: int, default: int, what: str) -> Option:
    """Return an option that is a whole number from `least` to `most`."""
    kind = CountRange(least, most)
    return click.option(name, type=kind, default=default, show_default=True, metavar="N", help=what)


class RenamedOption(click.Option):
    """An option whose help shows its first name only; its old names still work."""

    def get_help_record(self, context: click.Context) -> tuple[str, str] | None:
        """Return the names and the text for the help."""
        shown = copy(self)
        shown.opts = self.opts[:1]
        return super(RenamedOption, shown).get_help_record(context)


def together(*given: Option) -> Option:
    """Return what gives a command all of these options, in this order."""

    def add(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return add


out = value(
    "--out", click.Path(file_okay=False, path_type=Path), DEFAULT_ROOT, "Folder of the runs."
)
port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    metavar="N",
    help="Port of the page; 0 for any free port.  [default: 8000, or a free one if it is taken]",
)
no_open = click.option("--no-open", is_flag=True, help="Print the link; do not open a browser.")
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)
