"""Holds a conversation in one of several ways, as a client that carries what it is given."""

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.check.budget import Budget, Spent
from lab.check.conversation import Call, Conversation, Ref, as_bytes, recorded
from lab.check.correlation import address_of, fill
from lab.check.process import Process
from lab.check.service import OneAtATime, Pool
from lab.core.errors import LabError
from lab.core.http import Answer

if TYPE_CHECKING:  # requests is loaded while the first process starts
    import requests
    from requests.cookies import RequestsCookieJar

NOTHING = "nothing"  # stands where a client was given a value, when it is made to carry none
STIRRERS, STIR_S = 3, 0.002  # clients that keep the workers of one server busy, and their pause
MOST_PACED_S = 5.0
PATIENTLY, MORE_PATIENTLY = 1.5, 4.0  # times as long as a script waited when it was recorded
MOST_SKIPPED_S = 0.1  # of the time that an answer took which is not asked for again
LINGER = 2  # processes of the play before, left to end what they do in the background
AFTER_RECORD = 2  # processes that are needed after a conversation was recorded
APART_S = 1.05  # between the same call of two plays, so that a clock of seconds is seen to run
Route = Callable[[int, Call], "Process | None"]  # who answers a call; None: as recorded


def _jar() -> "RequestsCookieJar":
    from lab.check.cookies import new_jar  # it loads much, which a first process can use

    return new_jar()


@dataclass
class ClientState:
    """What a client carries: its cookies, and the answers it got (by call)."""

    cookies: "RequestsCookieJar" = field(default_factory=_jar)
    answers: dict[int, Answer] = field(default_factory=dict)

    def copy(self) -> "ClientState":
        """Return the same for another client."""
        return ClientState(self.cookies.copy(), dict(self.answers))


@dataclass
class Trace:
    """One play: each call, its answer, what the client carried into it, and when it was sent.

    `ages` are those of the processes asked (0.0 where none was), at these times, in seconds.
    `state` is what the client carries now, `sent` are the indices of the calls that a process
    answered. `ended` says why a script ended early ("" where it did not), `went_on` that it was
    stopped since it sent ever more calls.
    """

    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    carried: list[ClientState] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    sent: set[int] = field(default_factory=set)
    state: ClientState = field(default_factory=ClientState)
    ended: str = ""
    went_on: bool = False

    @classmethod
    def of(cls, answers: Mapping[int, Answer]) -> "Trace":
        """Return one that has these answers, by call, and nothing else."""
        count = max(answers, default=-1) + 1
        return cls(answers=[answers.get(n, Answer(None)) for n in range(count)], sent={*answers})

    @property
    def answered(self) -> dict[int, Answer]:
        """The answers of processes, by call."""
        return {index: self.answers[index] for index in sorted(self.sent)}

    def adopt(self, other: "Trace") -> None:
        """Begin as another play has been until now."""
        self.calls, self.answers = [*other.calls], [*other.answers]
        self.carried, self.times, self.sent = [*other.carried], [*other.times], {*other.sent}
        self.ages = [*other.ages]

    def is_of(self, conversation: Conversation) -> bool:
        """Whether it is of these calls, and of no others that were tried beside them."""
        sent = [(call.method, recorded(call.path), call.origin) for call in self.calls]
        return sent == [(c.method, recorded(c.path), c.origin) for c in conversation.calls]

    def take(self, index: int, other: "Trace") -> None:
        """Take over the answer to one call of another play, as the call at the same place."""
        if index in other.sent:
            while len(self.answers) <= index:
                self.answers.append(Answer(None))
                self.calls.append(other.calls[len(self.calls)])
            self.answers[index] = other.answers[index]
            self.sent.add(index)


class _Stop(BaseException):
    """Ends a script in the middle: what it would send next is not wanted.

    A BaseException, since a script may catch every Exception of a request.
    """


