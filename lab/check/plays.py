"""Holds a conversation in one of several ways, as a client that carries what it is given."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field

import requests
from requests.cookies import RequestsCookieJar

from lab.check.budget import Budget
from lab.check.carry import fill
from lab.check.conversation import Answer, Call, Conversation, Ref, Template
from lab.check.service import Pool, Process
from lab.check.wire import send

NOTHING = "nothing"  # stands where a client was given a value, when it is made to carry none


@dataclass
class Baggage:
    """What a client carries: its cookies, and the answers it got (by call)."""

    cookies: RequestsCookieJar = field(default_factory=RequestsCookieJar)
    answers: dict[int, Answer] = field(default_factory=dict)

    def copy(self) -> "Baggage":
        """Return the same for another client."""
        return Baggage(copy(self.cookies), dict(self.answers))


@dataclass
class Trace:
    """One play: the answer to each call, and what the client carried into it."""

    answers: list[Answer] = field(default_factory=list)
    carried: list[Baggage] = field(default_factory=list)


class Player:
    """Plays conversations on processes of a pool, within a budget."""

    def __init__(self, pool: Pool, budget: Budget, timeout_s: float = 10.0) -> None:
        self._pool = pool
        self._budget = budget
        self._timeout_s = timeout_s

    def one(
        self, conversation: Conversation, watch: Callable[[Process], None] = lambda process: None
    ) -> Trace:
        """All calls to one process: the conversation as a client knows it.

        `watch` may look at the process before it is killed.
        """
        self._pool.reset()
        process = self._pool.fresh()
        try:
            trace = self._talk(conversation, lambda _: process)
            watch(process)
            return trace
        finally:
            process.kill()

    def sender(self, process: Process) -> Callable[[Call], Answer]:
        """Return a client that sends calls to this process, one after another."""
        carried = Baggage()

        def send_next(call: Call) -> Answer:
            return self._send(call, len(carried.answers), carried, process)

        return send_next

    def fresh(self, conversation: Conversation) -> Trace:
        """Each call to a process that has served nobody; the one before was killed."""
        self._pool.reset()
        used: list[Process] = []

        def next_process(_: int) -> Process:
            for process in used:
                process.kill()
            used[:] = [self._pool.fresh()]
            return used[0]

        try:
            return self._talk(conversation, next_process)
        finally:
            for process in used:
                process.kill()

    def alternating(self, conversation: Conversation) -> Trace:
        """Two processes that both live, asked in turn, as behind a balancer."""
        self._pool.reset()
        pair = [self._pool.fresh(), self._pool.fresh()]
        try:
            return self._talk(conversation, lambda index: pair[index % 2])
        finally:
            for process in pair:
                process.kill()

    def split(self, conversation: Conversation, *, wiped: bool = False) -> Answer:
        """All calls but the last to one process, which is killed; the last to a fresh one.

        With `wiped` the backing service is emptied in between.
        """
        self._pool.reset()
        first, last = self._pool.fresh(), len(conversation) - 1
        second: list[Process] = []

        def process_for(index: int) -> Process:
            if index < last:
                return first
            first.kill()
            if wiped:
                self._pool.reset()
            second.append(self._pool.fresh())
            return second[0]

        try:
            return self._talk(conversation, process_for).answers[-1]
        finally:
            for process in (first, *second):
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
                self._send(_without_refs(call), index, Baggage(), process)
                for index, call in enumerate(conversation.calls)
            ]
        finally:
            process.kill()

    def within(self, conversation: Conversation, index: int, times: int) -> list[Answer]:
        """The conversation up to a call on one process, then that call again and again."""
        self._pool.reset()
        process = self._pool.fresh()
        try:
            _, carried = self._carry(conversation.only(range(index)), lambda _: process)
            call = conversation.calls[index]
            return [self._send(call, index, carried.copy(), process) for _ in range(times)]
        finally:
            process.kill()

    def _talk(self, conversation: Conversation, process_for: Callable[[int], Process]) -> Trace:
        return self._carry(conversation, process_for)[0]

    def _carry(
        self, conversation: Conversation, process_for: Callable[[int], Process]
    ) -> tuple[Trace, Baggage]:
        trace, carried = Trace(), Baggage()
        for index, call in enumerate(conversation.calls):
            process = process_for(index)
            trace.carried.append(carried.copy())
            trace.answers.append(self._send(call, index, carried, process))
        return trace, carried

    def _send(self, call: Call, index: int, carried: Baggage, process: Process) -> Answer:
        self._budget.request()
        answer = send(
            process.port, request_of(call, carried.answers), carried.cookies, self._timeout_s
        )
        carried.answers[index] = answer
        return answer


def request_of(call: Call, answers: Mapping[int, Answer]) -> requests.Request:
    """Return the request to send, its URL without scheme, host and port."""
    return requests.Request(
        call.method,
        fill(call.path, answers),
        headers={name: fill(value, answers) for name, value in call.headers},
        data=None
        if call.body is None
        else fill(call.body, answers).encode("utf-8", "surrogateescape"),
    )


def _without_refs(call: Call) -> Call:
    def bare(template: Template) -> Template:
        return tuple(NOTHING if isinstance(piece, Ref) else piece for piece in template)

    return Call(
        call.method,
        bare(call.path),
        tuple((name, bare(value)) for name, value in call.headers),
        None if call.body is None else bare(call.body),
        call.origin,
        call.name,
    )
