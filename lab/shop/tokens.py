"""Bearer tokens over HTTP: who signs them, where a request carries one, how one is refused."""

import hashlib
import hmac
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property

from flask import Flask, current_app, request
from itsdangerous import BadData, Serializer, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode

from lab.shop.errors import BadCredential, NotLoggedIn, WrongUser
from lab.shop.http import vary_by

SALT = b"two-desks.cart"  # keeps these signatures apart from any other use of the same key
UNREADABLE = (BadData, OSError, OverflowError, ValueError)
"""What itsdangerous raises for a token: the last three for a time that is in no calendar."""
INVALID_TOKEN = {"WWW-Authenticate": 'Bearer realm="two-desks", error="invalid_token"'}


class _QuickTokens(URLSafeTimedSerializer):
    """A serializer that makes the same tokens in less time.

    All have one signer, which keeps nothing but the keys; and they are compressed in a window of
    4 kB, where zlib's own is set up in 256 kB for each token.
    """

    def dump_payload(self, obj: object) -> bytes:
        text = Serializer.dump_payload(self, obj)
        window = zlib.compressobj(wbits=12, memLevel=5)
        compressed = window.compress(text) + window.flush()
        if len(compressed) < len(text) - 1:
            return b"." + base64_encode(compressed)
        return base64_encode(text)

    @cached_property
    def _signer(self) -> TimestampSigner:
        return super().make_signer(self.salt)  # type: ignore[return-value]

    def make_signer(self, salt: str | bytes | None = None) -> TimestampSigner:
        return self._signer if salt is None else super().make_signer(salt)  # type: ignore[return-value]

    def iter_unsigners(self, salt: str | bytes | None = None) -> Iterator[TimestampSigner]:
        yield self.make_signer(salt)


def install(app: Flask, signing_keys: Iterable[str], max_age_s: int) -> None:
    """Let `app` sign with the last key and accept all of them, each token for `max_age_s`."""
    # Derived once, not for each token, and with the same result as
    # key_derivation="hmac".
    derived_keys = [hmac.digest(key.encode(), SALT, "sha256") for key in signing_keys]
    serializer = _QuickTokens(
        derived_keys,
        serializer=app.json,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "none"},
    )
    app.extensions["signer"] = serializer
    app.extensions["max_age_s"] = max_age_s
    app.config["LOGIN_CHALLENGE"] = 'Bearer realm="two-desks"'
    vary_by(app, "Authorization")


def signer() -> URLSafeTimedSerializer:
    """Return the serializer that signs and verifies for the current app."""
    serializer: URLSafeTimedSerializer = current_app.extensions["signer"]
    return serializer


def max_age_s() -> int:
    """Return how long a token of the current app is valid after it was signed."""
    seconds: int = current_app.extensions["max_age_s"]
    return seconds


def of_request() -> str:
    """Return the token that this request carries, unverified; raise 400 for two, 401 for none.

    The token is in the header `Authorization: Bearer`, or in the URL, as in the article's
    `GET /api/cart?token=xyz&userId=123`. In the URL it opens only this route.
    """
    header = request.headers.get("Authorization")
    in_url = request.args.getlist("token") if request.query_string else []
    if len(in_url) + (header is not None) > 1:
        raise BadCredential("two tokens in one request: send one (RFC 6750, section 2)")
    if in_url and (request.method not in ("GET", "HEAD") or request.path != "/api/cart"):
        raise BadCredential("a token in the URL opens GET /api/cart only: send it in Authorization")
    if in_url:
        return in_url[0]
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotLoggedIn("no token: POST /api/login to get one")
    return token.strip()


def check_user(user_id: str) -> None:
    """Raise 403 if the token is in the URL, and `userId` there is not the token's `user_id`."""
    if not request.query_string or "token" not in request.args:
        return
    if unicodedata.normalize("NFC", request.args.get("userId", "")) != user_id:
        raise WrongUser("userId must name the user this token was made for")


def invalid(detail: str) -> NotLoggedIn:
    """Return the error for a token that is not accepted."""
    return NotLoggedIn(f"{detail}: POST /api/login to get a new one", INVALID_TOKEN)
