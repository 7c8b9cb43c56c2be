"""Finds the shortest script that shows a difference, and sees it three times."""

from collections.abc import Callable, Iterable

from lab.check.compare import Difference
from lab.check.conversation import Answer, Conversation
from lab.check.judge import TURNS, Finding, Level, Witness
from lab.check.plays import Player
from lab.check.shrink import shrink

CONFIRMATIONS = 3
Differ = Callable[[int, Answer, Answer], list[Difference]]


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
        shows = self._in_turn if finding.play == TURNS else self._after_restart
        known: dict[tuple[int, ...], list[Difference]] = {}

        def asked(earlier: Iterable[int]) -> bool:
            part = tuple(earlier)
            if part not in known:
                known[part] = shows(finding, [*part])
            return bool(known[part])

        everything = list(range(finding.index))
        # With nothing before, both sides are the same script: then it varies by itself.
        if not asked(everything) or asked([]):
            return None
        needs = shrink(everything, asked, self._guesses(finding.index))
        tries = CONFIRMATIONS if confirm else 0
        confirmed = sum(bool(shows(finding, needs)) for _ in range(tries))
        if confirmed < tries:
            return None
        return Witness(
            (*needs, finding.index),
            finding.level is Level.BACKING_SERVICE,
            tuple(known[tuple(needs)]),
            confirmed,
            tries,
            in_turn=finding.play == TURNS,
        )

    def _after_restart(self, finding: Finding, earlier: list[int]) -> list[Difference]:
        part = self._conversation.only([*earlier, finding.index])
        wiped = finding.level is Level.BACKING_SERVICE
        if self._shared and not wiped:
            expected = self._player.one(part).answers[-1]
            return self._differ(finding.index, expected, self._player.split(part))
        return self._differ(finding.index, *self._player.both(part, wiped=wiped))

    def _in_turn(self, finding: Finding, earlier: list[int]) -> list[Difference]:
        calls = [*earlier, finding.index]
        part = self._conversation.only(calls)
        expected = self._player.one(part).answers[-1]
        seen = self._player.alternating(part, [index % 2 for index in calls])
        return self._differ(finding.index, expected, seen.answers[-1])

    def _guesses(self, index: int) -> list[list[int]]:
        """Earlier calls that are likely to matter: those that gave what this call brings."""
        calls = self._conversation.calls
        needed, waiting = set[int](), [index]
        while waiting:
            new = {ref.call for ref in calls[waiting.pop()].refs()} - needed
            needed |= new
            waiting += new
        writes = [n for n in range(index) if calls[n].method not in ("GET", "HEAD", "OPTIONS")]
        return [sorted(needed | {*writes[:1]}), sorted(needed | {*writes[-1:]})]
