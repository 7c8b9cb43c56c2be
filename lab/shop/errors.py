"""Every error of the shop, with its HTTP status and problem type.

The rules raise these; `lab.shop.http` turns them into RFC 9457 problem details.
"""

from typing import ClassVar


class ShopError(Exception):
    """A request that the shop refuses. `str(error)` says what the client can do next."""

    status: ClassVar[int]
    slug: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.headers = headers or {}


class BadJson(ShopError):
    """The body is not the strict JSON of RFC 8259 and RFC 7493 (I-JSON)."""

    status, slug, title = 400, "bad-json", "The body is not valid JSON"


class BadCredential(ShopError):
    """The request itself is malformed: a new login would not help (RFC 6750, section 3.1)."""

    status, slug, title = 400, "bad-credential", "The request carries more than one credential"


class NotLoggedIn(ShopError):
    """No credential, or one that this desk does not accept."""

    status, slug, title = 401, "not-logged-in", "This desk does not know you"


class WrongUser(ShopError):
    """The credential is valid, but it belongs to another user."""

    status, slug, title = 403, "wrong-user", "This credential belongs to another user"


class UnknownProduct(ShopError):
    """The catalogue has no such sku."""

    status, slug, title = 404, "unknown-product", "No such product"


class NotInCart(ShopError):
    """The product exists, but not in this cart."""

    status, slug, title = 404, "not-in-cart", "Not in your cart"


class EmptyCart(ShopError):
    """The cart to check out is empty."""

    status, slug, title = 409, "empty-cart", "The cart is empty"


class NotJson(ShopError):
    """The Content-Type is not JSON."""

    status, slug, title = 415, "not-json", "The body must be JSON"


class Invalid(ShopError):
    """Valid JSON that breaks a rule of the contract."""

    status, slug, title = 422, "invalid", "A value is not allowed"


class StoreUnavailable(ShopError):
    """The session store does not answer in time."""

    status, slug, title = 503, "store-unavailable", "The session store does not answer"
