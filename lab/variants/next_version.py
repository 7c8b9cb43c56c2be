"""The next version of a desk: its carts have points, a field that version 1 does not know.

DESK names the desk ("stateful_app" or "stateless_app"), DESK_VERSION is 1 (the desk as it is)
or 2. With both, servers can be upgraded one by one and read each other's carts.
"""

import importlib
import os
from dataclasses import dataclass, replace
from typing import Self

from flask import Flask

from lab.shop.cart import Cart, SessionState
from lab.shop.http import ConfigError
from lab.variants import main


class CartWithPoints(Cart):
    """A cart of version 2."""

    points: int


@dataclass(frozen=True)
class NextSessionState(SessionState):
    """A session with points: one for each item added, kept where the cart is kept."""

    points: int = 0

    def add(self, sku: str, quantity: int) -> Self:
        """Add `quantity` of `sku`, and as many points."""
        return replace(super().add(sku, quantity), points=self.points + quantity)

    def cart(self) -> CartWithPoints:
        """Return the cart and its points."""
        return {**super().cart(), "points": self.points}


def change(app: Flask) -> None:
    """Let the desk use `NextSessionState`, if this is version 2."""
    version = os.environ.get("DESK_VERSION", "1")
    if version not in ("1", "2"):
        raise ConfigError(f"DESK_VERSION is {version!r}: use 1 or 2")
    if version == "2":
        for module in ("app", "state"):
            vars(importlib.import_module(f"{_desk()}.{module}"))["SessionState"] = NextSessionState


def _desk() -> str:
    return os.environ.get("DESK", "stateless_app")


if __name__ == "__main__":
    main(_desk(), change, "lab.variants.next_version")
