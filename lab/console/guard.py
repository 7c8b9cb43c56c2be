"""Access control of the console, which can kill processes, and its security headers.

A foreign page can send requests to this machine. It cannot choose their Host, Origin and
Sec-Fetch-Site, and it cannot add a header or send JSON without a CORS preflight.
"""

import hmac
import re
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Request
from werkzeug.exceptions import Forbidden, UnsupportedMediaType

from lab.console.control_file import SECRET_HEADER
from lab.console.places import Watcher

PAGE_HEADER = "X-Lab-Console"
PROOF_HEADER = "X-Lab-Proof"
MOST_TICKETS = 20
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
RECORDED_POLICY = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'none'"
"""Policy of a page that plays a recording: the sandbox gives it another origin than this page's."""
_BROWSER = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")
_READING = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"", "same-origin", "none"})  # "same-site" includes other ports


class Tickets:
    """Single-use tickets: each makes one browser the instructor's, so it may be in a URL."""

    def __init__(self, most: int = MOST_TICKETS) -> None:
        self._outstanding: deque[str] = deque(maxlen=most)  # a new one drops the oldest
        self._lock = threading.Lock()

    def issue(self) -> str:
        """Return a new ticket of 128 random bits."""
        ticket = secrets.token_urlsafe(16)
        with self._lock:
            self._outstanding.append(ticket)
        return ticket

    def take(self, given: str) -> bool:
        """Consume a ticket; True if it was valid."""
        with self._lock:
            for ticket in tuple(self._outstanding):
                if _same(ticket, given):
                    self._outstanding.remove(ticket)
                    return True
        return False


class Guard:
    """Checks that a request is for this lab, from its own page, and from the instructor."""

    def __init__(self, origin: str, secret: str = "", key: str = "") -> None:
        """`origin` is that of the page, "http://127.0.0.1:8000"; without `secret` no instructor.

        `key` is what the instructor's browser was given by an earlier lab; by default a new one.
        """
        self.tickets = Tickets()
        self._origins = _origins(origin)
        self._hosts = {urlsplit(each).netloc for each in self._origins}
        self._secret = secret
        self.key = key or secrets.token_urlsafe(32)
        """What a ticket is changed for: the browser keeps it, and signs with it (`proves`)."""
        self.life = secrets.token_urlsafe(16)
        """The name of this lab, a random one that cannot be known before it runs."""
        # The name is this lab's alone: while no lab runs, any program that takes the port would
        # get the browser's cookie.
        # And not the secret itself: a cookie does not give access to the terminal's commands.
        self.cookie_value = self._signed("cookie", self.life)
        # Cookies are separated by host and path, not by port: two labs must not share one.
        port = urlsplit(origin).port or 80
        self.cookie_name = f"lab_instructor_{port}"
        self.browser_cookie_name = f"lab_browser_{port}"

    def admit(self, request: Request) -> None:
        """Raise Forbidden or UnsupportedMediaType unless the request can be from our own page."""
        if request.environ.get("HTTP_HOST", "") not in self._hosts:
            raise Forbidden("this lab answers only at the address that `lab up` printed: open it")
        foreign = request.headers.get("Sec-Fetch-Site", "") not in _OWN_SITE
        if foreign and not _is_navigation_to_the_page(request):
            raise Forbidden("this lab accepts no requests from other pages: open its own page")
        if request.headers.get("Origin") not in (None, *self._origins):
            raise Forbidden("this lab accepts no orders from other pages: open its own page")
        if request.method not in _READING:
            _require_preflighted(request)

    def is_instructor(self, request: Request) -> bool:
        """Return whether the request has the secret, or the cookie given for a ticket.

        An order by cookie has a proof as well: a browser sends the cookie to every port of this
        address, and what its page signs to the page's own port only.
        """
        by_secret = bool(self._secret) and _same(
            self._secret, request.headers.get(SECRET_HEADER, "")
        )
        by_cookie = _same(self.cookie_value, request.cookies.get(self.cookie_name, ""))
        reads = request.method in _READING
        by_page = by_cookie and (reads or self.proves(request.headers.get(PROOF_HEADER, "")))
        return by_secret or by_page

    def proves(self, proof: str) -> bool:
        """Return whether a proof, made for this lab, is by a browser that has the key."""
        return _same(self._signed("page", self.life), proof)

    def new_browser(self) -> str:
        """Return a new id for a browser: it distinguishes browsers and gives no rights."""
        name = secrets.token_urlsafe(16)
        return f"{name}.{self._signed('browser', name)}"

    def watcher_of(self, request: Request) -> Watcher:
        """Return the sender of the request; its id counts only if this guard issued it."""
        given = _BROWSER.fullmatch(request.cookies.get(self.browser_cookie_name, ""))
        known = given is not None and _same(self._signed("browser", given[1]), given[2])
        return Watcher(given[1] if given and known else "", self.is_instructor(request))

    def admit_instructor(self, request: Request) -> None:
        """Raise Forbidden unless the request is the instructor's."""
        if not self.is_instructor(request):
            raise Forbidden(
                "only the instructor may do this: run `lab open` in the folder of `lab up` for the "
                f"instructor's page, or send the secret in the header {SECRET_HEADER}"
            )

    def _signed(self, what: str, name: str) -> str:
        return hmac.digest(self.key.encode(), f"{what} {name}".encode(), "sha256").hex()


def _origins(origin: str) -> frozenset[str]:
    named = origin.removesuffix(":80")  # as browsers write it
    return frozenset({named, named.replace("//127.0.0.1", "//localhost")})


def _is_navigation_to_the_page(request: Request) -> bool:
    """Return True if a link on another site leads to the page; frames and fetches do not count."""
    return (
        request.method in _READING
        and request.path == "/"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )


def _require_preflighted(request: Request) -> None:
    # Another origin can send neither without a preflight, which this lab never allows.
    if request.headers.get(PAGE_HEADER) != "1" and SECRET_HEADER not in request.headers:
        raise Forbidden(f"send the header {PAGE_HEADER}: 1 with every order")
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the order as JSON, Content-Type: application/json")


def _same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode(errors="backslashreplace"))
