"""Numbers that each replica counts for itself: they grow on each, and do not on the next one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lab.check.differences import Difference
from lab.check.noise import Noise
from lab.check.relations import value_at
from lab.core import pointer
from lab.core.http import Answer


def separate_counts(
    rounds: Sequence[Sequence[Mapping[int, Answer]]], noise: Mapping[int, Noise]
) -> Iterator[tuple[int, Difference]]:
    """Yield (call, difference) for each number that grows by the same step on each replica alone.

    `rounds` are the answers by call, of each round and in it of each replica, as they came in
    time. A number that all of them count together grows from each conversation to the next.
    """
    for index, each in noise.items():
        for place in each.shown:
            counts = [[_number(answers.get(index), place) for answers in one] for one in rounds]
            if _are_separate(counts):
                first, *_, last = counts[-1]
                yield index, Difference(place, f"{first} on one", f"{last} on another")


def _are_separate(rounds: Sequence[Sequence[int | None]]) -> bool:
    """True if every replica counts by one and the same step, and they do not count together."""
    in_time = [number for each in rounds for number in each if number is not None]
    if len(in_time) != len(rounds) * len(rounds[0]) or len(rounds) < 2:
        return False
    by_replica = [in_time[n :: len(rounds[0])] for n in range(len(rounds[0]))]
    steps = {two - one for each in by_replica for one, two in pairwise(each)}
    together = all(two > one for one, two in pairwise(in_time))
    return len(steps) == 1 and min(steps) > 0 and not together


def _number(answer: Answer | None, place: str) -> int | None:
    """Return the number at a place, or the length of the list there; None if there is none."""
    if answer is None:
        return None
    if place.endswith("/-"):
        try:
            found = pointer.resolve(answer.body, place.removesuffix("/-"))
        except LookupError:
            return None
        return len(found) if isinstance(found, list) else None
    text = value_at(answer, place)
    return int(text) if text and re.fullmatch(r"\d{1,15}", text) else None
