"""A desk's next version: a cart earns points, a field that version 1 does not know.

DESK names the desk ("stateful_app" or "stateless_app"), DESK_VERSION is 1 or 2. Version 1
is the desk as it is. So servers can be upgraded one by one, and meet each other's carts.
"""

import importlib
import os
from dataclasses import dataclass, replace
from typing import Self

from flask import Flask

from lab.shop.cart import Json, SessionState
from lab.shop.http import ConfigError
from lab.variants import main


@dataclass(frozen=True)
class NextSessionState(SessionState):
    """A visit with points: one for each thing put in the cart, kept where the cart is kept."""

    points: int = 0

    def add(self, sku: str, quantity: int) -> Self:
        """Put it in, and earn the points."""
        return replace(super().add(sku, quantity), points=self.points + quantity)

    def cart(self) -> Json:
        """Return the cart with its points."""
        return super().cart() | {"points": self.points}

    def to_dict(self) -> Json:
        """Return what has to be kept, the points too."""
        return super().to_dict() | {"points": self.points}


def upgrade(app: Flask) -> None:
    """Let the desk work with `NextSessionState`, if this is version 2."""
    version = os.environ.get("DESK_VERSION", "1")
    if version not in ("1", "2"):
        raise ConfigError(f"DESK_VERSION is {version!r}: use 1 or 2")
    if version == "2":
        for module in ("app", "state"):
            vars(importlib.import_module(f"{_desk()}.{module}"))["SessionState"] = NextSessionState


def _desk() -> str:
    return os.environ.get("DESK", "stateless_app")


if __name__ == "__main__":
    main(_desk(), upgrade, "lab.variants.next_version")
