"""A customer at one desk: carries out orders one after the other."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec

from lab.console.orders import NAMED_SERVERS, BadOrder, Order
from lab.console.waiting_line import WaitingLine
from lab.core.errors import LabError
from lab.evidence.exchange import Exchange
from lab.evidence.record import Record
from lab.evidence.shopper import Shopper
from lab.experiments.readable import LABELS, signer
from lab.shop.desks import at_server
from lab.stack.server_pool import ServerPool

MOST_REMEMBERED = 200  # exchanges that can be replayed
MOST_LOGINS = 16  # tries to reach one server: others who log in meanwhile take its turns
FORGED_LAPTOPS = 9


class Credentials(msgspec.Struct, frozen=True):
    """The credentials of the next request at one desk, in full."""

    cookie: str | None
    token: str | None


class CustomerSession:
    """A customer at one desk during one stage: a shopper and its record.

    The shopper sends one request at a time; further orders wait in line.
    """

    def __init__(
        self,
        record: Record,
        identity: tuple[str, str],
        pool_of: Callable[[], ServerPool],
        leaked_key: str = "",
    ) -> None:
        """`identity` is user id and name; `pool_of` returns the desk or raises LabError.

        `leaked_key` is the signing key that a thief has read, "" for a desk that has none.
        """
        user_id, name = identity
        self.record = record
        self.aside = False
        """True if the current request is not part of the customer's own conversation."""
        self.due_cents: int | None = None
        """What the cart should cost, where the current request is to show it; None: not known."""
        self.shopper = Shopper(self._address, record, user_id, name)
        self._identity = identity
        self._pool_of = pool_of
        self._leaked_key = leaked_key
        self.line = WaitingLine()

    def do(self, order: Order) -> str:
        """Carry out the order when it is its turn; return the id of the last request."""
        with self.line.turn():
            server = self._server_of(order.server)
            try:
                if order.until is not None:
                    return self._login_until(order.until).op
                for _ in range(order.times):
                    if order.do == "login" and order.times > 1:
                        self._come_anew()
                    exchange = self._try(order, server)
            finally:
                # A person pauses longer than nginx keeps a connection, and a request on one
                # that is being closed has an unknown outcome.
                self.shopper.transport.close()
            return exchange.op

    def _try(self, order: Order, server: str | None) -> Exchange:
        self.due_cents = self._due(order.do)
        for _ in range(order.tries):
            exchange = _ACTIONS[order.do](self, order.values, server)
            if exchange.answered:
                break
        return exchange

    def _due(self, action: str) -> int | None:
        tracker = self.shopper.tracker
        asks = action == "checkout" or tracker.repriced
        if not asks or tracker.owed is None or tracker.unsettled_writes:
            return None
        due = tracker.owed.get("total_cents")
        return due if isinstance(due, int) else None

    def _login_until(self, server: str) -> Exchange:
        for _ in range(MOST_LOGINS):
            self._come_anew()  # a kept cookie of affinity would bring it back to the same server
            exchange = self.shopper.login()
            if exchange.served_by == server:
                return exchange
        raise LabError(
            f"{server} answered none of {MOST_LOGINS} logins: is it up? Too many others may come "
            "in at once; run it again"
        )

    def _come_anew(self) -> None:
        """Forget all credentials, as a new browser has none."""
        self.shopper.token = None
        self.shopper.transport.cookies.clear()

    def check(self, order: Order) -> None:
        """Raise BadOrder or LabError if the order is not possible now."""
        self._server_of(order.server)
        self._server_of(order.until)
        if order.do == "replay":
            self.earlier(order.values["op"])

    def earlier(self, op: str) -> Exchange:
        """Return an earlier exchange that is still kept, else raise BadOrder."""
        for exchange in self.record.exchanges():
            if exchange.op == op:
                return exchange
        raise BadOrder(
            f"op: {op} is not one of the last {MOST_REMEMBERED} requests of this customer at this "
            "desk since the stage was set up"
        )

    def served_by(self, wish: str = "served") -> str:
        """Return the server that answered last, else raise BadOrder."""
        seen = [each.served_by for each in self.record.exchanges() if each.served_by]
        if not seen:
            raise BadOrder(f"server: {wish!r} needs an earlier response: log in first")
        return seen[-1]

    def credentials(self) -> Credentials:
        """Return the credentials of the next request: for the customer's own page only."""
        return Credentials(self.shopper.cookie(), self.shopper.token)

    def get_products(self, server: str | None) -> Exchange:
        """Ask for the catalogue."""
        return self.shopper.request("GET", "/api/products", server=server)

    def view_by_url(self, server: str | None) -> Exchange:
        """Ask for the cart as the article writes it: with the token, if any, in the address."""
        shopper, (user_id, _) = self.shopper, self._identity
        # The token goes into the URL only: two places would be refused.
        token, shopper.token = shopper.token, None
        query = "" if token is None else f"?{urlencode({'token': token, 'userId': user_id})}"
        try:
            return shopper.request("GET", f"/api/cart{query}", server=server)
        finally:
            shopper.token = token

    def replay(self, op: str, server: str | None) -> Exchange:
        """Send an earlier request again, byte for byte."""
        with self._aside():
            return self.shopper.replay(self.earlier(op), server)

    def verify(self, token: str, server: str | None) -> Exchange:
        """Ask for the cart with `token` and no other credential."""
        user_id, name = self._identity
        stranger = Shopper(self._address, self.record, user_id, name)
        stranger.token = token
        with self._aside(), closing(stranger.transport):
            return stranger.view_cart(server=server)

    def forge(self, server: str | None) -> Exchange:
        """Ask for the customer's cart as a thief who has read the desk's first signing key.

        A desk without a key has a session id to guess in its place.
        """
        user_id, name = self._identity
        guess: dict[str, str | None] = {"Cookie": f"desk_session={secrets.token_urlsafe(32)}"}
        if key := self._leaked_key:
            cart = {"user_id": user_id, "name": name, "lines": {"laptop": FORGED_LAPTOPS}}
            guess = {"Authorization": f"Bearer {signer(key).dumps({**LABELS, 'session': cart})}"}
        stranger = Shopper(self._address, self.record, user_id, name)
        with self._aside(), closing(stranger.transport):
            return stranger.request("GET", "/api/cart", headers=guess, server=server)

    def _server_of(self, wish: str | None) -> str | None:
        if wish is None:
            return None
        servers = dict(self._pool_of().servers)
        if wish not in NAMED_SERVERS:
            if wish not in servers:
                raise BadOrder(f"server: there is no {wish}: this desk has {', '.join(servers)}")
            return wish
        served = self.served_by(wish)
        if wish == "living" and served in servers and servers[served].state == "up":
            return served
        if wish != "served":
            return _next_living(served, servers)
        if served not in servers:
            raise BadOrder(f"server: {served} served this customer and has left this desk")
        return served

    def _address(self, server: str | None) -> str:
        return self._pool_of().url + at_server(server)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        self.aside = True
        try:
            yield
        finally:
            self.aside = False


