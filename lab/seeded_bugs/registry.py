"""What a seeded bug is, the list of them, and the places in a desk where a bug is put."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from flask import Flask

from lab.shop.cart import Cart, SessionState

APPS = ("stateful_app", "stateless_app")
Seed = Callable[[Flask], None]


@dataclass(frozen=True)
class Bug:
    """A bug: what it does in one sentence, the apps it fits, and the function that seeds it."""

    name: str
    does: str
    apps: tuple[str, ...]
    seed: Seed


BUGS: dict[str, Bug] = {}


def bug(name: str, apps: tuple[str, ...] = APPS) -> Callable[[Seed], Seed]:
    """Register the decorated function under `name`; its docstring says what the desk then does."""

    def register(seed: Seed) -> Seed:
        BUGS[name] = Bug(name, (seed.__doc__ or "").strip(), apps, seed)
        return seed

    return register


def state_of(app: Flask) -> ModuleType:
    """Return the desk's module `state`."""
    return importlib.import_module(f"{app.import_name}.state")


def use_sessions(app: Flask, kind: type[SessionState]) -> None:
    """Let the desk use this kind of session."""
    module, state = importlib.import_module(f"{app.import_name}.app"), state_of(app)
    module.SessionState = state.SessionState = kind  # type: ignore[attr-defined]


def keep_of(state: ModuleType) -> Callable[[SessionState], Any]:
    """Return the function that keeps a cart: `store_session` or `token_for`."""
    keep: Callable[[SessionState], Any] = getattr(state, _name_of_keep(state))
    return keep


def set_keep(state: ModuleType, keep: Callable[[SessionState], Any]) -> None:
    """Put another function in its place."""
    setattr(state, _name_of_keep(state), keep)


def _name_of_keep(state: ModuleType) -> str:
    return "token_for" if hasattr(state, "token_for") else "store_session"


@dataclass(frozen=True)
class PricedSession(SessionState):
    """A session with prices of its own, by SKU, which its cart has in place of the catalogue's."""

    prices: dict[str, int] = field(default_factory=dict)

    def cart(self) -> Cart:
        """Return the cart at these prices."""
        cart = super().cart()
        for line in cart["lines"]:
            line["unit_price_cents"] = self.prices.get(line["sku"], line["unit_price_cents"])
            line["line_total_cents"] = line["unit_price_cents"] * line["quantity"]
        return {**cart, "total_cents": sum(line["line_total_cents"] for line in cart["lines"])}
