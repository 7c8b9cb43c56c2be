"""The event stream to open pages: events in order, as they happen, and a limited history.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from secrets import token_hex

import msgspec

from lab.console.events import (
    ExchangeEvent,
    PageEvent,
    RequestEvent,
    RunEvent,
    StageEvent,
    Stamped,
)
from lab.console.score import Score
from lab.console.stack_state import StackState
from lab.core.errors import LabError

MOST_KEPT = 2000
MOST_KEPT_BYTES = 8_000_000  # the catalogue alone is 50 kB for each request
MOST_STREAMS = 12
MOST_INSTRUCTOR_STREAMS = 4  # places that no other page can take
BEAT_S = 2.0
RETRY_MS = 500
SOON_MS = 30
BEAT = b"event: beat\ndata: {}\n\n"


class Full(LabError):
    """The console serves as many pages as it can."""


@dataclass(frozen=True)
class _Kept:
    number: int
    stamped: Stamped
    text: bytes  # as JSON, encoded once for all streams


class Feed:
    """The history and its streams; thread-safe. publish() never blocks on a slow reader."""

    def __init__(
        self,
        *,
        most: int = MOST_KEPT,
        beat_s: float = BEAT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep at most `most` events; send a beat after `beat_s` without an event."""
        self._clock = clock
        self.epoch = token_hex(4)  # so that ids of another lab's feed are not valid here
        self.beat_s = beat_s
        self.news = threading.Condition()
        self._most = most
        self._number = 0
        self._cuts = 0
        self.closed = False
        self._stack: StackState | None = None
        self._streams: set[Stream] = set()
        self._start_anew()

    def publish(self, event: PageEvent) -> Stamped:
        """Send an event to all pages; return it with its number, its time and the score after it.

        Raise ValueError or TypeError, and send nothing, if a field is not valid JSON.
        """
        text = _encoded(event)  # the costly part, outside the lock
        with self.news:
            return self._publish(event, text)

    def begin(self, stack: StackState | None = None) -> Stamped:
        """Publish a new stage: reset history, score and clock; ids continue."""
        event = StageEvent(stack)
        text = _encoded(event)
        with self.news:
            self._start_anew()
            return self._publish(event, text)

    def history(self) -> list[Stamped]:
        """Return the kept events since the stage began, oldest first."""
        with self.news:
            return [kept.stamped for kept in self._history]

    def now_s(self) -> float:
        """Return the seconds since the stage began."""
        return round(self._clock() - self._began, 3)

    def stream(self, last_event_id: str | None = None, *, instructor: bool = False) -> "Stream":
        """Return a stream, from the last event that the page knows if that is still kept.

        Raise Full if 12 are open, for the instructor if 16 are: a stream frees its place when
        it ends or is closed.
        """
        most = MOST_STREAMS + (MOST_INSTRUCTOR_STREAMS if instructor else 0)
        with self.news:
            if len(self._streams) >= most:
                raise Full(f"{most} pages are open: close one, then reload this one")
            stream = Stream(self, self._resumed(last_event_id), self._cuts)
            self._streams.add(stream)
        return stream

    def cut(self) -> None:
        """End all streams, so that nginx need not wait for them; the pages reconnect."""
        with self.news:
            self._cuts += 1
            self.news.notify_all()

    def close(self) -> None:
        """End all streams, including future ones."""
        with self.news:
            self.closed = True
            self.news.notify_all()

    def leave(self, stream: "Stream") -> None:
        """Free the place of `stream`."""
        with self.news:
            self._streams.discard(stream)

    def is_over(self, cuts: int) -> bool:
        """Return whether a stream that began after `cuts` cuts has to end."""
        return self.closed or cuts != self._cuts

    def after(self, number: int) -> "list[_Kept] | None":
        """Return the events after `number`; None if some of them are no longer kept."""
        if number < self._lost:
            return None
        missed: list[_Kept] = []
        for kept in reversed(self._history):  # usually only the last few are new
            if kept.number <= number:
                break
            missed.append(kept)
        return missed[::-1]

    def snapshot(self) -> tuple[int, list[bytes]]:
        """Return the number of the newest event, and a message with the whole stage."""
        with self.news:
            number, kept = self._number, list(self._history)
            now = {
                "epoch": self.epoch,
                "now_s": self.now_s(),
                "stack": self._stack,
                "score": self._totals,
                "dropped": self._dropped,
            }
        head = f"id: {self.epoch}.{number}\nevent: snapshot\ndata: ".encode()
        events = b",".join(each.text for each in kept)
        return number, [head, _encoded(now)[:-1], b',"events":[', events, b"]}\n\n"]

    def message(self, kept: _Kept) -> bytes:
        """Return an event in its wire format."""
        return f"id: {self.epoch}.{kept.number}\ndata: ".encode() + kept.text + b"\n\n"

    def _start_anew(self) -> None:
        self._history: deque[_Kept] = deque()
        self._bytes = 0
        self._dropped = 0
        self._lost = 0  # the newest dropped event
        self._began = self._clock()
        self._score = Score()
        self._totals = self._score.totals()

    def _publish(self, event: PageEvent, text: bytes) -> Stamped:
        self._number += 1
        self._totals = self._score.take(event)
        stamped = Stamped(event, self._number, self.now_s(), self._totals)
        stamp = {"id": stamped.id, "at": stamped.at, "score": stamped.score}
        stack = None if isinstance(event, RequestEvent | ExchangeEvent | RunEvent) else event.stack
        self._stack = self._stack if stack is None else stack
        self._keep(_Kept(self._number, stamped, text[:-1] + b"," + _encoded(stamp)[1:]))
        self.news.notify_all()
        return stamped

    def _keep(self, kept: _Kept) -> None:
        self._history.append(kept)
        self._bytes += len(kept.text)
        while len(self._history) > self._most or self._bytes > MOST_KEPT_BYTES:
            oldest = self._history.popleft()
            self._bytes -= len(oldest.text)
            self._dropped += 1
            self._lost = oldest.number

    def _resumed(self, last_event_id: str | None) -> int | None:
        """Return the number of the last event that the page knows, None if it needs them all."""
        known = re.fullmatch(rf"{self.epoch}\.([0-9]{{1,15}})", last_event_id or "")
        if known is None or not self._lost <= int(known[1]) <= self._number:
            return None
        return int(known[1])


