"""What the desks with a remedy share: the visit a request brings, and a store that must answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType

from flask import Flask, request
from redis import RedisError

from lab.shop.cart import Visit
from lab.shop.errors import StoreUnavailable

NEEDS_NO_VISIT = {None, "static", "desk.products", "desk.login", "desk.server"}
LEEWAY_S = 5  # a request that is under way may hand out a slip a little later


def visit_of(state: ModuleType) -> Visit | None:
    """Return the visit that this request brings, None where it needs none; raise as the desk."""
    if request.endpoint in NEEDS_NO_VISIT or request.method == "OPTIONS":
        return None
    visit: Visit = state.current_visit()
    return visit


def life_s(app: Flask) -> int:
    """Return how long from now a credential given out by now can be used."""
    session_life: timedelta = app.permanent_session_lifetime
    life: int = app.extensions.get("max_age_s", int(session_life.total_seconds()))
    return life + LEEWAY_S


@contextmanager
def store_must_answer() -> Iterator[None]:
    """Turn a store that does not answer into a 503."""
    try:
        yield
    except RedisError as error:
        raise StoreUnavailable("try again in a moment", {"Retry-After": "1"}) from error
