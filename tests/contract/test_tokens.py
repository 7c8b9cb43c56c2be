"""The signed token: who can make one, who can change one, and how long it is valid."""

import base64
import hashlib
import json
import string
from collections.abc import Iterator

import pytest
from clocks import Clock
from itsdangerous import TimestampSigner, URLSafeTimedSerializer, base64_decode
from werkzeug.test import TestResponse

from lab.shop import tokens
from stateless_app import state

from .conftest import KEY, Desk, stateless

OLD, NEW, OTHER = (f"{name} key: thirty-two bytes at the least" for name in ("old", "new", "other"))


@pytest.fixture
def issued() -> tuple[Desk, str]:
    """A stateless desk, and a token it made."""
    desk = stateless()
    return desk, token_of(desk)


def token_of(desk: Desk, user_id: str = "123") -> str:
    token = desk.customer(user_id).token
    assert token
    return token


def show(desk: Desk, token: str) -> TestResponse:
    return desk.visitor().request("GET", "/api/cart", headers={"Authorization": f"Bearer {token}"})


def add(desk: Desk, token: str) -> TestResponse:
    item = {"sku": "pen", "quantity": 1}
    bearer = {"Authorization": f"Bearer {token}"}
    return desk.visitor().request("POST", "/api/cart/items", json=item, headers=bearer)


def show_in_url(desk: Desk, **query: str) -> TestResponse:
    return desk.visitor().request("GET", "/api/cart", query_string=query)


def assert_invalid(answer: TestResponse) -> None:
    assert answer.status_code == 401
    assert answer.json["type"] == "urn:problem:two-desks:not-logged-in"
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="two-desks", error="invalid_token"'


# --- keys ------------------------------------------------------------------------------------


def test_rotation_accepts_the_old_key_and_signs_with_the_new_one() -> None:
    only_old, both, only_new = stateless(OLD), stateless(OLD, NEW), stateless(NEW)
    issued_before = token_of(only_old)
    assert show(both, issued_before).status_code == 200
    renewed = add(both, issued_before).json["token"]
    assert show(only_new, renewed).status_code == 200, "signed with the new key"
    assert_invalid(show(only_old, renewed))
    assert_invalid(show(only_new, issued_before))


def test_token_of_another_shop_is_refused(issued: tuple[Desk, str]) -> None:
    assert_invalid(show(issued[0], token_of(stateless(OTHER))))


def test_every_server_with_the_key_accepts_a_token(issued: tuple[Desk, str]) -> None:
    assert show(stateless(), issued[1]).status_code == 200


# --- time ------------------------------------------------------------------------------------


def test_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("itsdangerous.timed.time.time", clock)
    desk = stateless(max_age_s=60)
    token = token_of(desk)
    clock.now_s += 60
    assert show(desk, token).status_code == 200
    clock.now_s += 1
    answer = show(desk, token)
    assert_invalid(answer)
    assert "older than 60 s" in answer.json["detail"]