@dataclass(eq=False)
class Stream:
    """The messages for one page; an iterator that may be closed at any time.

    Not a generator: a generator that was never started would not free its place.
    """

    feed: Feed
    last: int | None
    """The newest event that was sent, None before the first."""
    cuts: int
    _begun: bool = field(default=False, init=False)
    _leaving: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next messages, or a beat if there are none for `beat_s`."""
        if not self._begun:
            self._begun = True
            return self._first()
        with self.feed.news:
            self.feed.news.wait_for(self._has_cause, self.feed.beat_s)
            over = self.feed.is_over(self.cuts)
            missed = self.feed.after(self.last or 0)
        if over and not missed:
            return self._last()
        if missed is None:
            return self._all()
        if not missed:
            return BEAT
        self.last = missed[-1].number
        return b"".join(map(self.feed.message, missed))

    def close(self) -> None:
        """Free the place; may be called twice."""
        self.feed.leave(self)

    def _last(self) -> bytes:
        if self._leaving or self.feed.closed:
            self.close()
            raise StopIteration
        self._leaving = True
        return f"retry: {SOON_MS}\n\n".encode()  # the server ended it: reconnect at once

    def _first(self) -> bytes:
        retry = f"retry: {RETRY_MS}\n\n".encode()
        return retry + (self._all() if self.last is None else BEAT)

    def _all(self) -> bytes:
        self.last, parts = self.feed.snapshot()
        return b"".join(parts)

    def _has_cause(self) -> bool:
        return self.feed.is_over(self.cuts) or self.feed.after(self.last or 0) != []


def _encoded(value: object) -> bytes:
    # ASCII escapes lone surrogates, which UTF-8 cannot encode, and U+2028.
    plain = msgspec.to_builtins(value)
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode("ascii")
