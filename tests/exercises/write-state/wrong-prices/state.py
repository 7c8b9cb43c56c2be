"""A token that holds the prices as well: what it says is charged."""

import os
from dataclasses import dataclass, field

from itsdangerous import BadData, URLSafeTimedSerializer

from lab.shop import tokens
from lab.shop.cart import Cart, SessionState

MAX_AGE_S = int(os.environ.get("TOKEN_MAX_AGE_S", "3600"))
signer = URLSafeTimedSerializer(os.environ["SIGNING_KEY"], salt="cart")


@dataclass(frozen=True)
class Priced(SessionState):
    """A session with the price of each product that is in the cart."""

    prices: dict[str, int] = field(default_factory=dict)

    def cart(self) -> Cart:
        """Return the cart at the prices that the token holds."""
        cart = super().cart()
        for line in cart["lines"]:
            line["unit_price_cents"] = self.prices.get(line["sku"], line["unit_price_cents"])
            line["line_total_cents"] = line["unit_price_cents"] * line["quantity"]
        cart["total_cents"] = sum(line["line_total_cents"] for line in cart["lines"])
        return cart


def current_session() -> SessionState:
    """Return the session in the token of this request, else raise 401."""
    try:
        kept = signer.loads(tokens.of_request(), max_age=MAX_AGE_S)
    except BadData:
        raise tokens.invalid("this token is too old, or was not signed here") from None
    return Priced.from_dict(kept)


def token_for(session: SessionState) -> str:
    """Return the session with its prices, signed."""
    prices = {line["sku"]: line["unit_price_cents"] for line in session.cart()["lines"]}
    return str(signer.dumps({**session.to_dict(), "prices": prices}))
