"""Option types whose value a function of the lab reads; click reports a wrong one."""

import re
from collections.abc import Callable, Sequence
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


class CountRange(click.IntRange):
    """A whole number in a range: `3`, `5000`, `5k`, `1.5k`."""

    name = "COUNT"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Return the number, or fail with the range or with what is right."""
        if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]{1,15}", value, re.ASCII):
            try:
                value = units.parse_count(value)
            except LabError:
                given = units.as_given(value)
                most = f"to {self.max:,}" if self.max else "on"
                self.fail(f"{given}: give a whole number from {self.min} {most}", param, context)
        return super().convert(value, param, context)


class Setting(click.Choice):  # type: ignore[type-arg]
    """A choice that also takes the words that people guess: on, yes, true, off, no, false."""

    def __init__(self, choices: Sequence[str], yes: str, no: str) -> None:
        super().__init__(choices)
        self._guesses = {
            **dict.fromkeys(("on", "yes", "true", "1"), yes),
            **dict.fromkeys(("off", "no", "false", "0", "none"), no),
        }

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Return the choice that is meant, or fail with what there is."""
        word = value.lower() if isinstance(value, str) else value
        if word not in self.choices:
            word = self._guesses.get(word, value)
        return super().convert(word, param, context)


def duration(least_s: float = 0.001, most_s: float = units.MOST_S) -> ParsedType:
    """Return the type of a duration, in seconds: `500ms`, `30s`, `1h`, or plain seconds."""
    read = partial(units.parse_duration, least_s=least_s, most_s=most_s)
    return ParsedType("DURATION", read)


DURATION = duration()
DURATION_OR_NONE = duration(least_s=0)
WAITING_TIME = duration(most_s=units.MOST_WAIT_S)
"""A duration that the lab itself waits for."""
RATE = ParsedType("RATE", units.parse_rate)
COUNT = ParsedType("COUNT", units.parse_count)
SHARE = ParsedType("SHARE", units.parse_share)
SIZE = ParsedType("SIZE", units.parse_size)
AFFINITY = Setting(["none", "cookie"], yes="cookie", no="none")
RETRY = Setting(["off", "on"], yes="on", no="off")
FACTOR = ParsedType("FACTOR", units.parse_factor)
PRICE = ParsedType("PRICE", units.parse_price)
