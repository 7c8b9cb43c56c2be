"""The recorder of a worker process: writes every exchange to disk and counts it in a tally.

Nothing grows with the number of requests but the file.
"""

import threading
import time
from itertools import count
from pathlib import Path
from typing import Protocol

import msgspec

from lab.crowd.messages import IterationResult, WorkerReport
from lab.crowd.tally import NO_SERVER_NAME, Tally
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange, OpStatus

COLUMNS = (
    *("op", "customer", "method", "path", "target", "at_s", "waited_ms", "elapsed_ms"),
    *("status", "outcome", "served_by", "instance", "fate", "error"),
)
"""The columns of the record; `at_s` counts from the start, the warm-up included."""
_BUFFER_BYTES = 1 << 16


class Clock(Protocol):
    """The two functions of the module `time` that a crowd uses; a test gives its own."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


class Journal:
    """The recorder of all shoppers of one process, by the clock of the crowd.

    It is a `Recorder`: `next_op`, `since_start` and `append` are what a `Shopper` uses.
    """

    def __init__(
        self,
        name: str,
        path: Path | None,
        warm_up_s: float,
        worker: int = 0,
        clock: Clock = time,
    ) -> None:
        """`path` is the file to write, which must not exist yet (None: no record is kept)."""
        self.clock = clock
        self.in_flight = 0
        self.closing = False
        """True if the measured time is over: what comes now is the closing reads."""
        self.trouble: str | None = None
        """The error of the first script that raised."""
        self._warm_up_s = warm_up_s
        self._file = path.open("xb", buffering=_BUFFER_BYTES) if path else None
        self._encode = msgspec.json.Encoder().encode
        self._numbers = count(1)
        self._worker = worker
        self._prefix = f"{name}-w{worker}-"
        self._start_s = clock.monotonic()
        self._tally = Tally()
        self._iterations: list[IterationResult] = []
        self._lock = threading.Lock()

    def begin(self, start_s: float) -> None:
        """Set when the crowd starts, on the monotonic clock."""
        self._start_s = start_s

    def now_s(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic() - self._start_s

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since the start."""
        return at_s - self._start_s

    def next_op(self) -> str:
        """Return an id that no other request of this run has."""
        return f"{self._prefix}{next(self._numbers)}"

    @property
    def of_the_lab(self) -> "LookJournal":
        """Return the recorder of the lab's own looks, which are recorded here but counted apart."""
        return LookJournal(self)

    def append(self, exchange: Exchange, by_the_lab: bool = False) -> None:
        """Write one exchange down, and count it."""
        headers = exchange.headers
        server = headers.get("x-served-by")
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
            server,
            headers.get("x-instance"),
            exchange.fate,
            exchange.error,
        )
        with self._lock:
            self._count(exchange, server or NO_SERVER_NAME, by_the_lab)
            if self._file:
                self._file.write(self._encode(line) + b"\n")

    def note_in_flight(self, change: int) -> None:
        """Count a request that is sent (1), or answered (-1)."""
        with self._lock:
            self.in_flight += change

    def note_shopper(self) -> None:
        """Count a shopper whose first request is due."""
        with self._lock:
            self._tally.came += 1

    def note_iteration(self) -> None:
        """Count an iteration that begins."""
        with self._lock:
            self._tally.begun += 1

    def note_lateness(self, late_ms: float) -> None:
        """Count by how much the generator itself was late with a request."""
        with self._lock:
            self._tally.lateness.add(late_ms)

    def note_result(self, result: IterationResult) -> None:
        """Keep what became of one iteration, for the next report."""
        with self._lock:
            self._iterations.append(result)

    def note_error(self, error: str) -> None:
        """Count an iteration whose script raised; the first error is kept."""
        with self._lock:
            self._tally.broken += 1
            self.trouble = self.trouble or error

    def report(self, cpu: float = 0.0, rss: int = 0) -> WorkerReport:
        """Return what is new since the last report."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
            iterations, self._iterations = self._iterations, []
        return WorkerReport(
            worker=self._worker,
            at_s=self.now_s(),
            closing=self.closing,
            in_flight=self.in_flight,
            tally=tally,
            iterations=iterations,
            trouble=self.trouble,
            cpu=cpu,
            rss=rss,
        )

    def close(self) -> None:
        """Write out what is still to be written."""
        if self._file:
            self._file.close()

    def _count(self, exchange: Exchange, server: str, by_the_lab: bool) -> None:
        tally = self._tally
        tally.responses += exchange.status is not None
        if self.closing or by_the_lab:
            tally.closing += 1
            tally.looks += not self.closing and exchange.at_s >= self._warm_up_s
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
        tally.count_server(server)
        tally.latency.add(exchange.latency_ms)
        tally.last_s = max(tally.last_s, exchange.at_s + exchange.elapsed_ms / 1000)


class LookJournal:
    """A journal for the lab's own looks at carts: their ids say so, and no script's count has them.

    It is a `Recorder`.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def next_op(self) -> str:
        """Return an id that no other request of this run has."""
        return f"{self._journal.next_op()}-look"

    def since_start(self, at_s: float) -> float:
        """Turn a reading of the monotonic clock into seconds since the start."""
        return self._journal.since_start(at_s)

    def append(self, exchange: Exchange) -> None:
        """Write one look down, and count it."""
        self._journal.append(exchange, by_the_lab=True)
