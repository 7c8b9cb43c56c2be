"""The conversation on each replica alone: what varies by itself, and how the replicas differ."""

import re
from collections.abc import Callable, Sequence

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation
from lab.check.correlation import pointed, unfollowed
from lab.check.differences import Difference
from lab.check.identity import NAMES_ONE
from lab.check.judge import Report
from lab.check.replicas.counters import counts_apart
from lab.check.replicas.naming import Naming, learn_names
from lab.check.replicas.player import ReplicaPlayer
from lab.check.replicas.replica import Replica
from lab.check.trace import Trace
from lab.core.http import Answer

ROUNDS, MORE_ROUNDS = 2, 2  # more where a number seems to be counted by each replica
EACH_ITS_OWN = (
    "{0} is another at each replica, whenever it is asked alone: the replica's own name or "
    "setting, or something that it remembers for what the conversation says. If it is the first: "
    "--ignore {0}; if the conversation has a fixed key, draw a new one in each run"
)


class AloneOnEach:
    """Holds the conversation on each replica in turn, and that again.

    `rounds` are the plays, of each round and in it of each replica; `baseline` is the first of
    them, `counted` has the numbers that each replica counts for itself, by call.
    """

    def __init__(
        self,
        player: ReplicaPlayer,
        among: Sequence[Replica],
        comparator: ResponseComparator,
        report: Report,
        progress: Callable[[str], None],
    ) -> None:
        self.rounds: list[list[Trace]] = []
        self.counted: dict[int, list[Difference]] = {}
        self.naming = Naming({})
        self._player = player
        self._among = among
        self._comparator = comparator
        self._report = report
        self._progress = progress

    @property
    def baseline(self) -> Trace:
        """The conversation as it is on the first replica."""
        return self.rounds[0][0]

    def hold(self, conversation: Conversation, held: Trace | None, header: str | None) -> None:
        """Hold all rounds; `held` is how it was held on the first replica when it was recorded."""
        for number in range(ROUNDS):
            self._round(conversation, held if number == 0 else None)
        self._learn(conversation, held)
        answers = [[each for one in self.rounds for each in one[n].answers] for n in self._places]
        self.naming = learn_names(answers, self._among, header)
        self._count(conversation)
        for index in range(len(conversation)):
            self._compare(index)

    @property
    def _places(self) -> range:
        return range(len(self._among))

    def _round(self, conversation: Conversation, held: Trace | None) -> None:
        plays = []
        for each in self._among:
            self._progress(f"the conversation on replica {each.name} alone")
            first = held if each is self._among[0] else None
            plays.append(first or self._player.on(conversation, each))
            endless = {n: a.events for n, a in enumerate(plays[-1].answers) if not a.complete}
            self._player.endless = endless | self._player.endless
        self.rounds.append(plays)

    def _learn(self, conversation: Conversation, held: Trace | None) -> None:
        comparator = self._comparator
        comparator.learn_plays([one[0] for one in self.rounds])
        for place in self._places[1:]:
            first = self._aligned(self.rounds[0][place])
            for other in self.rounds[1:]:
                for index, answer in self._aligned(other[place]).items():
                    if index in first:
                        comparator.learn(index, first[index], answer)
        if held is None:
            pairs = zip(conversation.answers, self.baseline.answers, strict=False)
            for index, (recorded, replayed) in enumerate(pairs):
                said = unfollowed(conversation.calls[index])
                comparator.learn_recorded(index, recorded, replayed, said)

    def _aligned(self, trace: Trace) -> dict[int, Answer]:
        return self._comparator.aligned(self.baseline, trace)

    def _count(self, conversation: Conversation) -> None:
        """Find numbers that each replica counts for itself; more rounds make sure of it."""
        for more in (0, MORE_ROUNDS):
            for _ in range(more):
                self._round(conversation, None)
            rounds = [[self._aligned(each) for each in one] for one in self.rounds]
            found: dict[int, list[Difference]] = {}
            for index, each in counts_apart(rounds, self._comparator.noise):
                found.setdefault(index, []).append(each)
            self.counted = {
                index: counted
                for index, each in found.items()
                if (counted := [n for n in each if not self._comparator.ignores(n.where)])
            }
            if not self.counted:
                return

    def _compare(self, index: int) -> None:
        """Leave out what each replica always says otherwise than the first one, and say so."""
        comparator, first = self._comparator, self.baseline
        for place in self._places[1:]:
            seen = [self._aligned(one[place]).get(index) for one in self.rounds]
            if index >= len(first.answers) or None in seen:
                continue
            for answer in seen:
                assert answer is not None
                for each in comparator(index, first.answers[index], answer):
                    if each.where != "status":
                        self._leave_out(index, each.where, answer)

    def _leave_out(self, index: int, where: str, answer: Answer) -> None:
        self._comparator.mask(index, where)
        name = where.rpartition("/")[2]
        said = f"{where} in answer {index + 1}"
        if self._names_replica(where, name, answer):
            self._report.note(f"{said} was taken for the replica's own name, and not compared")
        else:
            self._comparator.unsure.setdefault(index, EACH_ITS_OWN.format(where))

    def _names_replica(self, where: str, name: str, answer: Answer) -> bool:
        """Whether a place is called as such names are, or says what a header names it by."""
        if NAMES_ONE.search(name):
            return True
        try:
            value = str(pointed(answer.document, where)) if where.startswith("/") else ""
        except LookupError:
            return False
        names = {each for header in self.naming.headers.values() for each in header}
        return bool(re.fullmatch(r"\S+", value)) and value in names
