"""Sends one request to one port of this machine, and takes the answer as it comes."""

import re
import time
from collections.abc import Callable
from http.client import HTTPException

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, get_cookie_header
from urllib3.exceptions import HTTPError

from lab.check.conversation import Answer

MOST_BODY_BYTES = 2_000_000


def send(
    port: int, request: requests.Request, cookies: RequestsCookieJar, timeout_s: float
) -> Answer:
    """Send `request` (its URL is a path) to 127.0.0.1:`port`; `cookies` go along, and learn.

    Never raises for what a service does: no answer is an Answer with `status` None.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(max_retries=0))
        began = time.perf_counter()
        try:
            request.url = f"http://127.0.0.1:{port}{request.url}"
            prepared = session.prepare_request(request)
            # Not through the session: it would put them into a jar of the usual policy.
            if carried := cookie_header(cookies, prepared):
                prepared.headers["Cookie"] = carried
            session.cookies = cookies
            prepared.headers["Connection"] = "close"  # the process may be killed after this
            got = session.send(prepared, timeout=timeout_s, allow_redirects=False, stream=True)
            body = _read(got, time.monotonic() + timeout_s)
        except (requests.RequestException, HTTPError, HTTPException, ValueError, OSError) as error:
            ms = (time.perf_counter() - began) * 1000
            return Answer(None, error=type(error).__name__, ms=ms)
        ms = (time.perf_counter() - began) * 1000
        return Answer(got.status_code, _headers(got, port), _without_port(body, port), ms=ms)


def cookie_header(cookies: RequestsCookieJar, prepared: requests.PreparedRequest) -> str | None:
    """Return the Cookie header that a client with this jar sends, None without one."""
    value: str | None = get_cookie_header(cookies, prepared)  # type: ignore[no-untyped-call]
    return value


def _read(response: requests.Response, deadline: float) -> bytes:
    """Read the body; a stream that does not end is given up at the deadline."""
    read: Callable[..., bytes] = getattr(response.raw, "read1", response.raw.read)
    body = b""
    while piece := read(65536, decode_content=True):
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise ValueError("the answer is too long")
        if time.monotonic() > deadline:
            raise TimeoutError("the answer does not end")
    return body


def _without_port(body: bytes, port: int) -> bytes:
    """The address in a link is this process's own: it is no difference."""
    for host in (b"127.0.0.1", b"localhost"):
        body = re.sub(re.escape(b"%s:%d" % (host, port)) + rb"(?!\d)", host + b":PORT", body)
    return body


def _headers(response: requests.Response, port: int) -> tuple[tuple[str, str], ...]:
    # urllib3 keeps several headers of one name apart; requests would fold them. The port is
    # this process's own: it is no difference.
    pairs = response.raw.headers.items()
    return tuple((name.lower(), value.replace(f":{port}", ":PORT")) for name, value in pairs)
