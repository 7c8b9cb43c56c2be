"""A shopper's transport on `requests`; a module of its own, since it is slow to import."""

import time
from http.cookiejar import CookieJar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from lab.core.http import transport_error
from lab.evidence.transport import (
    CONNECT_TIMEOUT_S,
    BrowserCookies,
    Monotonic,
    SentHeaders,
    TransportResult,
)


class RequestsTransport:
    """Sends requests with `requests`: about 0.7 ms of processor time each."""

    def __init__(
        self,
        cookies: CookieJar | None = None,
        authority: str = "",
        clock: Monotonic = time.monotonic,
    ) -> None:
        """`authority` is the file of the authority that HTTPS is trusted by ("": the usual)."""
        self._clock = clock
        self.session = requests.Session()
        self.session.trust_env = False  # no proxies, no .netrc: and a third less time a request
        if cookies is not None:
            self.session.cookies = cookies  # type: ignore[assignment]  # shared, not copied
        else:
            self.session.cookies.set_policy(BrowserCookies())
        self._authority = authority
        if authority:
            self.session.verify = authority
        for scheme in ("http://", "https://"):
            once = HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=1)
            self.session.mount(scheme, once)

    @property
    def cookies(self) -> CookieJar:
        """The client's cookies."""
        return self.session.cookies

    @cookies.setter
    def cookies(self, jar: CookieJar) -> None:
        self.session.cookies = jar  # type: ignore[assignment]

    def another(self, cookies: CookieJar | None = None) -> "RequestsTransport":
        """Return a second client (see `Transport`)."""
        client = RequestsTransport(cookies, self._authority, self._clock)
        if cookies is None:
            client.session.headers.clear()
        return client

    def cookie_for(self, url: str) -> str | None:
        """Return the Cookie header that would go to `url`, in full; None for none."""
        request = self.session.prepare_request(requests.Request("GET", url))
        return request.headers.get("Cookie")

    def close(self) -> None:
        """Close the transport's connections."""
        self.session.close()

    def send(
        self, method: str, url: str, headers: SentHeaders, body: bytes, timeout_s: float
    ) -> TransportResult:
        """Send one request (see `Transport`)."""
        request = self.session.prepare_request(
            requests.Request(method, url, headers=dict(headers), data=body or None)
        )
        for name in (name for name, value in headers.items() if value is None):
            request.headers.pop(name, None)  # the cookie jar's own as well
        began = self._clock()
        response, error = None, None
        try:
            response = self.session.send(
                request, timeout=(CONNECT_TIMEOUT_S, timeout_s), allow_redirects=False
            )
        except (requests.RequestException, HTTPError) as failure:
            error = transport_error(failure)
        elapsed_ms = (self._clock() - began) * 1000
        result = TransportResult(dict(request.headers), began, elapsed_ms, error=error)
        if response is not None:
            result.status = response.status_code
            result.headers, result.body = dict(response.headers), response.content
        return result
