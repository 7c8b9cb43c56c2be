"""A phone in the room: one customer at both desks."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from itertools import count

import msgspec

from lab.console.admission import Crowded
from lab.console.allowance import Allowance
from lab.console.room.customer_of_phone import PhoneCustomer
from lab.console.room.phone_state import CartPlace, DeskOfPhone
from lab.core.errors import LabError
from lab.shop.cart import MAX_QUANTITY
from lab.shop.catalogue import PRODUCTS
from lab.shop.desks import DESKS
from lab.stack.server_pool import ServerPool

PHONE_SHELF = ("laptop", "mouse", "pen")  # what a phone can put in: few, for a small screen
CLICKS_PER_S, CLICKS_AT_ONCE = 4.0, 10.0
MOST_IN_HAND = 2  # clicks of one phone under way: more would hold threads that others need
CLICK_TIMEOUT_S = 2.0


class PhoneView(msgspec.Struct, frozen=True):
    """A phone as its own page shows it; `choice` is its vote in the open round."""

    number: int
    name: str
    desks: dict[str, DeskOfPhone]
    choice: int | None = None
    round: int = 0


class RoomPhone:
    """A phone with its nickname; the customers behind it begin anew on a new stage."""

    def __init__(
        self,
        id: str,
        number: int,
        name: str,
        address: str,
        pools: Mapping[str, ServerPool],
        in_store: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id, self.number, self.name, self.address = id, number, name, address
        self.wanted: dict[str, int] = {}
        """What its owner has put in, wherever it was acknowledged."""
        self.acted_at = clock()
        self._pools, self._in_store, self._clock = pools, in_store, clock
        self._numbers: dict[str, Iterator[int]] = {
            desk: count(1)
            for desk in DESKS  # no op is used twice
        }
        self._allowance = Allowance(CLICKS_PER_S, CLICKS_AT_ONCE)
        self._in_hand = threading.BoundedSemaphore(MOST_IN_HAND)
        self._turn = threading.Lock()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take new customers without credentials: the stage is a new one."""
        self.customers = {desk: self._customer(desk) for desk in DESKS}

    @property
    def has_cart(self) -> bool:
        """True if a desk owes it a cart."""
        return any(each.lines for each in self.customers.values())

    def come(self, hands: Executor) -> None:
        """Log in at both desks."""
        with self._own_turn():
            _both(hands, [each.come for each in self.customers.values()])

    def click(self, sku: str, by: int, hands: Executor) -> None:
        """Press + or − at both desks; Crowded if that is too often, LabError if it cannot be."""
        if sku not in PHONE_SHELF or by not in (1, -1):
            raise LabError(f"put in or take out one of {', '.join(PHONE_SHELF)}: reload the page")
        if by > 0 and self.wanted.get(sku, 0) >= MAX_QUANTITY:
            raise LabError(f"a cart takes at most {MAX_QUANTITY} of one product: press −")
        self.acted_at = self._clock()
        if not self._allowance.take(self.acted_at):
            raise Crowded("that was fast: wait a second, then press again", 429, 1)
        if not self._in_hand.acquire(blocking=False):
            raise Crowded("your last press is still on its way: wait for it", 429, 1)
        try:
            with self._own_turn():
                customers = self.customers.values()
                done = _both(hands, [partial(each.change, sku, by) for each in customers])
                if any(done):
                    self.wanted[sku] = max(0, self.wanted.get(sku, 0) + by)
        finally:
            self._in_hand.release()

    def put_back(self) -> None:
        """Fill the phone's cart again at both desks of a new stage."""
        wanted = {sku: quantity for sku, quantity in self.wanted.items() if quantity}
        with self._own_turn():
            for each in self.customers.values():
                each.put_back(wanted)

    def look(self, alive: Mapping[str, list[str]], *, visit: bool = False) -> None:
        """Look after both carts at these servers; `visit` first, as a customer does."""
        with self._own_turn():
            for desk, customer in self.customers.items():
                if visit:
                    customer.visit()
                if customer.mark != CartPlace.FOREIGN or not visit:
                    customer.look(alive[desk])

    def marks(self) -> tuple[str, ...]:
        """Return where the phone's cart is at each desk; see `CartPlace`."""
        return tuple(each.mark for each in self.customers.values())

    def view(self, choice: int | None = None, round: int = 0) -> PhoneView:
        """Return the phone as its own page shows it."""
        desks: dict[str, DeskOfPhone] = {
            desk: each.shown() for desk, each in self.customers.items()
        }
        return PhoneView(self.number, self.name, desks, choice, round)

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=CLICK_TIMEOUT_S):
            raise LabError("the desks are slow now: wait a moment, then press again")
        try:
            yield
        finally:
            self._turn.release()

    def _customer(self, desk: str) -> PhoneCustomer:
        def pool() -> ServerPool:
            if desk not in self._pools:
                raise LabError(f"the {desk} desk is not open now: try again in a moment")
            return self._pools[desk]

        identity = (f"phone-{self.number}", self.name)
        return PhoneCustomer(desk, identity, self._numbers[desk], pool, self._in_store)


def is_phones_op(op: str) -> bool:
    """Return True if a request in nginx's log is one of a phone's customer."""
    return op.startswith("phone-")


def names_of_shelf() -> dict[str, str]:
    """Return what stands on the shelf of a phone: name by sku."""
    return {sku: PRODUCTS[sku].name for sku in PHONE_SHELF}


def _both(hands: Executor, acts: list[Callable[[], bool]]) -> list[bool]:
    """Do two acts at once: the first in another thread, the second in this one."""
    first, second = acts
    waiting = hands.submit(first)
    done = second()
    return [waiting.result(), done]
