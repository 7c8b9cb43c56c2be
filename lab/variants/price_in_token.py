"""The stateless desk with prices in its token, believed as long as a token is.

Each line's price is written into the token together with the second it was looked up. Until
TOKEN_MAX_AGE_S later the desk charges that price, whatever the catalogue says by then. (A
desk that copied prices from token to token without their date would charge them for ever.)
"""

import importlib
import time
from dataclasses import dataclass, field

from flask import Flask, current_app

from lab.shop.cart import Json, SessionState
from lab.variants import main


@dataclass(frozen=True)
class PricedSessionState(SessionState):
    """A visit that remembers what things cost: sku to [cents, second since the epoch]."""

    prices: dict[str, list[int]] = field(default_factory=dict)

    def cart(self) -> Json:
        """Return the cart, priced as the token says while its prices are believed."""
        cart = super().cart()
        believed = self._believed(cart)
        for line in cart["lines"]:
            line["unit_price_cents"] = believed[line["sku"]][0]
            line["line_total_cents"] = line["unit_price_cents"] * line["quantity"]
        cart["total_cents"] = sum(line["line_total_cents"] for line in cart["lines"])
        return cart

    def to_dict(self) -> Json:
        """Return what the token says: prices too."""
        return super().to_dict() | {"prices": self._believed(super().cart())}

    def _believed(self, cart: Json) -> dict[str, list[int]]:
        now = int(time.time())
        oldest = now - current_app.extensions["max_age_s"]
        fresh = {line["sku"]: [line["unit_price_cents"], now] for line in cart["lines"]}
        known = {
            sku: price for sku, price in self.prices.items() if sku in fresh and price[1] >= oldest
        }
        return fresh | known


def alter(app: Flask) -> None:
    """Let the desk keep visits of the kind that remembers prices."""
    for module in ("stateless_app.app", "stateless_app.state"):
        vars(importlib.import_module(module))["SessionState"] = PricedSessionState


if __name__ == "__main__":
    main("stateless_app", alter, "lab.variants.price_in_token")