def test_expiry_counts_from_the_last_change(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("itsdangerous.timed.time.time", clock)
    desk = stateless(max_age_s=60)
    john = desk.customer()
    for _ in range(3):
        clock.now_s += 50
        assert john.add("pen").status_code == 201
    for later_s, status in ((30, 200), (30, 200), (1, 401)):
        clock.now_s += later_s
        assert john.view().status_code == status, "a read prolongs nothing"


# --- tampering -------------------------------------------------------------------------------


def parts(token: str) -> list[str]:
    """Return payload, time and signature; a payload that begins with a dot is zipped."""
    return token.rsplit(".", 2)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(token: str) -> Iterator[str]:
    """Change every byte of the payload, one at a time.

    In base64 the last character of a part may have bits that do not count, so several
    endings verify; bytes of the payload, encoded again, always count.
    """
    payload, *rest = parts(token)
    data = base64_decode(payload.lstrip("."))
    dot = "." if payload.startswith(".") else ""
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        yield ".".join([dot + encoded(changed), *rest])


def test_no_byte_of_the_payload_can_be_changed(issued: tuple[Desk, str]) -> None:
    desk, token = issued
    forgeries = list(forged(token))
    assert len(forgeries) > 80
    for forgery in forgeries:
        assert_invalid(show(desk, forgery))


def test_full_cart_is_refused_without_a_signature_of_its_own(issued: tuple[Desk, str]) -> None:
    desk, token = issued
    _, made, signature = parts(token)
    rich = {"v": 2, "aud": "two-desks", "session": {**STATE, "lines": {"laptop": 99}}}
    assert_invalid(show(desk, f"{encoded(json.dumps(rich).encode())}.{made}.{signature}"))


def test_time_and_the_signature_cannot_be_swapped(issued: tuple[Desk, str]) -> None:
    desk, token = issued
    payload, made, signature = parts(token)
    _, _, other_signature = parts(token_of(desk, "456"))
    swaps = [f"{payload}.{made}.{other_signature}", f"{payload}.AAAAAA.{signature}"]
    for swapped in [*swaps, f"{payload}.{signature}", payload, f"{payload}..{signature}"]:
        assert_invalid(show(desk, swapped))


@pytest.mark.parametrize("garbage", ["x", "..", "a.b.c", "." * 500, string.punctuation, "é", "%00"])
def test_garbage_is_refused_both_ways(issued: tuple[Desk, str], garbage: str) -> None:
    assert_invalid(show(issued[0], garbage))
    assert_invalid(show_in_url(issued[0], token=garbage, userId="123"))


# --- made for something else -----------------------------------------------------------------

STATE = {"user_id": "123", "name": "John", "lines": {}, "shipping_address": None, "revision": 0}
OURS = state.LABELS | {"session": STATE}


def sign(claims: object, salt: str | bytes = tokens.SALT, **how: object) -> str:
    settings = {"digest_method": hashlib.sha256, "key_derivation": "hmac"} | how
    return str(URLSafeTimedSerializer(KEY, salt=salt, signer_kwargs=settings).dumps(claims))


def test_signature_is_what_the_contract_says(issued: tuple[Desk, str]) -> None:
    assert show(issued[0], sign(OURS)).status_code == 200


FOREIGN = {
    "audience": sign(OURS | {"aud": "another-shop"}),
    "version": sign(OURS | {"v": 1}),
    "salt": sign(OURS, salt="something.else"),
    "digest": sign(OURS, digest_method=hashlib.sha1),
    "no claims": sign({}),
    "no audience": sign({"v": 2, "session": STATE}),
    "a list": sign([1, 2]),
    "null": sign(None),
}


@pytest.mark.parametrize("token", FOREIGN.values(), ids=FOREIGN.keys())
def test_token_for_something_else_is_refused(issued: tuple[Desk, str], token: str) -> None:
    assert_invalid(show(issued[0], token))


def test_token_without_a_session_is_refused(issued: tuple[Desk, str]) -> None:
    assert show(issued[0], sign(state.LABELS)).status_code == 401


# --- the article's GET /api/cart?token=xyz&userId=123 -----------------------------------------


def test_token_in_the_url(issued: tuple[Desk, str]) -> None:
    desk, token = issued
    answer = show_in_url(desk, token=token, userId="123")
    assert (answer.status_code, answer.json["user"]["user_id"]) == (200, "123")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("named", [{}, {"userId": ""}, {"userId": "456"}, {"userid": "123"}])
def test_user_in_the_url_has_to_match(issued: tuple[Desk, str], named: dict) -> None:
    desk, token = issued
    answer = show_in_url(desk, token=token, **named)
    assert answer.status_code == 403
    assert answer.json["type"] == "urn:problem:two-desks:wrong-user"


def test_bad_token_in_the_url_is_a_bad_token_for_any_user(issued: tuple[Desk, str]) -> None:
    assert_invalid(show_in_url(issued[0], token="x", userId="456"))


def test_request_with_two_tokens_is_refused(issued: tuple[Desk, str]) -> None:
    desk, token = issued
    header = {"Authorization": f"Bearer {token}"}
    query = {"token": token, "userId": "123"}
    answer = desk.visitor().request("GET", "/api/cart", query_string=query, headers=header)
    assert answer.status_code == 400
    assert answer.json["type"] == "urn:problem:two-desks:bad-credential"


def test_url_with_two_tokens_is_refused(issued: tuple[Desk, str]) -> None:
    desk, token = issued
    answer = show_in_url(desk, token=[token, "x"], userId="123")
    assert answer.status_code == 400
    assert answer.json["type"] == "urn:problem:two-desks:bad-credential"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/cart/items"), ("DELETE", "/api/cart"), ("POST", "/api/logout")],
)
def test_token_in_the_url_opens_nothing_but_the_cart(issued, method: str, path: str) -> None:
    desk, token = issued
    query = {"token": token, "userId": "123"}
    answer = desk.visitor().request(method, path, query_string=query)
    assert answer.status_code == 400
    assert "GET /api/cart only" in answer.json["detail"]


def test_time_of_signing_beyond_all_calendars(issued: tuple[Desk, str], monkeypatch) -> None:
    late = URLSafeTimedSerializer(
        KEY,
        salt=tokens.SALT,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
    for moment in (2**63 - 1, 2**31, 253402300800):
        with monkeypatch.context() as clock:
            clock.setattr(TimestampSigner, "get_timestamp", lambda self, moment=moment: moment)
            token = str(late.dumps(OURS))
        assert_invalid(show(issued[0], token))


def test_stateful_desk_looks_at_no_token(desks: list[Desk], issued: tuple[Desk, str]) -> None:
    for desk in desks[:-1]:
        assert show_in_url(desk, token=issued[1], userId="123").status_code == 401
        assert show(desk, issued[1]).status_code == 401
