"""Several processes behind one port: finds out whether each remembers for itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

from lab.check.comparator import NOISY, RATE_LIMITED, ResponseComparator
from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.judge import Reproducer
from lab.check.runner import Runner
from lab.core.http import Answer

MOST_LOOKS = 5
SERVERS = 4  # servers that are tried where one may hide the difference by chance
MOST_ROUNDS = 4  # rounds of requests while answers change and no earlier one has come back
Differ = Callable[[Answer, Answer], list[Difference]]
Apart = tuple[int, int, list[Difference]]


def separate_memory(
    runner: Runner, conversation: Conversation, comparator: ResponseComparator, times: int
) -> Apart | None:
    """Return (call, how many answers were odd, how they differ); None if all agree.

    One server has the conversation up to a call, and is asked that again and again: each GET in
    turn, the last first, then each other call, five at most. An answer must come back after
    another was seen (what changes once was merely changed), and a server that had none of the
    conversation must answer the same each time: else it may be a process number in the answer,
    which is not state. A call that changes something may answer differently each time by right;
    of such a call only counts that one process serves it and another refuses it.
    """
    later = range(len(conversation) - 1, 0, -1)
    looks = [n for n in later if conversation.calls[n].method == "GET"]
    looks += [n for n in later if conversation.calls[n].method != "GET"]
    for index in looks[:MOST_LOOKS]:
        asked = runner.within(conversation, index, times, before=False)
        noise = {place for other in asked[1:] for place in comparator.places(asked[0], other)}
        differ: Differ = partial(comparator.differences, noise=noise)
        if conversation.calls[index].method != "GET":
            differ = partial(_refused_by_one, differ=differ)
        more = partial(_may_come_back, differ=differ, most=MOST_ROUNDS * times)
        # One that was answered with two statuses is asked on other servers, too: of workers that
        # are idle, one may take all that comes.
        for _ in range(SERVERS if comparator.unsure.get(index) == NOISY else 1):
            seen = runner.within(conversation, index, times, more=more)
            answers = [answer for answer in seen if answer.status != RATE_LIMITED]
            if found := first_difference(answers, differ):
                return (index, *found)
    return None


def script_of(
    found: Apart,
    runner: Runner,
    conversation: Conversation,
    comparator: ResponseComparator,
    times: int,
) -> Reproducer:
    """Return the script that shows the difference: the calls, the last one repeated `times` times.

    The calls of a script are sent once more as they are printed, to see whether they do.
    """
    index, odd, places = found
    if conversation.script is not None:
        calls = conversation.calls[: index + 1]
        plain = replace(conversation, script=None, calls=calls)
        again = separate_memory(runner, plain, comparator, times)
        if again is None:
            said = (
                f"run the script, and then send {conversation.calls[index].origin} {times} times, "
                "each over a new connection: it waits, or computes a value that no answer contains"
            )
            shown = Reproducer((*range(index + 1),), False, (*places,), odd, times)
            return replace(shown, repeated=times, unprintable=said)
        index, odd, places = again
    return Reproducer((*range(index + 1),), False, (*places,), odd, times, repeated=times)


def _may_come_back(answers: list[Answer], differ: Differ, most: int) -> bool:
    """Return True if the answers changed and more tries may bring the first kind back."""
    if len(answers) >= most or first_difference(answers, differ):
        return False
    return any(differ(answers[0], answer) for answer in answers[1:])


def _refused_by_one(one: Answer, other: Answer, differ: Differ) -> list[Difference]:
    """Return the differences of two answers if one serves and the other refuses; else none."""
    return differ(one, other) if one.ok != other.ok else []


def first_difference(answers: list[Answer], differ: Differ) -> tuple[int, list[Difference]] | None:
    """Return how many answers are not as most, and how; None unless one came back (A, B, A)."""
    kinds: list[Answer] = []
    order = []
    for answer in answers:
        same = (n for n, kind in enumerate(kinds) if not differ(kind, answer))
        number = next(same, len(kinds))
        if number == len(kinds):
            kinds.append(answer)
        order.append(number)
    changes = sum(one != other for one, other in pairwise(order))
    # With one change less than kinds, none ever came back.
    if changes < len(kinds) or len(kinds) < 2:
        return None
    usual = max(set(order), key=order.count)
    other = next(number for number in order if number != usual)
    return sum(number != usual for number in order), differ(kinds[usual], kinds[other])
