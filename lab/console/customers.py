"""The customers of open pages: each has a shopper at both desks and acts for its page."""

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from lab.console.act_places import ActPlaces
from lab.console.admission import (
    MOST_AT_ONCE,
    MOST_OF_ONE_BROWSER,
    NEWCOMERS_PER_S,
    Crowded,
    choose_to_leave,
    first_to_leave,
)
from lab.console.allowance import Allowance
from lab.console.orders import checked_name, checked_order
from lab.console.page_customer import Acted, PageCustomer, Publish
from lab.console.places import Watcher
from lab.core.errors import LabError
from lab.stack.server_pool import ServerPool

MOST_CUSTOMERS = 5000
MOST_WITH_HISTORY = 300  # other customers keep only credentials and cart
STRANGER = Watcher()
_OP_OF_CUSTOMER = re.compile(r"(c[0-9]{1,9})-(?:stateful|stateless)-[0-9]{1,9}")


class Customers:
    """All customers, and a limit; see `lab.console.admission` for who gives way."""

    def __init__(
        self,
        pools: Mapping[str, ServerPool],
        publish: Publish,
        clock: Callable[[], float] = time.monotonic,
        leaked_keys: Mapping[str, str] | None = None,
    ) -> None:
        """`pools` are the live desks; `publish` gets each event's fields.

        `leaked_keys` are the signing keys, by desk, that a thief of a chapter has read.
        """
        self.watching: Callable[[], Collection[str]] = tuple
        """Returns the ids of the browsers that have a page open."""
        self._clock = clock
        self._rate = Allowance(NEWCOMERS_PER_S, MOST_AT_ONCE)
        self._pools = pools
        self._publish = publish
        self._leaked_keys = leaked_keys or {}
        self._numbers = count(1)
        self._by_key: dict[str, PageCustomer] = {}
        self._by_who: dict[str, PageCustomer] = {}
        self._changing = threading.Lock()
        self._places = ActPlaces()
        self._closed = False

    def enter(self, name: str, client: Watcher = STRANGER) -> PageCustomer:
        """Return a new customer; raise BadOrder for a wrong name, Crowded if there is no place."""
        name = checked_name(name)
        with self._changing:
            if not client.instructor and not self._rate.take(self._clock()):
                raise Crowded(
                    "too many customers have come in at once: try again in a moment",
                    status=429,
                    retry_after_s=1,
                )
            self._make_room(client)
            customer = PageCustomer(
                next(self._numbers), name, self._pools, self._publish, self._leaked_keys
            )
            customer.acted_at, customer.browser = self._clock(), client.id
            self._by_key[customer.key] = self._by_who[customer.who] = customer
        return customer

    def _make_room(self, client: Watcher) -> None:
        own = [each for each in self._by_key.values() if client.id and each.browser == client.id]
        if len(own) >= MOST_OF_ONE_BROWSER and (oldest := first_to_leave(own)):
            self._drop(oldest)
        if len(self._by_key) >= MOST_CUSTOMERS:
            everyone, now_s = self._by_key.values(), self._clock()
            idle = choose_to_leave(everyone, self.watching(), now_s, client.instructor)
            if idle is None:
                raise Crowded(
                    f"all {MOST_CUSTOMERS:,} customers are busy: watch, or try again later",
                    status=503,
                    retry_after_s=60,
                )
            self._drop(idle)
        if len(self._by_key) >= MOST_WITH_HISTORY:
            by_age = sorted(self._by_key.values(), key=lambda each: each.acted_at)
            for idle in by_age[: 1 - MOST_WITH_HISTORY]:
                idle.forget_history()

    def _drop(self, customer: PageCustomer) -> None:
        del self._by_key[customer.key], self._by_who[customer.who]

    def find(self, key: str, client: Watcher = STRANGER) -> PageCustomer | None:
        """Return the customer with this key, who is in `client`'s browser from now on; or None."""
        with self._changing:
            customer = self._by_key.get(key)
            if customer and client.id:
                customer.browser = client.id
            return customer

    def act(self, customer: PageCustomer, body: object, client: Watcher = STRANGER) -> Acted:
        """Do what the body of /lab/act says, at both desks at once, and wait for the responses.

        Raise BadOrder, or LabError if it is not possible now; then usually nothing was sent.
        """
        order = checked_order(body)
        if self._closed:
            raise LabError("the lab is being stopped: start it again with `lab up`")
        sessions = {desk: customer.sessions[desk] for desk in order.desks}
        for session in sessions.values():
            session.check(order)
        with self._places.place(client):
            customer.acted_at, customer.has_acted = self._clock(), True
            with ThreadPoolExecutor(len(sessions), thread_name_prefix=customer.who) as hands:
                waiting = {desk: hands.submit(each.do, order) for desk, each in sessions.items()}
            customer.acted_at = self._clock()
        ops = {desk: future.result() for desk, future in waiting.items()}
        if order.do not in ("replay", "verify"):
            customer.sent |= {(order.do, desk): op for desk, op in ops.items()}
        return Acted(ops, customer.credentials())

    def doubt(self, cents: Mapping[str, int]) -> None:
        """Mark every cart as unknown after a fault: only a later read shows what became of it.

        `cents` are the present prices by sku.
        """
        for customer in self._all():
            for session in customer.sessions.values():
                session.shopper.tracker.doubt()
                session.shopper.tracker.reprice(cents)

    def reset(self) -> None:
        """Drop the credentials of all customers for a new stage; return at once."""
        for customer in self._all():
            customer.reset()

    def who_of(self, op: str) -> str:
        """Return the customer who sent this op of nginx's log, "c1" for "c1-stateful-7"; or ""."""
        match = _OP_OF_CUSTOMER.fullmatch(op)
        with self._changing:
            return match[1] if match and match[1] in self._by_who else ""

    def close(self) -> None:
        """Refuse all further orders."""
        self._closed = True

    def _all(self) -> list[PageCustomer]:
        with self._changing:
            return list(self._by_key.values())
