"""A token that holds the session, and that everybody can write."""

import base64
import json
import os
import time

from lab.shop import tokens
from lab.shop.cart import SessionState

MAX_AGE_S = int(os.environ.get("TOKEN_MAX_AGE_S", "3600"))


def current_session() -> SessionState:
    """Return the session in the token of this request, else raise 401."""
    try:
        kept = json.loads(base64.urlsafe_b64decode(tokens.of_request()))
        is_old = time.time() - kept["at"] > MAX_AGE_S
    except (ValueError, KeyError, TypeError):
        raise tokens.invalid("this is no token") from None
    if is_old:
        raise tokens.invalid("this token is too old")
    return SessionState.from_dict(kept["session"])


def token_for(session: SessionState) -> str:
    """Return the session as text."""
    kept = {"at": time.time(), "session": session.to_dict()}
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()
