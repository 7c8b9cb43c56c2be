"""Where the stateless desk keeps a cart: nowhere. The client carries it, signed.

The token is the visit as JSON (zipped where that is shorter), the time it was made and an
HMAC-SHA-256 of both, in itsdangerous' form. Signed, not encrypted: whoever holds it can read
it, nobody without a key can change it.
"""

import hashlib

from flask import Flask, Response, current_app, request
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from lab.shop.cart import SessionState
from lab.shop.errors import BadCredential, NotLoggedIn, WrongUser

from .config import Config

SALT = "two-desks.cart"  # keeps these signatures apart from any other use of the same key
LABELS = {"v": 1, "aud": "two-desks"}  # the form of the token, and whom it is for
LOGIN_FIRST = {"WWW-Authenticate": 'Bearer realm="two-desks"'}
INVALID_TOKEN = {"WWW-Authenticate": 'Bearer realm="two-desks", error="invalid_token"'}


def init_state(app: Flask, config: Config) -> None:
    """Give `app` its signing keys: all that its servers have to share."""
    app.extensions["max_age_s"] = config.max_age_s
    app.extensions["signer"] = URLSafeTimedSerializer(
        list(config.signing_keys),
        salt=SALT,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )

    @app.after_request
    def vary(response: Response) -> Response:
        # The answer depends on who asks, unless it is the same for everybody.
        if "public" not in response.headers.get("Cache-Control", ""):
            response.headers.add("Vary", "Authorization")
        return response


def current_visit() -> SessionState:
    """Return the visit that this request carries in its token, else raise 400, 401 or 403."""
    header = request.headers.get("Authorization")
    in_url = request.args.get("token")
    if header is not None and in_url is not None:
        raise BadCredential("two tokens in one request: send one (RFC 6750, section 2)")
    if in_url is not None:
        return _visit_of_user(_open(in_url))
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotLoggedIn("no token: POST /api/login to get one", LOGIN_FIRST)
    return _open(token.strip())


def token_for(visit: SessionState) -> str:
    """Return the visit, signed, for the client to carry until the next request."""
    claims = LABELS | {"visit": visit.to_dict()}
    signed: str | bytes = current_app.extensions["signer"].dumps(claims)
    return str(signed)


def carts_remembered() -> int:
    """Return 0: there is no place here where a cart could be."""
    return 0


def _visit_of_user(visit: SessionState) -> SessionState:
    # The article's GET /api/cart?token=xyz&userId=123: the two have to agree.
    if request.args.get("userId") != visit.user_id:
        raise WrongUser("userId must name the user this token was made for")
    return visit


def _open(token: str) -> SessionState:
    max_age_s = current_app.extensions["max_age_s"]
    try:
        claims = current_app.extensions["signer"].loads(token, max_age=max_age_s)
    except SignatureExpired:
        detail = f"this token is older than {max_age_s} s: POST /api/login to get a new one"
        raise NotLoggedIn(detail, INVALID_TOKEN) from None
    except BadData:
        detail = "this token was not signed by this shop, or was changed: POST /api/login"
        raise NotLoggedIn(detail, INVALID_TOKEN) from None
    if not isinstance(claims, dict) or not LABELS.items() <= claims.items():
        raise NotLoggedIn("this token is for something else: POST /api/login", INVALID_TOKEN)
    return SessionState.from_dict(claims["visit"])
