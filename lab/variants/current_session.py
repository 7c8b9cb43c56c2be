"""What the desks with a remedy share: the visit a request brings, and how long one lives."""

from datetime import timedelta
from types import ModuleType

from flask import Flask, request

from lab.shop.cart import SessionState

NEEDS_NO_VISIT = {None, "static", "desk.products", "desk.login", "desk.server"}
LEEWAY_S = 5  # a request that is under way may hand out a slip a little later


def visit_of(state: ModuleType) -> SessionState | None:
    """Return the visit that this request brings, None where it needs none; raise as the desk."""
    if request.endpoint in NEEDS_NO_VISIT or request.method == "OPTIONS":
        return None
    visit: SessionState = state.current_visit()
    return visit


def life_s(app: Flask) -> int:
    """Return how long from now a credential given out by now can be used."""
    session_life: timedelta = app.permanent_session_lifetime
    life: int = app.extensions.get("max_age_s", int(session_life.total_seconds()))
    return life + LEEWAY_S
