"""Tracks which events one open page has received, and which are new to it."""

from dataclasses import dataclass, field
from typing import Protocol

RETRY_MS = 500
BEAT = b"event: beat\ndata: {}\n\n"

Bytes = bytes | memoryview
"""Part of a message; all readers share the same bytes."""


@dataclass(frozen=True)
class News:
    """What a reader has not seen; `over` if nothing comes after it."""

    parts: list[Bytes]
    newest: int
    over: bool


class NewsSource(Protocol):
    """Has the events, and knows which are new."""

    closed: bool

    def after(self, number: int | None, cuts: int) -> News:
        """Return what a reader has not seen that knows the events up to `number`."""
        ...


@dataclass(eq=False)
class Reader:
    """Remembers what one page was sent."""

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
