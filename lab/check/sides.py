"""Plays on two processes that both live: which of them is asked each call.

What one process keeps of a call shows where the other one changes it in between: the first and
the third of some three calls go to the one, the second to the other. A few plays show that of any
three calls, and of any two that one process is asked the one and another the other.
"""

import random
from collections.abc import Sequence
from itertools import product

from lab.check.conversation import Call
from lab.check.play_name import READS_WRITES, TURNS, PlayKind, PlayName

MOST_CALLS = 2000  # calls in all plays of one conversation together
FEWEST_PLAYS = 3
FEW_CALLS = 10  # up to this many calls, every way to divide them is tried
# Above, TRIES divided by the pairs of calls that are left are drawn, but at least LEAST_TRIES.
TRIES, LEAST_TRIES = 5000, 12
Sides = tuple[int, ...]  # the process or replica that is asked each call
BEFORE_ALL = -1  # stands for no call at all


def plays_on_two(calls: Sequence[Call]) -> tuple[dict[PlayName, Sides], bool]:
    """Return the sides of each play by its name, and whether they show everything that they can.

    Each shows what those before it do not. They are the same every time.
    """
    plays, hidden = dict[PlayName, Sides](), _hidden(calls)
    draw = random.Random(len(calls))
    most = max(FEWEST_PLAYS, MOST_CALLS // max(1, len(calls)))
    turns = tuple(index % 2 for index in range(len(calls)))
    reads = tuple(int(call.reads) for call in calls)
    for name, sides in ((TURNS, turns), (READS_WRITES, reads)):
        if len({*sides}) == 2 and (not plays or _shown(sides, hidden)):
            plays[name], hidden = sides, _without(sides, hidden)
    while hidden and len(plays) < most:
        sides = _best(len(calls), hidden, draw)
        plays[_name(sides)], hidden = sides, _without(sides, hidden)
    return plays, not hidden


def _name(sides: Sides) -> PlayName:
    asked = [str(index + 1) for index, side in enumerate(sides) if side]
    calls = f"call{'s' if len(asked) > 1 else ''} {', '.join(asked)}"
    return PlayName(PlayKind.TWO, f"{calls} to the second")


# By two calls: a later one that may change something, and one before it; the bits of the calls
# after them for which no play has shown whether that is noticed.
Hidden = dict[tuple[int, int], int]


def _hidden(calls: Sequence[Call]) -> Hidden:
    every = (1 << len(calls)) - 1
    return {
        (before, index): after
        for index, call in enumerate(calls)
        if not call.reads and (after := every >> (index + 1) << (index + 1))
        for before in (range(index) if index else (BEFORE_ALL,))
    }


def _shown_after(sides: Sides, before: int, index: int, asked: Sequence[int]) -> int:
    """Return, as bits, the calls on the other process; 0 if call `before` was on the same one."""
    if before != BEFORE_ALL and sides[before] == sides[index]:
        return 0
    return asked[1 - sides[index]]


def _asked(sides: Sides) -> tuple[int, int]:
    second = sum(1 << index for index, side in enumerate(sides) if side)
    return ~second, second


def _shown(sides: Sides, hidden: Hidden) -> int:
    """Return how much a play would show that no earlier one has."""
    asked = _asked(sides)
    return sum(
        (after & _shown_after(sides, *two, asked)).bit_count() for two, after in hidden.items()
    )


def _without(sides: Sides, hidden: Hidden) -> Hidden:
    asked = _asked(sides)
    left = {two: after & ~_shown_after(sides, *two, asked) for two, after in hidden.items()}
    return {two: after for two, after in left.items() if after}


def _best(count: int, hidden: Hidden, draw: random.Random) -> Sides:
    """Return the sides that show the most, of some; any one call alone shows what it can."""
    alone = next(iter(hidden))[1]
    thought_of = [tuple(int(index == alone) for index in range(count))]
    if count <= FEW_CALLS:
        thought_of += [(0, *others) for others in product((0, 1), repeat=count - 1)]
    else:
        for _ in range(max(LEAST_TRIES, TRIES // len(hidden))):
            thought_of.append((0, *(draw.getrandbits(1) for _ in range(count - 1))))
    return max(thought_of, key=lambda sides: _shown(sides, hidden))
