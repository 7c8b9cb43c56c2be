"""Settles what was seen between replicas: a difference is proven by its pair, or doubted."""

from collections.abc import Callable

from lab.check.judge import Finding, rank
from lab.check.replicas.evidence import ReplicaEvidence
from lab.check.replicas.prover import PairProver
from lab.check.settle import MOST_FINDINGS, MOST_SHRUNK
from lab.check.wanted import CONFIRMATIONS

ONE_CONNECTION = (
    "hold the conversation on replica {} over one connection that is kept, and over a new one for "
    "each call: compare answer {}"
)


def settle(evidence: ReplicaEvidence, prover: PairProver, progress: Callable[[str], None]) -> None:
    """Look for the pair of requests behind a differing call of each of a few routes."""
    for _ in range(MOST_FINDINGS):
        if (finding := _next(evidence)) is None:
            return
        progress(f"looking for the pair of requests that shows {finding.title}")
        sides = evidence.plays[finding.play].sides
        if sides:
            evidence.prove(finding.index, prover.prove(finding, sides))
        else:
            _repeat(evidence, finding)
        evidence.judge()
    seen = {each.index for each in evidence.report.findings if each.differences}
    evidence.doubted |= seen - {*evidence.proven}
    evidence.judge()


def _next(evidence: ReplicaEvidence) -> Finding | None:
    """Return the first difference, by rank, that is not settled."""
    calls = evidence.conversation.calls
    settled = {calls[index].route for index in evidence.proven}
    if len(settled) >= MOST_SHRUNK:
        return None
    waiting = [
        each
        for each in evidence.report.findings
        if each.play in evidence.plays
        and each.index not in evidence.doubted
        and calls[each.index].route not in settled
    ]
    return min(waiting, key=rank, default=None)


def _repeat(evidence: ReplicaEvidence, finding: Finding) -> None:
    """Hold a play over a kept connection again, each time as a whole."""
    for _ in range(CONFIRMATIONS):
        evidence.hold_again(finding.play)
        if not evidence.differences(finding.index, finding.play):
            evidence.prove(finding.index, None)
            return
    name = finding.play.rpartition(" ")[2]
    said = ONE_CONNECTION.format(name, finding.index + 1)
    evidence.prove_by_times(finding, CONFIRMATIONS, CONFIRMATIONS, said)
