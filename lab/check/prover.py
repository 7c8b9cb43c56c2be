"""Finds the shortest script that shows a difference, and sees it three times."""

from collections.abc import Iterable

from lab.check.differences import Difference
from lab.check.conversation import Answer, Conversation
from lab.check.judge import READS_WRITES, TURNS, Finding, Level, Reproducer
from lab.check.runner import Runner
from lab.check.shrink import shrink
from lab.check.comparator import Differ

CONFIRMATIONS = 3
READS = ("GET", "HEAD", "OPTIONS")


def sides_of(conversation: Conversation, play: str) -> tuple[int, ...]:
    """Return which of two processes is asked each call in this play; () in a play of one."""
    if play == TURNS:
        return tuple(index % 2 for index in range(len(conversation)))
    if play == READS_WRITES:
        return tuple(int(call.method in READS) for call in conversation.calls)
    return ()


class Prover:
    """Looks for proofs in one conversation; `shared` says that processes may share something."""

    def __init__(
        self, runner: Runner, conversation: Conversation, differ: Differ, shared: bool
    ) -> None:
        self._runner = runner
        self._conversation = conversation
        self._differ = differ
        self._shared = shared

    def shortest(self, finding: Finding, confirm: bool) -> Reproducer | None:
        """Return the shortest script for a finding, confirmed if asked; None if none shows it.

        Nothing may be left out of it: that makes the difference go away.
        """
        known: dict[tuple[int, ...], tuple[Answer, list[Difference]]] = {}

        def asked(earlier: Iterable[int]) -> bool:
            part = tuple(earlier)
            expected, seen = self._pair(finding, [*part])
            known[part] = expected, self._differ(finding.index, expected, seen)
            return bool(known[part][1])

        everything = list(range(finding.index))
        # With nothing before, both sides are the same script: then it varies by itself.
        if not everything or not asked(everything):
            return None
        needs = shrink(everything, asked, self._guesses(finding.index))
        if not needs:
            return None
        expected, found = known[tuple(needs)]
        tries = CONFIRMATIONS if confirm else 0
        confirmed = sum(self._again(finding, needs, expected) for _ in range(tries))
        return self._reproducer(finding, needs, found, tries) if confirmed == tries else None

    def _reproducer(
        self, finding: Finding, needs: list[int], found: list[Difference], times: int
    ) -> Reproducer:
        calls = (*needs, finding.index)
        sides = sides_of(self._conversation, finding.play)
        wiped = finding.level is Level.BACKING_SERVICE
        chosen = tuple(sides[index] for index in calls) if sides else ()
        return Reproducer(calls, wiped, tuple(found), times, times, chosen)

    def _again(self, finding: Finding, earlier: list[int], before: Answer) -> bool:
        """Whether it is seen again, and one process answers as `before`: else it is chance."""
        expected, seen = self._pair(finding, earlier)
        control = self._differ(finding.index, before, expected)
        return not control and bool(self._differ(finding.index, expected, seen))

    def _pair(self, finding: Finding, earlier: list[int]) -> tuple[Answer, Answer]:
        """Answer the last call after these on one process, and as in the play of the finding."""
        calls = [*earlier, finding.index]
        part = self._conversation.only(calls)
        wiped = finding.level is Level.BACKING_SERVICE
        sides = sides_of(self._conversation, finding.play)
        if not sides and (wiped or not self._shared):
            return self._runner.both(part, wiped=wiped)
        expected = self._runner.one(part).answers[-1]
        if sides:
            chosen = [sides[index] for index in calls]
            return expected, self._runner.alternating(part, chosen).answers[-1]
        return expected, self._runner.split(part)

    def _guesses(self, index: int) -> list[list[int]]:
        """Earlier calls that are likely to matter: those that gave what this call brings."""
        calls = self._conversation.calls
        needed, waiting = set[int](), [index]
        while waiting:
            new = {ref.call for ref in calls[waiting.pop()].refs()} - needed
            needed |= new
            waiting += new
        writes = [n for n in range(index) if calls[n].method not in READS]
        return [sorted(needed | {*writes[:1]}), sorted(needed | {*writes[-1:]})]
