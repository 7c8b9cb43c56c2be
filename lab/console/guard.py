"""Who may call the console, which can kill processes; and what every answer of it carries.

A page of somebody else's may send requests to this machine, but it cannot choose their Host,
Origin and Sec-Fetch-Site, and cannot add a header or send JSON without asking first.
"""

import hmac
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Request
from werkzeug.exceptions import Forbidden, UnsupportedMediaType

from lab.console.control_file import SECRET_HEADER

PAGE_HEADER = "X-Lab-Console"
MOST_TICKETS = 20
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_READING = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"", "same-origin", "none"})  # "same-site" is any other port of this machine


class Tickets:
    """Each lets one browser in, once: worth nothing afterwards, so it may stand in an address."""

    def __init__(self, most: int = MOST_TICKETS) -> None:
        self._outstanding: deque[str] = deque(maxlen=most)  # one more pushes the oldest out
        self._changing = threading.Lock()

    def issue(self) -> str:
        """Return a new ticket of 128 random bits."""
        ticket = secrets.token_urlsafe(16)
        with self._changing:
            self._outstanding.append(ticket)
        return ticket

    def take(self, given: str) -> bool:
        """Whether that is an outstanding ticket; it is none from now on."""
        with self._changing:
            for ticket in tuple(self._outstanding):
                if _same(ticket, given):
                    self._outstanding.remove(ticket)
                    return True
        return False


class Guard:
    """Checks each request to one lab: whether it is for us, from us, and the instructor's."""

    def __init__(self, origin: str, secret: str = "") -> None:
        """`origin` is where the page is, "http://127.0.0.1:8000"; without secret nobody steers."""
        self.tickets = Tickets()
        self._origins = _origins(origin)
        self._hosts = {urlsplit(each).netloc for each in self._origins}
        self._secret = secret
        # Of its own: whoever reads the cookie has not got what opens the terminal's door.
        self.cookie_value = secrets.token_urlsafe(32)
        # Cookies are kept apart by host and path, not by port: two labs must not share one.
        self.cookie_name = f"lab_instructor_{urlsplit(origin).port or 80}"

    def admit(self, request: Request) -> None:
        """Raise Forbidden or UnsupportedMediaType unless this may be a call of our own page."""
        if request.environ.get("HTTP_HOST", "") not in self._hosts:
            raise Forbidden("this lab answers only to its own address: open it as it was printed")
        foreign = request.headers.get("Sec-Fetch-Site", "") not in _OWN_SITE
        if foreign and not _is_navigation_to_the_page(request):
            raise Forbidden("this lab takes no requests from other pages")
        if request.headers.get("Origin") not in (None, *self._origins):
            raise Forbidden("this lab takes no orders from other pages")
        if request.method not in _READING:
            _require_what_no_form_sends(request)

    def is_instructor(self, request: Request) -> bool:
        """Whether the request carries the secret, or the cookie that a ticket was changed for."""
        by_secret = bool(self._secret) and _same(
            self._secret, request.headers.get(SECRET_HEADER, "")
        )
        by_cookie = _same(self.cookie_value, request.cookies.get(self.cookie_name, ""))
        return by_secret or by_cookie

    def admit_instructor(self, request: Request) -> None:
        """Raise Forbidden unless the instructor asks."""
        if not self.is_instructor(request):
            raise Forbidden(
                "only the instructor may do this: `lab open` in the folder of `lab up` opens a "
                f"page that may, and a terminal sends its secret in {SECRET_HEADER}"
            )


def _origins(origin: str) -> frozenset[str]:
    named = origin.removesuffix(":80")  # as a browser writes it
    return frozenset({named, named.replace("//127.0.0.1", "//localhost")})


def _is_navigation_to_the_page(request: Request) -> bool:
    """A link elsewhere may lead to the page; it may not frame it, nor fetch anything."""
    return (
        request.method in _READING
        and request.path == "/"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )


def _require_what_no_form_sends(request: Request) -> None:
    # Neither can be sent from another origin without asking first, and we never say yes.
    if request.headers.get(PAGE_HEADER) != "1" and SECRET_HEADER not in request.headers:
        raise Forbidden(f"send the header {PAGE_HEADER}: 1 with every order")
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the order as JSON, Content-Type: application/json")


def _same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode(errors="backslashreplace"))
