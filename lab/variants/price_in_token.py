"""The stateless desk with prices in its token, which are valid as long as a token is.

The token holds each line's price and the second it was looked up. For TOKEN_MAX_AGE_S the desk
charges that price, whatever the catalogue says by then. (Without that date, a desk that copies
prices from token to token would charge them for ever.)
"""

import importlib
import time
from dataclasses import dataclass, field, replace
from typing import Self

from flask import Flask, current_app

from lab.shop.cart import Cart, SessionState
from lab.variants import main


@dataclass(frozen=True)
class PricedSessionState(SessionState):
    """A session with prices: sku to [cents, second since the epoch when it was looked up]."""

    prices: dict[str, list[int]] = field(default_factory=dict)

    def cart(self) -> Cart:
        """Return the cart at the prices of the token, as far as they are valid."""
        cart = super().cart()
        valid = self._valid_prices(cart)
        for line in cart["lines"]:
            line["unit_price_cents"] = valid[line["sku"]][0]
            line["line_total_cents"] = line["unit_price_cents"] * line["quantity"]
        cart["total_cents"] = sum(line["line_total_cents"] for line in cart["lines"])
        return cart

    def kept(self) -> Self:
        """Return the state with the prices that are valid now."""
        return replace(self, prices=self._valid_prices(super().cart()))

    def _valid_prices(self, cart: Cart) -> dict[str, list[int]]:
        now = int(time.time())
        oldest = now - current_app.extensions["max_age_s"]
        fresh = {line["sku"]: [line["unit_price_cents"], now] for line in cart["lines"]}
        known = {
            sku: price for sku, price in self.prices.items() if sku in fresh and price[1] >= oldest
        }
        return fresh | known


def change(app: Flask) -> None:
    """Let the desk use `PricedSessionState`."""
    for module in ("stateless_app.app", "stateless_app.state"):
        vars(importlib.import_module(module))["SessionState"] = PricedSessionState


if __name__ == "__main__":
    main("stateless_app", change, "lab.variants.price_in_token")
