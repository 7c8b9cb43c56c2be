"""A customer: speaks the shop's language through `requests`, and remembers what was promised.

It keeps its cookies, and sends back the last `token` it was given. Nothing in here asks
which desk it is talking to.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import Any
from urllib.parse import quote
from urllib.request import Request as UrllibRequest

import requests
from requests.adapters import HTTPAdapter

from lab.errors import LabError
from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.ledger import Ledger
from lab.evidence.record import Record

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 10.0
MAX_COOKIE_BYTES = 4096  # name and value, as browsers enforce it (RFC 6265bis, section 5.6)


class Shopper:
    """One customer at one desk, with at most one request in flight.

    `address(server)` gives the URL below which the shop is found: of the balancer for
    None, of one replica for its name.
    """

    def __init__(
        self,
        address: Callable[[str | None], str],
        record: Record,
        user_id: str = "123",
        name: str = "John",
    ) -> None:
        self.user_id = user_id
        self.name = name
        self.token: str | None = None
        self.ledger = Ledger()
        self.last: Exchange | None = None
        self._address = address
        self._record = record
        self._in_flight = threading.Lock()
        self.session = _plain_session()

    def login(self, **how: Any) -> Exchange:
        """Come in: `POST /api/login`. As every verb here, `how` goes to `request`."""
        who = {"user_id": self.user_id, "name": self.name}
        return self.request("POST", "/api/login", json=who, **how)

    def add(self, sku: str, quantity: int = 1, **how: Any) -> Exchange:
        """Put `quantity` of a product in the cart."""
        return self.request(
            "POST", "/api/cart/items", json={"sku": sku, "quantity": quantity}, **how
        )

    def change(self, sku: str, quantity: int, **how: Any) -> Exchange:
        """Set the quantity of a line."""
        path = f"/api/cart/items/{quote(sku, safe='')}"
        return self.request("PATCH", path, json={"quantity": quantity}, **how)

    def remove(self, sku: str, **how: Any) -> Exchange:
        """Take a line out."""
        return self.request("DELETE", f"/api/cart/items/{quote(sku, safe='')}", **how)

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
    ) -> Exchange:
        """Send one request and return the exchange; it never raises for what the shop does.

        `server="B"` addresses one replica, else the balancer chooses. `tries` asks again,
        as somebody who presses reload does, until a server answers (each try is an
        exchange of its own; the last is returned). A header of None is left out.
        """
        with self._one_at_a_time():
            for _ in range(max(1, tries)):
                exchange = self._send(method, path, json, headers, server, timeout_s)
                self.last = exchange
                if exchange.answered:
                    break
            return exchange

    def cookie(self) -> str | None:
        """Return the Cookie header that would go with the next request, in full; None for none."""
        request = requests.Request("GET", f"{self._address(None)}/api/cart")
        return self.session.prepare_request(request).headers.get("Cookie")

    def another_tab(self) -> "Shopper":
        """Return a second tab of the same customer: same cookies, the token as it is now.

        What one tab is given afterwards the other does not learn, except through cookies.
        """
        tab = Shopper(self._address, self._record, self.user_id, self.name)
        tab.session.cookies = self.session.cookies
        tab.token = self.token
        return tab

    def replay(self, exchange: Exchange, server: str | None = None) -> Exchange:
        """Send an earlier request again, byte for byte, with the credentials it had then.

        It teaches this shopper nothing: no cookie, no token, and nothing is owed for it.
        """
        headers = {**exchange.request_headers, "X-Op": self._record.next_op()}
        url = self._address(server) + exchange.path
        body = exchange.request_body or None
        request = requests.Request(exchange.method, url, headers=headers, data=body).prepare()
        with self._one_at_a_time(), _plain_session() as session:
            again = self._carry(session, request, exchange.path, server, READ_TIMEOUT_S)
        self._record.append(again)
        return again

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._in_flight.acquire(blocking=False):
            raise LabError(
                "this shopper already has a request in flight: use one shopper for each "
                "thing that happens at the same time (lab.shopper())"
            )
        try:
            yield
        finally:
            self._in_flight.release()

    def _send(
        self,
        method: str,
        path: str,
        json: Any,
        headers: dict[str, str | None] | None,
        server: str | None,
        timeout_s: float,
    ) -> Exchange:
        mine = {"X-Op": self._record.next_op()}
        if self.token is not None:
            mine["Authorization"] = f"Bearer {self.token}"
        request = self.session.prepare_request(
            requests.Request(
                method, self._address(server) + path, headers=mine | (headers or {}), json=json
            )
        )
        for name in (name for name, value in (headers or {}).items() if value is None):
            request.headers.pop(name, None)  # the cookie jar's own as well
        exchange = self._carry(self.session, request, path, server, timeout_s)
        self._learn(exchange)
        self._record.append(exchange)
        return exchange

    def _carry(
        self,
        session: requests.Session,
        request: requests.PreparedRequest,
        path: str,
        server: str | None,
        timeout_s: float,
    ) -> Exchange:
        at_s, began = self._record.now_s(), time.perf_counter()
        response, error, sent = None, None, True
        try:
            response = session.send(
                request, timeout=(CONNECT_TIMEOUT_S, timeout_s), allow_redirects=False
            )
        except requests.ConnectTimeout as failure:
            error, sent = _plain(failure), False
        except requests.RequestException as failure:
            error, sent = _plain(failure), "NewConnectionError" not in repr(failure)
        method, status = str(request.method), None if response is None else response.status_code
        return Exchange(
            op=request.headers["X-Op"],
            customer=self.name,
            method=method,
            path=path,
            server=server,
            at_s=at_s,
            elapsed_ms=(time.perf_counter() - began) * 1000,
            status=status,
            outcome=outcome_of(method, status, sent=sent),
            request_headers=dict(request.headers),
            request_body=request.body or b"",  # type: ignore[arg-type]
            response_headers={} if response is None else dict(response.headers),
            response_body=b"" if response is None else response.content,
            error=error,
        )

    def _learn(self, exchange: Exchange) -> None:
        # The cheap test first: parsing a 47 kB catalogue to look for a token costs 1 ms.
        if b'"token"' in exchange.response_body and isinstance(exchange.body, dict):
            token = exchange.body.get("token")
            self.token = token if isinstance(token, str) else self.token
        self.ledger.note(exchange)


class _BrowserCookies(DefaultCookiePolicy):
    """`requests` keeps cookies of any size; a browser drops those past 4,096 bytes."""

    def set_ok(self, cookie: Cookie, request: UrllibRequest) -> bool:
        size = len(cookie.name) + len(cookie.value or "")
        return size <= MAX_COOKIE_BYTES and super().set_ok(cookie, request)


def _plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxies, no .netrc: and a third less time per request
    session.cookies.set_policy(_BrowserCookies())
    session.mount("http://", HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=1))
    return session


def _plain(failure: Exception) -> str:
    return type(failure).__name__
