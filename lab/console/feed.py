"""The events for open pages: in order, as they happen, with a limited history.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

import msgspec

from lab.console.events import LessonEvent, PageEvent, StackShown, StageEvent, Stamped
from lab.console.feed_reader import Bytes, News, Reader
from lab.console.score import Score
from lab.console.stack_state import StackState

MOST_KEPT = 2000
MOST_KEPT_BYTES = 8_000_000  # the catalogue alone is 50 kB for each request


@dataclass(frozen=True)
class _Kept:
    number: int
    stamped: Stamped
    message: bytes  # wire format, encoded once for all readers
    json: memoryview  # the JSON in it


class Feed:
    """The history, and what each reader has not seen of it; thread-safe. Nothing here blocks."""

    def __init__(
        self, *, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep at most `most` events."""
        self._clock = clock
        self.epoch = token_hex(4)  # so that ids of another lab's feed are not valid here
        self.closed = False
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], object]] = set()
        self._most = most
        self._number = 0
        self._cuts = 0
        self._stack: StackState | None = None
        self._lesson: LessonEvent | None = None
        self._start_anew()

    def publish(self, event: PageEvent) -> Stamped:
        """Send an event to all pages; return it with its number, its time and the score after it.

        Raise ValueError or TypeError, and send nothing, if a field is not valid JSON.
        """
        text = _encoded(event)  # the costly part, outside the lock
        with self._lock:
            stamped = self._publish(event, text)
        self._call_listeners()
        return stamped

    def begin(self, stack: StackState | None = None, script: str = "") -> Stamped:
        """Publish a new stage, of a script or none: reset history, score and clock; ids go on."""
        event = StageEvent(stack, script)
        text = _encoded(event)
        with self._lock:
            self._start_anew(script)
            stamped = self._publish(event, text)
        self._call_listeners()
        return stamped

    def history(self) -> list[Stamped]:
        """Return the kept events since the stage began, oldest first."""
        with self._lock:
            return [kept.stamped for kept in self._history]

    @property
    def newest(self) -> int:
        """The number of the newest event."""
        return self._number

    def now_s(self) -> float:
        """Return the seconds since the stage began."""
        return round(self._clock() - self._began, 3)

    def reader(self, last_event_id: str | None = None) -> Reader:
        """Return a reader, from the last event that the page knows if that is still kept."""
        with self._lock:
            return Reader(self, self._resumed(last_event_id), self._cuts)

    def on_news(self, listener: Callable[[], object]) -> None:
        """Call `listener` whenever readers may find something new; it must not block."""
        with self._lock:
            self._listeners = {*self._listeners, listener}

    def cut(self) -> None:
        """End all present readers, so that nginx does not wait for them; pages reconnect."""
        with self._lock:
            self._cuts += 1
        self._call_listeners()

    def close(self) -> None:
        """End all readers, also future ones."""
        self.closed = True
        self._call_listeners()

    def after(self, number: int | None, cuts: int) -> News:
        """Return the events after `number`: those that a reader has not seen.

        `number` is None if it knows none; `cuts` is how many cuts there were when it began.
        """
        with self._lock:
            over = self.closed or cuts != self._cuts
            if number is None or number < self._lost:
                return News(self._snapshot(), self._number, over)
            missed: list[Bytes] = []
            for kept in reversed(self._history):  # usually only the last few are new
                if kept.number <= number:
                    break
                missed.append(kept.message)
            return News(missed[::-1], self._number, over)

    def _call_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    def _snapshot(self) -> list[Bytes]:
        """Return a message with the whole stage, in parts: the events in it are not copied."""
        now = {
            "epoch": self.epoch,
            "now_s": self.now_s(),
            "stack": self._stack,
            "script": self._script,
            "lesson": self._lesson,
            "score": self._totals,
            "dropped": self._dropped,
        }
        parts: list[Bytes] = [f"id: {self.epoch}.{self._number}\nevent: snapshot\ndata: ".encode()]
        parts += (_encoded(now)[:-1], b',"events":[')
        for number, kept in enumerate(self._history):
            parts += (b",", kept.json) if number else (kept.json,)
        parts.append(b"]}\n\n")
        return parts

    def _start_anew(self, script: str = "") -> None:
        self._script = script
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
        if isinstance(event, LessonEvent):
            self._lesson = event
        if isinstance(event, StackShown):
            self._stack = event.stack or self._stack
        self._keep(stamped, text[:-1] + b"," + _encoded(stamp)[1:])
        return stamped

    def _keep(self, stamped: Stamped, text: bytes) -> None:
        head = f"id: {self.epoch}.{stamped.id}\ndata: ".encode()
        message = head + text + b"\n\n"
        json_in_it = memoryview(message)[len(head) : -2]
        self._history.append(_Kept(stamped.id, stamped, message, json_in_it))
        self._bytes += len(text)
        while len(self._history) > self._most or self._bytes > MOST_KEPT_BYTES:
            oldest = self._history.popleft()
            self._bytes -= len(oldest.json)
            self._dropped += 1
            self._lost = oldest.number

    def _resumed(self, last_event_id: str | None) -> int | None:
        """Return the number of the last event the page knows, None if it needs all events."""
        known = re.fullmatch(rf"{self.epoch}\.([0-9]{{1,15}})", last_event_id or "")
        if known is None or not self._lost <= int(known[1]) <= self._number:
            return None
        return int(known[1])


def _encoded(value: object) -> bytes:
    # ASCII escapes lone surrogates, which UTF-8 cannot encode, and U+2028.
    plain = msgspec.to_builtins(value)
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode("ascii")
