"""Finds out whether a process that served other clients answers like a fresh one.

It finds what a conversation does not show by itself: what a thread or a connection remembers, and
what all clients share.
"""

from lab.check.comparator import RATE_LIMITED, ResponseComparator
from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.runner import Runner
from lab.check.trace import Trace
from lab.core.http import Answer

USED_ROUNDS = 5  # a difference by chance hardly comes back in five rounds
# Clients played first; FEWER if there are more than MANY_CALLS calls.
TIMES, FEWER, MANY_CALLS = 6, 3, 8
MOST_ROUND_S = 8.0  # the clients of one round take no longer: fewer are played if need be
FoundAt = dict[tuple[int, str], Difference]


def differs_when_used(
    runner: Runner, conversation: Conversation, baseline: Trace, comparator: ResponseComparator
) -> tuple[int, list[Difference]] | None:
    """Return a call that a process answers differently once it has served others, and how.

    None if it is not, or if a conversation takes so long that others were not run. Each
    difference was there in every round, and in no round on a fresh process, which teaches what
    varies by itself.
    """
    times = how_often(baseline)
    if not times:
        return None
    expected = dict(enumerate(baseline.answers))
    found: FoundAt = {}
    for number in range(USED_ROUNDS):
        if number:
            for index, answer in comparator.aligned(baseline, runner.one(conversation)).items():
                comparator.learn(index, expected[index], answer)
        seen = comparator.aligned(baseline, runner.used(conversation, times))
        now = _differences(comparator, expected, seen)
        found = {place: each for place, each in now.items() if place in found or not number}
        if not found:
            return None
    index = min(index for index, _ in found)
    return index, [each for (at, _), each in found.items() if at == index]


def how_often(baseline: Trace) -> int:
    """Return how many other clients to play first, so that each thread has served one."""
    times = FEWER if len(baseline.answers) > MANY_CALLS else TIMES
    took_s = baseline.times[-1] - baseline.times[0] + baseline.answers[-1].elapsed_s
    return min(times, int(MOST_ROUND_S / max(took_s, 0.001)))


def outlives_the_process(
    runner: Runner,
    conversation: Conversation,
    baseline: Trace,
    comparator: ResponseComparator,
    index: int,
) -> bool:
    """Return True if a fresh process also answers differently: then the state is on the disk."""
    expected = dict(enumerate(baseline.answers))
    played = runner.used(conversation, how_often(baseline), restart=True)
    seen = comparator.aligned(baseline, played)
    return any(at == index for at, _ in _differences(comparator, expected, seen))


def _differences(
    comparator: ResponseComparator, expected: dict[int, Answer], seen: dict[int, Answer]
) -> FoundAt:
    """Return what differs, by call and place; a limiter may count what was sent to find this."""
    refused = any(answer.status == RATE_LIMITED for answer in seen.values())
    return {
        (index, each.where): each
        for index, answer in seen.items()
        if not refused and answer.status is not None and index not in comparator.unsure
        for each in comparator.compare(index, expected, seen)
    }
