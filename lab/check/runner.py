"""The ways to run a conversation: on one process, on fresh ones, on two, by several clients."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from lab.check.conversation import Call, Conversation
from lab.check.launcher import OneAtATime
from lab.check.parts import APART_S, PartRunner
from lab.check.pool import Pool
from lab.check.process import Process
from lab.check.target_runner import always
from lab.check.trace import ClientState, Trace, without_refs
from lab.core.http import Answer

STIRRERS, STIR_S = 3, 0.002  # clients that keep the workers of one server busy, and their pause
LINGER = 2  # processes of the last play that may finish their background work
AFTER_RECORD = 2  # processes that are needed after a conversation was recorded


class Live:
    """A client of one fresh process at a time; it keeps the trace of its last play."""

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
        """Continue as a new client, of another process, with an empty backing service."""
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


class Runner(PartRunner):
    """Plays whole conversations, and parts of them, on processes of a pool."""

    def one(
        self,
        conversation: Conversation,
        watch: Callable[[Process], None] = lambda process: None,
        after: Trace | None = None,
    ) -> Trace:
        """Send all calls to one process: the conversation as a client knows it.

        `watch` may look at the process after each call. With `after`, no call is sent in the
        second of that play's, nor to a process that is no older than that play's was.
        """
        with self.processes() as start:
            process = start()

            def route(index: int, _: Call) -> Process:
                if after is not None and index < len(after.times):
                    due = max(after.times[index], process.started + after.ages[index])
                    time.sleep(max(0.0, due + APART_S - time.monotonic()))
                return process

            return self.run(conversation, route, watch=watch)

    @contextmanager
    def client(self) -> Iterator[Live]:
        """Yield a client of a fresh process."""
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
        """Send each call to a process that had no other; with `elsewhere`, as on another machine.

        Calls that are said to change nothing, by their protocol or by their service, share one
        with those just before, as long as each is another one of the same topic.
        `youngest` says when the process of a call may be started at the earliest.
        The last few processes are left alive for a while: what they do in the background may
        end, as in a deployment that overlaps.
        """
        with self.processes(len(conversation)) as start:
            used: list[Process] = []
            group: list[Call] = []

            def route(index: int, call: Call) -> Process:
                if group and joins(group, call):
                    group.append(call)
                    return used[-1]
                group[:] = [call]
                self.end_all_but(0 if self.exclusive else LINGER - 1, used)
                since = youngest(index)
                try:
                    used.append(start(elsewhere=elsewhere, since=since))
                except OneAtATime:
                    if not used:
                        raise
                    self.exclusive = True
                    self.end_all_but(0, used)
                    used.append(start(elsewhere=elsewhere))
                progress(index + 1)
                return used[-1]

            return self.run(conversation, route)

    def alternating(self, conversation: Conversation, sides: Sequence[int]) -> Trace:
        """Send the calls to two live processes, as behind a balancer; call n goes to `sides[n]`."""
        with self.processes(2) as start:
            pair = (start(), start())
            # A script may send more calls than it did.
            return self.run(conversation, lambda index, _: pair[sides[index % len(sides)]])

    def naked(self, conversation: Conversation) -> Trace:
        """Send each call to one process, as a client without credentials."""
        trace = Trace()
        with self.processes() as start:
            process = start()
            for call in conversation.calls:
                self.said(trace, without_refs(call), ClientState(), process)
        return trace

    def used(self, conversation: Conversation, times: int, *, restart: bool = False) -> Trace:
        """Play the conversation on a process that has already had it from `times` other clients.

        Each keeps its connection. A server that gives requests to its threads in turn is asked a
        few times more between them, so that each thread has had each call. With `restart` the
        last client meets a fresh process on the same disk.
        """
        from lab.check.http import session_of_its_own

        with self.processes(1 + restart) as start:
            process = start()
            for number in range(times + 1):
                if restart and number == times:
                    process.kill()
                    process = start()
                with session_of_its_own() as self._kept:
                    try:
                        trace = self.run(conversation, always(process))
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
        """Send the calls up to one to a process, and then that call again and again.

        All by the same client, so many times, and on while `more` says so. Without `before`,
        only that call, as it was recorded. Others ask for the readiness path meanwhile: an idle
        system gives each call to the same worker.
        """
        with self.processes() as start:
            process = start()
            if before:
                trace = self.run(conversation, always(process), until=index)
                if len(trace.calls) <= index:
                    return []
                call, state = trace.calls[index], trace.states[index]
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
        """Send all calls to one process; then the chosen ones again, with the same credentials.

        In another second: an answer that only a clock of seconds tells apart differs too.
        """
        again: dict[int, tuple[Answer, Answer]] = {}
        with self.processes() as start:
            process = start()
            trace = self.run(conversation, always(process))
            for index in sorted({*chosen} & trace.sent):
                time.sleep(max(0.0, trace.times[index] + APART_S - time.monotonic()))
                state = trace.states[index].copy()
                other = self.said(Trace(), trace.calls[index], state, process)
                again[index] = (trace.answers[index], other)
        return again

    def two_clients(
        self,
        conversation: Conversation,
        index: int,
        change: Callable[[Call, Call], Call] = lambda call, known: call,
    ) -> tuple[Answer | None, Answer | None]:
        """Send the calls up to one to a process, as two clients one after the other.

        The second one's calls may be changed; `change` is given those of the conversation, too.
        """
        with self.processes() as start:
            process = start()
            one = self.run(conversation, always(process), until=index)
            other = self.run(conversation, always(process), until=index, change=change)
            return one.answered.get(index), other.answered.get(index)

    def as_stranger(
        self, conversation: Conversation, index: int, others: Iterable[Call]
    ) -> tuple[Answer | None, list[Answer]]:
        """Send the calls up to one to a process, then other calls as other clients."""
        with self.processes() as start:
            process = start()
            trace = self.run(conversation, always(process), until=index)
            answers = [self.said(Trace(), call, ClientState(), process) for call in others]
            return (trace.answers[index] if len(trace.answers) > index else None), answers


@contextmanager
def _stirred(process: Process, path: str) -> Iterator[None]:
    """Keep asking for a path as other clients while the `with` block lasts."""
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


def joins(group: Sequence[Call], call: Call) -> bool:
    """Return True if a call may go to the process of these calls, in a play of fresh ones."""
    return call.harmless and all(
        each.harmless and each.topic == call.topic and each.route != call.route for each in group
    )
