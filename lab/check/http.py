"""Sends one request to one process of this machine, and takes the answer as it comes."""

import re
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from http.client import HTTPException
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar, get_cookie_header
from urllib3.exceptions import HTTPError, InsecureRequestWarning, ReadTimeoutError

from lab.check.address import Address
from lab.core.http import Answer, Headers, count_events, transport_error

MOST_BYTES = 2_000_000
BURST_S = 1.0  # bytes that an endless stream sends within this time belong together
PATIENCE_S = 4.0  # the longest wait for as many bytes when a stream is read again
_STREAMS = ("text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace")


def send(
    address: Address,
    request: requests.Request,
    cookies: RequestsCookieJar,
    timeout_s: float,
    *,
    wanted: int = 0,
    kept: requests.Session | None = None,
    until: Callable[[bytes], bool] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Answer:
    """Send `request` (its URL is a path) to `address`; `cookies` go along, and learn.

    Never raises for what a service does: no answer is an Answer with `status` None. A stream
    that does not end in time gives what has come by then, and so does a body that is too long.
    Of one that is known to have no end, `wanted` events are waited for, and no longer. With `kept`
    it goes over the connection that this session has, which is kept for the next. A body of which
    `until` says that it has come is complete.
    """
    began = clock()
    with nullcontext(kept) if kept else session_of_its_own() as session:
        try:
            request.url = f"{address.url}{request.url}"
            if address.owner:  # nothing that an earlier request of this session was given
                session.cookies = RequestsCookieJar()
            if address.name:  # cookies, too, are those of this name
                request.headers = {**(request.headers or {}), "Host": address.name}
            prepared = session.prepare_request(request)
            owned = _by_owner(prepared, address.owner)
            # Not through the session: it would put them into a jar of the usual policy.
            if carried := cookie_header(cookies, owned):
                prepared.headers["Cookie"] = carried
            if owned is prepared:
                session.cookies = cookies
            if not kept:
                prepared.headers["Connection"] = "close"  # the process may be killed after this
            got = session.send(prepared, timeout=timeout_s, allow_redirects=False, stream=True)
            if owned is not prepared:
                extract_cookies_to_jar(cookies, owned, got.raw)  # type: ignore[no-untyped-call]
            body, complete, events = _read(got, timeout_s, wanted, until or _never, clock)
        except (requests.RequestException, HTTPError, HTTPException, ValueError, OSError) as error:
            seconds = clock() - began
            return Answer(None, failure=transport_error(error), elapsed_s=seconds)
    seconds = clock() - began
    return Answer(
        got.status_code,
        _headers(got, address.port),
        _without_port(body, address.port),
        elapsed_s=seconds,
        complete=complete,
        events=events,
    )


def session_of_its_own() -> requests.Session:
    """Return a client that ignores this machine's settings (proxies, .netrc) and never retries."""
    session = requests.Session()
    session.trust_env = False
    session.verify = False  # a service under test has a certificate of its own
    # For good: to put the filters back would undo what Ctrl-C asks of them meanwhile.
    warnings.simplefilter("ignore", InsecureRequestWarning)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=0))
    return session


def cookie_header(cookies: RequestsCookieJar, prepared: requests.PreparedRequest) -> str | None:
    """Return the Cookie header that a client with this jar sends, None without one."""
    value: str | None = get_cookie_header(cookies, prepared)  # type: ignore[no-untyped-call]
    return value


def _by_owner(prepared: requests.PreparedRequest, owner: str | None) -> requests.PreparedRequest:
    """Return the request with the URL of the host that owns the cookies."""
    if owner is None:
        return prepared
    owned = prepared.copy()
    owned.url = urlsplit(prepared.url or "")._replace(netloc=owner).geturl()
    return owned


def _never(body: bytes) -> bool:
    return False


def _read(
    response: requests.Response,
    timeout_s: float,
    wanted: int,
    until: Callable[[bytes], bool],
    clock: Callable[[], float],
) -> tuple[bytes, bool, int]:
    """Return the body, True if it is complete, and how many events came first."""
    read: Callable[..., bytes] = getattr(response.raw, "read1", response.raw.read)
    body, first = b"", wanted
    began = clock()
    deadline = began + (min(timeout_s, PATIENCE_S) if wanted else timeout_s)
    while True:
        _patience(response, deadline - clock())
        try:
            piece = read(65536, decode_content=True)
        except (TimeoutError, ReadTimeoutError) as error:
            if body or _is_stream(response):
                return body, False, first or count_events(body)
            raise TimeoutError("headers came, and then nothing") from error
        if not piece:
            return body, True, 0
        if not first and body and clock() > began + BURST_S:
            first = count_events(body)
        body += piece
        if until(body):
            return body, True, 0
        enough = wanted and count_events(body) >= wanted
        if enough or len(body) > MOST_BYTES or clock() > deadline:
            return body[:MOST_BYTES], False, first or count_events(body)


def _patience(response: requests.Response, seconds: float) -> None:
    """Set how long to wait for the next piece of the body."""
    connection = getattr(response.raw, "_connection", None) or getattr(
        response.raw, "connection", None
    )
    if (sock := getattr(connection, "sock", None)) is not None:
        sock.settimeout(max(0.05, seconds))


def _is_stream(response: requests.Response) -> bool:
    return response.headers.get("content-type", "").partition(";")[0].strip() in _STREAMS


def _without_port(body: bytes, port: int) -> bytes:
    """Return the body without the process's own port: an address in a link is not a difference."""
    for host in (b"127.0.0.1", b"localhost", b"[::1]"):
        body = re.sub(re.escape(b"%s:%d" % (host, port)) + rb"(?!\d)", host + b":PORT", body)
        encoded = re.escape(b"%s%%3A%d" % (host, port))
        body = re.sub(encoded + rb"(?!\d)", host + b"%3APORT", body)
    return body


def _headers(response: requests.Response, port: int) -> Headers:
    # urllib3 keeps several headers of one name apart; requests would fold them. The port is
    # this process's own: it is not a difference, in an address or in the name of a cookie.
    return Headers(
        (name, _own_port(name.lower(), value, port)) for name, value in response.raw.headers.items()
    )


def _own_port(name: str, value: str, port: int) -> str:
    value = re.sub(rf"(:|%3[Aa]){port}(?!\d)", r"\g<1>PORT", value)
    if name == "set-cookie":
        key, equals, rest = value.partition("=")
        value = re.sub(rf"(?<!\d){port}(?!\d)", "PORT", key) + equals + rest
    return value
