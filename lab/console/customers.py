"""The customers of open pages: each has a shopper at both desks, and does what their page asks."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from lab.console.customer_session import MOST_REMEMBERED, CustomerSession
from lab.console.events import ExchangeEvent, from_exchange
from lab.console.orders import BadOrder, checked_name, checked_order
from lab.core.errors import LabError
from lab.evidence.exchange import Exchange
from lab.evidence.keeping import kept_exchange
from lab.evidence.record import Event, Record
from lab.shop.desks import DESKS
from lab.stack.server_pool import ServerPool

__all__ = ["BadOrder", "Customers", "PageCustomer", "checked_name"]

Json = dict[str, Any]
Tell = Callable[[ExchangeEvent], object]

MOST_CUSTOMERS = 300
FIRST_USER_ID = 123  # John's in the article
_OP = re.compile(r"(c[0-9]{1,9})-(?:stateful|stateless)-[0-9]{1,9}")


class PageCustomer:
    """Somebody at an open page. `key` is theirs alone; `who` ("c1") is told to everybody."""

    def __init__(self, number: int, name: str, lanes: Mapping[str, ServerPool], tell: Tell) -> None:
        self.key = secrets.token_urlsafe(16)
        self.who = f"c{number}"
        self.name = name
        self.user_id = str(FIRST_USER_ID + number - 1)
        self.acted_at = time.monotonic()
        self._lanes = lanes
        self._tell = tell
        # No op is ever used twice.
        self._numbers: dict[str, count[int]] = {desk: count(1) for desk in DESKS}
        self.reset()

    def introduce(self) -> Json:
        """Return what their own page is told of them."""
        return {"id": self.key, "who": self.who, "name": self.name, "user_id": self.user_id}

    def credentials(self) -> Json:
        """Return what they carry at each desk, in full: for their own page, never for an event."""
        return {desk: seat.credentials() for desk, seat in self.seats.items()}

    def reset(self) -> None:
        """Begin anew with empty hands. What is still under way is told to nobody."""
        self.seats: dict[str, CustomerSession] = {desk: self._seat(desk) for desk in DESKS}

    def _seat(self, desk: str) -> CustomerSession:
        def on_event(event: Event) -> None:
            if isinstance(event, Exchange) and self.seats[desk] is seat:
                kept = kept_exchange(event)
                self._tell(from_exchange(kept, desk, self.who, aside=seat.aside))

        record = Record(
            f"{self.who}-{desk}", on_event, keep=MOST_REMEMBERED, numbers=self._numbers[desk]
        )
        seat = CustomerSession(record, (self.user_id, self.name), lambda: self._lane(desk))
        return seat

    def _lane(self, desk: str) -> ServerPool:
        try:
            return self._lanes[desk]
        except KeyError:
            raise LabError(f"the {desk} desk is not open now: try again in a moment") from None


class Customers:
    """Everybody with a page open; past 300 the one idle longest is forgotten."""

    def __init__(self, lanes: Mapping[str, ServerPool], tell: Tell) -> None:
        """`lanes` are the desks as they are at any time; `tell` is given each event's fields."""
        self._lanes = lanes
        self._tell = tell
        self._numbers = count(1)
        self._by_key: dict[str, PageCustomer] = {}
        self._by_who: dict[str, PageCustomer] = {}
        self._changing = threading.Lock()
        self._closed = False

    def enter(self, name: str) -> PageCustomer:
        """Let somebody in; raise BadOrder for what is no name."""
        name = checked_name(name)
        with self._changing:
            if len(self._by_key) >= MOST_CUSTOMERS:
                idle = min(self._by_key.values(), key=lambda each: each.acted_at)
                del self._by_key[idle.key], self._by_who[idle.who]
            customer = PageCustomer(next(self._numbers), name, self._lanes, self._tell)
            self._by_key[customer.key] = self._by_who[customer.who] = customer
        return customer

    def find(self, key: str) -> PageCustomer | None:
        """Return the customer with this key, or None."""
        with self._changing:
            return self._by_key.get(key)

    def act(self, customer: PageCustomer, body: object) -> Json:
        """Do what the body of /lab/act says, at both desks at once, and wait for the answers.

        Returns {"ops": {desk: op}, "credentials": {desk: {"cookie", "token"}}}. Raises
        BadOrder, or LabError where it cannot be done now; then nothing was sent, as a rule.
        """
        order = checked_order(body)
        if self._closed:
            raise LabError("the lab is being stopped: start it again with `lab up`")
        seats = {desk: customer.seats[desk] for desk in order.desks}
        for seat in seats.values():
            seat.check(order)
        customer.acted_at = time.monotonic()
        with ThreadPoolExecutor(len(seats), thread_name_prefix=customer.who) as hands:
            waiting = {desk: hands.submit(seat.do, order) for desk, seat in seats.items()}
        customer.acted_at = time.monotonic()
        ops = {desk: future.result() for desk, future in waiting.items()}
        return {"ops": ops, "credentials": customer.credentials()}

    def doubt(self) -> None:
        """A fault has happened: of every cart, only a read from now on tells."""
        for customer in self._everybody():
            for seat in customer.seats.values():
                seat.shopper.ledger.doubt()

    def reset(self) -> None:
        """A new stage: everybody stays who they are, with empty hands. Waits for nobody."""
        for customer in self._everybody():
            customer.reset()

    def who_of(self, op: str) -> str:
        """Return the customer whose op this is ("c1" for "c1-stateful-7"), "" if nobody's."""
        match = _OP.fullmatch(op)
        with self._changing:
            return match[1] if match and match[1] in self._by_who else ""

    def close(self) -> None:
        """Let nobody do anything any more."""
        self._closed = True

    def _everybody(self) -> list[PageCustomer]:
        with self._changing:
            return list(self._by_key.values())
