"""Holds a conversation in one of several ways, as a client that carries what it is given."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.cookies import RequestsCookieJar

from lab.check.budget import Budget
from lab.check.correlation import fill
from lab.check.conversation import Answer, Call, Conversation, Ref, as_bytes
from lab.check.service import Pool, Process
from lab.check.http import send

NOTHING = "nothing"  # stands where a client was given a value, when it is made to carry none


def new_jar() -> RequestsCookieJar:
    """Return a jar as a browser has one, to which this machine is a safe place (Secure cookies)."""
    return RequestsCookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))


@dataclass
class ClientState:
    """What a client carries: its cookies, and the answers it got (by call)."""

    cookies: RequestsCookieJar = field(default_factory=new_jar)
    answers: dict[int, Answer] = field(default_factory=dict)

    def copy(self) -> "ClientState":
        """Return the same for another client."""
        return ClientState(self.cookies.copy(), dict(self.answers))


@dataclass
class Trace:
    """One play: the answer to each call, and what the client carried into it."""

    answers: list[Answer] = field(default_factory=list)
    carried: list[ClientState] = field(default_factory=list)


class Live:
    """A client that sends calls to one fresh process, one after another, and keeps the answers."""

    def __init__(
        self, pool: Pool, send: Callable[[Call, int, ClientState, Process], Answer]
    ) -> None:
        self.held: list[Answer] = []
        self._pool = pool
        self._send = send
        self._carried = ClientState()
        self._process: Process | None = None

    def __call__(self, call: Call) -> Answer:
        """Send one call."""
        assert self._process is not None
        self.held.append(self._send(call, len(self._carried.answers), self._carried, self._process))
        return self.held[-1]

    def renew(self) -> None:
        """Go on as another client, of another process, with nothing behind it."""
        self.close()
        self._carried = ClientState()
        self._pool.reset()
        self._process = self._pool.fresh()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()


class Runner:
    """Plays conversations on processes of a pool, within a budget."""

    def __init__(self, pool: Pool, budget: Budget, timeout_s: float = 10.0) -> None:
        self._pool = pool
        self._budget = budget
        self._timeout_s = timeout_s

    def share(self) -> None:
        """From now on take it that processes share something: none is started ahead."""
        self._pool.shared = True

    def one(
        self, conversation: Conversation, watch: Callable[[Process], None] = lambda process: None
    ) -> Trace:
        """All calls to one process: the conversation as a client knows it.

        `watch` may look at the process after each call.
        """
        self._pool.reset()
        process = self._pool.fresh()
        try:
            return self._carry(conversation, lambda _: process, watch)[0]
        finally:
            process.kill()

    @contextmanager
    def client(self) -> Iterator["Live"]:
        """Give a client of a fresh process."""
        client = Live(self._pool, self._send)
        try:
            client.renew()
            yield client
        finally:
            client.close()

    def fresh(
        self, conversation: Conversation, told: Callable[[int], None] = lambda done: None
    ) -> Trace:
        """Each call to a process that has served nobody; the one before was killed."""
        self._pool.reset()
        used: list[Process] = []

        def next_process(index: int) -> Process:
            for process in used:
                process.kill()
            used[:] = [self._pool.fresh()]
            told(index + 1)
            return used[0]

        try:
            return self._talk(conversation, next_process)
        finally:
            for process in used:
                process.kill()

    def alternating(self, conversation: Conversation, sides: Sequence[int] = ()) -> Trace:
        """Two processes that both live, as behind a balancer: in turn, or as `sides` say."""
        self._pool.reset()
        pair = [self._pool.fresh()]
        try:
            pair.append(self._pool.fresh())
            return self._talk(conversation, lambda n: pair[sides[n] if sides else n % 2])
        finally:
            for process in pair:
                process.kill()

    def split(self, conversation: Conversation, *, wiped: bool = False) -> Answer:
        """All calls but the last to one process, which is killed; the last to a fresh one.

        With `wiped` the backing service is emptied in between.
        """
        return self._split(conversation, wiped, expect=False)[1]

    def both(self, conversation: Conversation, *, wiped: bool = False) -> tuple[Answer, Answer]:
        """The last call answered by the process that had the others, and as in `split`.

        One play in place of two. Where something behind the service outlives the kill, it is
        only right with `wiped`: the first asking may have changed what the second sees.
        """
        return self._split(conversation, wiped, expect=True)

    def _split(
        self, conversation: Conversation, wiped: bool, expect: bool
    ) -> tuple[Answer, Answer]:
        self._pool.reset()
        last = len(conversation) - 1
        process = self._pool.fresh()
        try:
            _, carried = self._carry(conversation.only(range(last)), lambda _: process)
            there = Answer(None)
            if expect:
                there = self._send(conversation.calls[last], last, carried.copy(), process)
            process.kill()
            if wiped:
                self._pool.reset()
            process = self._pool.fresh()
            return there, self._send(conversation.calls[last], last, carried, process)
        finally:
            process.kill()

    def alone(self, conversation: Conversation, baseline: Trace, index: int) -> Answer:
        """One call, to a fresh process with nothing behind it, carrying what it carried then."""
        self._pool.reset()
        process = self._pool.fresh()
        try:
            carried = baseline.carried[index].copy()
            return self._send(conversation.calls[index], index, carried, process)
        finally:
            process.kill()

    def naked(self, conversation: Conversation) -> list[Answer]:
        """Each call by a client that carries nothing; to one process: it remembers nobody."""
        self._pool.reset()
        process = self._pool.fresh()
        try:
            return [
                self._send(without_refs(call), index, ClientState(), process)
                for index, call in enumerate(conversation.calls)
            ]
        finally:
            process.kill()

    def within(self, before: Conversation, call: Call, times: int) -> list[Answer]:
        """A conversation on one process, then this call again and again, by the same client."""
        self._pool.reset()
        process = self._pool.fresh()
        try:
            _, carried = self._carry(before, lambda _: process)
            return [self._send(call, len(before), carried.copy(), process) for _ in range(times)]
        finally:
            process.kill()

    def twice(
        self, conversation: Conversation, chosen: Collection[int]
    ) -> dict[int, tuple[Answer, Answer]]:
        """All calls to one process; the chosen ones once more, with what was carried then."""
        again: dict[int, tuple[Answer, Answer]] = {}
        self._pool.reset()
        process = self._pool.fresh()
        try:
            carried = ClientState()
            for index, call in enumerate(conversation.calls):
                before = carried.copy()
                first = self._send(call, index, carried, process)
                if index in chosen:
                    again[index] = (first, self._send(call, index, before, process))
            return again
        finally:
            process.kill()

    def _talk(self, conversation: Conversation, process_for: Callable[[int], Process]) -> Trace:
        return self._carry(conversation, process_for)[0]

    def _carry(
        self,
        conversation: Conversation,
        process_for: Callable[[int], Process],
        watch: Callable[[Process], None] = lambda process: None,
    ) -> tuple[Trace, ClientState]:
        trace, carried = Trace(), ClientState()
        for index, call in enumerate(conversation.calls):
            process = process_for(index)
            trace.carried.append(carried.copy())
            trace.answers.append(self._send(call, index, carried, process))
            watch(process)
        return trace, carried

    def _send(self, call: Call, index: int, carried: ClientState, process: Process) -> Answer:
        self._budget.request()
        answer = send(
            process.port,
            request_of(call, carried.answers),
            carried.cookies,
            min(self._timeout_s, self._budget.left_s),
        )
        if answer.status is None:
            self._budget.check_time()  # it may be our own hurry that it had no time
        carried.answers[index] = answer
        return answer


def request_of(call: Call, answers: Mapping[int, Answer]) -> requests.Request:
    """Return the request to send, its URL without scheme, host and port."""
    path = fill(call.path, answers)
    return requests.Request(
        call.method,
        # A path that was given must not become part of the host.
        path if path.startswith("/") else f"/{path}",
        headers={name: fill(value, answers) for name, value in call.headers},
        data=None if call.body is None else as_bytes(fill(call.body, answers)),
    )


def without_refs(call: Call) -> Call:
    """Return the call of a client that was given nothing."""
    return call.mapped(
        lambda template: tuple(NOTHING if isinstance(each, Ref) else each for each in template)
    )
