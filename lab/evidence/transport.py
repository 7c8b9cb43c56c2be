"""How a shopper's requests travel: one at a time, never twice, never along a redirect.

A script sends them with `requests`, a crowd with a leaner client (`lab.crowd`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Protocol, Self
from urllib.request import Request as UrllibRequest

from lab.core.http import TransportError
from lab.evidence.exchange import MAX_COOKIE_BYTES

CONNECT_TIMEOUT_S = 2.0
Monotonic = Callable[[], float]
"""A clock in seconds that never goes back, such as `time.monotonic`."""
SentHeaders = Mapping[str, str | None]


@dataclass
class TransportResult:
    """A request as it was sent, and what came back.

    `status` is None when no answer came, and `error` is then the reason. `began_s` is of the
    monotonic clock; `waited_ms` how long after its intended start it was sent (0 where
    nothing was planned).
    """

    request_headers: dict[str, str]
    began_s: float
    elapsed_ms: float
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: TransportError | None = None
    waited_ms: float = 0.0

    @property
    def sent(self) -> bool:
        """True if the request can have left the client: then a server may have carried it out."""
        return self.error is None or self.error.sent


class Transport(Protocol):
    """Sends the requests of one client, and keeps the client's cookies."""

    cookies: CookieJar

    def send(
        self, method: str, url: str, headers: SentHeaders, body: bytes, timeout_s: float
    ) -> TransportResult:
        """Send one request; never raises for what the network or the server does.

        A header of None is left out, the cookies' own too. `b""` means no body.
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
        """Close the transport's connections."""
        ...


class BrowserCookies(DefaultCookiePolicy):
    """Cookies as a browser keeps them: those past 4,096 bytes are dropped silently."""

    def set_ok(self, cookie: Cookie, request: UrllibRequest) -> bool:
        """Return True if a cookie that a server sent is to be kept."""
        size = len(cookie.name) + len(cookie.value or "")
        return size <= MAX_COOKIE_BYTES and super().set_ok(cookie, request)
