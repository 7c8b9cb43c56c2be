"""A phone's cart at one desk, as the phone and the wall show it."""

from enum import StrEnum

import msgspec

from lab.core.json_object import JsonObject
from lab.evidence.exchange import Exchange


class CartPlace(StrEnum):
    """Where a phone's cart is, in one character; a capital letter is the server that holds it."""

    NO_PHONE = "."
    NO_CART = "-"
    IN_HAND = "h"
    IN_STORE = "s"
    LOST = "x"
    NO_ANSWER = "?"
    FOREIGN = "w"


class CartLine(msgspec.Struct, frozen=True):
    """A line of a phone's cart."""

    sku: str
    name: str
    quantity: int


class DeskOfPhone(msgspec.Struct, frozen=True):
    """One desk as its phone shows it."""

    mark: str
    lines: list[CartLine]
    credential: str
    """Shortened: a screen is seen by neighbours."""
    served_by: str
    status: int
    news: str
    """What happened last, and what to do: a sentence or two."""


def lines_of(cart: JsonObject) -> list[CartLine]:
    """Return the lines of a cart that a desk has sent."""
    return [CartLine(each["sku"], each["name"], each["quantity"]) for each in cart.get("lines", [])]


def stranger_in(exchange: Exchange, user_id: str) -> str | None:
    """Return whose cart was shown and what is in it, None if it is this user's or none."""
    body = exchange.body if exchange.ok and isinstance(exchange.body, dict) else {}
    user, cart = body.get("user"), body.get("cart")
    if not isinstance(user, dict) or not isinstance(cart, dict) or user.get("user_id") == user_id:
        return None
    things = ", ".join(f"{each.quantity} × {each.name}" for each in lines_of(cart)) or "nothing"
    return f"“{user.get('name', '')}” ({things})"
