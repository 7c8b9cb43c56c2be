"""Shows a difference: some calls on one process, and as in the play in which it was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.evidence import Play
from lab.check.judge import Finding
from lab.check.play_name import ELSEWHERE, EMPTIED, PlayName
from lab.check.runner import Runner
from lab.check.sides import Sides
from lab.check.trace import Trace
from lab.check.wanted import Wanted


@dataclass(frozen=True)
class Shown:
    """A part of a conversation played on one process, and as in the play of the finding."""

    expected: Trace
    seen: Trace
    found: tuple[Difference, ...]


class Showing:
    """Plays parts of a conversation for a finding; `young` processes, once that is set."""

    def __init__(
        self,
        runner: Runner,
        conversation: Conversation,
        baseline: Trace,
        plays: Mapping[PlayName, Play],
        *,
        shared: bool,
    ) -> None:
        self.young = False
        self._runner = runner
        self._conversation = conversation
        self._baseline = baseline
        self._plays = plays
        self._shared = shared

    def sides(self, finding: Finding) -> Sides:
        """Return which of two running processes gets each call; () if there is only one."""
        play = self._plays.get(finding.play)
        return play.sides if play else ()

    def control(self, finding: Finding, earlier: Sequence[int]) -> Shown:
        """Send these calls and then the last one to a single process; return the play."""
        part = [*earlier, finding.index]
        return Shown(self._runner.part(self._conversation, part, self._baseline), Trace(), ())

    def show(
        self,
        finding: Finding,
        earlier: Sequence[int],
        wanted: Wanted,
        *,
        slowly: bool = False,
        plain: bool = False,
    ) -> Shown:
        """Send these calls and the last one to one process, and as in the play of the finding.

        With `slowly` a clock of seconds goes on before a call that is related to another one.
        With `plain` the calls are sent as they are printed, without their script.
        """
        part = [*earlier, finding.index]
        runner, conversation = self._runner, self._conversation
        if plain:
            conversation = replace(conversation, script=None)
        alone = slowly and wanted.relation
        sides = self.sides(finding)
        at_once = not alone and not sides and not wanted.of_script and self._may_ask_first(finding)
        expected = Trace()
        if not at_once:
            pause = finding.index if alone else None
            expected = runner.part(conversation, part, self._baseline, pause_before=pause)
        if sides:
            seen = runner.part_alternating(conversation, part, self._baseline, sides)
        else:
            there, seen = runner.part_split(
                conversation,
                part,
                self._baseline,
                wiped=finding.play == EMPTIED,
                elsewhere=finding.play == ELSEWHERE,
                asked_before=at_once,
                young=self.young,
            )
            expected = there if at_once else expected
        return Shown(expected, seen, tuple(wanted.shown(expected, seen, part)))

    def _may_ask_first(self, finding: Finding) -> bool:
        """Return True if the fresh process cannot see that the first also got the last call."""
        return not self._shared or finding.play in (EMPTIED, ELSEWHERE)
