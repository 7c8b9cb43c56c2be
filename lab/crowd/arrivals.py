"""When each request of a crowd is due: one every 1/rate seconds, whichever shopper is next.

In a lap of the crowd each shopper has one request. If all shoppers began with the first lap, they
would stay in step for the whole run: all log in, then all add something. So each shopper is some
random steps of its iteration ahead: it has that many requests, close together, before its first
lap. They are part of the load, so the rate is the same from the first request to the last.
"""

import math
import random
from collections.abc import Iterator
from itertools import count

# Between two requests of one shopper before its first lap; an answer takes less.
STEPS_APART_S = 0.05


class Arrivals:
    """The intended starts of all requests of a crowd; the same for the same seed."""

    def __init__(self, shoppers: int, rate: float, requests: int = 0, seed: int = 0) -> None:
        """`requests` are those of an iteration; up to 1, each begins with the first lap."""
        self._shoppers, self._rate, self._seed = shoppers, rate, seed
        self._steps = max(1, requests)
        self._apart = math.ceil(rate * STEPS_APART_S)
        self._groups = max(1, shoppers // (self._apart * self._steps))
        self._dues: dict[int, list[list[int]]] = {}
        self._before_laps = self._slots_before(self._groups) if requests > 1 else 0

    @property
    def first_lap_s(self) -> float:
        """When the first lap begins: by then every shopper has come. Seconds after the start."""
        return self._before_laps / self._rate

    def of(self, shopper: int) -> Iterator[float]:
        """Yield the intended starts of one shopper, in seconds after the start."""
        if self._before_laps:
            group = self._group_of(shopper)
            dues = self._group(group)[shopper - self._first_of(group)]
            yield from (due / self._rate for due in dues)
        for lap in count():
            yield (self._before_laps + shopper + lap * self._shoppers) / self._rate

    def _first_of(self, group: int) -> int:
        return group * self._shoppers // self._groups

    def _group_of(self, shopper: int) -> int:
        return ((shopper + 1) * self._groups - 1) // self._shoppers

    def _slots_before(self, group: int) -> int:
        """Return how many requests are due before the first one of a group."""
        size, came = self._shoppers // self._groups, self._first_of(group)
        larger = came - group * size  # groups have `size` shoppers, or one more
        return (group - larger) * self._slots(size) + larger * self._slots(size + 1)

    def _slots(self, size: int) -> int:
        rows = ([ahead >= least for ahead in self._ahead(size)] for least in range(self._steps))
        return sum(max(sum(row), min(size, self._apart)) for row in rows if any(row))

    def _ahead(self, size: int) -> list[int]:
        """Return by how many steps each of so many shoppers is ahead: each number as often."""
        return [place * self._steps // size for place in range(size)]

    def _group(self, group: int) -> list[list[int]]:
        """Return the numbers of the requests that each shopper of a group has before the laps."""
        if group not in self._dues:
            size = self._first_of(group + 1) - self._first_of(group)
            ahead, slot = self._ahead(size), self._slots_before(group)
            random.Random(f"{self._seed}:{group}").shuffle(ahead)
            dues: list[list[int]] = [[] for _ in ahead]
            for least in reversed(range(self._steps)):  # those furthest ahead come first
                row = [place for place, steps in enumerate(ahead) if steps >= least]
                for number, place in enumerate(row):
                    dues[place].append(slot + number)
                slot += max(len(row), min(size, self._apart)) if row else 0
            self._dues[group] = dues
        return self._dues[group]
