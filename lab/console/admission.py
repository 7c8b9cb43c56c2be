"""Admits customers to the page, so that a crowd of newcomers cannot push out active customers."""

from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar

from lab.core.errors import LabError

MOST_AT_ONCE = 600  # a lecture hall may open the page at the same moment
NEWCOMERS_PER_S = 5.0
MOST_OF_ONE_BROWSER = 12
STAYS_S = 1800.0  # a customer keeps the place this long after an action: students listen for long
FRESH_S = 60.0  # a customer that has done nothing yet keeps the place this long


class Crowded(LabError):
    """No place is free for a newcomer now; `status` and `retry_after_s` say what to do."""

    def __init__(self, message: str, status: int, retry_after_s: int) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class MayGiveWay(Protocol):
    """The facts that decide whether a customer may have to leave."""

    acted_at: float
    """When it last acted, or entered."""

    @property
    def has_cart(self) -> bool:
        """True if its removal would lose a cart."""
        ...


class Present(MayGiveWay, Protocol):
    """The facts about a customer of the page, for deciding who leaves."""

    browser: str
    """The id of the browser that it is in; "" if that has none, as a program."""
    has_acted: bool


L = TypeVar("L", bound=MayGiveWay)
P = TypeVar("P", bound=Present)


def first_to_leave(present: Iterable[L]) -> L | None:
    """Return the customer idle longest, without a cart if possible; None if there is none."""
    return min(present, key=lambda each: (each.has_cart, each.acted_at), default=None)


def choose_to_leave(
    present: Iterable[P], watching: Collection[str], now_s: float, for_instructor: bool = False
) -> P | None:
    """Return the customer that a newcomer replaces, None if all of them stay.

    A customer stays while its page is open, and some time after its last action in a browser.
    The instructor's newcomer always gets a place.
    """
    everyone = list(present)
    idle = [each for each in everyone if not _stays(each, watching, now_s)]
    if for_instructor and not idle:
        idle = everyone
    return first_to_leave(idle)


def _stays(one: Present, watching: Collection[str], now_s: float) -> bool:
    if one.browser and one.browser in watching:
        return True
    is_known = bool(one.browser) and one.has_acted
    return now_s - one.acted_at < (STAYS_S if is_known else FRESH_S)
