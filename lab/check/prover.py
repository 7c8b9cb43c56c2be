"""Finds the shortest script that shows a difference, and sees it again several times."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import Enum

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.evidence import Play
from lab.check.judge import Finding, Reproducer
from lab.check.play_name import ELSEWHERE, EMPTIED, FRESH, PlayName
from lab.check.runner import Runner
from lab.check.search import Search
from lab.check.showing import Showing, Shown
from lab.check.shrink import shrink
from lab.check.trace import Trace
from lab.check.wanted import CONFIRMATIONS, Wanted

# A difference that may be chance is looked for this often, then given up as not seen again.
LOOKS = 4
CONTROLS = 6  # plays of one process alone: in 6, a tossed coin shows both sides 31 times of 32


class Proof(Enum):
    """How the search for a proof ended."""

    FOUND = "found"
    NOISE = "noise"  # one process alone answers in both ways
    NOT_SEEN = "not seen again"


class Prover:
    """Looks for proofs in one conversation.

    `baseline` is the conversation on one process: the answers that are right; `plays` are the
    others. `tidy` says that every play begins with the same state outside of the processes,
    `shared` that there may be any; `brings` are the calls that bring what was given before.
    """

    def __init__(
        self,
        runner: Runner,
        conversation: Conversation,
        baseline: Trace,
        comparator: ResponseComparator,
        plays: Mapping[PlayName, Play],
        tidy: bool = True,
        shared: bool = False,
        brings: Collection[int] = (),
    ) -> None:
        self._runner = runner
        self._plays = plays
        self._tidy = tidy
        self._brings = brings
        self._conversation = conversation
        self._baseline = baseline
        self._comparator = comparator
        self._showing = Showing(runner, conversation, baseline, plays, shared=shared)
        self._search = Search(runner, conversation, baseline, comparator)

    def prove(self, finding: Finding, confirm: bool) -> tuple[Proof, Reproducer | None]:
        """Return the shortest script for a finding, confirmed if asked.

        Nothing may be left out of it: that makes the difference go away. Where one process alone
        answers in both ways, the comparator has learnt that it does. Where processes do not show
        it that were started ahead, younger ones may.
        """
        proof = self._prove(finding, confirm)
        if proof[0] is Proof.NOT_SEEN and self._can_be_younger(finding):
            self._showing.young = True
            proof = self._prove(finding, confirm)
        return proof

    def _can_be_younger(self, finding: Finding) -> bool:
        return not self._showing.young and finding.play == FRESH and finding.index in self._brings

    def _prove(self, finding: Finding, confirm: bool) -> tuple[Proof, Reproducer | None]:
        wanted = Wanted(finding, self._comparator, self._baseline)
        everything = list(range(finding.index))
        # A status does not vary as bodies do, and the confirmations look at both sides anyhow.
        known = self._seen_in_play(finding, wanted)
        if known is None:
            for _ in range(LOOKS):
                whole = self._showing.show(finding, everything, wanted)
                if self._is_noise(finding, whole):
                    return Proof.NOISE, None
                if whole.found:
                    break
            else:
                return Proof.NOT_SEEN, None
            known = whole.seen
        # Without any earlier call both sides are the same script: then it varies by itself.
        tries = wanted.confirmations if confirm else 1
        if not everything:
            needs: list[int] | None = []
        elif not self._showing.sides(finding) and not wanted.of_script:
            needs = self._search.needs(finding.index, wanted, known, tries)
        else:
            needs = self._search_both(finding, everything, wanted)
        if needs is None:
            return self._by_chance(finding, everything, wanted), None
        if not needs:
            return self._varies_by_itself(finding, wanted), None
        proof = self._confirm(finding, needs, wanted, tries)
        if proof[0] is Proof.NOT_SEEN and self._can_be_younger(finding):
            self._showing.young = True
            proof = self._confirm(finding, needs, wanted, tries)
        if proof[0] is Proof.NOT_SEEN and (needs := self._search_both(finding, everything, wanted)):
            return self._confirm(finding, needs, wanted, tries)
        return proof

    def _seen_in_play(self, finding: Finding, wanted: Wanted) -> Trace | None:
        """Return the play that showed a difference, None if the difference is chance."""
        if (
            wanted.confirmations != CONFIRMATIONS
            or wanted.of_script
            or self._showing.sides(finding)
        ):
            return None
        play = self._plays.get(finding.play)
        return play.aligned if play else None

    def _varies_by_itself(self, finding: Finding, wanted: Wanted) -> Proof:
        """Learn as noise what still differs in a finding that needs no earlier call."""
        for _ in range(LOOKS):
            shown = self._showing.show(finding, [], wanted)
            if shown.found:
                break
        if not shown.found or not self._tidy:  # untidy: what an earlier play has left may show
            return Proof.NOT_SEEN
        self._learn(finding, shown)
        return Proof.NOISE

    def _by_chance(self, finding: Finding, earlier: list[int], wanted: Wanted) -> Proof:
        """Return True if a single process gives both answers by chance."""
        if wanted.confirmations == CONFIRMATIONS:
            return Proof.NOT_SEEN
        first, *others = (self._showing.control(finding, earlier) for _ in range(CONTROLS))
        varies = (self._varies(finding, first, other, wanted) for other in others)
        return Proof.NOISE if any(varies) else Proof.NOT_SEEN

    def _confirm(
        self, finding: Finding, needs: list[int], wanted: Wanted, tries: int
    ) -> tuple[Proof, Reproducer | None]:
        """Repeat the proof, the last time as the lines that are printed; return how it ended.

        With one try it is not confirmed.
        """
        confirm = tries > 1
        scripted = self._conversation.script is not None and not wanted.of_script
        first = self._showing.show(finding, needs, wanted, slowly=True)
        last = first
        for number in range(tries):
            self._runner.expect(2 * (tries - number - 1))
            plain = scripted and confirm and number == tries - 1
            if number:
                last = self._showing.show(finding, needs, wanted, plain=plain)
            if plain and not last.found:
                last = self._showing.show(finding, needs, wanted)
                scripted = False
            if self._varies(finding, first, last, wanted):
                return Proof.NOISE, None
            if not last.found:
                return self._by_chance(finding, needs, wanted), None
        proven = self._reproducer(finding, needs, last.found, tries if confirm else 0)
        if confirm and self._conversation.script is not None and not scripted:
            proven = replace(proven, unprintable=self._instead(finding, needs))
        return Proof.FOUND, proven

    def _search_both(
        self, finding: Finding, everything: list[int], wanted: Wanted
    ) -> list[int] | None:
        """Search as Search.needs does, playing both sides; None if not even all calls show it."""

        def shows(part: list[int]) -> bool:
            earlier = self._search.with_givers(part, finding.index)
            return bool(self._showing.show(finding, earlier, wanted).found)

        if not shows(everything):
            return None
        needs = shrink(everything, shows, self._search.guesses(finding.index))
        return self._search.with_givers(needs, finding.index)

    def _varies(self, finding: Finding, first: Shown, later: Shown, wanted: Wanted) -> bool:
        """Learn what varies; True if one process answers the same part in two ways."""
        index = finding.index
        one, other = (each.expected.answered.get(index) for each in (first, later))
        if one is None or other is None:
            return False
        found = {each.where for each in self._comparator(index, one, other)} & wanted.places
        if found:
            self._comparator.learn(index, one, other)
        return bool(found)

    def _is_noise(self, finding: Finding, shown: Shown) -> bool:
        """Learn what varies; True if one process answers the same conversation differently."""
        index = finding.index
        answer = shown.expected.answered.get(index)
        if answer is None:
            return False
        held = {*self._comparator.relations}
        for relation in held:
            if relation.index == index and not self._comparator.still_holds(
                relation, shown.expected.answered
            ):
                self._comparator.drop(relation)
        self._learn_others(shown.expected, index)
        new = self._comparator.learn(index, self._baseline.answers[index], answer)
        places = {each.where for each in finding.differences}
        gone = any(each.index == index for each in held - {*self._comparator.relations})
        return bool(new & places) or gone

    def _learn_others(self, expected: Trace, index: int) -> None:
        """Learn what varies in the earlier calls, unless kept state can be the reason."""
        for n, answer in self._comparator.aligned(self._baseline, expected).items():
            known = self._baseline.answers[n]
            if self._tidy and n != index and answer.status == known.status:
                self._comparator.learn(n, known, answer)

    def _learn(self, finding: Finding, shown: Shown) -> None:
        """Note that the differences of a finding vary by themselves: they need no earlier call."""
        index = finding.index
        if index in shown.expected.answered and index in shown.seen.answered:
            for each in self._comparator.broken(
                index, shown.expected.answered, shown.seen.answered
            ):
                self._comparator.drop(each)
            self._comparator.learn(index, shown.expected.answers[index], shown.seen.answers[index])

    def _reproducer(
        self, finding: Finding, needs: list[int], found: tuple[Difference, ...], times: int
    ) -> Reproducer:
        calls = (*needs, finding.index)
        sides = self._showing.sides(finding)
        chosen = tuple(sides[n] for n in calls) if sides else ()
        return Reproducer(
            calls,
            finding.play == EMPTIED,
            found,
            times,
            times,
            chosen,
            finding.play == ELSEWHERE,
            young=self._showing.young,
        )

    def _instead(self, finding: Finding, needs: list[int]) -> str:
        """Return what to do by hand if the printed lines do not show the difference."""
        lines = ", ".join(dict.fromkeys(self._conversation.calls[n].origin for n in needs))
        last = self._conversation.calls[finding.index].origin
        return (
            f"send only what {lines} sends, restart the service (kill -9), and send {last}: the "
            "script waits, or computes a value that no answer contains, so it has to be run itself"
        )
