"""Every mistake a customer can make, with the status and problem type it gets.

The rules raise these; `lab.shop.http` turns them into RFC 9457 problem details, once.
"""

from typing import ClassVar


class ShopError(Exception):
    """A request the shop refuses. `str(error)` tells the client what to do next."""

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
    """The credential is malformed in a way no login could repair (RFC 6750, section 3.1)."""

    status, slug, title = 400, "bad-credential", "The request carries more than one credential"


class NotLoggedIn(ShopError):
    """No credential, or one that this desk does not accept."""

    status, slug, title = 401, "not-logged-in", "This desk does not know you"


class WrongUser(ShopError):
    """The credential is good, but for somebody else."""

    status, slug, title = 403, "wrong-user", "This credential belongs to another user"


class UnknownProduct(ShopError):
    """The catalogue has no such sku."""

    status, slug, title = 404, "unknown-product", "No such product"


class NotInCart(ShopError):
    """The product exists, but not in this cart."""

    status, slug, title = 404, "not-in-cart", "Not in your cart"


class EmptyCart(ShopError):
    """Nothing to check out."""

    status, slug, title = 409, "empty-cart", "The cart is empty"


class NotJson(ShopError):
    """The Content-Type is not JSON."""

    status, slug, title = 415, "not-json", "The body must be JSON"


class Invalid(ShopError):
    """Well-formed JSON that breaks a rule of the contract."""

    status, slug, title = 422, "invalid", "A value is not allowed"


class StoreUnavailable(ShopError):
    """What this desk depends on does not answer."""

    status, slug, title = 503, "store-unavailable", "The session store does not answer"
