"""The rules of a vote: one question, two rounds, and each phone counted once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import msgspec

from lab.core.errors import LabError

VOTE_ROUNDS = 2
MOST_HANDS = 10_000  # hands for one answer: no hall holds more
VoteCounts: TypeAlias = list[int]
"""How many chose each answer, in their order."""


class Phase(StrEnum):
    """How far a vote is."""

    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    SHOWN = "shown"


class RoomQuestion(msgspec.Struct, frozen=True):
    """What the room is asked."""

    chapter: str
    title: str
    text: str
    choices: list[str]


@dataclass
class VoteRound:
    """The votes of one round: a phone's last choice counts, and counts once."""

    by_phone: dict[str, int] = field(default_factory=dict)
    hands: VoteCounts | None = None
    """A show of hands, in the place of the phones' votes."""

    def counts(self, choices: int) -> VoteCounts:
        """Return how many chose each answer."""
        if self.hands is not None:
            return list(self.hands)
        counted = Counter(self.by_phone.values())
        return [counted[choice] for choice in range(choices)]


@dataclass
class RoomVote:
    """One question: asked → open → closed → open again → closed → shown; then the run decides.

    Each step raises LabError, which says what to do, where it is not its turn.
    """

    question: RoomQuestion
    phase: Phase = Phase.ASKED
    rounds: list[VoteRound] = field(default_factory=list)
    seen: int | None = None
    """The answer that came true; None while no run has decided."""
    decided: bool = False

    @property
    def round(self) -> int:
        """The number of the round that is or was open last; 0 before the first."""
        return len(self.rounds)

    def open(self) -> None:
        """Begin the first or the second round."""
        if self.phase is Phase.OPEN:
            raise LabError(f"vote {self.round} is open: close it first")
        if self.decided:
            raise LabError("the run has decided this question: ask the next one")
        if self.round == VOTE_ROUNDS:
            raise LabError(f"all {VOTE_ROUNDS} votes are over: show them, or ask the next question")
        self.rounds.append(VoteRound())
        self.phase = Phase.OPEN

    def vote(self, phone: str, choice: int, round: int) -> None:
        """Count this phone's choice in that round; a later one takes its place."""
        if self.phase is not Phase.OPEN:
            raise LabError("the vote is closed: your last choice counts; wait for the next vote")
        if round != self.round:
            raise LabError(f"vote {round} is over, vote {self.round} is open: choose again")
        if not 0 <= choice < len(self.question.choices):
            raise LabError(f"there are {len(self.question.choices)} answers: choose one of them")
        current = self.rounds[-1]
        if current.hands is not None:
            raise LabError("this vote is taken by show of hands: put your phone down")
        current.by_phone[phone] = choice

    def close(self) -> None:
        """End the round that is open."""
        if self.phase is not Phase.OPEN:
            raise LabError("no vote is open: open one first")
        self.phase = Phase.CLOSED

    def count_hands(self, counts: Sequence[int]) -> None:
        """Take a show of hands as the round that is open; it closes the round."""
        if self.phase is not Phase.OPEN:
            raise LabError("no vote is open: open one, then type in the hands")
        if len(counts) != len(self.question.choices):
            raise LabError(f"type a number for each of the {len(self.question.choices)} answers")
        if any(type(each) is not int or not 0 <= each <= MOST_HANDS for each in counts):
            raise LabError(f"hands are whole numbers from 0 to {MOST_HANDS:,}")
        self.rounds[-1].hands = list(counts)
        self.phase = Phase.CLOSED

    def show(self) -> None:
        """Show the histograms."""
        if self.phase not in (Phase.CLOSED, Phase.SHOWN):
            raise LabError("close the vote first: an open one is hidden, so that no one follows it")
        self.phase = Phase.SHOWN

    def decide(self, seen: int | None) -> None:
        """Note which answer came true in the run; None if none did. The vote is then over."""
        if seen is not None and not 0 <= seen < len(self.question.choices):
            raise LabError(f"choose one of the {len(self.question.choices)} answers")
        self.seen, self.decided = seen, True
        if self.phase is Phase.OPEN:
            self.phase = Phase.CLOSED

    def histogram(self) -> list[VoteCounts] | None:
        """Return the counts of each round; None while they are hidden."""
        if self.phase is not Phase.SHOWN:
            return None
        return [each.counts(len(self.question.choices)) for each in self.rounds]

    def voted(self) -> int:
        """Return how many have voted in the round that is or was open last."""
        return sum(self._last()) if self.rounds else 0

    def said_so(self) -> tuple[int, int]:
        """Return how many votes of the last round came true, and how many votes there were."""
        counts = self._last() if self.rounds else []
        right = counts[self.seen] if counts and self.seen is not None else 0
        return right, sum(counts)

    def _last(self) -> VoteCounts:
        return self.rounds[-1].counts(len(self.question.choices))


@dataclass
class RoomVotes:
    """All questions of a class, the last one at the end."""

    asked: list[RoomVote] = field(default_factory=list)

    @property
    def now(self) -> RoomVote | None:
        """The question that is asked now, None before the first."""
        return self.asked[-1] if self.asked else None

    def ask(self, question: RoomQuestion) -> RoomVote:
        """Ask a question; if it is already asked and undecided, it continues."""
        now = self.now
        if now and now.question.chapter == question.chapter and not now.decided:
            return now
        if now and now.phase is Phase.OPEN:
            now.close()
        self.asked.append(RoomVote(question))
        return self.asked[-1]

    def current(self) -> RoomVote:
        """Return the question that is asked now; LabError before the first."""
        if self.now is None:
            raise LabError("nothing is asked yet: turn to a chapter first")
        return self.now

    def choice_of(self, phone: str) -> int | None:
        """Return what this phone has chosen in the round that is or was open last."""
        if self.now is None or not self.now.rounds:
            return None
        return self.now.rounds[-1].by_phone.get(phone)

    def by_phone(self, names: Mapping[str, str]) -> list[tuple[RoomVote, str, list[int | None]]]:
        """Return each question with each phone that voted: its name, and its choice by round."""
        return [
            (vote, names.get(phone, "(left)"), [each.by_phone.get(phone) for each in vote.rounds])
            for vote in self.asked
            for phone in dict.fromkeys(phone for each in vote.rounds for phone in each.by_phone)
        ]
