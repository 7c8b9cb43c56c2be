"""The cookies of one client, taken and sent back as a browser does at the service's own name."""

from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.request import Request

if TYPE_CHECKING:  # requests is loaded while the first process starts
    from requests.cookies import RequestsCookieJar


class _Policy(DefaultCookiePolicy):
    """The cookie policy of a browser that also sends Secure cookies to this machine by HTTP.

    Where the service's name is not given (no Host of its own is sent), a cookie's Domain is taken
    to be that name: the client reaches it by another one here.
    """

    def __init__(self) -> None:
        super().__init__(secure_protocols=("http", "https"))

    def set_ok_domain(self, cookie: Cookie, request: Request) -> bool:
        return _is_anonymous(request) or bool(super().set_ok_domain(cookie, request))

    def return_ok_domain(self, cookie: Cookie, request: Request) -> bool:
        return _is_anonymous(request) or bool(super().return_ok_domain(cookie, request))

    def domain_return_ok(self, domain: str, request: Request) -> bool:
        return _is_anonymous(request) or super().domain_return_ok(domain, request)


def _is_anonymous(request: Request) -> bool:
    return request.get_header("Host") is None


def new_jar() -> "RequestsCookieJar":
    """Return an empty jar."""
    from requests.cookies import RequestsCookieJar

    return RequestsCookieJar(_Policy())
