"""The conversation on each replica alone: what varies by itself, and how the replicas differ."""

import re
from collections.abc import Callable, Sequence

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Conversation
from lab.check.correlation import unfollowed
from lab.check.differences import Difference
from lab.check.identity import NAMES_ONE
from lab.check.judge import Report
from lab.check.replicas.counters import separate_counts
from lab.check.replicas.naming import Naming
from lab.check.replicas.replica import Replica
from lab.check.replicas.runner import ReplicaRunner
from lab.check.trace import Trace
from lab.core import pointer
from lab.core.http import Answer

# The latter are added where each replica seems to count a number of its own.
ROUNDS, MORE_ROUNDS = 2, 2
_ITS_NAME = frozenset({"backend", "upstream", "machine_name", "hostip", "host_ip", "address"})
EACH_ITS_OWN = (
    "{0} is another at each replica, whenever it is asked alone: the replica's own name or "
    "setting, or something that it remembers for what the conversation says. If it is the first: "
    "--ignore {0}; if the conversation has a fixed key, draw a new one in each run"
)


class AloneOnEach:
    """Runs the conversation on each replica in turn, in two rounds.

    `baseline` is how it is on the first one, and so it is `again`. `rounds` are the plays, of
    each round and in it of each replica; `counted` has the numbers that each of them counts for
    itself, by call.
    """

    def __init__(
        self,
        runner: ReplicaRunner,
        among: Sequence[Replica],
        comparator: ResponseComparator,
        report: Report,
        progress: Callable[[str], None],
    ) -> None:
        self.baseline, self.again = Trace(), Trace()
        self.rounds: list[list[Trace]] = []
        self.counted: dict[int, list[Difference]] = {}
        self.naming = Naming({})
        self._runner = runner
        self._among = among
        self._comparator = comparator
        self._report = report
        self._progress = progress

    def run_first(self, conversation: Conversation, known: Trace | None) -> None:
        """Run the conversation on the first replica; `known` is its play when it was recorded."""
        first = self._among[0]
        self._progress(f"the conversation on replica {first.name} alone")
        self.baseline = known or self._runner.on(conversation, first)
        self._note_streams(self.baseline)
        self.again = self._runner.on(conversation, first, after=self.baseline)
        self._comparator.learn_plays([self.baseline, self.again])
        if known is None:
            pairs = zip(conversation.answers, self.baseline.answers, strict=False)
            for index, (recorded, replayed) in enumerate(pairs):
                said = unfollowed(conversation.calls[index])
                self._comparator.learn_recorded(index, recorded, replayed, said)

    def run(self, conversation: Conversation) -> None:
        """Run the conversation on each replica in turn, in two rounds."""
        for _ in range(ROUNDS):
            self._round(conversation)
        self._learn()
        if any(self._differing(index) for index in range(len(conversation))):
            self._round(conversation, self.rounds[-1])  # a clock moves on meanwhile
            self._learn()
        self._count(conversation)
        for index in range(len(conversation)):
            self._compare(index)

    @property
    def _places(self) -> range:
        return range(len(self._among))

    def _round(self, conversation: Conversation, after: Sequence[Trace] = ()) -> None:
        plays = []
        for number, each in enumerate(self._among):
            self._progress(f"the conversation on replica {each.name} alone")
            before = after[number] if after else None
            plays.append(self._runner.on(conversation, each, after=before))
            self._note_streams(plays[-1])
        self.rounds.append(plays)

    def _note_streams(self, trace: Trace) -> None:
        endless = {n: each.events for n, each in enumerate(trace.answers) if not each.complete}
        self._runner.endless = endless | self._runner.endless

    def _learn(self) -> None:
        comparator = self._comparator
        for one in self.rounds:
            for index, answer in self._aligned(one[0]).items():
                comparator.learn(index, self.baseline.answers[index], answer)
        for place in self._places[1:]:
            first = self._aligned(self.rounds[0][place])
            for other in self.rounds[1:]:
                for index, answer in self._aligned(other[place]).items():
                    if index in first:
                        comparator.learn(index, first[index], answer)

    def _aligned(self, trace: Trace) -> dict[int, Answer]:
        return self._comparator.aligned(self.baseline, trace)

    def _count(self, conversation: Conversation) -> None:
        """Find numbers that each replica counts for itself; more rounds make sure of it."""
        for more in (0, MORE_ROUNDS):
            for _ in range(more):
                self._round(conversation)
            rounds = [[self._aligned(each) for each in one] for one in self.rounds]
            found: dict[int, list[Difference]] = {}
            for index, each in separate_counts(rounds, self._comparator.noise):
                found.setdefault(index, []).append(each)
            self.counted = {
                index: counted
                for index, each in found.items()
                if (counted := [n for n in each if not self._comparator.ignores(n.where)])
            }
            if not self.counted:
                return

    def _differing(self, index: int) -> list[tuple[str, Answer]]:
        """Return the places where a replica always differs from the first, with an answer.

        A status is not among them: it is a difference, and is never a name.
        """
        found, first = list[tuple[str, Answer]](), self.baseline
        for place in self._places[1:]:
            seen = [self._aligned(one[place]).get(index) for one in self.rounds]
            for answer in seen if None not in seen and index < len(first.answers) else ():
                assert answer is not None
                for each in self._comparator(index, first.answers[index], answer):
                    if each.where != "status":
                        found.append((each.where, answer))
        return found

    def _compare(self, index: int) -> None:
        """Ignore values by which a replica always differs from the first one, and report them."""
        for where, answer in dict(self._differing(index)).items():
            self._leave_out(index, where, answer)

    def _leave_out(self, index: int, where: str, answer: Answer) -> None:
        self._comparator.mask(index, where)
        name = where.rpartition("/")[2]
        said = f"{where} in answer {index + 1}"
        if self._names_replica(where, name, answer):
            self._report.note(f"{said} was taken for the replica's own name, and not compared")
        else:
            self._comparator.unsure.setdefault(index, EACH_ITS_OWN.format(where))

    def _names_replica(self, where: str, name: str, answer: Answer) -> bool:
        """Return True if a place has a usual name for it, or has the value of the naming header."""
        if NAMES_ONE.search(name) or name.lower() in _ITS_NAME:
            return True
        try:
            value = str(pointer.resolve(answer.body, where)) if where.startswith("/") else ""
        except LookupError:
            return False
        names = {each for header in self.naming.headers.values() for each in header}
        return bool(re.fullmatch(r"\S+", value)) and value in names
