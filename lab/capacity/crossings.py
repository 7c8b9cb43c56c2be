"""Where the lines of a plan step and cross, as users grow: found by the rules, on a grid."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Literal

from lab.capacity.assumptions import Assumptions
from lab.capacity.constants import Constants
from lab.capacity.rules import Need, need
from lab.core.units import MOST_USERS

POINTS = 160
Lines = dict[str, list[int | None]]


@dataclass(frozen=True)
class Step:
    """From `users` on, a row's `part` needs more than one machine, because of `binds`.

    If `part` is "row", the row is impossible from there on.
    """

    row: str
    part: str
    users: int
    binds: str


@dataclass(frozen=True)
class Crossing:
    """From `users` on, row `more` needs more machines than row `less`; below it needs fewer.

    `settled` is whether that stays so up to the end of the range; `certain` whether both are
    also true where every constant of the two rows is at that end of its spread which is worst
    for it: careful, since the extremes of five rounds have the true median between them with
    94 % already, each constant by itself. If not, the lines run too close to each other to tell.
    """

    more: str
    less: str
    users: int
    settled: bool
    certain: bool


class CapacityPlan:
    """The rows of the matrix under the same assumptions, for any number of users."""

    def __init__(self, constants: Constants, assume: Assumptions) -> None:
        self.constants, self.assume = constants, assume

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the rows that were measured, in their order."""
        return tuple(row.name for row in self.constants.rows)

    def at(self, name: str, users: int, end: Literal["low", "high"] | None = None) -> Need:
        """Return what a row needs for so many users; with all constants at that `end`, if given."""
        row, files = self.constants.row(name), self.constants.row("file")
        assert row is not None, name
        if end is not None:
            row, files = row.at_the(end), files.at_the(end) if files else None
        return need(row, files, replace(self.assume, users=users))

    def needs(self) -> list[Need]:
        """Return what each row needs for the users of the assumptions."""
        return [self.at(name, self.assume.users) for name in self.rows]


def steps(plan: CapacityPlan) -> list[Step]:
    """Return where each row first needs a second machine of a part, and where it ends.

    With several data centres: a second one in each.
    """
    found: list[Step] = []
    for name in plan.rows:
        for part in ("desk", "store", "balancer"):

            def grown(users: int, name: str = name, part: str = part) -> bool:
                needed = getattr(plan.at(name, users), part)
                return needed is not None and needed.machines > plan.assume.data_centres

            if (users := first(grown)) is not None:
                found.append(Step(name, part, users, getattr(plan.at(name, users), part).binds))
        ends = first(lambda users, name=name: plan.at(name, users).impossible is not None)  # type: ignore[misc]
        if ends is not None:
            found = [each for each in found if each.row != name or each.users < ends]
            found.append(Step(name, "row", ends, "servers"))
    return found


def first(grown: Callable[[int], bool]) -> int | None:
    """Return the least number of users for which `grown` is true, None if it never is.

    By halving, so it has to stay true once it is.
    """
    users = bisect_left(range(1, MOST_USERS + 1), True, key=grown) + 1
    return users if users <= MOST_USERS else None


def users_range(around: int, points: int = POINTS) -> list[int]:
    """Return numbers of users, evenly on a logarithmic axis: a thousandth to ten times `around`."""
    low, high = max(1, around // 1000), min(MOST_USERS, around * 10)
    ratio = (high / low) ** (1 / (points - 1))
    return sorted({round(low * ratio**number) for number in range(points)})


def crossings(plan: CapacityPlan, users: list[int]) -> list[Crossing]:
    """Return where one row begins to need more machines than another that needed more before.

    Where two lines cross several times, only the first crossing and the last are returned.
    """
    lines = {name: _line(plan, name, users) for name in plan.rows}
    extremes = cache(lambda end: _extreme(plan, end, users))  # computed only if something crosses
    found: list[Crossing] = []
    for a, b in combinations(plan.rows, 2):
        changes = _changes(lines[a], lines[b])
        for at, sign in changes[:1] + changes[1:][-1:]:
            more, less = (a, b) if sign > 0 else (b, a)
            low, high = extremes("low"), extremes("high")
            certain = _above(low[more][at:], high[less][at:]) and _above(
                low[less][:at], high[more][:at]
            )
            found.append(Crossing(more, less, users[at], at == changes[-1][0], certain))
    return sorted(found, key=lambda each: each.users)


def _line(plan: CapacityPlan, name: str, users: list[int]) -> list[int | None]:
    return [plan.at(name, each).machines for each in users]


def _extreme(plan: CapacityPlan, end: Literal["low", "high"], users: list[int]) -> Lines:
    """Return the lines with every constant at that end of its spread."""
    rows = tuple(row.at_the(end) for row in plan.constants.rows)
    there = CapacityPlan(replace(plan.constants, rows=rows), plan.assume)
    return {name: _line(there, name, users) for name in plan.rows}


def _above(ours: list[int | None], theirs: list[int | None]) -> bool:
    """Return True if our line is above theirs at some point."""
    pairs = zip(ours, theirs, strict=True)
    return any(a is not None and b is not None and a > b for a, b in pairs)


def _changes(a: list[int | None], b: list[int | None]) -> list[tuple[int, int]]:
    """Return the places where the order of two lines is turned round, and the sign after it."""
    found, before = [], 0
    for at, (ours, theirs) in enumerate(zip(a, b, strict=True)):
        if ours is None or theirs is None:
            break
        sign = (ours > theirs) - (ours < theirs)
        if sign and before and sign != before:
            found.append((at, sign))
        before = sign or before
    return found


def lines_where(plan: CapacityPlan, what: Callable[[Need], float], a: str, b: str) -> int | None:
    """Return from how many lines in the cart on row `a` has more of `what` than row `b`.

    None if it never has, within the carts that were measured; the least size measured
    where it always has. With a curve that turns back, the first place.
    """
    least, most = plan.constants.lines
    for lines in range(least, most + 1):
        there = CapacityPlan(plan.constants, replace(plan.assume, cart_lines=lines))
        users = plan.assume.users
        if what(there.at(a, users)) > what(there.at(b, users)):
            return lines
    return None
