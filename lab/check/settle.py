"""Settles what was seen: each difference is proven, found to be noise, or doubted."""

from collections.abc import Callable

from lab.check.differences import Relation
from lab.check.evidence import Evidence
from lab.check.identity import is_own_name
from lab.check.judge import Finding, rank
from lab.check.play_name import PlayName
from lab.check.prover import Proof, Prover
from lab.check.runner import Runner
from lab.check.target_runner import MORE_PATIENTLY

MOST_FINDINGS = 30  # differences that are looked into
UNDECIDED = (
    "{0} is the same in every answer of one process, and another in each process: the process's "
    "own name, or something that it keeps for this user, and no other user gets in. If it is a "
    "name: --ignore {0}"
)
MOST_REPEATED = 2  # a play is repeated this often for a difference that none of its parts shows


class Settlement:
    """Looks for the proof of what differs, until nothing is left that is not known."""

    def __init__(
        self,
        runner: Runner,
        evidence: Evidence,
        judge: Callable[[], None],
        prover: Callable[[], Prover],
        progress: Callable[[str], None],
    ) -> None:
        self._runner = runner
        self._evidence = evidence
        self._judge = judge
        self._prover = prover
        self._progress = progress
        self._repeated: dict[tuple[PlayName, int], int] = {}

    def run(self) -> None:
        """Prove a differing call of each of a few routes.

        A verdict that could not be shown again does not stand.
        """
        report, played = self._evidence.report, False
        for _ in range(MOST_FINDINGS):
            finding = self._next()
            if finding is None:
                break
            played = True
            self._progress(f"looking for the shortest script that shows {finding.title}")
            self._settle(finding)
            self._judge()
        else:
            for finding in report.findings:
                if finding.differences and finding.index not in self._evidence.proven:
                    self._evidence.doubted.add(finding.index)
            self._judge()
        if played:
            report.plays.append("the shortest scripts, again in whole and in part")

    def _next(self) -> Finding | None:
        """Return the first difference, by rank, that is not settled."""
        evidence = self._evidence
        first = lambda each: (evidence.has_proof_like(each.index), *rank(each))  # noqa: E731
        return min(evidence.unsettled(), key=first, default=None)

    def _settle(self, finding: Finding) -> None:
        evidence = self._evidence
        if self._drop_own_names(finding):
            return
        proof, reproducer = self._prover().prove(
            finding, not evidence.has_proof_like(finding.index)
        )
        if proof is Proof.FOUND and reproducer is not None:
            evidence.proven[finding.index] = reproducer
            evidence.report.reproducer = evidence.report.reproducer or reproducer
        elif proof is Proof.NOT_SEEN:
            self._not_seen(finding)

    def _not_seen(self, finding: Finding) -> None:
        """Run the play again; a difference that is there each time and in no part is doubted.

        What a script waits for is given more time first.
        """
        line = self._evidence.conversation.calls[finding.index].line
        if line in self._runner.polled and self._runner.patience < MORE_PATIENTLY:
            self._runner.patience = MORE_PATIENTLY
            return
        key = (finding.play, finding.index)
        self._repeated[key] = self._repeated.get(key, 0) + 1
        if self._repeated[key] > MOST_REPEATED or not self._evidence.run_again(finding.play):
            self._evidence.doubted.add(finding.index)
            return
        self._judge()
        again = {each.where for each in self._evidence.report.findings[finding.index].differences}
        for each in finding.differences:
            if each.where in again:
                continue
            if each.where.startswith(("/", "body", "header:")):
                # Chance, as it came once only.
                self._evidence.comparator.mask(finding.index, each.where)
            self._evidence.report.note(
                f"{finding.title} was answered differently once, and not when it was played "
                f"again: {each}"
            )
        self._judge()

    def _drop_own_names(self, finding: Finding) -> bool:
        """Forget relations that name the process itself; True if there were any.

        Also True if that cannot be decided.
        """
        if not all(each.broken for each in finding.differences):
            return False
        evidence, dropped = self._evidence, False
        comparator, undecided = evidence.comparator, list[Relation]()
        answers = dict(enumerate(evidence.baseline.answers))
        broken = comparator.broken(finding.index, answers, evidence.plays[finding.play].answers)
        for relation in broken:
            own = is_own_name(self._runner, evidence.conversation, relation)
            if own:
                comparator.drop(relation)
                dropped = True
                evidence.report.note(
                    f"{relation.place} in answer {relation.index + 1} is the same for every client "
                    "of a process: it was taken for the process's own name, and not compared"
                )
            elif own is None:
                undecided.append(relation)
        if undecided and len(undecided) == len(broken):
            evidence.undecided[finding.index] = UNDECIDED.format(undecided[0].place)
        return dropped or finding.index in evidence.undecided
