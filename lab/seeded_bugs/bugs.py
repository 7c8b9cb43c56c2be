"""The bugs: each changes a desk in a few lines; its docstring is what the desk then does."""

import importlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Self

from flask import Flask, g, request

from lab.shop.cart import JsonObject, SessionState
from lab.shop.http import ConfigError
from lab.shop.validation import ITEM, Field, read_json

from . import rules, subtle
from .registry import (
    BUGS,
    Bug,
    PricedSession,
    bug,
    keep_of,
    set_keep,
    state_of,
    use_sessions,
)

DROP_EVERY_ADD = 3
MAX_SESSIONS = 2
__all__ = ["BUGS", "chosen", "rules", "subtle"]


def chosen(environ: Mapping[str, str]) -> tuple[Bug, str]:
    """Return the bug in SEEDED_BUG and the app in DESK, or raise ConfigError."""
    name, app = environ.get("SEEDED_BUG", ""), environ.get("DESK", "")
    if name not in BUGS:
        raise ConfigError(f"SEEDED_BUG is {name!r}: use one of {', '.join(BUGS)}")
    found = BUGS[name]
    if app not in found.apps:
        raise ConfigError(f"DESK is {app!r}: {name} needs {' or '.join(found.apps)}")
    return found, app


@bug("drop-adds")
def drop_adds(app: Flask) -> None:
    """Every third add is acknowledged but not kept."""
    state, adds = state_of(app), count(1)
    original_keep, current = keep_of(state), state.current_session

    def keep(session: SessionState) -> Any:
        is_add = request.endpoint == "desk.add_item"
        drop = is_add and next(adds) % DROP_EVERY_ADD == 0
        return original_keep(current() if drop else session)

    set_keep(state, keep)


@bug("twice")
def twice(app: Flask) -> None:
    """An add is handled twice: the quantity doubles."""
    state, add = state_of(app), app.view_functions["desk.add_item"]
    original_keep, current = keep_of(state), state.current_session

    def keep(session: SessionState) -> Any:
        g.after_first_add = session
        return original_keep(session)

    def handle_twice() -> Any:
        add()
        return add()

    set_keep(state, keep)
    state.current_session = lambda: g.get("after_first_add") or current()  # type: ignore[attr-defined]
    app.view_functions["desk.add_item"] = handle_twice


@bug("leak-cart")
def leak_cart(app: Flask) -> None:
    """GET /api/cart shows the cart of another customer of this server."""
    state = state_of(app)
    current, seen = state.current_session, dict[str, SessionState]()

    def session_of_another() -> SessionState:
        own: SessionState = current()
        if request.endpoint != "desk.view_cart":
            return own
        others = [session for user_id, session in seen.items() if user_id != own.user_id]
        seen[own.user_id] = own
        return others[-1] if others else own

    state.current_session = session_of_another  # type: ignore[attr-defined]


@bug("key-per-process", ("stateless_app",))
def key_per_process(app: Flask) -> None:
    """Each process signs with a key of its own."""
    app.extensions["signer"].secret_keys = [secrets.token_bytes(32)]


@bug("trust-price")
def trust_price(app: Flask) -> None:
    """A price in the client's request is charged."""
    module = importlib.import_module(f"{app.import_name}.app")

    def read(rules: dict[str, Field]) -> JsonObject:
        has_price = rules is ITEM and "unit_price_cents" in request.get_json()
        price = {"unit_price_cents": lambda _, value: int(value)} if has_price else {}
        return read_json({**rules, **price})

    module.read_json = read  # type: ignore[attr-defined]
    use_sessions(app, _PricedByClient)


@bug("no-signature", ("stateless_app",))
def no_signature(app: Flask) -> None:
    """A token is unpacked, and its signature is not checked."""
    signer = app.extensions["signer"]
    original = copy(signer)
    signer.loads = lambda token, max_age: original.loads_unsafe(token)[1]


