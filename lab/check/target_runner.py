"""Runs a conversation on processes of a pool, as a client that carries what it is given."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lab.check.address import Address
from lab.check.budget import Budget, Spent
from lab.check.conversation import Call, Conversation
from lab.check.dialect import Dialect, Transmit, Until
from lab.check.pool import Pool
from lab.check.process import Process
from lab.check.trace import ClientState, Trace, request_of
from lab.core.errors import LabError
from lab.core.http import Answer

if TYPE_CHECKING:  # requests is loaded while the first process starts
    import requests

MOST_PACED_S = 5.0
# Multiples of the time that a script waited when it was recorded.
PATIENTLY, MORE_PATIENTLY = 1.5, 4.0
MOST_SKIPPED_S = 0.1  # a call that is not sent again takes up to this much of its recorded time


class Target(Protocol):
    """What can be asked: where it is, and when it was started, if known (time.monotonic())."""

    @property
    def address(self) -> Address:
        """Where it is reached."""
        ...

    @property
    def started(self) -> float:
        """When it was started; 0.0 if that is not known."""
        ...


AnyTarget = TypeVar("AnyTarget", bound=Target)
# The target that answers a call; None: the recorded answer stands.
Routing = Callable[[int, Call], AnyTarget | None]
Route = Routing[Process]


class _Stop(BaseException):
    """Ends a script in the middle: what it would send next is not wanted.

    A BaseException, since a script may catch every Exception of a request.
    """


class TargetRunner(Generic[AnyTarget]):
    """Plays conversations on whatever can be asked, within a budget.

    `endless` are the calls whose answers are streams without an end, as far as is known, and how
    many events are waited for. `dialect` is the protocol that is spoken, None for plain HTTP.
    `during` is entered while a process is asked. `polled` are the lines of a script that ask until
    an answer changes, `patience` is how much longer than in the recording they wait.
    """

    def __init__(self, budget: Budget, timeout_s: float = 10.0) -> None:
        self.endless: dict[int, int] = {}
        self.dialect: Dialect | None = None
        self.polled: set[tuple[str, str]] = set()
        self.patience = PATIENTLY
        self.during: Callable[[AnyTarget], AbstractContextManager[None]] = lambda target: (
            nullcontext()
        )
        self._budget = budget
        self._timeout_s = timeout_s
        self._kept: requests.Session | None = None

    def run_part(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        route: Routing[AnyTarget],
        trace: Trace | None = None,
    ) -> Trace:
        """Send some calls of a conversation; the answers to the others are as `recorded`."""

        def some(index: int, call: Call) -> AnyTarget | None:
            return route(index, call) if index in part else None

        return self.run(conversation, some, recorded, max(part), trace=trace)

    def run(
        self,
        conversation: Conversation,
        route: Routing[AnyTarget],
        recorded: Trace | None = None,
        until: int | None = None,
        state: ClientState | None = None,
        watch: Callable[[AnyTarget], None] = lambda target: None,
        trace: Trace | None = None,
        change: Callable[[Call, Call], Call] = lambda call, known: call,
    ) -> Trace:
        """Run the conversation; `route` says who answers each call, up to the one at `until`."""
        trace = Trace() if trace is None else trace
        state = trace.state if state is None else state
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
            target = route(index, call)
            if target is None:
                if recorded is None or index >= len(recorded.answers):
                    raise _Stop
                _skip(trace, call, recorded.answers[index], state)
                # A script that polls relies on the time that an answer takes.
                if conversation.script:
                    time.sleep(min(recorded.answers[index].elapsed_s, MOST_SKIPPED_S))
                return recorded.answers[index]
            answer = self.said(trace, call, state, target)
            watch(target)
            return answer

        try:
            _run(conversation, client)
        except _Stop:
            pass
        except (LabError, Spent):
            raise
        except Exception as error:  # a script may raise anything; the error says where
            trace.ended = str(error)
            self._budget.check_time()
        return trace

    def _keep_pace(self, trace: Trace, call: Call, recorded: Trace) -> None:
        """Let a polling call of a script wait at least as long as it did when it was recorded.

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

    def said(
        self, trace: Trace, call: Call, state: ClientState, target: AnyTarget, tries: int = 1
    ) -> Answer:
        """Send a call as a client that carries this; keep the answer in the trace.

        Where nothing came, it is sent again, up to so many `tries`.
        """
        index = len(trace.answers)
        trace.times.append(time.monotonic())
        trace.ages.append(trace.times[-1] - target.started)
        before = state.copy()
        transmit = self._transmit(index, state, target)
        dialect = self.dialect
        for _ in range(tries):
            answer = dialect.ask(call, state, target, transmit) if dialect else transmit(call)
            if answer.status is not None:
                break
            self._budget.check_time()  # the check's own deadline may have cut it short
        state.answers[index] = answer
        trace.calls.append(call)
        trace.answers.append(answer)
        trace.states.append(before)
        trace.sent.add(index)
        return answer

    def _transmit(self, index: int, state: ClientState, target: AnyTarget) -> Transmit:
        """Return what sends calls to a target, at a place of a conversation."""

        def transmit(call: Call, until: Until = None) -> Answer:
            self._budget.request()
            with self.during(target):
                return self._send(target, call, state, self.endless.get(index, 0), until)

        return transmit

    def _send(
        self, target: AnyTarget, call: Call, state: ClientState, wanted: int, until: Until
    ) -> Answer:
        from lab.check.http import send

        return send(
            target.address,
            request_of(call, state.answers),
            state.cookies,
            min(self._timeout_s, self._budget.left_s),
            wanted=wanted,
            kept=self._kept,
            until=until,
        )


class ProcessRunner(TargetRunner[Process]):
    """Plays conversations on processes of a pool."""

    def __init__(self, pool: Pool, budget: Budget, timeout_s: float = 10.0) -> None:
        super().__init__(budget, timeout_s)
        self.exclusive = False
        self.pool = pool

    def expect(self, processes: int) -> None:
        """Expect at least this many processes for the next plays; some may be started ahead."""
        self.pool.expect(processes)

    @contextmanager
    def processes(self, count: int = 1) -> Iterator[Callable[..., Process]]:
        """Begin a play of so many processes: give what starts them; they are killed at its end."""
        self.pool.reset()
        self.pool.expect(count)
        with ExitStack() as last:

            def start(*, elsewhere: bool = False, since: float = 0.0) -> Process:
                process = self.pool.fresh(elsewhere=elsewhere, since=since)
                last.callback(process.kill)
                return process

            yield start


def next_second(at_s: float, clock_s: float) -> float:
    """Wait until the second of a moment is over, by its clock; return when it was."""
    over_s = at_s + 1 - clock_s % 1
    time.sleep(max(0.0, over_s - time.monotonic()))
    return over_s


def always(target: AnyTarget) -> Routing[AnyTarget]:
    """Return the route of a play on one process."""
    return lambda index, call: target


def _skip(trace: Trace, call: Call, answer: Answer, state: ClientState) -> None:
    """Count a call as answered without sending it."""
    state.answers[len(trace.answers)] = answer
    trace.calls.append(call)
    trace.states.append(state.copy())
    trace.times.append(time.monotonic())
    trace.ages.append(0.0)
    trace.answers.append(answer)


def _run(conversation: Conversation, client: Callable[[Call], Answer]) -> None:
    if conversation.script is not None:
        conversation.script(client)
        return
    for call in conversation.calls:
        client(call)
