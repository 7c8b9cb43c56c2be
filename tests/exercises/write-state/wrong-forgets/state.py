"""Where this desk keeps a cart: nowhere. The client carries it in a signed token."""

import os

from itsdangerous import BadData, URLSafeTimedSerializer

from lab.shop import tokens
from lab.shop.cart import SessionState

MAX_AGE_S = int(os.environ.get("TOKEN_MAX_AGE_S", "3600"))
signer = URLSafeTimedSerializer(os.environ["SIGNING_KEY"], salt="cart")


def current_session() -> SessionState:
    """Return the session in the token of this request, else raise 401."""
    try:
        kept = signer.loads(tokens.of_request(), max_age=MAX_AGE_S)
    except BadData:
        raise tokens.invalid("this token is too old, or was not signed here") from None
    return SessionState.from_dict(kept)


def token_for(session: SessionState) -> str:
    """Return the session, signed."""
    return str(signer.dumps({**session.to_dict(), "shipping_address": None}))
