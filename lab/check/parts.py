"""Plays of some calls of a conversation; the others are answered as they were recorded."""

import time
from collections.abc import Collection, Sequence

from lab.check.conversation import Call, Conversation
from lab.check.process import Process
from lab.check.target_runner import ProcessRunner, always, next_second
from lab.check.trace import Trace
from lab.core.http import Answer

APART_S = 1.05  # time between the same call of two plays: a clock in seconds moves on


class PartRunner(ProcessRunner):
    """A runner of parts of a conversation."""

    def part(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        pause_before: int | None = None,
    ) -> Trace:
        """Send some of the calls to one process, and answer the others as `recorded`.

        Before one of them a clock of seconds may be let go on.
        """
        with self.processes() as start:
            process = start()

            def route(index: int, _: Call) -> Process:
                if index == pause_before:
                    time.sleep(APART_S)
                return process

            return self.run_part(conversation, part, recorded, route)

    def part_alternating(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        sides: Sequence[int],
    ) -> Trace:
        """Play the part on two live processes; call n goes to `sides[n]`."""
        with self.processes(2) as start:
            pair = (start(), start())
            route = lambda index, _: pair[sides[index]]  # noqa: E731
            return self.run_part(conversation, part, recorded, route)

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
        """Play the part, kill the process, and send the last call to a fresh one.

        With `wiped` the backing service is emptied in between; with `elsewhere` the fresh
        process is as on another machine. With `asked_before` the first process is asked the last
        call too, before it is killed: that answer is in the first trace returned, which is empty
        without. A `young` process is started in a later second than the calls before.
        """
        last = max(part)
        there, trace = Trace(), Trace()
        with self.processes(2) as start:
            used: list[Process] = []

            def route(index: int, call: Call) -> Process:
                if index == last and used and asked_before:
                    there.adopt(trace)
                    self.said(there, call, trace.state.copy(), used[-1])
                if index == last or not used:
                    self.end_all_but(0, used)
                    if wiped and index == last:
                        self.pool.reset()
                    since = 0.0
                    if young and index == last:
                        since = next_second(time.monotonic(), time.time())
                    used.append(start(elsewhere=elsewhere and index == last, since=since))
                return used[-1]

            if asked_before and len(part) == 1:
                used.append(start())
            self.run_part(conversation, part, recorded, route, trace)
        return there, trace

    def alone(self, conversation: Conversation, baseline: Trace, index: int) -> Trace:
        """Send one recorded call to a fresh process with an empty backing service."""
        with self.processes() as start:
            process = start()
            state = baseline.states[index].copy()
            route = lambda n, call: process if n == index else None  # noqa: E731
            return self.run(conversation, route, baseline, index, state)

    def after_each(
        self, conversation: Conversation, index: int, recorded: Trace
    ) -> tuple[Trace, list[Answer]]:
        """Send the calls before `index` to one process, and the call at `index` after each."""
        trace, found = Trace(), list[Answer]()
        call = conversation.calls[index]

        def ask(process: Process) -> None:
            found.append(self.said(Trace(), call, trace.state.copy(), process))

        with self.processes() as start:
            route = always(start())
            self.run(conversation, route, recorded, index - 1, watch=ask, trace=trace)
        return trace, found

    @staticmethod
    def end_all_but(kept: int, used: list[Process]) -> None:
        """Kill the first of these processes, and take them off the list."""
        while len(used) > kept:
            used.pop(0).kill()
