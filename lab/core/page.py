"""A page as plain values: what a command found, for a terminal or for HTML. Text is not escaped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Look = Literal["good", "bad", "doubt", "plain"]
_STYLES = {"good": "bold green", "bad": "bold red", "doubt": "bold yellow", "plain": "bold"}


@dataclass(frozen=True)
class Mark:
    """A word with its sign, and how it looks: colour is never alone."""

    sign: str
    word: str
    look: Look = "plain"

    @property
    def style(self) -> str:
        """The look in a terminal, in rich's words."""
        return _STYLES[self.look]

    def __str__(self) -> str:
        return f"{self.sign} {self.word}".strip()


Cell = str | Mark


@dataclass(frozen=True)
class Table:
    """Rows under headings; `numbers` are the columns that hold numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Graph:
    """A line or the bars of a chart; `app` chooses the colour. A point without y is a gap."""

    name: str
    app: str
    points: Sequence[tuple[str | float, float | None]]


@dataclass(frozen=True)
class Figure:
    """Lines on two axes, logarithmic if said so; bars where x is text."""

    title: str
    x: str
    y: str
    lines: Sequence[Graph]
    logarithmic: bool = False
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, then whatever it has of sentences, tables, charts and code, in this order."""

    heading: str
    sentences: Sequence[Cell] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Figure] = ()
    code: str = ""


@dataclass(frozen=True)
class ReportPage:
    """A page: what was done, what was found and why, and the evidence."""

    title: str
    about: str
    found: Sequence[tuple[Mark, str]]
    """Each finding with its reason."""
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()
    footer: str = ""
    banners: Sequence[str] = field(default=())
    """What a reader must know before the rest: that it was cut short, say."""
