"""Conversations through the balancer before the replicas, until each pair of calls has crossed."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, plain
from lab.check.judge import Report
from lab.check.replicas.design import Certificate
from lab.check.replicas.naming import Naming
from lab.check.replicas.replica import Replica
from lab.check.replicas.runner import ReplicaRunner
from lab.check.trace import ClientState, Trace
from lab.core.http import Answer, Headers

MOST_PLAYS, LEAST_PLAYS = 24, 4
NOT_BELIEVED = (
    "{header} names replica {name} in a whole conversation through the balancer, and answer "
    "{call} is not as {name} gives it: the header is not believed, and which replica answered "
    "through the balancer is not known"
)


@dataclass
class Through:
    """The plays through the balancer, each with the replica that answered each call, if known."""

    plays: list[Trace] = field(default_factory=list)
    sides: list[list[int | None]] = field(default_factory=list)


class BalancerPlays:
    """Runs conversations through a balancer; its turn is moved by GETs of a path in between."""

    def __init__(
        self,
        runner: ReplicaRunner,
        balancer: Replica,
        naming: Naming,
        report: Report,
        path: str,
        progress: Callable[[str], None],
    ) -> None:
        self.found = Through()
        self._runner = runner
        self._balancer = balancer
        self._naming = naming
        self._report = report
        self._path = path
        self._progress = progress
        self._draw = random.Random(0)

    def run(
        self, conversation: Conversation, replicas: int, covered: Callable[[Through], Certificate]
    ) -> None:
        """Run the conversation until every pair has crossed, or more plays would not help.

        Every other client keeps its connection.
        """
        for number in range(MOST_PLAYS):
            self._progress(f"the conversation through the balancer, {number + 1}")
            self._play(conversation, replicas, kept=number % 2 == 1)
            so_far = covered(self.found)
            if number + 1 >= LEAST_PLAYS and (so_far.complete or not so_far.pairs):
                return

    def _play(self, conversation: Conversation, replicas: int, *, kept: bool) -> None:
        def route(index: int, _: Call) -> Replica:
            for _turn in range(self._draw.randrange(replicas) if index else 0):
                nudge = Call("GET", plain(self._path))
                self._runner.said(Trace(), nudge, ClientState(), self._balancer)
            return self._balancer

        trace = self._runner.routed(conversation, route, kept=kept)
        self.found.plays.append(trace)
        self.found.sides.append([self._naming.replica_of(each) for each in trace.answers])
        for each in trace.answers:
            if lie := self._naming.lie(each):
                self._report.note(lie)

    def take_away(self, cookies: Collection[str]) -> None:
        """Remove the balancer's own cookies from the answers: no replica sets them."""
        for trace in self.found.plays:
            trace.answers = [_without(each, cookies) for each in trace.answers]

    def check_names(self, comparator: ResponseComparator, baseline: Trace) -> None:
        """Stop using a header's names once a named replica would have answered differently.

        Before, each place that the balancer itself changes is masked: it always differs.
        """
        expected = dict(enumerate(baseline.answers))
        plays = [comparator.aligned(baseline, trace) for trace in self.found.plays]
        for index in range(len(baseline.answers)):
            for place in self._always_changed(index, comparator, baseline, plays):
                comparator.mask(index, place)
                self._report.note(
                    f"{place} in answer {index + 1} differs through the balancer each time: "
                    "the balancer itself seems to change it, so it is not compared"
                )
        for answers, sides in zip(plays, self.found.sides, strict=True):
            for index in sorted(answers):
                before = {*sides[: index + 1]}
                if len(before) != 1 or None in before:
                    break
                found = comparator.compare(index, expected, answers)
                if any(each.where == "status" for each in found):
                    self._disbelieve(index, sides[0])
                    return

    def _always_changed(
        self,
        index: int,
        comparator: ResponseComparator,
        baseline: Trace,
        plays: Sequence[Mapping[int, Answer]],
    ) -> list[str]:
        """Return the places where an answer differs in every play, even on one replica alone."""
        alike = [{*sides[: index + 1]} for sides in self.found.sides]
        if not any(len(each) == 1 and None not in each for each in alike):
            return []
        expected = baseline.answers[index]
        found = [
            {each.where for each in comparator(index, expected, answers[index])}
            for answers in plays
            if index in answers
        ]
        always = set.intersection(*found) if found else set()
        return [] if "status" in always else sorted(always)

    def _disbelieve(self, index: int, side: int | None) -> None:
        name = "ABCDEFGHI"[side or 0]
        header = self._naming.first or "a header of the balancer"
        self._report.note(NOT_BELIEVED.format(header=header, name=name, call=index + 1))
        self.found.sides = [[None for _ in each] for each in self.found.sides]


def _without(answer: Answer, cookies: Collection[str]) -> Answer:
    pairs = answer.headers.pairs
    kept = (
        (name, value)
        for name, value in pairs
        if name != "set-cookie" or value.partition("=")[0].strip() not in cookies
    )
    return replace(answer, headers=Headers(kept))


def own_cookies(through: Sequence[Trace], direct: Sequence[Trace]) -> list[str]:
    """Return the cookies that only the balancer sets: most often they are for affinity."""
    there, here = (
        {name for trace in plays for answer in trace.answers for name in answer.cookies}
        for plays in (through, direct)
    )
    return sorted(there - here)
