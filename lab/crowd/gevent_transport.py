"""A transport on gevent with geventhttpclient's parser; it never sends a request twice.

Its own `HTTPClient` sends an idempotent request again when a connection breaks, which would
hide a crash; so the request is written here, and the answer is parsed by the library.

All shoppers of the process share connections: what a desk knows of a customer is in the cookie
or the token, never in the connection.
"""

import math
import time
from email.message import Message
from http.cookiejar import Cookie, CookieJar
from typing import Self
from urllib.parse import urlsplit
from urllib.request import Request

import gevent.socket
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketResponse

from lab.core.http import ConnectionReset, TransportError, transport_error
from lab.evidence.transport import (
    CONNECT_TIMEOUT_S,
    BrowserCookies,
    Monotonic,
    SentHeaders,
    TransportResult,
)

IDLE_S = 20.0  # nginx closes a connection that was idle for 75 s; ours are closed well before
_RECEIVE_BYTES = 16 * 1024
DEFAULTS: dict[str, str | None] = {
    "User-Agent": "two-desks-crowd",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


class ConnectionPool:
    """Open connections to one address, the one used last first."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._idle: list[tuple[gevent.socket.socket, float]] = []

    @classmethod
    def to(cls, url: str) -> Self:
        """Return a pool for the host of a URL. ValueError if it is not plain HTTP."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r}: give a URL of plain HTTP, http://127.0.0.1:8000/stateless")
        return cls(parts.hostname, parts.port or 80)

    def take(self) -> gevent.socket.socket:
        """Return an idle connection, or a new one. TransportError if there is none."""
        while self._idle:
            connection, since_s = self._idle.pop()
            if time.monotonic() - since_s < IDLE_S:
                return connection
            connection.close()
        try:
            connection = gevent.socket.create_connection(self._address, CONNECT_TIMEOUT_S)
        except (OSError, UnicodeError) as error:  # the latter: no host can have such a name
            raise transport_error(error, connecting=True) from error
        connection.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        return connection

    def give_back(self, connection: gevent.socket.socket) -> None:
        """Keep a connection that can be used again."""
        self._idle.append((connection, time.monotonic()))

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[0].close()


class CachingCookieJar(CookieJar):
    """Cookies as a browser keeps them, and the header they make, until one of them changes.

    To compute that header takes longer than a whole request.
    """

    def __init__(self) -> None:
        super().__init__(BrowserCookies())
        self._headers: dict[str, str | None] = {}
        self._until_s = math.inf

    def header_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        if time.time() >= self._until_s:
            self._forget()
        if url not in self._headers:
            request = Request(url)
            self.add_cookie_header(request)
            self._headers[url] = request.get_header("Cookie")
        return self._headers[url]

    def set_cookie(self, cookie: Cookie) -> None:
        """Keep a cookie."""
        super().set_cookie(cookie)
        self._forget()

    def clear(
        self, domain: str | None = None, path: str | None = None, name: str | None = None
    ) -> None:
        """Drop cookies (see `http.cookiejar`)."""
        super().clear(domain, path, name)
        self._forget()

    def _forget(self) -> None:
        self._headers.clear()
        self._until_s = min((each.expires for each in self if each.expires), default=math.inf)


class GeventTransport:
    """A transport that takes about a fifth of the processor time of `requests`."""

    def __init__(
        self,
        pool: ConnectionPool,
        cookies: CookieJar | None = None,
        clock: Monotonic = time.monotonic,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._headers = DEFAULTS
        self.cookies: CookieJar = CachingCookieJar() if cookies is None else cookies

    def another(self, cookies: CookieJar | None = None) -> "GeventTransport":
        """Return a second client (see `Transport`)."""
        client = GeventTransport(self._pool, cookies, self._clock)
        if cookies is None:
            client._headers = {}
        return client

    def close(self) -> None:
        """Do nothing: all shoppers share the connections."""

    def cookie_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        jar = self.cookies
        if isinstance(jar, CachingCookieJar):
            return jar.header_for(url)
        request = Request(url)
        jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def send(
        self, method: str, url: str, headers: SentHeaders, body: bytes, timeout_s: float
    ) -> TransportResult:
        """Send one request (see `Transport`)."""
        sent_headers, message = self._message(method, url, headers, body)
        began = self._clock()
        result = TransportResult(sent_headers, began, 0.0)
        try:
            connection = self._pool.take()
            connection.settimeout(timeout_s)
            answer = self._exchange(connection, message, method, result)
            if "set-cookie" in answer:
                self._store_cookies(url, answer["set-cookie"])
        except TransportError as error:
            result.error = error
        except HTTPConnectionClosed as error:
            result.error, result.status = ConnectionReset(type(error).__name__), None
        except (OSError, HTTPParseError) as error:  # gevent's timeouts are OSErrors
            result.error, result.status = transport_error(error), None
        result.elapsed_ms = (self._clock() - began) * 1000
        return result

    def _exchange(
        self, connection: gevent.socket.socket, message: bytes, method: str, result: TransportResult
    ) -> HTTPSocketResponse:
        try:
            connection.sendall(message)
            answer = HTTPSocketResponse(connection, _RECEIVE_BYTES, method=method)
            result.body = answer.read()
        except BaseException:
            connection.close()
            raise
        result.status = answer.status_code
        for name, value in answer.headers:
            result.headers[name] = (
                f"{result.headers[name]}, {value}" if name in result.headers else value
            )
        if answer.should_close():
            connection.close()
        else:
            self._pool.give_back(connection)
        return answer

    def _message(
        self, method: str, url: str, headers: SentHeaders, body: bytes
    ) -> tuple[dict[str, str], bytes]:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        cookie = self.cookie_for(url)
        every = {**self._headers, "Host": parts.netloc, "Cookie": cookie, **headers}
        if body or method in ("POST", "PUT", "PATCH"):
            every["Content-Length"] = str(len(body))
        sent = {name: value for name, value in every.items() if value is not None}
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in sent.items()]
        head = "\r\n".join(lines)
        if not head.count("\n") == head.count("\r") == len(lines) - 1:
            raise ValueError("a request line or header must be one line")
        return sent, f"{head}\r\n\r\n".encode("latin-1") + body

    def _store_cookies(self, url: str, cookies: str | list[str]) -> None:
        answer = _AnswerHeaders([cookies] if isinstance(cookies, str) else cookies)
        self.cookies.extract_cookies(answer, Request(url))  # type: ignore[arg-type]


class _AnswerHeaders:
    """The part of an answer that `http.cookiejar` reads."""

    def __init__(self, cookies: list[str]) -> None:
        self._message = Message()
        for cookie in cookies:
            self._message["Set-Cookie"] = cookie

    def info(self) -> Message:
        """Return the headers: the name that `http.cookiejar` calls."""
        return self._message
