"""Conversations with one command in their middle (a rollout, a restart), run once for all."""

import sys
import threading
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from lab.check.budget import Spent
from lab.check.conversation import Call, Conversation
from lab.check.replicas.replica import NO_REPLICA, Replica
from lab.check.replicas.runner import ReplicaRunner
from lab.check.start import run_line
from lab.check.trace import Trace
from lab.core.errors import LabError
from lab.core.text import LogStep
from lab.processes.waiting import wait_until

MOST_CLIENTS = 20
BACK_S = 60.0  # a replica has to answer this soon after the command


@dataclass
class _WaitingClient:
    """A client that runs the conversation, and waits before the call at `cut`."""

    cut: int
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    trace: Trace | None = None
    failure: BaseException | None = None
    thread: threading.Thread | None = None


class Between:
    """Runs a command between calls: each client has had other calls before it.

    So every pair of calls has the command in between, and it is run no more than once.
    """

    def __init__(
        self, runner: ReplicaRunner, target: Replica, command: str, patience_s: float, path: str
    ) -> None:
        self._runner = runner
        self._target = target
        self._command = command
        self._patience_s = patience_s
        self._path = path
        self._over = False

    def run(self, conversation: Conversation, progress: LogStep) -> list[tuple[int, Trace]]:
        """Return each client's cut and its play; LabError if the command fails."""
        clients = [_WaitingClient(cut) for cut in cuts(len(conversation))]
        # Scripts print elsewhere; those that overlap would not put that back in order.
        with redirect_stdout(sys.stderr):
            try:
                for number, each in enumerate(clients, start=1):
                    progress(f"a client up to call {each.cut}", number, len(clients))
                    self._start(conversation, each)
                    each.arrived.wait()
                progress(f"--between: {self._command}")
                run_line("--between", self._command, Path.cwd(), None, self._patience_s)
                self._await_target()
                progress("each client goes on")
            except BaseException:
                self._over = True
                raise
            finally:
                for each in clients:
                    each.go_on.set()
                    if each.thread:
                        each.thread.join()
        for each in clients:
            if each.failure:
                raise each.failure
        return [(each.cut, each.trace) for each in clients if each.trace is not None]

    def _start(self, conversation: Conversation, client: _WaitingClient) -> None:
        def route(index: int, _: Call) -> Replica:
            if index == client.cut:
                client.arrived.set()
                client.go_on.wait()
            if self._over:
                raise Spent("stopped before the end of --between")
            return self._target

        def run() -> None:
            try:
                client.trace = self._runner.run(conversation, route)
            except BaseException as error:  # the main thread raises it
                client.failure = error
            finally:
                client.arrived.set()

        client.thread = threading.Thread(target=run, name="check-between", daemon=True)
        client.thread.start()

    def _await_target(self) -> None:
        address = self._target.address

        def answers() -> bool:
            answer = address.ask(address.base + self._path, 2.0)
            return answer is not None and answer[0] not in NO_REPLICA

        if not wait_until(answers, BACK_S):
            raise LabError(
                f"{address.url} did not answer within {BACK_S:.0f} s after --between: let the "
                "command wait until it is done (kubectl rollout status), or give --through"
            )


def cuts(calls: int) -> list[int]:
    """Return the calls before which the command runs: all but the first, or some of very many."""
    places = [*range(1, calls)]
    if len(places) <= MOST_CLIENTS:
        return places
    return sorted({1 + n * (calls - 2) // (MOST_CLIENTS - 1) for n in range(MOST_CLIENTS)})


def pairs_cut(calls: int) -> int:
    """Return how many pairs of calls have the command in between."""
    bounds = [0, *cuts(calls), calls]
    within = sum((b - a) * (b - a - 1) // 2 for a, b in pairwise(bounds))
    return calls * (calls - 1) // 2 - within
