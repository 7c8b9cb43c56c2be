"""The requests of a suite, with the process that answered each and how; also as a file."""

import re
import threading
from collections.abc import Callable, Iterable

import msgspec

from lab.core.http import Answer, Headers

MOST_KEPT_OF_BODY = 64 * 1024  # bytes of a body that are kept


class SuiteExchange(msgspec.Struct):
    """One request of a test, and its answer. `status` None: none came."""

    test: str
    process: int
    method: str
    path: str
    status: int | None = None
    headers: list[tuple[str, str]] = []
    body: bytes = b""

    @property
    def title(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    @property
    def route(self) -> str:
        """Method and path, without the query and what looks like an id in it."""
        path = self.path.partition("?")[0]
        pieces = ("…" if re.search(r"\d", piece) else piece for piece in path.split("/"))
        return f"{self.method} {'/'.join(pieces)}"

    def answer(self) -> Answer:
        """Return the answer for a comparison."""
        return Answer(self.status, Headers(self.headers), self.body)


class SuiteJournal:
    """All exchanges in the order of their requests; `test` is the one that runs now.

    `choose` names the process that answers the next request of a test. Safe to use from several
    threads.
    """

    def __init__(self, choose: Callable[[str], int]) -> None:
        self.test = ""
        self.exchanges: list[SuiteExchange] = []
        self._choose = choose
        self._lock = threading.Lock()

    def begin(self, method: str, path: str) -> SuiteExchange:
        """Note a request and choose who answers it."""
        with self._lock:
            made = SuiteExchange(self.test, self._choose(self.test), method, path)
            self.exchanges.append(made)
            return made


class Rotation:
    """Sends requests of a test to as many processes as there are, and so does from test to test.

    Of those that have answered least of this test, the one that was not asked for longest is next.
    """

    def __init__(self, processes: int) -> None:
        self._test = ""
        self._in_test = [0] * processes
        self._last = list(range(-processes, 0))
        self._turn = 0

    def __call__(self, test: str) -> int:
        """Return the process that answers the next request of a test."""
        if test != self._test:
            self._test, self._in_test = test, [0] * len(self._in_test)
        chosen = min(range(len(self._last)), key=lambda n: (self._in_test[n], self._last[n]))
        self._turn += 1
        self._in_test[chosen] += 1
        self._last[chosen] = self._turn
        return chosen


class Switch(msgspec.Struct, frozen=True):
    """Which requests a second process answers: those from number `after` on.

    Requests are counted from 0 through a whole run. Without it, the first process answers all.
    """

    after: int | None = None

    def process(self, number: int) -> int:
        """Return the process, 0 or 1, that answers a request."""
        return int(self.after is not None and number >= self.after)

    @property
    def processes(self) -> int:
        """How many are needed."""
        return 1 if self.after is None else 2


class Pairs(msgspec.Struct, frozen=True):
    """How many pairs of requests of one test two processes answered, of how many."""

    crossed: int = 0
    of: int = 0

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(self.crossed + other.crossed, self.of + other.of)


def pairs(exchanges: Iterable[SuiteExchange]) -> Pairs:
    """Count the pairs of requests within each test."""
    of_test: dict[str, list[int]] = {}
    for each in exchanges:
        of_test.setdefault(each.test, []).append(each.process)
    found = Pairs()
    for processes in of_test.values():
        n = len(processes)
        same = sum(processes.count(p) * (processes.count(p) - 1) // 2 for p in {*processes})
        found += Pairs(n * (n - 1) // 2 - same, n * (n - 1) // 2)
    return found
