"""Finds the shortest script that shows a difference, and sees it three times."""

from collections.abc import Iterable

from lab.check.compare import Difference
from lab.check.conversation import Answer, Conversation
from lab.check.judge import READS_WRITES, TURNS, Finding, Level, Witness
from lab.check.plays import Player
from lab.check.shrink import shrink
from lab.check.yardstick import Differ

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
        self, player: Player, conversation: Conversation, differ: Differ, shared: bool
    ) -> None:
        self._player = player
        self._conversation = conversation
        self._differ = differ
        self._shared = shared

    def shortest(self, finding: Finding, confirm: bool) -> Witness | None:
        """Return the shortest script for a finding, confirmed if asked; None if none shows it.

        Nothing may be left out of it: that makes the difference go away.
        """
        known: dict[tuple[int, ...], list[Difference]] = {}

        def asked(earlier: Iterable[int]) -> bool:
            part = tuple(earlier)
            known[part] = self._differ(finding.index, *self._pair(finding, [*part]))
            return bool(known[part])

        everything = list(range(finding.index))
        # With nothing before, both sides are the same script: then it varies by itself.
        if not everything or not asked(everything):
            return None
        needs = shrink(everything, asked, self._guesses(finding.index))
        if not needs:
            return None
        tries = CONFIRMATIONS if confirm else 0
        confirmed = sum(self._again(finding, needs) for _ in range(tries))
        if confirmed < tries:
            return None
        calls = (*needs, finding.index)
        sides = sides_of(self._conversation, finding.play)
        return Witness(
            calls,
            finding.level is Level.BACKING_SERVICE,
            tuple(known[tuple(needs)]),
            confirmed,
            tries,
            tuple(sides[index] for index in calls) if sides else (),
        )

    def _again(self, finding: Finding, earlier: list[int]) -> bool:
        """Whether it is seen again, and not on one process: there it would be chance."""
        expected, seen = self._pair(finding, earlier)
        part = self._conversation.only([*earlier, finding.index])
        control = self._player.one(part).answers[-1]
        differ = self._differ
        return bool(differ(finding.index, expected, seen)) and not differ(
            finding.index, expected, control
        )

    def _pair(self, finding: Finding, earlier: list[int]) -> tuple[Answer, Answer]:
        """Answer the last call after these on one process, and as in the play of the finding."""
        calls = [*earlier, finding.index]
        part = self._conversation.only(calls)
        wiped = finding.level is Level.BACKING_SERVICE
        sides = sides_of(self._conversation, finding.play)
        if not sides and (wiped or not self._shared):
            return self._player.both(part, wiped=wiped)
        expected = self._player.one(part).answers[-1]
        if sides:
            chosen = [sides[index] for index in calls]
            return expected, self._player.alternating(part, chosen).answers[-1]
        return expected, self._player.split(part)

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