class Live:
    """A client of one fresh process at a time; it keeps a trace of what it said last."""

    def __init__(self, runner: "Runner", pool: Pool) -> None:
        self.trace: Trace
        self._runner = runner
        self._pool = pool
        self._state: ClientState
        self.process: Process | None = None
        self.watch: Callable[[Process], None] = lambda process: None

    def __call__(self, call: Call) -> Answer:
        """Send one call."""
        assert self.process is not None
        answer = self._runner.said(self.trace, call, self._state, self.process)
        self.watch(self.process)
        return answer

    def renew(self) -> None:
        """Go on as another client, of another process, with nothing behind it."""
        self.close()
        self._pool.reset()
        self._pool.expect(1 + AFTER_RECORD)
        self.process = self._pool.fresh()
        # After that: to load a client's cookies takes time.
        self._state, self.trace = ClientState(), Trace()

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()


class Runner:
    """Plays conversations on processes of a pool, within a budget.

    `endless` are the calls whose answers are streams without an end, as far as is known, and how
    many events are waited for.
    `during` is entered while a process is asked. `polled` are the lines of a script that ask until
    an answer changes, `patience` is how much longer than in the recording they wait.
    """

    def __init__(self, pool: Pool, budget: Budget, timeout_s: float = 10.0) -> None:
        self.endless: dict[int, int] = {}
        self.exclusive = False
        self.polled: set[tuple[str, str]] = set()
        self.patience = PATIENTLY
        self.during: Callable[[Process], AbstractContextManager[None]] = lambda process: (
            nullcontext()
        )
        self.pool = pool
        self._budget = budget
        self._timeout_s = timeout_s
        self._kept: requests.Session | None = None

    def expect(self, processes: int) -> None:
        """Take it that the next plays ask for at least so many: some may be started ahead."""
        self.pool.expect(processes)

    def one(
        self,
        conversation: Conversation,
        watch: Callable[[Process], None] = lambda process: None,
        after: Trace | None = None,
    ) -> Trace:
        """All calls to one process: the conversation as a client knows it.

        `watch` may look at the process after each call. With `after`, no call is sent in the
        second of that play's, nor to a process that is no older than that play's was.
        """
        with self._processes() as start:
            process = start()

            def route(index: int, _: Call) -> Process:
                if after is not None and index < len(after.times):
                    due = max(after.times[index], process.started + after.ages[index])
                    time.sleep(max(0.0, due + APART_S - time.monotonic()))
                return process

            return self._play(conversation, route, watch=watch)

    @contextmanager
    def client(self) -> Iterator[Live]:
        """Give a client of a fresh process."""
        client = Live(self, self.pool)
        try:
            client.renew()
            yield client
        finally:
            client.close()

    def fresh(
        self,
        conversation: Conversation,
        progress: Callable[[int], None] = lambda done: None,
        *,
        elsewhere: bool = False,
        youngest: Callable[[int], float] = lambda index: 0.0,
    ) -> Trace:
        """Each call to a process that has had no other; with `elsewhere` as on another machine.

        `youngest` says when the process of a call may be started at the earliest.
        The last few processes are left alive for a while: what they do in the background may
        end, as in a deployment that overlaps.
        """
        with self._processes(len(conversation)) as start:
            used: list[Process] = []

            def route(index: int, _: Call) -> Process:
                self._end_all_but(0 if self.exclusive else LINGER - 1, used)
                since = youngest(index)
                try:
                    used.append(start(elsewhere=elsewhere, since=since))
                except OneAtATime:
                    if not used:
                        raise
                    self.exclusive = True
                    self._end_all_but(0, used)
                    used.append(start(elsewhere=elsewhere))
                progress(index + 1)
                return used[-1]

            return self._play(conversation, route)

    def alternating(self, conversation: Conversation, sides: Sequence[int]) -> Trace:
        """Two processes that both live, as behind a balancer; call n goes to `sides[n]`."""
        with self._processes(2) as start:
            pair = (start(), start())
            # A script may send more calls than it did.
            return self._play(conversation, lambda index, _: pair[sides[index % len(sides)]])

    def part(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        pause_before: int | None = None,
    ) -> Trace:
        """Some of the calls to one process, up to the last of them; the others as `recorded`.

        Before one of them a clock of seconds may be let go on.
        """
        with self._processes() as start:
            process = start()

            def route(index: int, _: Call) -> Process:
                if index == pause_before:
                    time.sleep(APART_S)
                return process

            return self._part(conversation, part, recorded, route)

    def after_each(
        self, conversation: Conversation, index: int, recorded: Trace
    ) -> tuple[Trace, list[Answer]]:
        """All calls before one to a process, and that one after each: what it answers then."""
        trace, found = Trace(), list[Answer]()
        call = conversation.calls[index]

        def ask(process: Process) -> None:
            found.append(self.said(Trace(), call, trace.state.copy(), process))

        with self._processes() as start:
            route = _always(start())
            self._play(conversation, route, recorded, index - 1, watch=ask, trace=trace)
        return trace, found

    def part_alternating(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        sides: Sequence[int],
    ) -> Trace:
        """As `part`, on two processes that live; call n goes to `sides[n]`."""
        with self._processes(2) as start:
            pair = (start(), start())
            return self._part(conversation, part, recorded, lambda index, call: pair[sides[index]])

    def part_split(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        *,
        wiped: bool = False,
        elsewhere: bool = False,
        asked_before: bool = False,
        young: bool = False,
    ) -> tuple[Trace, Trace]:
        """As `part`, but the last call goes to a fresh process; the first one is killed before.

        With `wiped` the backing service is emptied in between; with `elsewhere` the fresh
        process is as on another machine. With `asked_before` the first process is asked the last
        call too, before it is killed: that answer is in the first trace returned, which is empty
        without. A `young` process is started in a later second than the calls before.
        """
        last = max(part)
        there, trace = Trace(), Trace()
        with self._processes(2) as start:
            used: list[Process] = []

            def route(index: int, call: Call) -> Process:
                if index == last and used and asked_before:
                    there.adopt(trace)
                    self.said(there, call, trace.state.copy(), used[-1])
                if index == last or not used:
                    self._end_all_but(0, used)
                    if wiped and index == last:
                        self.pool.reset()
                    since = 0.0
                    if young and index == last:
                        since = next_second(time.monotonic(), time.time())
                    used.append(start(elsewhere=elsewhere and index == last, since=since))
                return used[-1]

            if asked_before and len(part) == 1:
                used.append(start())
            self._part(conversation, part, recorded, route, trace)
        return there, trace

    def alone(self, conversation: Conversation, baseline: Trace, index: int) -> Trace:
        """One call, to a fresh process with nothing behind it, carrying what it carried then."""
        with self._processes() as start:
            process = start()
            state = baseline.carried[index].copy()
            route = lambda n, call: process if n == index else None  # noqa: E731
            return self._play(conversation, route, baseline, index, state)

    def naked(self, conversation: Conversation) -> Trace:
        """Each call by a client that carries nothing; all to one process."""
        trace = Trace()
        with self._processes() as start:
            process = start()
            for call in conversation.calls:
                self.said(trace, without_refs(call), ClientState(), process)
        return trace

    def used(self, conversation: Conversation, times: int, *, restart: bool = False) -> Trace:
        """As one more client of a process that has had the conversation from so many others.

        Each keeps its connection. A server that gives requests to its threads in turn is asked a
        few times more between them, so that each thread has had each call. With `restart` the
        last client meets a fresh process on the same disk.
        """
        from lab.check.http import session_of_its_own

        with self._processes(1 + restart) as start:
            process = start()
            for number in range(times + 1):
                if restart and number == times:
                    process.kill()
                    process = start()
                with session_of_its_own() as self._kept:
                    try:
                        trace = self._play(conversation, _always(process))
                    finally:
                        self._kept = None
                for _ in range(number):
                    process.address.ask(self.pool.start.ready or "/", 2.0)
            return trace

    def within(
        self,
        conversation: Conversation,
        index: int,
        times: int,
        *,
        before: bool = True,
        more: Callable[[list[Answer]], bool] = lambda answers: False,
    ) -> list[Answer]:
        """The conversation up to a call on one process, and that call again and again.

        All by the same client, so many times, and on while `more` says so. Without `before`,
        only that call, as it was recorded. Others ask for the readiness path meanwhile: an idle
        system gives each call to the same worker.
        """
        with self._processes() as start:
            process = start()
            if before:
                trace = self._play(conversation, _always(process), until=index)
                if len(trace.calls) <= index:
                    return []
                call, state = trace.calls[index], trace.carried[index]
                answers = [trace.answers[index]]
            else:
                call, state, answers = conversation.calls[index], ClientState(), []
            again = Trace()
            with _stirred(process, self.pool.start.ready or "/"):
                while len(answers) < times or more(answers):
                    answers.append(self.said(again, call, state.copy(), process))
            return answers

    def twice(
        self, conversation: Conversation, chosen: Collection[int]
    ) -> dict[int, tuple[Answer, Answer]]:
        """All calls to one process; then the chosen ones again, with what was carried then.

        In another second: an answer that only a clock of seconds tells apart differs too.
        """
        again: dict[int, tuple[Answer, Answer]] = {}
        with self._processes() as start:
            process = start()
            trace = self._play(conversation, _always(process))
            for index in sorted({*chosen} & trace.sent):
                time.sleep(max(0.0, trace.times[index] + APART_S - time.monotonic()))
                state = trace.carried[index].copy()
                other = self.said(Trace(), trace.calls[index], state, process)
                again[index] = (trace.answers[index], other)
        return again

    def two_clients(
        self,
        conversation: Conversation,
        index: int,
        change: Callable[[Call, Call], Call] = lambda call, known: call,
    ) -> tuple[Answer | None, Answer | None]:
        """The conversation up to a call, by two clients after each other, on one process.

        The second one's calls may be changed; `change` is given those of the conversation, too.
        """
        with self._processes() as start:
            process = start()
            one = self._play(conversation, _always(process), until=index)
            other = self._play(conversation, _always(process), until=index, change=change)
            return one.answered.get(index), other.answered.get(index)

    def as_stranger(
        self, conversation: Conversation, index: int, others: Iterable[Call]
    ) -> tuple[Answer | None, list[Answer]]:
        """The conversation up to a call on one process, then other calls by other clients."""
        with self._processes() as start:
            process = start()
            trace = self._play(conversation, _always(process), until=index)
            answers = [self.said(Trace(), call, ClientState(), process) for call in others]
            return (trace.answers[index] if len(trace.answers) > index else None), answers

    @staticmethod
    def _end_all_but(kept: int, used: list[Process]) -> None:
        while len(used) > kept:
            used.pop(0).kill()

    @contextmanager
    def _processes(self, count: int = 1) -> Iterator[Callable[..., Process]]:
        """Begin a play of so many processes: give what starts them; they are killed at its end."""
        self.pool.reset()
        self.pool.expect(count)
        with ExitStack() as last:

            def start(*, elsewhere: bool = False, since: float = 0.0) -> Process:
                process = self.pool.fresh(elsewhere=elsewhere, since=since)
                last.callback(process.kill)
                return process

            yield start

    def _part(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        route: Route,
        trace: Trace | None = None,
    ) -> Trace:
        def some(index: int, call: Call) -> Process | None:
            return route(index, call) if index in part else None

        return self._play(conversation, some, recorded, max(part), trace=trace)

    def _play(
        self,
        conversation: Conversation,
        route: Route,
        recorded: Trace | None = None,
        until: int | None = None,
        state: ClientState | None = None,
        watch: Callable[[Process], None] = lambda process: None,
        trace: Trace | None = None,
        change: Callable[[Call, Call], Call] = lambda call, known: call,
    ) -> Trace:
        """Hold it; `route` says who answers each call, up to the one at `until`."""
        trace = Trace() if trace is None else trace
        carried = trace.state if state is None else state
        most = 3 * len(conversation) + 20

        def client(call: Call) -> Answer:
            index = len(trace.answers)
            if until is not None and index > until:
                raise _Stop
            if index >= most:
                trace.went_on = True
                raise _Stop
            if index < len(conversation):
                call = change(call, conversation.calls[index])
            if recorded is not None and conversation.script:
                self._keep_pace(trace, call, recorded)
            process = route(index, call)
            if process is None:
                if recorded is None or index >= len(recorded.answers):
                    raise _Stop
                _skip(trace, call, recorded.answers[index], carried)
                if conversation.script:  # one that polls counts on the time an answer takes
                    time.sleep(min(recorded.answers[index].elapsed_s, MOST_SKIPPED_S))
                return recorded.answers[index]
            answer = self.said(trace, call, carried, process)
            watch(process)
            return answer

        try:
            _hold(conversation, client)
        except _Stop:
            pass
        except (LabError, Spent):
            raise
        except Exception as error:  # of a script: it says where
            trace.ended = str(error)
            self._budget.check_time()
        return trace

    def _keep_pace(self, trace: Trace, call: Call, recorded: Trace) -> None:
        """Let no call that a script waits with come sooner than it did.

        What it waits for takes longer at times, on a busy machine.
        """
        index = len(trace.answers)
        if not trace.sent or index >= len(recorded.times):
            return
        before = trace.calls[-1]
        again = before.line == call.line and before.path == call.path  # no loop over other things
        if not again and call.line not in self.polled:
            return
        last = max(trace.sent)
        began = trace.times[last] + trace.answers[last].elapsed_s
        due = began + self.patience * (recorded.times[index] - recorded.times[last])
        time.sleep(min(max(0.0, due - time.monotonic()), MOST_PACED_S))

    def said(self, trace: Trace, call: Call, carried: ClientState, process: Process) -> Answer:
        """Send a call as a client that carries this; keep the answer in the trace."""
        from lab.check.http import send

        index = len(trace.answers)
        self._budget.request()
        trace.times.append(time.monotonic())
        trace.ages.append(trace.times[-1] - process.started)
        before = carried.copy()
        with self.during(process):
            answer = send(
                process.address,
                request_of(call, carried.answers),
                carried.cookies,
                min(self._timeout_s, self._budget.left_s),
                wanted=self.endless.get(index, 0),
                kept=self._kept,
            )
        if answer.status is None:
            self._budget.check_time()  # it may be our own hurry that it had no time
        carried.answers[index] = answer
        trace.calls.append(call)
        trace.answers.append(answer)
        trace.carried.append(before)
        trace.sent.add(index)
        return answer