@bug("no-expiry", ("stateless_app",))
def no_expiry(app: Flask) -> None:
    """A token never expires."""
    app.extensions["max_age_s"] = None


@bug("missing-vary")
def missing_vary(app: Flask) -> None:
    """Any cache may store a cart and serve it to the next customer."""
    whole = app.wsgi_app

    def without_vary(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            shared = ("vary", "cache-control", "set-cookie")
            left = [pair for pair in headers if pair[0].lower() not in shared]
            return start_response(status, [*left, ("Cache-Control", "public, max-age=60")], *rest)

        is_cart = environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"] == "/api/cart"
        return whole(environ, start if is_cart else start_response)

    app.wsgi_app = without_vary  # type: ignore[method-assign]


@bug("login-keeps-id", ("stateful_app",))
def login_keeps_id(app: Flask) -> None:
    """Login keeps the session id that the browser sent, even one that an attacker planted."""
    state, sessions = state_of(app), app.session_interface
    fresh = sessions._generate_sid  # type: ignore[attr-defined]

    def start_session(session: SessionState) -> None:
        state.store_session(session)

    def adopt(length: int) -> str:
        return request.cookies.get(app.config["SESSION_COOKIE_NAME"]) or str(fresh(length))

    state.start_session = start_session  # type: ignore[attr-defined]
    sessions._generate_sid = adopt  # type: ignore[attr-defined]


@bug("logout-keeps-session", ("stateful_app",))
def logout_keeps_session(app: Flask) -> None:
    """Logout answers 204 and deletes nothing."""
    state_of(app).end_session = lambda: None  # type: ignore[attr-defined]


@bug("evict", ("stateful_app",))
def evict(app: Flask) -> None:
    """The store in process memory drops the oldest session when a third one is stored."""
    memory = app.session_interface.cache  # type: ignore[attr-defined]
    original_set = memory.set

    def set_and_evict(key: str, *args: Any, **kwargs: Any) -> Any:
        result = original_set(key, *args, **kwargs)
        for oldest in list(memory._cache)[:-MAX_SESSIONS]:
            memory.delete(oldest)
        return result

    memory.set = set_and_evict


@bug("global-dict", ("stateless_app",))
def global_dict(app: Flask) -> None:
    """The token carries the user only; the cart is in a dict of the process."""
    state, carts = state_of(app), dict[str, SessionState]()
    sign, current = state.token_for, state.current_session

    def token_for(session: SessionState) -> str:
        carts[session.login_id] = session
        return str(sign(replace(session, lines={})))

    def current_session() -> SessionState:
        session: SessionState = current()
        return carts.get(session.login_id, session)

    state.token_for, state.current_session = token_for, current_session  # type: ignore[attr-defined]


@bug("random-instance")
def random_instance(app: Flask) -> None:
    """Each answer has a new X-Instance."""
    _answer_with(app, "X-Instance", lambda: secrets.token_hex(8))


@bug("signs-as-a")
def signs_as_a(app: Flask) -> None:
    """Each server calls itself A."""
    _answer_with(app, "X-Served-By", lambda: "A")


@dataclass(frozen=True)
class _PricedByClient(PricedSession):
    """A session with the prices that its customer sent."""

    def add(self, sku: str, quantity: int, unit_price_cents: int | None = None) -> Self:
        session = super().add(sku, quantity)
        sent = {} if unit_price_cents is None else {sku: unit_price_cents}
        return replace(session, prices={**self.prices, **sent})


def _answer_with(app: Flask, name: str, value: Callable[[], str]) -> None:
    """Put another value into a header of every answer, whatever the app says."""
    whole = app.wsgi_app

    def changed(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            left = [pair for pair in headers if pair[0].lower() != name.lower()]
            return start_response(status, [*left, (name, value())], *rest)

        return whole(environ, start)

    app.wsgi_app = changed  # type: ignore[method-assign]
