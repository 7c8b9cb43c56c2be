"""When each request of a crowd is meant to start: evenly spaced, whoever's turn it is.

The open model. Shopper i of S has the turns i/R, (i + S)/R, (i + 2S)/R, … at a rate of R: no
two at the same moment, no bursts. A turn does not move because an answer was slow; who was
kept waiting past a turn takes it late, and the delay counts (no coordinated omission: Tene,
"How NOT to measure latency"; the schedule is that of wrk2).
"""

from collections.abc import Iterator
from itertools import count


class ClosingTime(BaseException):
    """The doors close: raised in the middle of a script, which must not catch it."""


def turns(shopper: int, shoppers: int, rate: float) -> Iterator[float]:
    """Yield the intended start times of one shopper, in seconds after the start."""
    return ((shopper + lap * shoppers) / rate for lap in count())


def turns_each(shoppers: int, rate: float, seconds: float) -> float:
    """Return how many turns a shopper has in that time, on average."""
    return rate * seconds / shoppers
