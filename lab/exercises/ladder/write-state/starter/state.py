"""Where this desk keeps a cart: in the memory of this process, under a random token."""

import secrets

from lab.shop import tokens
from lab.shop.cart import SessionState

SESSIONS: dict[str, dict[str, object]] = {}


def current_session() -> SessionState:
    """Return the session of this request, else raise 401."""
    stored = SESSIONS.get(tokens.of_request())
    if stored is None:
        raise tokens.invalid("this server does not know that token")
    return SessionState.from_dict(stored)


def token_for(session: SessionState) -> str:
    """Return the token that the client sends with its next request."""
    token = secrets.token_urlsafe(16)
    SESSIONS[token] = session.to_dict()
    return token
