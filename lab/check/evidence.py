"""What the plays of one conversation have shown, and the findings that follow."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.judge import (
    Finding,
    Level,
    Report,
    Reproducer,
    doubted,
    level_of,
)
from lab.check.play_name import PlayName
from lab.check.sides import Sides
from lab.check.trace import Trace
from lab.core.http import Answer

MOST_SHRUNK = 3  # routes whose shortest script is looked for
NOT_REACHED = "the script ended before it, at call {}"
RunOnce = Callable[[], Trace]


@dataclass
class Play:
    """A play and what it showed: a difference means `level`; `again` runs the play once more.

    `sides` are there of a play on two processes that live: which of them (0 or 1) is asked.
    """

    level: Level
    trace: Trace
    answers: dict[int, Answer]
    again: RunOnce | None
    sides: Sides = ()

    @property
    def aligned(self) -> Trace:
        """The play with its answers at the places of the conversation's calls."""
        return replace(Trace.of(self.answers), ended=self.trace.ended)


@dataclass
class Evidence:
    """All plays so far; `judge` writes the findings into the report."""

    comparator: ResponseComparator
    report: Report
    conversation: Conversation = field(default_factory=lambda: Conversation(()))
    baseline: Trace = field(init=False)
    plays: dict[PlayName, Play] = field(default_factory=dict)
    depends: dict[int, bool] = field(default_factory=dict)
    proven: dict[int, Reproducer] = field(default_factory=dict)
    doubted: set[int] = field(default_factory=set)
    undecided: dict[int, str] = field(default_factory=dict)
    """Why a difference of a call may be no state, by call."""
    _separate: dict[int, Finding] = field(default_factory=dict)

    def begin(self, conversation: Conversation, baseline: Trace) -> None:
        """Take the conversation as it runs on one process."""
        self.conversation, self.baseline = conversation, baseline
        self.report.proofs = self.proven

    def add(
        self,
        name: PlayName,
        level: Level,
        run: RunOnce,
        again: RunOnce | None = None,
        sides: Sides = (),
    ) -> None:
        """Run a play and keep what it showed."""
        trace = run()
        answers = self.comparator.aligned(self.baseline, trace)
        self.plays[name] = Play(level, trace, answers, again, sides)

    def run_again(self, name: PlayName) -> bool:
        """Run a play once more, its answers in place of the first; False if it has no again."""
        play = self.plays[name]
        if play.again is None:
            return False
        self.add(name, play.level, play.again, play.again, play.sides)
        return True

    def has_proof_like(self, index: int) -> bool:
        """Return True if something is proven about the part of the service that a call uses."""
        topic = self.conversation.calls[index].topic
        return any(self.conversation.calls[each].topic == topic for each in self.proven)

    def unsettled(self) -> list[Finding]:
        """Return the differences that are not yet proven, doubted or undecided.

        A proof stands for its route; when enough routes have one, nothing is left to settle.
        """
        calls = self.conversation.calls
        settled = {calls[index].route for index in self.proven}
        if len(settled) >= MOST_SHRUNK:
            return []
        return [
            each
            for each in self.report.findings
            if each.differences
            and each.index not in self.doubted
            and each.index not in self.undecided
            and calls[each.index].route not in settled
        ]

    def found(self, play: PlayName, index: int, differences: list[Difference]) -> None:
        """Add a difference that was not found by comparing whole plays."""
        title = self.conversation.calls[index].title
        status = self.baseline.answers[index].status
        self._separate[index] = Finding(
            index, title, Level.PROCESS, play, tuple(differences), status=status
        )

    @property
    def differs(self) -> bool:
        """True if any finding has a difference."""
        return any(each.differences for each in self.report.findings)

    def judge(self, unseen: str = "", require_dependency: bool = False) -> None:
        """Write the findings and the level into the report."""
        findings = [self._finding(index) for index in range(len(self.conversation))]
        self.report.findings = findings
        self.report.level, self.report.because = level_of(findings, unseen, require_dependency)

    def _finding(self, index: int) -> Finding:
        if index in self._separate:
            return self._separate[index]
        answer = self.baseline.answers[index]
        finding = Finding(
            index,
            self.conversation.calls[index].title,
            Level.SELF_CONTAINED,
            depends=self.depends.get(index),
            status=answer.status,
            carries=self._carries(index),
        )
        if self._separate:
            return replace(finding, level=Level.UNKNOWN, counts=False)
        for name, play in self.plays.items():
            if found := self._differences(index, play):
                finding = replace(finding, level=play.level, play=name, differences=tuple(found))
                if why := self.undecided.get(index):
                    return replace(finding, level=Level.UNKNOWN, why=why)
                if index in self.doubted:
                    return doubted(finding)
                if index in self.proven:
                    return replace(finding, needs=self.proven[index].calls[:-1])
                return replace(finding, like=self._proven_like(index))
        for play in self.plays.values():
            if index not in play.answers and index not in self.comparator.polled:
                where = max(play.answers, default=-1) + 1
                why = NOT_REACHED.format(where)
                return replace(finding, level=Level.UNKNOWN, why=why, counts=False)
        return self.comparator.unless_noisy(finding)

    def _proven_like(self, index: int) -> int | None:
        """Return a call of the same route whose needs are proven."""
        calls = self.conversation.calls
        return next((n for n in self.proven if calls[n].route == calls[index].route), None)

    def _carries(self, index: int) -> bool:
        """Return True if a call brings a cookie or a value that an earlier answer gave."""
        state = self.baseline.states[index] if index < len(self.baseline.states) else None
        return any(self.conversation.calls[index].refs()) or bool(state and state.cookies)

    def _differences(self, index: int, play: Play) -> list[Difference]:
        expected = dict(enumerate(self.baseline.answers))
        found = self.comparator.compare(index, expected, play.answers)
        early = play.trace.ended or play.trace.went_on
        if found or not early or index != max(play.answers, default=-1):
            return found
        if any(self.comparator.compare(n, expected, play.answers) for n in range(index)):
            return []  # an earlier difference is why it ended
        if self.baseline.ended and not play.trace.went_on:
            return []
        return [script_difference(play.trace)]


def script_difference(trace: Trace) -> Difference:
    """Return the difference to show for a script that ended early."""
    seen = trace.ended or f"it was stopped after {len(trace.answers)} calls, and wanted more"
    return Difference("script", "came to its end", seen)
