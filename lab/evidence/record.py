"""Everything that happened in one variant, in order: exchanges and faults."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Protocol

from lab.core.faults import FaultEvent
from lab.evidence.exchange import Exchange

LiveEvent = Exchange | FaultEvent


class Recorder(Protocol):
    """Where a shopper's exchanges go; `Record` keeps them, a crowd's journal writes them down."""

    def next_op(self) -> str:
        """Return an id that no other request of this run has."""
        ...

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since the recording began."""
        ...

    def append(self, event: Exchange) -> None:
        """Add an event."""
        ...


class Record:
    """An append-only list of events with its own clock; safe to share between threads."""

    def __init__(
        self,
        variant: str,
        on_event: Callable[[LiveEvent], None] | None = None,
        *,
        keep: int | None = None,
        numbers: Iterator[int] | None = None,
        start_s: float | None = None,
    ) -> None:
        """`keep` is how many events stay, the newest (None: all of them).

        `numbers` are those of the ops, 1, 2, 3, … if it is left out: for a record that goes
        on where an earlier one of the same variant has stopped. `start_s` is when its clock
        began, on the monotonic clock (None: now): for a record beside another one.
        """
        self.variant = variant
        self.events: list[LiveEvent] = []
        self._keep = keep
        self._on_event = on_event
        self.start_s = time.monotonic() if start_s is None else start_s
        self._numbers = count(1) if numbers is None else numbers
        self._lock = threading.Lock()

    def now_s(self) -> float:
        """Seconds since this record began (monotonic)."""
        return time.monotonic() - self.start_s

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since this record began."""
        return at_s - self.start_s

    def next_op(self) -> str:
        """Return an id that no other request of this run has."""
        return f"{self.variant}-{next(self._numbers)}"

    def append(self, event: LiveEvent) -> None:
        """Keep `event`, and call `on_event` with it."""
        with self._lock:
            self.events.append(event)
            if self._keep is not None:
                del self.events[: max(0, len(self.events) - self._keep)]
        if self._on_event:
            self._on_event(event)

    def exchanges(self) -> Iterator[Exchange]:
        """Yield the exchanges, oldest first."""
        return (event for event in list(self.events) if isinstance(event, Exchange))

    def faults(self) -> Iterator[FaultEvent]:
        """Yield the faults, oldest first."""
        return (event for event in list(self.events) if isinstance(event, FaultEvent))