_ACTIONS: Mapping[str, Callable[[CustomerSession, Mapping[str, Any], str | None], Exchange]] = {
    "login": lambda session, _, server: session.shopper.login(server=server),
    "view": lambda session, _, server: session.shopper.view_cart(server=server),
    "view-url": lambda session, _, server: session.view_by_url(server),
    "products": lambda session, _, server: session.get_products(server),
    "clear": lambda session, _, server: session.shopper.clear(server=server),
    "checkout": lambda session, _, server: session.shopper.checkout(server=server),
    "logout": lambda session, _, server: session.shopper.logout(server=server),
    "add": lambda session, values, server: session.shopper.add(**values, server=server),
    "change": lambda session, values, server: session.shopper.change(**values, server=server),
    "remove": lambda session, values, server: session.shopper.remove(**values, server=server),
    "ship": lambda session, values, server: session.shopper.ship_to(**values, server=server),
    "forge": lambda session, _, server: session.forge(server),
    "replay": lambda session, values, server: session.replay(values["op"], server),
    "verify": lambda session, values, server: session.verify(values["token"], server),
}


def _next_living(served: str, servers: Mapping[str, Any]) -> str:
    names = list(servers)
    start = names.index(served) + 1 if served in servers else 0
    for name in [*names[start:], *names[:start]]:
        if name != served and servers[name].state == "up":
            return name
    raise BadOrder("server: no other server of this desk is up: restart or add one first")
