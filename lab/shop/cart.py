"""The rules of a cart: pure functions from one session state to the next; no HTTP, no storage."""

import secrets
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Self, TypedDict

import msgspec
from msgspec import Meta

from lab.shop.catalogue import PRODUCTS
from lab.shop.errors import EmptyCart, Invalid, NotInCart, NotLoggedIn, UnknownProduct

MAX_QUANTITY = 99
MAX_LINES = 500
MAX_REVISION = 2**53  # what JSON can carry everywhere

JsonObject = dict[str, Any]
"""A JSON object of unknown shape: one that comes in, or that another version has kept."""


class Line(TypedDict):
    """A line of a cart, with the name and the price of its product."""

    sku: str
    name: str
    quantity: int
    unit_price_cents: int
    line_total_cents: int


class Cart(TypedDict):
    """A cart as in the contract."""

    lines: list[Line]
    item_count: int
    total_cents: int
    revision: int


@dataclass(frozen=True)
class SessionState:
    """All that a server needs to know about one customer to answer the next request.

    `lines` maps sku to quantity (1..99) in the order of adding, `revision` counts the changes
    since login, and `login_id` is this login's nonce (16 hex digits, not the cookie's session
    id). `withdrawn` are skus that were in the cart and have left the catalogue since. The state
    is immutable: each rule returns the next one. The two desks differ only in where they keep
    it between two requests.
    """

    user_id: str
    name: str
    lines: dict[str, Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]]
    shipping_address: str | None = None
    revision: Annotated[int, Meta(ge=0, le=MAX_REVISION)] = 0
    login_id: str = ""
    withdrawn: tuple[str, ...] = ()

    @classmethod
    def begin(cls, user_id: str, name: str) -> Self:
        """Return the state at login: an empty cart."""
        return cls(user_id, name, {}, login_id=secrets.token_hex(8))

    def add(self, sku: str, quantity: int) -> Self:
        """Add `quantity` of `sku`. Raise UnknownProduct or Invalid."""
        if sku not in PRODUCTS:
            raise UnknownProduct(f"no product {sku!r}: GET /api/products lists all products")
        if sku not in self.lines and len(self.lines) == MAX_LINES:
            raise Invalid(f"a cart holds at most {MAX_LINES} lines: remove one first")
        total = self.lines.get(sku, 0) + quantity
        if total > MAX_QUANTITY:
            raise Invalid(f"quantity would be {total}; at most {MAX_QUANTITY} of one product")
        return self._with_lines({**self.lines, sku: total})

    def change(self, sku: str, quantity: int) -> Self:
        """Set the quantity of a line. Raise UnknownProduct or NotInCart."""
        self._require(sku)
        return self._with_lines({**self.lines, sku: quantity})

    def remove(self, sku: str) -> Self:
        """Remove a line. Raise UnknownProduct or NotInCart."""
        self._require(sku)
        return self._with_lines({s: n for s, n in self.lines.items() if s != sku})

    def clear(self) -> Self:
        """Remove every line."""
        return self._with_lines({})

    def ship_to(self, address: str) -> Self:
        """Set the shipping address."""
        return replace(self, shipping_address=address, revision=self.revision + 1)

    def check_out(self) -> tuple[dict[str, object], Self]:
        """Return the order, and the next state with an empty cart. Raise EmptyCart.

        The order's number names the user and the revision of the cart, so two orders of the
        same cart have the same number.
        """
        if not self.lines:
            raise EmptyCart("add something first: POST /api/cart/items")
        cart = self.cart()
        order: dict[str, object] = {
            "number": f"{self.user_id}-{self.revision}",
            "lines": cart["lines"],
            "item_count": cart["item_count"],
            "total_cents": cart["total_cents"],
            "shipping_address": self.shipping_address,
        }
        return order, self.clear()

    def cart(self) -> Cart:
        """Return the cart as in the contract, at the prices of the catalogue now."""
        lines = [_priced(sku, quantity) for sku, quantity in self.lines.items()]
        return {
            "lines": lines,
            "item_count": sum(line["quantity"] for line in lines),
            "total_cents": sum(line["line_total_cents"] for line in lines),
            "revision": self.revision,
        }

    def view(self) -> dict[str, object]:
        """Return `{"user", "cart"}`, the body of most responses, and what was withdrawn."""
        user = {"user_id": self.user_id, "name": self.name}
        withdrawn = {"withdrawn": self.withdrawn} if self.withdrawn else {}
        return {"user": user, "cart": self.cart(), **withdrawn}

    def kept(self) -> Self:
        """Return the state to keep until the next request: a variant may add what it looked up."""
        return self

    def to_dict(self) -> JsonObject:
        """Return what has to be kept, as JSON: facts about the customer, no prices."""
        kept = self.kept()
        names = (each.name for each in fields(kept) if each.name != "withdrawn")
        return {name: getattr(kept, name) for name in names}

    @classmethod
    def from_dict(cls, kept: object) -> Self:
        """Return the state that `to_dict` of this or another version of the shop returned.

        Unknown fields are ignored and products that are no longer sold are taken out: while
        servers are upgraded one by one, an older server reads what a newer one has kept, and
        the other way round. Raise NotLoggedIn for anything else that is not a state.
        """
        try:
            state = msgspec.convert(kept, cls)
        except msgspec.ValidationError:
            raise NotLoggedIn(
                "the stored state is not a cart of this shop: POST /api/login"
            ) from None
        withdrawn = tuple(sku for sku in state.lines if sku not in PRODUCTS)
        sold = {sku: n for sku, n in state.lines.items() if sku in PRODUCTS}
        return replace(state, lines=sold, withdrawn=withdrawn) if withdrawn else state

    def _require(self, sku: str) -> None:
        if sku not in PRODUCTS:
            raise UnknownProduct(f"no product {sku!r}: GET /api/products lists all products")
        if sku not in self.lines:
            raise NotInCart(f"{sku!r} is not in your cart: POST /api/cart/items adds it")

    def _with_lines(self, lines: dict[str, int]) -> Self:
        return replace(self, lines=lines, revision=self.revision + 1)


def _priced(sku: str, quantity: int) -> Line:
    product = PRODUCTS[sku]
    return {
        "sku": sku,
        "name": product.name,
        "quantity": quantity,
        "unit_price_cents": product.unit_price_cents,
        "line_total_cents": product.unit_price_cents * quantity,
    }
