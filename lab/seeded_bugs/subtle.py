"""Bugs that are rare, hidden or small: most answers of the desk are correct."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Self

import msgspec
from flask import Flask, request

from lab.shop.cart import Cart, SessionState

from .registry import PricedSession, bug, keep_of, set_keep, state_of, use_sessions

DOUBLE_EVERY, DROP_EVERY, LEAK_EVERY = 30, 40, 50
WRITE_S = 0.005
MANY_LINES = 3


@bug("newest-from-cache", ("stateless_app",))
def newest_from_cache(app: Flask) -> None:
    """A look shows the customer's newest cart from a hidden cache."""
    state, newest = state_of(app), dict[str, SessionState]()
    sign, current = state.token_for, state.current_session

    def token_for(session: SessionState) -> str:
        newest[session.login_id] = session
        return str(sign(session))

    def current_session() -> SessionState:
        own: SessionState = current()
        is_look = request.endpoint == "desk.view_cart"
        return newest.get(own.login_id, own) if is_look else own

    state.token_for, state.current_session = token_for, current_session  # type: ignore[attr-defined]


@bug("write-through", ("stateless_app",))
def write_through(app: Flask) -> None:
    """Each cart is also written to a file."""
    carts = Path(os.environ["LAB_RUN_DIR"]) / "carts"

    def written(session: SessionState) -> SessionState:
        carts.mkdir(exist_ok=True)
        (carts / session.login_id).write_bytes(msgspec.json.encode(session.to_dict()))
        return session

    _keep_another(app, written)


@bug("stale-after-patch", ("stateless_app",))
def stale_after_patch(app: Flask) -> None:
    """The token after a PATCH is that of the cart before it."""
    _keep_old_one(app, lambda: request.endpoint == "desk.change_item")


@bug("double-30th")
def double_30th(app: Flask) -> None:
    """One add in 30 is kept twice."""
    adds = count(1)

    def doubled(session: SessionState) -> SessionState:
        if request.endpoint != "desk.add_item" or next(adds) % DOUBLE_EVERY:
            return session
        item = request.get_json()
        return session.add(item["sku"], item["quantity"])

    _keep_another(app, doubled)


@bug("leak-50th")
def leak_50th(app: Flask) -> None:
    """One look in 50 shows the cart of another customer of this server."""
    state, looks = state_of(app), count(1)
    current, seen = state.current_session, dict[str, SessionState]()

    def session_of_another() -> SessionState:
        own: SessionState = current()
        others = [session for user_id, session in list(seen.items()) if user_id != own.user_id]
        seen[own.user_id] = own
        is_due = request.endpoint == "desk.view_cart" and next(looks) % LEAK_EVERY == 0
        return others[-1] if is_due and others else own

    state.current_session = session_of_another  # type: ignore[attr-defined]


@bug("lost-at-once")
def lost_at_once(app: Flask) -> None:
    """A change is lost if another customer's is being written at the same moment."""
    state, writing = state_of(app), list[str]()
    original_keep, current = keep_of(state), state.current_session

    def keep(session: SessionState) -> Any:
        is_busy = bool(writing) and request.endpoint != "desk.login"
        writing.append(session.login_id)
        try:
            time.sleep(WRITE_S)
            return original_keep(current() if is_busy else session)
        finally:
            writing.remove(session.login_id)

    set_keep(state, keep)


@bug("price-in-token", ("stateless_app",))
def price_in_token(app: Flask) -> None:
    """The token carries each price, and the desk charges it."""
    use_sessions(app, _PricedInToken)


@bug("checkout-keeps-cart")
def checkout_keeps_cart(app: Flask) -> None:
    """Checkout answers with an order, and the cart stays full."""
    _keep_old_one(app, lambda: request.endpoint == "desk.check_out")


@bug("revision-stands-still")
def revision_stands_still(app: Flask) -> None:
    """The revision of a cart is always the same."""
    use_sessions(app, _WithoutRevision)


@bug("remove-does-nothing")
def remove_does_nothing(app: Flask) -> None:
    """Remove answers 200 and removes nothing."""
    _keep_old_one(app, lambda: request.endpoint == "desk.remove_item")


@bug("address-forgotten")
def address_forgotten(app: Flask) -> None:
    """An address is answered and not kept."""
    _keep_another(app, lambda session: replace(session, shipping_address=None))


@bug("wrong-total")
def wrong_total(app: Flask) -> None:
    """The total of a cart is wrong from three lines on."""
    use_sessions(app, _WrongTotal)


@bug("drop-40th")
def drop_40th(app: Flask) -> None:
    """Every 40th change is acknowledged but not kept."""
    changes = count(1)
    _keep_old_one(app, lambda: request.endpoint != "desk.login" and next(changes) % DROP_EVERY == 0)


def _keep_another(app: Flask, change: Callable[[SessionState], SessionState]) -> None:
    """Keep `change(session)` in place of each session."""
    state = state_of(app)
    original_keep = keep_of(state)
    set_keep(state, lambda session: original_keep(change(session)))


def _keep_old_one(app: Flask, is_due: Callable[[], bool]) -> None:
    """Keep what the customer had before, whenever `is_due()`."""
    current = state_of(app).current_session
    _keep_another(app, lambda session: current() if is_due() else session)


@dataclass(frozen=True)
class _PricedInToken(PricedSession):
    def kept(self) -> Self:
        prices = {line["sku"]: line["unit_price_cents"] for line in self.cart()["lines"]}
        return replace(self, prices=prices)


@dataclass(frozen=True)
class _WithoutRevision(SessionState):
    def ship_to(self, address: str) -> Self:
        return replace(super().ship_to(address), revision=self.revision)

    def _with_lines(self, lines: dict[str, int]) -> Self:
        return replace(self, lines=lines)


@dataclass(frozen=True)
class _WrongTotal(SessionState):
    def cart(self) -> Cart:
        cart = super().cart()
        wrong = 1 if len(cart["lines"]) >= MANY_LINES else 0
        return {**cart, "total_cents": cart["total_cents"] + wrong}
