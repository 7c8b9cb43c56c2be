"""Sessions as files beside the app: they survive a restart, on this machine."""

import json
import secrets
from pathlib import Path

from lab.shop import tokens
from lab.shop.cart import SessionState

FOLDER = Path("sessions")


def current_session() -> SessionState:
    """Return the session of this request, else raise 401."""
    path = FOLDER / Path(tokens.of_request()).name
    if not path.is_file():
        raise tokens.invalid("this machine does not know that token")
    return SessionState.from_dict(json.loads(path.read_text()))


def token_for(session: SessionState) -> str:
    """Return the token that the client sends with its next request."""
    token = secrets.token_urlsafe(16)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / token).write_text(json.dumps(session.to_dict()))
    return token
