"""The pair of requests that shows a difference between replicas, seen again several times."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.judge import Finding, Reproducer
from lab.check.replicas.replica import Replica
from lab.check.replicas.runner import ReplicaRunner
from lab.check.search import Givers
from lab.check.shrink import shrink
from lab.check.trace import Trace
from lab.check.wanted import Wanted

INSTEAD = (
    "run the conversation with each call at the replica that is named here: {}. It waits, or "
    "computes a value that no answer contains, so it has to be run itself"
)


@dataclass(frozen=True)
class Assignment:
    """Which replica gets each call, and which one gets all of them for comparison."""

    sides: tuple[int, ...]
    control: int


class PairProver(Givers):
    """Looks for the fewest calls that show a difference; no replica is restarted for it."""

    def __init__(
        self,
        runner: ReplicaRunner,
        among: Sequence[Replica],
        conversation: Conversation,
        baseline: Trace,
        comparator: ResponseComparator,
    ) -> None:
        super().__init__(conversation, baseline, comparator)
        self._runner = runner
        self._among = among

    def prove(self, finding: Finding, sides: Sequence[int]) -> Reproducer | None:
        """Return the shortest script for a finding of a play; None if it is not seen again.

        Where one replica alone answers differently from before, the comparator learns it.
        """
        index = finding.index
        wanted = Wanted(finding, self._comparator, self._baseline)
        everything = [*range(index)]
        for assignment in _simple_first(sides[: index + 1], len(self._among)):
            shows = self._asking(assignment, index, wanted)
            if not shows(everything):
                continue
            needs = self.closed(shrink(everything, shows, self.guesses(index)), index)
            if (found := self._confirmed(assignment, [*needs, index], wanted)) is not None:
                return self._reproducer(assignment, [*needs, index], found, wanted)
        return None

    def _asking(
        self, assignment: Assignment, index: int, wanted: Wanted
    ) -> Callable[[list[int]], bool]:
        def shows(part: list[int]) -> bool:
            calls = [*self.closed(part, index), index]
            return bool(self._shown(assignment, calls, wanted, self._conversation))

        return shows

    def _shown(
        self, assignment: Assignment, calls: list[int], wanted: Wanted, said: Conversation
    ) -> list[Difference]:
        """Send these calls to one replica, then as assigned; return the differences."""
        control = self._among[assignment.control]
        expected = self._runner.part(said, calls, self._baseline, lambda index: control)
        last = calls[-1]
        # Nothing was left out, so the control must answer as before.
        if len(calls) > last and last in expected.answered:
            known, again = self._baseline.answers[last], expected.answers[last]
            if known.status == again.status:
                self._comparator.learn(last, known, again)
        seen = self._runner.part(
            said, calls, self._baseline, lambda index: self._among[assignment.sides[index]]
        )
        if last in seen.answered and seen.answers[last].status is None:
            return []  # a call without an answer shows no difference
        return wanted.shown(expected, seen, calls)

    def _confirmed(
        self, assignment: Assignment, calls: list[int], wanted: Wanted
    ) -> tuple[Difference, ...] | None:
        found: list[Difference] = []
        for _ in range(wanted.confirmations):
            if not (found := self._shown(assignment, calls, wanted, self._conversation)):
                return None
        return tuple(found)

    def _reproducer(
        self,
        assignment: Assignment,
        calls: list[int],
        found: tuple[Difference, ...],
        wanted: Wanted,
    ) -> Reproducer:
        sides = tuple(assignment.sides[n] for n in calls)
        times = wanted.confirmations
        proven = Reproducer(
            (*calls,), False, found, times, times, sides, control=assignment.control
        )
        if self._conversation.script is None:
            return proven
        plain = replace(self._conversation, script=None)
        if not wanted.of_script and self._shown(assignment, calls, wanted, plain):
            return proven
        said = ", ".join(
            f"{self._conversation.calls[n].origin} to {self._among[side].name}"
            for n, side in zip(calls, sides, strict=True)
        )
        return replace(proven, unprintable=INSTEAD.format(said))


def _simple_first(sides: Sequence[int], replicas: int) -> Iterator[Assignment]:
    """Yield the play with all calls but the last at one other replica, and then the play itself."""
    last = sides[-1]
    others = [each for each in range(replicas) if each != last]
    for one in sorted(others, key=lambda each: (each not in sides, each)):
        yield Assignment((*(one for _ in sides[:-1]), last), one)
    yield Assignment((*sides,), sides[0])
