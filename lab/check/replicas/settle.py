"""Settles what was seen between replicas: a difference is proven by its pair, or doubted."""

from collections.abc import Callable

from lab.check.judge import Finding, rank
from lab.check.prover import CONTROLS
from lab.check.replicas.evidence import ReplicaEvidence
from lab.check.replicas.prover import PairProver
from lab.check.settle import MOST_FINDINGS
from lab.check.trace import Trace
from lab.check.wanted import CONFIRMATIONS

ONE_CONNECTION = (
    "run the conversation on replica {} over one connection that is kept, and over a new one for "
    "each call: compare answer {}"
)


def settle(
    evidence: ReplicaEvidence,
    prover: PairProver,
    alone: Callable[[], Trace],
    progress: Callable[[str], None],
    *,
    status_only: bool = False,
) -> None:
    """Look for the pair of requests behind a differing call of each of a few routes.

    `alone` runs the conversation on one replica, which shows what varies by itself.
    """
    for _ in range(MOST_FINDINGS):
        if (finding := _next(evidence, status_only)) is None:
            return
        progress(f"looking for the pair of requests that shows {finding.title}")
        sides = evidence.plays[finding.play].sides
        if sides:
            proven = prover.prove(finding, sides)
            if proven is None:
                look_for_noise(evidence, finding, alone)
            if proven or evidence.differences(finding.index, finding.play):
                evidence.prove(finding.index, proven)
        else:
            _repeat(evidence, finding)
        evidence.judge()
    seen = {each.index for each in evidence.report.findings if each.differences}
    evidence.doubted |= seen - {*evidence.proven}
    evidence.judge()


def _next(evidence: ReplicaEvidence, status_only: bool) -> Finding | None:
    """Return the first difference, by rank, that is not settled."""
    waiting = [
        each
        for each in evidence.unsettled()
        if each.play in evidence.plays
        and (not status_only or each.differences[0].where in ("status", "script"))
    ]
    return min(waiting, key=rank, default=None)


def look_for_noise(evidence: ReplicaEvidence, finding: Finding, alone: Callable[[], Trace]) -> None:
    """Run the conversation on one replica until what differed once differs there too."""
    for _ in range(CONTROLS):
        evidence.learn(finding.index, alone())
        if not evidence.differences(finding.index, finding.play):
            return


def _repeat(evidence: ReplicaEvidence, finding: Finding) -> None:
    """Run a play over a kept connection again, each time as a whole."""
    for _ in range(CONFIRMATIONS):
        evidence.run_again(finding.play)
        if not evidence.differences(finding.index, finding.play):
            evidence.prove(finding.index, None)
            return
    said = ONE_CONNECTION.format(finding.play.which, finding.index + 1)
    evidence.prove_by_times(finding, CONFIRMATIONS, CONFIRMATIONS, said)