@contextmanager
def _stirred(process: Process, path: str) -> Iterator[None]:
    """Let others ask for a path all the time, while the `with` block lasts."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(STIR_S):
            process.address.ask(path, 2.0)

    # Daemons: where Ctrl-C arrives before the `try`, they must not keep the lab alive.
    others = [threading.Thread(target=ask, name="check-stir", daemon=True) for _ in range(STIRRERS)]
    for each in others:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in others:
            each.join()


def next_second(at_s: float, clock_s: float) -> float:
    """Wait until the second of a moment is over, by its clock; return when it was."""
    over_s = at_s + 1 - clock_s % 1
    time.sleep(max(0.0, over_s - time.monotonic()))
    return over_s


def _always(process: Process) -> Route:
    return lambda index, call: process


def _skip(trace: Trace, call: Call, answer: Answer, carried: ClientState) -> None:
    """Take a call as answered, without sending it."""
    carried.answers[len(trace.answers)] = answer
    trace.calls.append(call)
    trace.carried.append(carried.copy())
    trace.times.append(time.monotonic())
    trace.ages.append(0.0)
    trace.answers.append(answer)


def _hold(conversation: Conversation, client: Callable[[Call], Answer]) -> None:
    if conversation.script is not None:
        conversation.script(client)
        return
    for call in conversation.calls:
        client(call)


def request_of(call: Call, answers: Mapping[int, Answer]) -> "requests.Request":
    """Return the request to send, its URL without scheme, host and port."""
    import requests

    path = fill(call.path, answers)
    if re.match(r"https?://", path):  # an answer gave the whole address
        path = address_of(path)
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
