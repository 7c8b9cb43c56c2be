"""Who may become a customer of the page: a crowd of newcomers takes no place of who is here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from lab.core.errors import LabError

MOST_AT_ONCE = 600  # a lecture hall that opens the page at the same moment
NEWCOMERS_PER_S = 5.0
MOST_OF_ONE_BROWSER = 12
STAYS_S = 1800.0  # after what it did last: a lecture is listened to
FRESH_S = 60.0  # of one that has done nothing yet


class Crowded(LabError):
    """There is no place for a newcomer now; `status` and `retry_after_s` say what to do."""

    def __init__(self, message: str, status: int, retry_after_s: int) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class Present(Protocol):
    """What counts of a customer that is here."""

    browser: str
    """The id of the browser that it is in; "" where that has none, as a program."""
    acted_at: float
    """When it last acted, or entered."""
    has_acted: bool

    @property
    def has_cart(self) -> bool:
        """Whether it would lose a cart."""
        ...


P = TypeVar("P", bound=Present)


def choose_to_leave(
    present: Iterable[P], watching: Collection[str], now_s: float, for_instructor: bool = False
) -> P | None:
    """Return the customer that gives way to a newcomer, None if nobody has to.

    Who has a page open stays, and who acted in a browser lately. The instructor's newcomer gets
    a place in any case. Of the others the one idle longest gives way, those without a cart first.
    """
    everyone = list(present)
    idle = [each for each in everyone if not _stays(each, watching, now_s)]
    if for_instructor and not idle:
        idle = everyone
    return min(idle, key=lambda each: (each.has_cart, each.acted_at), default=None)


def _stays(one: Present, watching: Collection[str], now_s: float) -> bool:
    if one.browser and one.browser in watching:
        return True
    is_known = bool(one.browser) and one.has_acted
    return now_s - one.acted_at < (STAYS_S if is_known else FRESH_S)


@dataclass
class NewcomerRate:
    """How many may still enter now: many at once, then a few each second."""

    _left: float = MOST_AT_ONCE
    _at_s: float | None = field(default=None)

    def take(self, now_s: float) -> None:
        """Let one in; raise Crowded if too many have just entered."""
        passed_s = 0.0 if self._at_s is None else now_s - self._at_s
        self._left = min(MOST_AT_ONCE, self._left + passed_s * NEWCOMERS_PER_S)
        self._at_s = now_s
        if self._left < 1:
            raise Crowded(
                "too many customers have come in at once: try again in a moment",
                status=429,
                retry_after_s=1,
            )
        self._left -= 1
