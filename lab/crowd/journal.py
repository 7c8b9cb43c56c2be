"""What a generator process writes down: every exchange to disk, and tallies to be told.

Nothing grows with the number of requests but the file.
"""

import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from lab.crowd.tally import Tally
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange, OpStatus

COLUMNS = (
    *("op", "customer", "method", "path", "server", "at_s", "waited_ms", "elapsed_ms"),
    *("status", "outcome", "replica", "instance", "fate", "error"),
)
"""Of a line of the record; `at_s` counts from the start, the warm-up included."""
_BUFFER_BYTES = 1 << 16


class Journal:
    """The recorder of all shoppers of one process, by the clock of the crowd.

    The interface that a `Shopper` wants of a record: `next_op`, `since_start`, `append`.
    """

    def __init__(self, lane: str, path: Path | None, warm_up_s: float, worker: int = 0) -> None:
        """`path` is the file to write, which must not exist yet (None: no record is kept)."""
        self.in_flight = 0
        self.closing = False
        """Whether the doors are closed: what comes now is the closing look."""
        self._warm_up_s = warm_up_s
        self._file = path.open("xb", buffering=_BUFFER_BYTES) if path else None
        self._encode = msgspec.json.Encoder().encode
        self._numbers = count(1)
        self._prefix = f"{lane}-w{worker}-"
        self._start_s = time.monotonic()
        self._tally = Tally()
        self._settled: list[list[Any]] = []
        self._lock = threading.Lock()
        self._trouble: str | None = None

    def begin(self, start_s: float) -> None:
        """Say when the crowd starts, on the monotonic clock."""
        self._start_s = start_s

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start_s

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since the start."""
        return at_s - self._start_s

    def next_op(self) -> str:
        """Return an id that no other request of this run has."""
        return f"{self._prefix}{next(self._numbers)}"

    def append(self, exchange: Exchange) -> None:
        """Write one exchange down, and count it."""
        headers = exchange.headers
        line = (
            exchange.op,
            exchange.customer,
            exchange.method,
            exchange.path.partition("?")[0],  # a query may hold a token
            exchange.target,
            round(exchange.at_s, 6),
            round(exchange.waited_ms, 3),
            round(exchange.elapsed_ms, 3),
            exchange.status,
            exchange.outcome,
            headers.get("x-served-by"),
            headers.get("x-instance"),
            exchange.fate,
            exchange.error,
        )
        with self._lock:
            self._count(exchange)
            if self._file:
                self._file.write(self._encode(line) + b"\n")

    def sends(self, more: int) -> None:
        """Note that a request is on its way (1), or that its answer is there (-1)."""
        with self._lock:
            self.in_flight += more

    def begins(self) -> None:
        """Note a visit that begins."""
        with self._lock:
            self._tally.begun += 1

    def late(self, late_ms: float) -> None:
        """Note by how much the generator itself was late with a request."""
        with self._lock:
            self._tally.lateness.add(late_ms)

    def settle(self, line: list[Any]) -> None:
        """Note what became of one visit (see `visit.IterationResult`)."""
        with self._lock:
            self._settled.append(line)

    @property
    def trouble(self) -> str | None:
        """What the first visit that broke has said."""
        return self._trouble

    def broke(self, told: str) -> None:
        """Note a visit whose script raised; the first is told in full."""
        with self._lock:
            self._tally.broken += 1
            self._trouble = self._trouble or told

    def report(self) -> dict[str, Any]:
        """Return what is new since the last report, as plain values."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
            settled, self._settled = self._settled, []
        return {
            "at_s": self.now_s(),
            "closing": self.closing,
            "in_flight": self.in_flight,
            "tally": tally.packed(),
            "settled": settled,
            "trouble": self._trouble,
        }

    def close(self) -> None:
        """Write out what is still to be written."""
        if self._file:
            self._file.close()

    def _count(self, exchange: Exchange) -> None:
        tally = self._tally
        tally.answered += exchange.status is not None
        if self.closing:
            tally.closing += 1
            return
        if exchange.at_s - exchange.waited_ms / 1000 < self._warm_up_s:
            tally.warm_up += 1
            return
        if exchange.outcome is OpStatus.OK:
            tally.ok += 1
        elif exchange.outcome is OpStatus.FAILED:
            tally.failed += 1
        else:
            tally.unknown += 1
        if exchange.fate is not None:
            tally.reads += 1
            tally.reads_kept += exchange.fate is Fate.KEPT
        tally.latency.add(exchange.latency_ms)
        tally.last_s = max(tally.last_s, exchange.at_s + exchange.elapsed_ms / 1000)
