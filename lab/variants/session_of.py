"""What the variants that check sessions share: the session of a request, and its lifetime."""

from datetime import timedelta
from types import ModuleType

from flask import Flask, request

from lab.shop.cart import SessionState

PUBLIC_ENDPOINTS = {None, "static", "desk.products", "desk.login", "desk.server"}
LEEWAY_S = 5  # a request under way may issue a token a little later


def session_of_request(state: ModuleType) -> SessionState | None:
    """Return the session of this request, None if it needs none; raise as the desk does."""
    if request.endpoint in PUBLIC_ENDPOINTS or request.method == "OPTIONS":
        return None
    session: SessionState = state.current_session()
    return session


def lifetime_s(app: Flask) -> int:
    """Return for how many seconds from now a session or token issued until now can be valid."""
    session_lifetime: timedelta = app.permanent_session_lifetime
    seconds: int = app.extensions.get("max_age_s", int(session_lifetime.total_seconds()))
    return seconds + LEEWAY_S
