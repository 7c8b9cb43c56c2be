"""Sends each request when it is due, and records by how much the generator was late.

The open model (see `Arrivals`): no two requests start at the same moment, and there are no bursts.
An intended start does not move because an answer was slow; the request is sent late, and the
delay counts (no coordinated omission: Tene, "How NOT to measure latency"; as wrk2 does it).
"""

from collections.abc import Iterator
from http.cookiejar import CookieJar

from lab.crowd.journal import Journal
from lab.evidence.transport import SentHeaders, Transport, TransportResult

THINKS_S = 0.005  # a script that waits this long after an answer was busy with something else


class RunOver(BaseException):
    """The measured time is over: raised in the middle of a script, which must not catch it."""


class Pacer:
    """One shopper's pace, over all its iterations. A `schedule` of None is the closed model."""

    def __init__(self, journal: Journal, schedule: Iterator[float] | None, end_s: float) -> None:
        self.journal = journal
        self.open = True
        self._schedule = schedule
        self._end_s = end_s
        self._free_s = 0.0
        self._came = False

    def wait(self) -> float | None:
        """Wait until the next request is due; return when that was, None in the closed model.

        Raises RunOver when it would be due after the end. In seconds of the crowd's clock.
        """
        journal = self.journal
        if journal.closing:
            return None
        asked_s = journal.now_s()
        due_s = max(0.0, asked_s) if self._schedule is None else self._next_due(asked_s)
        if due_s >= self._end_s:
            self.open = False
            raise RunOver
        if not self._came:
            self._came = True
            journal.note_shopper()
        if (pause_s := due_s - journal.now_s()) > 0:
            journal.clock.sleep(pause_s)
        if self._schedule is None:
            return None
        # While an answer was missing, the shop kept the shopper waiting; the rest is our delay.
        journal.note_lateness((journal.now_s() - max(due_s, self._free_s)) * 1000)
        return due_s

    def _next_due(self, asked_s: float) -> float:
        """Return the next intended start, skipping those that passed while the script worked."""
        assert self._schedule is not None
        due_s = next(self._schedule)
        if asked_s - self._free_s > THINKS_S:
            while self._free_s <= due_s < asked_s:
                due_s = next(self._schedule)
        return due_s

    def note_answer(self) -> None:
        """Note that the answer has arrived: a delay from now on is the generator's."""
        self._free_s = self.journal.now_s()


class PacedTransport:
    """A transport that sends each request when it is due."""

    def __init__(self, inner: Transport, pacer: Pacer) -> None:
        self._inner = inner
        self._pacer = pacer

    @property
    def cookies(self) -> CookieJar:
        """The client's cookies."""
        return self._inner.cookies

    @cookies.setter
    def cookies(self, jar: CookieJar) -> None:
        self._inner.cookies = jar

    def send(
        self, method: str, url: str, headers: SentHeaders, body: bytes, timeout_s: float
    ) -> TransportResult:
        """Send one request (see `Transport`) when it is due."""
        due_s = self._pacer.wait()
        journal = self._pacer.journal
        journal.note_in_flight(1)
        try:
            result = self._inner.send(method, url, headers, body, timeout_s)
        finally:
            journal.note_in_flight(-1)
        self._pacer.note_answer()
        if due_s is not None:
            result.waited_ms = (journal.since_start(result.began_s) - due_s) * 1000
        return result

    def another(self, cookies: CookieJar | None = None) -> "PacedTransport":
        """Return a second client (see `Transport`) on the same schedule."""
        return PacedTransport(self._inner.another(cookies), self._pacer)

    def cookie_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        return self._inner.cookie_for(url)

    def close(self) -> None:
        """Close the transport's connections."""
        self._inner.close()
