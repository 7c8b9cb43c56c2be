"""A transport that waits for its turn, and remembers who was late: the shop or the generator."""

import time
from collections.abc import Iterator
from http.cookiejar import CookieJar

from lab.crowd.arrival_schedule import ClosingTime
from lab.crowd.journal import Journal
from lab.evidence.transport import Carried, Headers, Transport

THINKS_S = 0.005  # a script that asks so long after an answer did something else meanwhile


class Pacer:
    """One shopper's turns, from visit to visit. `due` of None asks at once (the closed model)."""

    def __init__(self, journal: Journal, due: Iterator[float] | None, end_s: float) -> None:
        self.journal = journal
        self.open = True
        self._due = due
        self._end_s = end_s
        self._free_s = 0.0

    def wait(self) -> float | None:
        """Wait for the next turn; return when it was meant to be, None for at once.

        Raises ClosingTime when it would come after the doors have closed. In seconds of the
        crowd's clock.
        """
        journal = self.journal
        if journal.closing:
            return None
        asked_s = journal.now_s()
        due_s = max(0.0, asked_s) if self._due is None else self._next_turn(asked_s)
        if due_s >= self._end_s:
            self.open = False
            raise ClosingTime
        if (pause_s := due_s - journal.now_s()) > 0:
            time.sleep(pause_s)
        if self._due is None:
            return None
        # Who was still waiting for an answer was kept by the shop; the rest is our own doing.
        journal.late((journal.now_s() - max(due_s, self._free_s)) * 1000)
        return due_s

    def _next_turn(self, asked_s: float) -> float:
        """Return the next turn that counts: those missed while the script itself thought do not."""
        assert self._due is not None
        due_s = next(self._due)
        if asked_s - self._free_s > THINKS_S:
            while self._free_s <= due_s < asked_s:
                due_s = next(self._due)
        return due_s

    def done(self) -> None:
        """The answer is here: from now on a delay is the generator's."""
        self._free_s = self.journal.now_s()


class PacedTransport:
    """Carries a shopper's requests when it is their turn."""

    def __init__(self, inner: Transport, pace: Pacer) -> None:
        self._inner = inner
        self._pace = pace

    @property
    def cookies(self) -> CookieJar:
        """The client's cookies."""
        return self._inner.cookies

    @cookies.setter
    def cookies(self, jar: CookieJar) -> None:
        self._inner.cookies = jar

    def carry(
        self, method: str, url: str, headers: Headers, body: bytes, timeout_s: float
    ) -> Carried:
        """Send one request (see `Transport`), at its turn."""
        due_s = self._pace.wait()
        journal = self._pace.journal
        journal.sends(1)
        try:
            carried = self._inner.carry(method, url, headers, body, timeout_s)
        finally:
            journal.sends(-1)
        self._pace.done()
        if due_s is not None:
            carried.waited_ms = (journal.since_start(carried.began_s) - due_s) * 1000
        return carried

    def another(self, cookies: CookieJar | None = None) -> "PacedTransport":
        """Return a second client (see `Transport`), which takes its turns from the same pace."""
        return PacedTransport(self._inner.another(cookies), self._pace)

    def cookie_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        return self._inner.cookie_for(url)

    def close(self) -> None:
        """Let go of its connections."""
        self._inner.close()
