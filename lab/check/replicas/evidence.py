"""What the plays on replicas have shown, and the findings that follow, in the words of replicas."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from lab.check.comparator import ResponseComparator
from lab.check.differences import Difference
from lab.check.evidence import Evidence
from lab.check.judge import Finding, Level, Report, Reproducer
from lab.check.play_name import COUNTED, PlayName
from lab.check.replicas.alone import AloneOnEach
from lab.check.replicas.design import Certificate
from lab.check.replicas.judging import findings_of, level_of_replicas
from lab.check.replicas.replica import NO_REPLICA, Replica
from lab.check.replicas.spread import Spread, Way
from lab.check.trace import Trace

DID_NOT_ANSWER = "a replica did not answer it ({}): see whether all of them run, and check again"
ANOTHER = (
    "{0} answers {1} with {2} when it alone is asked all of it: see whether it is the same "
    "service, in the same version and under the same path, and whether it remembers an earlier run"
)
EACH_COUNTS = "run the conversation a few times on each replica in turn: compare answer {}"


class ReplicaEvidence(Evidence):
    """All plays so far: `alone` on each replica; with `required` an answer must need a memory."""

    def __init__(
        self,
        comparator: ResponseComparator,
        report: Report,
        alone: AloneOnEach,
        spread: Spread,
        *,
        required: bool,
    ) -> None:
        super().__init__(comparator, report)
        self._alone = alone
        self._spread = spread
        self._required = required
        self._by_way: list[list[PlayName]] = []
        """The plays that were run, by their way of spreading."""
        self._silent: dict[int, str] = {}
        """By call: what came instead of an answer, at least once."""

    @property
    def counted(self) -> int:
        """How many calls are compared: of those that are asked again and again, the last."""
        return len(self.conversation) - len(self.comparator.polled)

    def take(self, name: PlayName, run: Callable[[], Trace], sides: tuple[int, ...] = ()) -> None:
        """Run a play in which a difference means that replicas are not as one."""
        self.add(name, Level.REPLICA, run, run, sides)
        self._leave_out_silence(name, ())

    def keep(self, name: PlayName, trace: Trace) -> None:
        """Keep a play that was already run through the balancer."""
        self.add(name, Level.REPLICA, lambda: trace)
        self._leave_out_silence(name, NO_REPLICA)

    def run_again(self, name: PlayName) -> bool:
        """Run a play once more, its answers in place of the first; False if it has no again."""
        found = super().run_again(name)
        self._leave_out_silence(name, ())
        return found

    def _leave_out_silence(self, name: PlayName, statuses: Collection[int]) -> None:
        """Do not count a missing answer, or a gateway's error, as an answer or as state."""
        answers = self.plays[name].answers
        for index, answer in [*answers.items()]:
            silent = answer.status is None or answer.status in statuses
            if silent and self.baseline.answers[index].status != answer.status:
                del answers[index]
                self._silent[index] = str(answer.error or answer.status)

    def differences(self, index: int, play: PlayName) -> list[Difference]:
        """Return what differs in the answer to a call in a play."""
        expected = dict(enumerate(self.baseline.answers))
        return self.comparator.compare(index, expected, self.plays[play].answers)

    def differing(self, plays: list[PlayName]) -> list[PlayName]:
        """Return the plays in which any answer differs."""
        return [
            name
            for name in plays
            if any(self.differences(index, name) for index in self.plays[name].answers)
        ]

    def covered(
        self, how: str, covered: Certificate, plays: list[PlayName], *, unknown: int = 0
    ) -> None:
        """Keep how many pairs of calls such plays have covered."""
        self._spread.ways.append(
            Way(
                how=how,
                conversations=len(plays),
                pairs=covered.pairs,
                of_pairs=covered.of_pairs,
                ways=covered.ways,
                of_ways=covered.of_ways,
                unknown=unknown,
            )
        )
        self._by_way.append(plays)

    def answered(self, trace: Trace, sides: Sequence[int | None]) -> list[int | None]:
        """Return for each call the replica that answered; None if none did.

        A call that is asked again until it changes counts once, in its last place.
        """
        place = {id(answer): index for index, answer in enumerate(trace.answers)}
        found: list[int | None] = [None] * len(self.conversation)
        for index, answer in self.comparator.aligned(self.baseline, trace).items():
            if answer.status is not None and sides:
                found[index] = sides[min(place[id(answer)], len(sides) - 1)]
        return [side for index, side in enumerate(found) if index not in self.comparator.polled]

    def learn(self, index: int, trace: Trace) -> None:
        """Learn what varies by itself from a play on one replica alone."""
        answers = self.comparator.aligned(self.baseline, trace)
        known = self.baseline.answers[index]
        if index in answers and answers[index].status == known.status:
            self.comparator.learn(index, known, answers[index])

    def doubt_like(self, alone: Trace, replica: Replica) -> None:
        """Doubt all calls from the first whose status differs when one replica gets every call."""
        answers = self.comparator.aligned(self.baseline, alone)
        for index in range(len(self.conversation)):
            answer, expected = answers.get(index), self.baseline.answers[index].status
            if answer is not None and answer.status not in (None, expected):
                why = ANOTHER.format(replica, self.conversation.calls[index].title, answer.status)
                for later in range(index, len(self.conversation)):
                    self.undecided.setdefault(later, why)
                return

    def leave_out_the_rest(self) -> None:
        """Stop comparing differences other than a status: they may be a replica's own name."""
        for each in self.report.findings:
            if each.index not in self.proven and each.differences[:1] and not _is_status(each):
                for difference in each.differences:
                    self.comparator.mask(each.index, difference.where)
                self.report.note(
                    f"{each.differences[0].where} in answer {each.index + 1} differs as well: not "
                    "looked into, since it may be a name that the replica has"
                )

    def prove(self, index: int, proven: Reproducer | None) -> None:
        """Mark a finding as proven, or as doubted if there is no proof."""
        if proven is None:
            self.doubted.add(index)
            return
        self.proven[index] = proven
        self.report.reproducer = self.report.reproducer or proven

    def prove_by_times(self, finding: Finding, seen: int, tries: int, said: str) -> None:
        """Mark a finding seen more than once as proven; `said` is how to see it by hand."""
        calls = (*range(finding.index + 1),)
        shown = Reproducer(calls, False, finding.differences, seen, tries, unprintable=said)
        self.prove(finding.index, shown if seen > 1 else None)

    def judge(self, unseen: str = "", require_dependency: bool = False) -> None:
        """Write the findings and the level into the report."""
        report = self.report
        report.masked = self.comparator.masked
        super().judge(unseen, require_dependency)
        report.findings = [
            replace(each, level=Level.UNKNOWN, why=DID_NOT_ANSWER.format(why), counts=True)
            if not each.differences and (why := self._silent.get(each.index))
            else each
            for each in findings_of(report, self._alone)
        ]
        for way, plays in zip(self._spread.ways, self._by_way, strict=True):
            way.differed = len(self.differing(plays))
        report.level, report.because = level_of_replicas(
            report.findings,
            self.conversation.calls,
            self._spread.ways,
            varying=sum(map(len, report.masked.values())),
            required=self._required,
        )
        counted = next((each for each in report.findings if each.play == COUNTED), None)
        if counted and report.reproducer is None:
            calls, times = (*range(counted.index + 1),), len(self._alone.rounds)
            said = EACH_COUNTS.format(counted.index + 1)
            report.reproducer = Reproducer(
                calls, False, counted.differences, times, times, unprintable=said
            )


def _is_status(finding: Finding) -> bool:
    return finding.differences[0].where in ("status", "script")
