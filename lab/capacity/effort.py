"""How much is measured of a row, and what each request of a measurement is."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from lab.capacity.constants import Constant
from lab.core.errors import LabError
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper

LOAD_SHARE = 0.5  # processor time is measured at this share of saturation
Action = Callable[[], Exchange]
Measuring = Generator[None, None, list[Constant]]
"""Measures one turn at each `next()`; returns the constants at the end."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: `rounds` under load, carts of `lines`, `steps` of sessions.

    `each` requests of a kind are counted one at a time; `loaded` are sent in a round to a server,
    `proxied` to nginx, and `operations` to the store.
    """

    rounds: int = 5
    each: int = 15
    loaded: int = 48
    proxied: int = 400
    operations: int = 3200
    lines: tuple[int, ...] = (1, 10, 50)
    steps: int = 3
    sessions: int = 1000
    strangers: int = 10


QUICK = Effort(
    rounds=2,
    each=4,
    loaded=8,
    proxied=64,
    operations=320,
    lines=(1, 5),
    steps=2,
    sessions=150,
    strangers=3,
)


def change(customer: Shopper, skus: Sequence[str], number: int) -> Action:
    """Return a function that sets a line to a quantity it did not have: 11 to 90."""
    return partial(customer.change, skus[number % len(skus)], 11 + number // len(skus) % 80)


def succeed(act: Action) -> Exchange:
    """Send one request and return its exchange; LabError if it did not succeed."""
    exchange = act()
    if not exchange.ok:
        what = f"{exchange.method} {exchange.path} got {exchange.status or exchange.error}"
        raise LabError(f"while measuring, {what}: see the run's logs, and measure again")
    return exchange


def mean(what: str, kind: str, lines: int, seen: Sequence[int]) -> Constant:
    """Return the mean of the samples as a constant, with the lowest and the highest."""
    return Constant(what, kind, lines, sum(seen) / len(seen), min(seen), max(seen), len(seen))
