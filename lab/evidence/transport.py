"""How a shopper's requests travel: one at a time, never twice, never along a redirect.

A shopper is written once. What carries its requests may differ: `requests` for a script, a
leaner client for a crowd (`lab.crowd`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Protocol, Self
from urllib.request import Request as UrllibRequest

import requests
from requests.adapters import HTTPAdapter

from lab.evidence.exchange import MAX_COOKIE_BYTES

CONNECT_TIMEOUT_S = 2.0
Headers = Mapping[str, str | None]


@dataclass
class Carried:
    """A request as it was sent, and what came back.

    `status` is None when no answer came, and `error` then says why; `sent` whether the
    request can have left. `began_s` is of the monotonic clock; `waited_ms` how long after
    its intended start it was sent (0 where nothing was planned).
    """

    request_headers: dict[str, str]
    began_s: float
    elapsed_ms: float
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None
    sent: bool = True
    waited_ms: float = 0.0


class Transport(Protocol):
    """Carries the requests of one client, and keeps the client's cookies."""

    cookies: CookieJar

    def carry(
        self, method: str, url: str, headers: Headers, body: bytes, timeout_s: float
    ) -> Carried:
        """Send one request; never raises for what the network or the server does.

        A header of None is left out, the cookies' own too. `b""` is no body.
        """
        ...

    def another(self, cookies: CookieJar | None = None) -> Self:
        """Return a second client of the same kind, which shares these cookies.

        With None it has none, and adds no header of its own either: for a replay.
        """
        ...

    def cookie_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        ...

    def close(self) -> None:
        """Let go of its connections."""
        ...


class BrowserCookies(DefaultCookiePolicy):
    """Cookies as a browser keeps them: those past 4,096 bytes are dropped without a word."""

    def set_ok(self, cookie: Cookie, request: UrllibRequest) -> bool:
        """Whether to keep a cookie that was sent."""
        size = len(cookie.name) + len(cookie.value or "")
        return size <= MAX_COOKIE_BYTES and super().set_ok(cookie, request)


class RequestsTransport:
    """Carries them with `requests`: about 0.7 ms of processor time each."""

    def __init__(self, cookies: CookieJar | None = None) -> None:
        self.session = requests.Session()
        self.session.trust_env = False  # no proxies, no .netrc: and a third less time a request
        if cookies is not None:
            self.session.cookies = cookies  # type: ignore[assignment]  # shared, not copied
        else:
            self.session.cookies.set_policy(BrowserCookies())
        self.session.mount(
            "http://", HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=1)
        )

    @property
    def cookies(self) -> CookieJar:
        """The client's cookies."""
        return self.session.cookies

    @cookies.setter
    def cookies(self, jar: CookieJar) -> None:
        self.session.cookies = jar  # type: ignore[assignment]

    def another(self, cookies: CookieJar | None = None) -> "RequestsTransport":
        """Return a second client (see `Transport`)."""
        client = RequestsTransport(cookies)
        if cookies is None:
            client.session.headers.clear()
        return client

    def cookie_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        request = self.session.prepare_request(requests.Request("GET", url))
        return request.headers.get("Cookie")

    def close(self) -> None:
        """Let go of its connections."""
        self.session.close()

    def carry(
        self, method: str, url: str, headers: Headers, body: bytes, timeout_s: float
    ) -> Carried:
        """Send one request (see `Transport`)."""
        request = self.session.prepare_request(
            requests.Request(method, url, headers=dict(headers), data=body or None)
        )
        for name in (name for name, value in headers.items() if value is None):
            request.headers.pop(name, None)  # the cookie jar's own as well
        began = time.monotonic()
        response, error, sent = None, None, True
        try:
            response = self.session.send(
                request, timeout=(CONNECT_TIMEOUT_S, timeout_s), allow_redirects=False
            )
        except requests.ConnectTimeout as failure:
            error, sent = type(failure).__name__, False
        except requests.RequestException as failure:
            error, sent = type(failure).__name__, "NewConnectionError" not in repr(failure)
        elapsed_ms = (time.monotonic() - began) * 1000
        carried = Carried(dict(request.headers), began, elapsed_ms, error=error, sent=sent)
        if response is not None:
            carried.status = response.status_code
            carried.headers, carried.body = dict(response.headers), response.content
        return carried
