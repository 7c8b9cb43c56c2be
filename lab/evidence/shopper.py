"""A customer: sends the shop's requests, and remembers what the shop acknowledged.

Cookies are kept by what carries its requests; it sends back the last `token` it was given.
Nothing in here asks which desk it is talking to.
"""

import inspect
import json as json_text
import sys
import threading
from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lab.core.errors import ScriptMistake
from lab.core.nearest import no_argument, no_attribute
from lab.core.op_key import KEY_HEADER, OP_HEADER, OP_KEY
from lab.evidence.cart_tracker import CartTracker
from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.other_words import ARGUMENTS, OF_LAB, VERBS
from lab.evidence.record import Recorder
from lab.evidence.transport import SentHeaders, Transport

READ_TIMEOUT_S = 10.0


def _as_named(server: Any) -> str | None:
    return server if server is None else str(server)


class Shopper:
    """One customer at one desk, with at most one request in flight.

    `address(server)` gives the URL below which the shop is found: of the balancer for
    None, of one server for its name; `named(server)` the name of the server that is meant.
    """

    def __init__(
        self,
        address: Callable[[str | None], str],
        record: Recorder,
        user_id: str = "123",
        name: str = "John",
        transport: Transport | None = None,
        named: Callable[[Any], str | None] = _as_named,
    ) -> None:
        """`transport` carries the requests and keeps the cookies (None: `requests`)."""
        self.user_id = user_id
        self.name = name
        self.token: str | None = None
        self.tracker = CartTracker()
        self.last: Exchange | None = None
        self._address = address
        self._named = named
        self._record = record
        self._in_flight = threading.Lock()
        if transport is None:
            # Here: it takes long to import, and `lab list` needs none of it.
            from lab.evidence.requests_transport import RequestsTransport

            transport = RequestsTransport()
        self.transport = transport

    def login(self, user_id: str | None = None, name: str | None = None, **how: Any) -> Exchange:
        """Log in: `POST /api/login`. As in every verb here, `how` goes to `request`.

        `user_id` and `name` replace this shopper's own, from now on.
        """
        self.user_id = self.user_id if user_id is None else user_id
        self.name = self.name if name is None else name
        who = {"user_id": self.user_id, "name": self.name}
        return self.request("POST", "/api/login", json=who, **how)

    def add(self, sku: str, quantity: int = 1, **how: Any) -> Exchange:
        """Put `quantity` of a product in the cart."""
        return self.request(
            "POST", "/api/cart/items", json={"sku": sku, "quantity": quantity}, **how
        )

    def change(self, sku: str, quantity: int, **how: Any) -> Exchange:
        """Set the quantity of a line."""
        return self.request("PATCH", _line(sku), json={"quantity": quantity}, **how)

    def remove(self, sku: str, **how: Any) -> Exchange:
        """Take a line out."""
        return self.request("DELETE", _line(sku), **how)

    def clear(self, **how: Any) -> Exchange:
        """Empty the cart."""
        return self.request("DELETE", "/api/cart", **how)

    def view_cart(self, **how: Any) -> Exchange:
        """Ask for the cart."""
        return self.request("GET", "/api/cart", **how)

    def ship_to(self, address: str, **how: Any) -> Exchange:
        """Say where the order goes."""
        return self.request("PUT", "/api/shipping-address", json={"address": address}, **how)

    def checkout(self, **how: Any) -> Exchange:
        """Order what is in the cart."""
        return self.request("POST", "/api/checkout", **how)

    def logout(self, **how: Any) -> Exchange:
        """Leave, and throw the credential away, as a browser's page does."""
        exchange = self.request("POST", "/api/logout", **how)
        if exchange.ok:
            self.token = None
        return exchange

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: dict[str, str | None] | None = None,
        server: str | None = None,
        tries: int = 1,
        timeout_s: float = READ_TIMEOUT_S,
        **unknown: object,
    ) -> Exchange:
        """Send one request and return the exchange; it never raises for what the shop does.

        `server="B"` addresses one server, else the balancer chooses. `tries` asks again,
        as a user who presses reload does, until a server answers (each try is an
        exchange of its own; the last is returned). A header of None is left out.
        """
        if unknown:
            raise self._refused(next(iter(unknown)), sys._getframe(1).f_code)
        server = self._named(server)
        _require_how(tries, timeout_s)
        self._begin()
        try:
            for _ in range(max(1, tries)):
                exchange = self._send(method.upper(), path, json, headers, server, timeout_s)
                self.last = exchange
                if exchange.answered:
                    break
            return exchange
        finally:
            self._in_flight.release()

    def cookie(self) -> str | None:
        """Return the Cookie header that would go with the next request, in full; None for none."""
        return self.transport.cookie_for(f"{self._address(None)}/api/cart")

    def another_tab(self) -> "Shopper":
        """Return a second tab of the same customer: same cookies, the token as it is now.

        What one tab is given afterwards the other does not learn, except through cookies.
        """
        transport = self.transport.another(self.transport.cookies)
        tab = Shopper(self._address, self._record, self.user_id, self.name, transport, self._named)
        tab.token = self.token
        return tab

    def looked_after(self, record: Recorder) -> "Shopper":
        """Return the same customer for looks that go into another record, as the lab's own do."""
        same = Shopper(self._address, record, self.user_id, self.name, self.transport)
        same.token, same.tracker = self.token, self.tracker
        return same

    def replay(self, exchange: Exchange, server: str | None = None) -> Exchange:
        """Send an earlier request again, byte for byte, with the credentials it had then.

        It teaches this shopper nothing: no cookie, no token, and nothing is owed for it.
        """
        if not isinstance(exchange, Exchange):
            raise ScriptMistake(
                f"replay() takes what a verb returned (first = shopper.login()), not {exchange}"
            )
        server = self._named(server)
        headers = {**exchange.request_headers, OP_HEADER: self._record.next_op()}
        stranger = self.transport.another()
        self._begin()
        try:
            body = exchange.request_body
            again = self._transmit(
                stranger, exchange.method, exchange.path, headers, body, server, READ_TIMEOUT_S
            )
        finally:
            self._in_flight.release()
            stranger.close()
        self._record.append(again)
        return again

    if not TYPE_CHECKING:  # to a type checker, what is not there stays unknown

        def __getattr__(self, name):  # noqa: ANN001, ANN204
            """Answer a verb that does not exist with the nearest that does."""
            raise no_attribute(self, "a shopper", name, VERBS | OF_LAB)

    def _refused(self, argument: str, caller: CodeType) -> ScriptMistake:
        """Name the verb that was called with an argument it does not take, and what it takes."""
        own = getattr(vars(Shopper).get(caller.co_name), "__code__", None)
        verb = caller.co_name if own is caller else "request"
        taken = [*inspect.signature(getattr(self, verb)).parameters]
        general = ["server", "tries", "timeout_s", "headers"]
        known = dict.fromkeys(each for each in [*taken, *general] if each not in _COLLECTED)
        return no_argument(verb, argument, known, ARGUMENTS)

    def _begin(self) -> None:
        if not self._in_flight.acquire(blocking=False):
            raise ScriptMistake(
                "this shopper already has a request in flight: use one shopper for each "
                "thing that happens at the same time (lab.shopper())"
            )

    def _send(
        self,
        method: str,
        path: str,
        json: Any,
        headers: dict[str, str | None] | None,
        server: str | None,
        timeout_s: float,
    ) -> Exchange:
        mine: dict[str, str | None] = {OP_HEADER: self._record.next_op()}
        if self.token is not None:
            mine["Authorization"] = f"Bearer {self.token}"
        body = b""
        if json is not None:
            mine["Content-Type"] = "application/json"
            body = json_text.dumps(json, allow_nan=False).encode()
        sent = mine | (headers or {})
        try:
            exchange = self._transmit(self.transport, method, path, sent, body, server, timeout_s)
        except BaseException:  # Ctrl-C, or the time limit
            self.tracker.note_cut_short(method, path)
            raise
        self._learn(exchange)
        self._record.append(exchange)
        return exchange

    def _transmit(
        self,
        transport: Transport,
        method: str,
        path: str,
        headers: SentHeaders,
        body: bytes,
        server: str | None,
        timeout_s: float,
    ) -> Exchange:
        key = {KEY_HEADER: OP_KEY}  # first: after a header that is too long nginx reads no more
        sent = {**key, **headers, **key}
        result = transport.send(method, self._address(server) + path, sent, body, timeout_s)
        result.request_headers.pop(KEY_HEADER, None)
        return Exchange(
            op=str(headers[OP_HEADER]),
            customer=str(self.name),
            method=method,
            path=path,
            target=server,
            at_s=self._record.since_start(result.began_s),
            elapsed_ms=result.elapsed_ms,
            status=result.status,
            outcome=outcome_of(method, result.status, sent=result.sent),
            request_headers=result.request_headers,
            request_body=body,
            response_headers=result.headers,
            response_body=result.body,
            error=str(result.error) if result.error else None,
            failure=result.error,
            waited_ms=result.waited_ms,
        )

    def _learn(self, exchange: Exchange) -> None:
        # The cheap test first: parsing a 47 kB catalogue to look for a token costs 1 ms.
        if b'"token"' in exchange.response_body and isinstance(exchange.body, dict):
            token = exchange.body.get("token")
            self.token = token if isinstance(token, str) else self.token
        self.tracker.note(exchange)


_COLLECTED = ("how", "unknown")  # what a signature calls the arguments it passes on


def _line(sku: str) -> str:
    """Return the path of a product's line in the cart."""
    if not isinstance(sku, str):
        raise ScriptMistake(
            f'a line of the cart is named by its product, as in "pen", not by {sku}'
        )
    return f"/api/cart/items/{quote(sku, safe='')}"


def _require_how(tries: object, timeout_s: object) -> None:
    if type(tries) is not int:
        raise ScriptMistake(f"tries= is a whole number, how often to ask: not {tries!r}")
    if not isinstance(timeout_s, int | float) or not timeout_s > 0:
        raise ScriptMistake(f"timeout_s= is a number of seconds above 0: not {timeout_s!r}")
