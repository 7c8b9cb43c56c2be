"""Tracks which events one open page has received, and which are new to it."""

from dataclasses import dataclass, field
from typing import Protocol

RETRY_MS = 500
BEAT = b"event: beat\ndata: {}\n\n"

Bytes = bytes | memoryview
"""Part of a message; all readers share the same bytes."""


@dataclass(frozen=True)
class News:
    """The events a reader has not seen; `over` if there will be no more."""

    parts: list[Bytes]
    newest: int
    over: bool


class NewsSource(Protocol):
    """Holds the events, and returns the new ones."""

    closed: bool

    def after(self, number: int | None, cuts: int) -> News:
        """Return the events after `number`: those that a reader has not seen."""
        ...


@dataclass(eq=False)
class Reader:
    """Remembers which events one page was sent."""

    feed: NewsSource
    last: int | None
    """The newest event that was sent, None before the first."""
    cuts: int
    _begun: bool = field(default=False, init=False)

    def take(self) -> News:
        """Return what is new since the last call: messages, or the whole stage in one."""
        news = self.feed.after(self.last, self.cuts)
        self.last = news.newest
        if self._begun:
            return news
        self._begun = True
        retry = f"retry: {RETRY_MS}\n\n".encode()
        return News([retry, *(news.parts or [BEAT])], news.newest, news.over)
