"""Conversations through the balancer before the replicas, until each pair of calls has crossed."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, plain
from lab.check.judge import Report
from lab.check.replicas.design import certificate
from lab.check.replicas.naming import Naming
from lab.check.replicas.player import ReplicaPlayer
from lab.check.replicas.replica import Replica
from lab.check.trace import ClientState, Trace

MOST_PLAYS, LEAST_PLAYS = 24, 4
NOT_BELIEVED = (
    "{header} names replica {name} in a whole conversation through the balancer, and answer "
    "{call} is not as {name} gives it: the header is not believed, and which replica answered "
    "through the balancer is not known"
)


@dataclass
class Through:
    """What came through the balancer: each play, and by call the replica that answered if known."""

    plays: list[Trace] = field(default_factory=list)
    sides: list[list[int | None]] = field(default_factory=list)


class BalancerPlays:
    """Holds conversations through a balancer; its turn is moved by GETs of a path in between."""

    def __init__(
        self,
        player: ReplicaPlayer,
        balancer: Replica,
        naming: Naming,
        report: Report,
        path: str,
        progress: Callable[[str], None],
    ) -> None:
        self.found = Through()
        self._player = player
        self._balancer = balancer
        self._naming = naming
        self._report = report
        self._path = path
        self._progress = progress
        self._draw = random.Random(0)

    def hold(self, conversation: Conversation, replicas: int) -> None:
        """Hold it until every pair has crossed, or more would not help.

        Every other client keeps its connection.
        """
        for number in range(MOST_PLAYS):
            self._progress(f"the conversation through the balancer, {number + 1}")
            self._play(conversation, replicas, kept=number % 2 == 1)
            covered = certificate(self.found.sides, len(conversation), replicas)
            if number + 1 >= LEAST_PLAYS and (covered.complete or not covered.pairs):
                return

    def _play(self, conversation: Conversation, replicas: int, *, kept: bool) -> None:
        def route(index: int, _: Call) -> Replica:
            for _turn in range(self._draw.randrange(replicas) if index else 0):
                nudge = Call("GET", plain(self._path))
                self._player.said(Trace(), nudge, ClientState(), self._balancer)
            return self._balancer

        trace = self._player.routed(conversation, route, kept=kept)
        self.found.plays.append(trace)
        self.found.sides.append([self._naming.replica_of(each) for each in trace.answers])
        for each in trace.answers:
            if lie := self._naming.lie(each):
                self._report.note(lie)

    def believe(self, comparator: ResponseComparator, baseline: Trace) -> None:
        """Take back what a header said where one replica would have answered otherwise.

        Leave out what the balancer itself changes: it differs although nothing crossed.
        """
        for trace, sides in zip(self.found.plays, self.found.sides, strict=True):
            answers = comparator.aligned(baseline, trace)
            for index in sorted(answers):
                before = {*sides[: index + 1]}
                if len(before) != 1 or None in before:
                    break
                expected = dict(enumerate(baseline.answers))
                if comparator.compare(index, expected, answers):
                    self._is_its_own(index, comparator, baseline, before)
                    return

    def _is_its_own(
        self,
        index: int,
        comparator: ResponseComparator,
        baseline: Trace,
        before: Collection[int | None],
    ) -> None:
        """Decide between a balancer that changes an answer and a header that lies."""
        expected, always = baseline.answers[index], list[set[str]]()
        for trace in self.found.plays:
            answer = comparator.aligned(baseline, trace).get(index)
            found = comparator(index, expected, answer) if answer else []
            always.append({each.where for each in found})
        same = set.intersection(*always)
        if same and "status" not in same:
            for where in sorted(same):
                comparator.mask(index, where)
                self._report.note(
                    f"{where} in answer {index + 1} is another through the balancer each time: "
                    "taken for its own doing, and not compared"
                )
            return
        name = "ABCDEFGHI"[next(each for each in before if each is not None)]
        header = self._naming.first or "the balancer's header"
        self._report.note(NOT_BELIEVED.format(header=header, name=name, call=index + 1))
        self.found.sides = [[None for _ in each] for each in self.found.sides]


def own_cookies(through: Sequence[Trace], direct: Sequence[Trace]) -> list[str]:
    """Return the cookies that only the balancer sets: most often they are for affinity."""
    there, here = (
        {name for trace in plays for answer in trace.answers for name in answer.cookies}
        for plays in (through, direct)
    )
    return sorted(there - here)
