"""Where the stateless desk keeps a cart: nowhere. The client carries it in a signed token.

A token holds the session as JSON, the time of signing, and an HMAC-SHA-256 of both. It is signed,
not encrypted: anyone who has it can read it, but changing it takes the key.
"""

from flask import Flask
from itsdangerous import SignatureExpired

from lab.shop import tokens
from lab.shop.cart import SessionState

from .config import Config

LABELS = {"v": 2, "aud": "two-desks"}  # the version of this format, and who may accept it


def init_state(app: Flask, config: Config) -> None:
    """Give `app` its signing keys: servers with the same keys read the same carts."""
    tokens.install(app, config.signing_keys, config.max_age_s)


def current_session() -> SessionState:
    """Return the session in the token that this request carries, else raise 400, 401 or 403."""
    claims = _verified(tokens.of_request())
    if not isinstance(claims, dict) or not LABELS.items() <= claims.items():
        raise tokens.invalid("this token is for something else")
    session = SessionState.from_dict(claims.get("session"))
    tokens.check_user(session.user_id)
    return session


def token_for(session: SessionState) -> str:
    """Return the session, signed, for the client to carry until the next request."""
    claims = LABELS | {"session": session.to_dict()}
    return str(tokens.signer().dumps(claims))


def carts_remembered() -> int:
    """Return 0: the server has no place for a cart."""
    return 0


def _verified(token: str) -> object:
    try:
        return tokens.signer().loads(token, max_age=tokens.max_age_s())
    except SignatureExpired:
        raise tokens.invalid(f"this token is older than {tokens.max_age_s()} s") from None
    except tokens.UNREADABLE:
        raise tokens.invalid("this token was not signed by this shop, or was changed") from None
