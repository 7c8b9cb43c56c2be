"""The bugs: each alters one desk in a few lines, and says in one sentence what it does."""

import importlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import count
from types import ModuleType
from typing import Any, Self

from flask import Flask, g, request, session

from lab.shop.cart import SessionState
from lab.shop.http import ConfigError
from lab.shop.validation import ITEM, read_json

DESKS = ("stateful_app", "stateless_app")
EVERY = 3
SESSIONS_KEPT = 2
Alter = Callable[[Flask], None]


@dataclass(frozen=True)
class Bug:
    """What `alter` breaks, in one sentence, and the desks it can be planted in."""

    name: str
    does: str
    desks: tuple[str, ...]
    alter: Alter


BUGS: dict[str, Bug] = {}


def chosen(environ: Mapping[str, str]) -> tuple[Bug, str]:
    """Return the bug in PLANTED_BUG and the desk in DESK, or raise ConfigError."""
    name, desk = environ.get("PLANTED_BUG", ""), environ.get("DESK", "")
    if name not in BUGS:
        raise ConfigError(f"PLANTED_BUG is {name!r}: there are {', '.join(BUGS)}")
    bug = BUGS[name]
    if desk not in bug.desks:
        raise ConfigError(f"DESK is {desk!r}: {name} can be planted in {' or '.join(bug.desks)}")
    return bug, desk


def _bug(name: str, desks: tuple[str, ...] = DESKS) -> Callable[[Alter], Alter]:
    def register(alter: Alter) -> Alter:
        BUGS[name] = Bug(name, (alter.__doc__ or "").strip(), desks, alter)
        return alter

    return register


@_bug("drop-adds")
def drop_adds(app: Flask) -> None:
    """Every third add is acknowledged, and not kept."""
    state, adds = _state(app), count(1)
    kept, current = _keep(state), state.current_visit

    def keep(visit: SessionState) -> Any:
        is_add = request.endpoint == "desk.add_item"
        return kept(current() if is_add and next(adds) % EVERY == 0 else visit)

    _set_keep(state, keep)


@_bug("twice")
def twice(app: Flask) -> None:
    """An add is handled twice: the quantity doubles."""
    state, add = _state(app), app.view_functions["desk.add_item"]
    kept, current = _keep(state), state.current_visit

    def keep(visit: SessionState) -> Any:
        g.after_the_first_time = visit
        return kept(visit)

    def handle_twice() -> Any:
        add()
        return add()

    _set_keep(state, keep)
    state.current_visit = lambda: g.get("after_the_first_time") or current()  # type: ignore[attr-defined]
    app.view_functions["desk.add_item"] = handle_twice


@_bug("leak-cart")
def leak_cart(app: Flask) -> None:
    """Whoever asks for their cart is shown that of another customer of this server."""
    state = _state(app)
    current, seen = state.current_visit, dict[str, SessionState]()

    def visit_of_somebody() -> SessionState:
        mine: SessionState = current()
        if request.endpoint != "desk.view_cart":
            return mine
        others = [visit for user_id, visit in seen.items() if user_id != mine.user_id]
        seen[mine.user_id] = mine
        return others[-1] if others else mine

    state.current_visit = visit_of_somebody  # type: ignore[attr-defined]


@_bug("key-per-process", ("stateless_app",))
def key_per_process(app: Flask) -> None:
    """Each process makes a signing key of its own."""
    app.extensions["signer"].secret_keys = [secrets.token_bytes(32)]


@_bug("trust-price")
def trust_price(app: Flask) -> None:
    """A price that the client sends along is charged."""
    module, state = importlib.import_module(f"{app.import_name}.app"), _state(app)

    def read(rules: dict[str, Any]) -> dict[str, Any]:
        named = rules is ITEM and "unit_price_cents" in request.get_json()
        price = {"unit_price_cents": lambda _, value: int(value)} if named else {}
        return read_json({**rules, **price})

    module.read_json = read  # type: ignore[attr-defined]
    module.SessionState = state.SessionState = _BelievingVisit  # type: ignore[attr-defined]


