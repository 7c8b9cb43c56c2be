"""Assigns calls to replicas so that each pair of calls goes from each replica to another.

A pair of calls crosses where the earlier one goes to one replica and the later one to another.
What the first replica keeps of the earlier call is then missed by the later one.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from lab.check.conversation import Call
from lab.check.sides import Sides, plays_on_two

MOST_SPLITS = 20
THOUGHT_OF = 40  # drawn plays of which the best is chosen
CHANGES_IN_BETWEEN = 6  # plays in which another replica makes a change between two calls of one
Left = dict[tuple[int, int], list[int]]
"""For two replicas and each call at the first: bits of later calls that must go to the other."""


@dataclass(frozen=True)
class Certificate:
    """What plays have covered: `pairs` of `of_pairs` crossed, `ways` of `of_ways` counted each way.

    A way is a pair of calls with the two replicas that they went to, in their order.
    """

    pairs: int
    of_pairs: int
    ways: int
    of_ways: int

    @property
    def complete(self) -> bool:
        """True if every pair crossed."""
        return self.pairs == self.of_pairs


def splits(calls: int) -> list[Sides]:
    """Return plays in which the first replica has all calls up to one, and the second the rest.

    The latest cut comes first. So the second one is asked each call before it has ever had an
    earlier one of the conversation: it cannot know it from another play.
    """
    cuts = [*range(calls - 1, 0, -1)]
    step = -(-len(cuts) // MOST_SPLITS) or 1
    return [tuple(int(index >= cut) for index in range(calls)) for cut in cuts[::step]]


def schedule(calls: Sequence[Call], replicas: int, before: Iterable[Sides] = ()) -> list[Sides]:
    """Return plays in which, with those `before`, every pair of calls goes every way.

    They are the same every time. The first ones are those of `plays_on_two`, which let a third
    call notice what a second one changed elsewhere. Then each next play covers the most that is
    left, of some.
    """
    left, draw = _everything(len(calls), replicas), random.Random(len(calls))
    for sides in before:
        _take(sides, left)
    plays = []
    for sides in _first(calls, replicas):
        if _take(sides, left):
            plays.append(sides)
    while any(map(any, left.values())):
        thought_of = _candidates(len(calls), replicas, left, draw)
        sides = max(thought_of, key=lambda each: _gain(each, left))
        _take(sides, left)
        plays.append(sides)
    return plays


def shortest_schedule(calls: int, replicas: int) -> list[Sides]:
    """Return the fewest plays in which every pair of calls crosses, in one way or another.

    The number of a call, written with as many digits as there are replicas, says where it goes:
    two numbers differ in a digit. With fewer plays two calls would always go to the same replica.
    """
    plays, each = list[Sides](), 1
    while each < calls and replicas > 1:
        plays.append(tuple(index // each % replicas for index in range(calls)))
        each *= replicas
    return plays


def certificate(plays: Iterable[Sequence[int | None]], calls: int, replicas: int) -> Certificate:
    """Count what was covered by plays of so many calls; None is a call whose replica is unknown."""
    everything = _everything(calls, replicas)
    left = {two: [*bits] for two, bits in everything.items()}
    for sides in plays:
        _take(sides, left)
    crossed = [0] * calls
    for two, bits in left.items():
        for index, open_ones in enumerate(bits):
            crossed[index] |= everything[two][index] & ~open_ones
    return Certificate(
        sum(each.bit_count() for each in crossed),
        calls * (calls - 1) // 2 if replicas > 1 else 0,
        _size(everything) - _size(left),
        _size(everything),
    )


def _everything(calls: int, replicas: int) -> Left:
    every = (1 << calls) - 1
    later = [every >> (index + 1) << (index + 1) for index in range(calls)]
    return {two: [*later] for two in permutations(range(replicas), 2)}


def _size(left: Left) -> int:
    return sum(bits.bit_count() for later in left.values() for bits in later)


def _first(calls: Sequence[Call], replicas: int) -> Iterator[Sides]:
    """Yield the plays on two, each on the next two replicas."""
    two_living, _ = plays_on_two(calls)
    for number, sides in enumerate([*two_living.values()][:CHANGES_IN_BETWEEN]):
        yield tuple((number + side) % replicas for side in sides)


def _candidates(calls: int, replicas: int, left: Left, draw: random.Random) -> Iterator[Sides]:
    """Yield plays; the first covers something that is left."""
    (one, other), index = next(
        (two, index) for two, later in left.items() for index, bits in enumerate(later) if bits
    )
    yield tuple(one if n <= index else other for n in range(calls))
    for _ in range(THOUGHT_OF):
        yield tuple(draw.randrange(replicas) for _ in range(calls))


def _at(sides: Sequence[int | None]) -> dict[int, int]:
    """Return for each replica the set of its calls, as bits."""
    found: dict[int, int] = {}
    for index, side in enumerate(sides):
        if side is not None:
            found[side] = found.get(side, 0) | 1 << index
    return found


def _gain(sides: Sides, left: Left) -> int:
    at = _at(sides)
    return sum(
        (left[side, other][index] & bits).bit_count()
        for index, side in enumerate(sides)
        for other, bits in at.items()
        if other != side
    )


def _take(sides: Sequence[int | None], left: Left) -> bool:
    """Remove the pairs that a play covers from `left`; False if it covers none."""
    at, taken = _at(sides), False
    for index, side in enumerate(sides):
        for other, bits in at.items():
            if side is not None and other != side and left[side, other][index] & bits:
                left[side, other][index] &= ~bits
                taken = True
    return taken
