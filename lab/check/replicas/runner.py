"""Runs conversations on replicas that run already, and counts what each of them was asked."""

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from lab.check.budget import Budget
from lab.check.conversation import Call, Conversation
from lab.check.dialect import Until
from lab.check.http import send, session_of_its_own
from lab.check.parts import APART_S
from lab.check.replicas.replica import Replica
from lab.check.target_runner import Routing, TargetRunner
from lab.check.trace import ClientState, Trace, request_of
from lab.core.http import Answer, Headers
from lab.processes.ports import in_url

_SERVICE = "127.0.0.1:PORT"  # stands where an answer names the address that it was asked at


class ReplicaRunner(TargetRunner[Replica]):
    """Plays of one client each. `dropped` are cookies that the client does not keep.

    `requests` counts what each of them was sent, by name.
    """

    def __init__(self, budget: Budget, timeout_s: float, dropped: Collection[str] = ()) -> None:
        super().__init__(budget, timeout_s)
        self.requests: Counter[str] = Counter()
        self._dropped = frozenset(dropped)

    def on(
        self,
        conversation: Conversation,
        target: Replica,
        *,
        kept: bool = False,
        after: Trace | None = None,
    ) -> Trace:
        """Run the conversation on one replica, over new connections or over one that is kept.

        With `after`, no call is sent in the second of that play's: a clock is seen to go on.
        """

        def route(index: int, _: Call) -> Replica:
            if after is not None and index < len(after.times):
                time.sleep(max(0.0, after.times[index] + APART_S - time.monotonic()))
            return target

        return self.routed(conversation, route, kept=kept)

    def spread(
        self,
        conversation: Conversation,
        among: Sequence[Replica],
        sides: Sequence[int],
        *,
        kept: bool = False,
    ) -> Trace:
        """Run the conversation with call n at `among[sides[n]]`; keep connections if asked to."""
        # A script may send more calls than it did: it goes on where it was.
        route = lambda index, _: among[sides[min(index, len(sides) - 1)]]  # noqa: E731
        return self.routed(conversation, route, kept=kept)

    def part(
        self,
        conversation: Conversation,
        part: Collection[int],
        recorded: Trace,
        route: Callable[[int], Replica],
    ) -> Trace:
        """Run some of the calls, up to the last of them; the others are as `recorded`."""
        return self.run_part(conversation, part, recorded, lambda index, _: route(index))

    def routed(self, conversation: Conversation, route: Routing[Replica], *, kept: bool) -> Trace:
        """Run the conversation as `route` says, over new connections or over kept ones."""
        if not kept:
            return self.run(conversation, route)
        with session_of_its_own() as self._kept:
            try:
                return self.run(conversation, route)
            finally:
                self._kept = None

    def _send(
        self, target: Replica, call: Call, state: ClientState, wanted: int, until: Until
    ) -> Answer:
        self.requests[target.name] += 1
        address, request = target.address, request_of(call, state.answers)
        if address.base and request.url.startswith(f"{address.base}/"):
            request.url = request.url.removeprefix(address.base)  # an answer gave it with its base
        answer = send(
            address,
            request,
            state.cookies,
            min(self._timeout_s, self._budget.left_s),
            wanted=wanted,
            kept=self._kept,
            until=until,
        )
        for cookie in [*state.cookies]:
            if cookie.name in self._dropped:
                state.cookies.clear(cookie.domain, cookie.path, cookie.name)
        return _without_address(answer, target)


def _without_address(answer: Answer, target: Replica) -> Answer:
    """Return the answer with the replica's own address replaced by a common one."""
    address = target.address
    # Its own port is PORT already where it stands after a host of this machine.
    named = rf"(?<=//){re.escape(in_url(address.host))}(?::(?:{address.port}|PORT))?(?![\w.:-])"
    pattern = re.compile(named.encode())
    pairs = ((name, re.sub(named, _SERVICE, value)) for name, value in answer.headers.pairs)
    return replace(
        answer, headers=Headers(pairs), content=pattern.sub(_SERVICE.encode(), answer.content)
    )