@_bug("no-expiry", ("stateless_app",))
def no_expiry(app: Flask) -> None:
    """A token never expires."""
    app.extensions["max_age_s"] = None


@_bug("missing-vary")
def missing_vary(app: Flask) -> None:
    """A cart may be kept by any cache, and handed to whoever asks next."""
    whole = app.wsgi_app

    def without_vary(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            shared = ("vary", "cache-control", "set-cookie")
            left = [pair for pair in headers if pair[0].lower() not in shared]
            return start_response(status, [*left, ("Cache-Control", "public, max-age=60")], *rest)

        is_cart = environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"] == "/api/cart"
        return whole(environ, start if is_cart else start_response)

    app.wsgi_app = without_vary  # type: ignore[method-assign]


@_bug("login-keeps-id", ("stateful_app",))
def login_keeps_id(app: Flask) -> None:
    """Login goes on with the session id that the browser brought, whoever planted it there."""
    state, sessions = _state(app), app.session_interface
    fresh = sessions._generate_sid  # type: ignore[attr-defined]

    def start_session(visit: SessionState) -> None:
        session["visit"] = visit.to_dict()

    def adopt(length: int) -> str:
        return request.cookies.get(app.config["SESSION_COOKIE_NAME"]) or str(fresh(length))

    state.start_session = start_session  # type: ignore[attr-defined]
    sessions._generate_sid = adopt  # type: ignore[attr-defined]


@_bug("logout-keeps-session", ("stateful_app",))
def logout_keeps_session(app: Flask) -> None:
    """Logout answers 204, and forgets nothing."""
    _state(app).end_session = lambda: None  # type: ignore[attr-defined]


@_bug("evict", ("stateful_app",))
def evict(app: Flask) -> None:
    """The store in the process drops the oldest session when a third one comes."""
    memory = app.session_interface.cache  # type: ignore[attr-defined]
    put = memory.set

    def put_and_evict(key: str, *rest: Any, **how: Any) -> Any:
        kept = put(key, *rest, **how)
        for oldest in list(memory._cache)[:-SESSIONS_KEPT]:
            memory.delete(oldest)
        return kept

    memory.set = put_and_evict


@_bug("global-dict", ("stateless_app",))
def global_dict(app: Flask) -> None:
    """The token carries a name only; the cart waits in a dict of the process."""
    state, carts = _state(app), dict[str, SessionState]()
    sign, current = state.token_for, state.current_visit

    def token_for(visit: SessionState) -> str:
        carts[visit.visit_id] = visit
        return str(sign(replace(visit, lines={})))

    def current_visit() -> SessionState:
        slip: SessionState = current()
        return carts.get(slip.visit_id, slip)

    state.token_for, state.current_visit = token_for, current_visit  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _BelievingVisit(SessionState):
    """A visit that remembers the prices its customer named."""

    prices: dict[str, int] = field(default_factory=dict)

    def add(self, sku: str, quantity: int, unit_price_cents: int | None = None) -> Self:
        visit = super().add(sku, quantity)
        named = {} if unit_price_cents is None else {sku: unit_price_cents}
        return replace(visit, prices={**self.prices, **named})

    def cart(self) -> dict[str, Any]:
        cart = super().cart()
        for line in cart["lines"]:
            line["unit_price_cents"] = self.prices.get(line["sku"], line["unit_price_cents"])
            line["line_total_cents"] = line["unit_price_cents"] * line["quantity"]
        return {**cart, "total_cents": sum(line["line_total_cents"] for line in cart["lines"])}

    def to_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _state(app: Flask) -> ModuleType:
    return importlib.import_module(f"{app.import_name}.state")


def _keep(state: ModuleType) -> Callable[[SessionState], Any]:
    """What keeps a cart: in the session of the one desk, in the token of the other."""
    keep: Callable[[SessionState], Any] = getattr(state, _name_of_keep(state))
    return keep


def _set_keep(state: ModuleType, keep: Callable[[SessionState], Any]) -> None:
    setattr(state, _name_of_keep(state), keep)


def _name_of_keep(state: ModuleType) -> str:
    return "token_for" if hasattr(state, "token_for") else "store_cart"
