"""Hostile input gets the same refusal, word for word, from every desk, and never a 500."""

import io
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from .conftest import Customer, Desk

JSON = "application/json"
ITEMS = "/api/cart/items"


def problem(response: TestResponse) -> dict[str, Any]:
    """Return the problem details of a refusal, which have to be complete and say no secret."""
    assert 400 <= response.status_code < 500, response.text[:300]
    assert response.content_type == "application/problem+json"
    refused: dict[str, Any] = response.json
    assert list(refused) == ["type", "title", "status", "detail"]
    assert refused["status"] == response.status_code
    assert refused["detail"] and "Traceback" not in response.text and ".py" not in response.text
    return refused


@pytest.fixture
def refusal(desks: list[Desk]):
    """Send one request as a customer of every desk; return the one problem all answer."""

    def send(data: bytes | str, method: str = "POST", path: str = ITEMS, **how: Any):
        how = {"content_type": JSON} | how
        answers = [desk.customer().request(method, path, data=data, **how) for desk in desks]
        problems = [problem(answer) for answer in answers]
        assert all(each == problems[0] for each in problems), problems
        return problems[0]

    return send


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


MALFORMED = {
    "nothing": b"",
    "half an object": b'{"sku":',
    "two values": b"{}{}",
    "single quotes": b"{'sku':'pen'}",
    "a trailing comma": b'{"sku":"pen",}',
    "a raw control character": b'{"sku":"\x01"}',
    "invalid UTF-8": b'{"sku":"\xff"}',
    "UTF-8 of a surrogate": b'{"sku":"\xed\xa0\x80"}',
    "UTF-16": '{"sku":"pen"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"sku":"pen","quantity":1}',
    "a key twice": b'{"sku":"pen","sku":"pen","quantity":1}',
    "a key twice, once escaped": b'{"sku":"pen","sk\\u0075":"pen","quantity":1}',
    "a key twice, further in": b'{"sku":[{"a":1,"a":1}],"quantity":1}',
    "NaN": b'{"sku":"pen","quantity":NaN}',
    "Infinity": b'{"sku":"pen","quantity":Infinity}',
    "-Infinity": b'{"sku":"pen","quantity":-Infinity}',
    "a lone surrogate in a value": b'{"sku":"\\ud800","quantity":1}',
    "a lone surrogate in a key": b'{"\\udfff":"pen","quantity":1}',
    "a lone surrogate further in": b'{"sku":[{"a":"\\ud800"}],"quantity":1}',
    "a number of 5,000 digits": b'{"sku":"pen","quantity":' + b"9" * 5000 + b"}",
    "nesting of 33": nested(33).encode(),
    "nesting of 33 in an object": b'{"a":' + nested(32).encode() + b"}",
    "nesting of 10,000, unclosed": b"[" * 10_000,
    "nesting of 8,000": nested(8_000).encode(),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_body_that_is_not_strict_json_is_refused(refusal, data: bytes) -> None:
    refused = refusal(data)
    assert (refused["status"], refused["type"]) == (400, "urn:problem:two-desks:bad-json")


NO_QUANTITIES = ["0", "-1", "100", "1.0", "1.5", "1e0", "1e999", "-1e999", "true", "false"]
NO_QUANTITIES += ["null", "[]", "{}", "[1]", '"1"', '""', str(10**30), str(2**63)]
INVALID = {
    "null": "null",
    "a list": "[]",
    "text": '"pen"',
    "a number": "1",
    "nesting of 32": nested(32),
    "no fields": "{}",
    "a field missing": '{"sku":"pen"}',
    "a field too many": '{"sku":"pen","quantity":1,"unit_price_cents":1}',
    "a field in other letters": '{"SKU":"pen","quantity":1}',
    "a prototype": '{"sku":"pen","quantity":1,"__proto__":{}}',
    "sku null": '{"sku":null,"quantity":1}',
    "sku a number": '{"sku":1,"quantity":1}',
    "sku a list": '{"sku":["pen"],"quantity":1}',
} | {f"quantity {text}": f'{{"sku":"pen","quantity":{text}}}' for text in NO_QUANTITIES}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID.keys())
def test_body_that_breaks_a_rule_is_422(refusal, data: str) -> None:
    refused = refusal(data)
    assert (refused["status"], refused["type"]) == (422, "urn:problem:two-desks:invalid")


@pytest.mark.parametrize("text", ["0", "100", "1.0", "true", '"1"', "null"])
def test_changed_quantity_keeps_the_same_rules(refusal, text: str) -> None:
    refused = refusal(f'{{"quantity":{text}}}', "PATCH", "/api/cart/items/pen")
    assert refused["status"] == 422


LOGIN = {"user_id": "123", "name": "John"}
UNPRINTABLE = ["\0", "\n", "\x1f", "\x7f", "\x85", "\x9f", "\u061c", "\u200e", "\u200f"]
UNPRINTABLE += ["\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"]
BAD_LOGIN = (
    [{"user_id": u} for u in ["", " ", "a b", "123\n", "１２３", "a/b", "x" * 65, 123, None]]
    + [{"name": n} for n in ["", "x" * 25, 5, None, ["John"], True]]
    + [{"name": f"Jo{character}hn"} for character in UNPRINTABLE]
    + [{"name": f"John{character}"} for character in UNPRINTABLE]
    + [{"admin": True}]
)


@pytest.mark.parametrize("bad", BAD_LOGIN, ids=ascii)
def test_login_refuses_these_users(refusal, bad: dict[str, Any]) -> None:
    refused = refusal(json.dumps(LOGIN | bad), path="/api/login")
    assert (refused["status"], refused["type"]) == (422, "urn:problem:two-desks:invalid")


@pytest.mark.parametrize("address", ["", "x" * 201, "1 Main\nStreet", "\u202e", 1, None, ["a"]])
def test_address_that_cannot_be_sent_to_is_refused(refusal, address: Any) -> None:
    refused = refusal(json.dumps({"address": address}), "PUT", "/api/shipping-address")
    assert refused["status"] == 422


GOOD_LOGIN = [
    {"user_id": "a.b_c-D9"},
    {"user_id": "x" * 64},
    {"user_id": "Zoë"},
    {"user_id": "李-१२३"},
    {"name": "👩‍💻"},
    {"name": "x" * 24},
    {"name": "😀" * 24},
    {"name": "<script>alert(1)</script"},
    {"name": "Robert'); DROP TABLE--"},
    {"name": "{{7*7}} %s ${x}"},
    {"name": "שלום عليكم"},
]


@pytest.mark.parametrize("good", GOOD_LOGIN, ids=ascii)
def test_login_accepts_these_users(desks: list[Desk], good: dict[str, str]) -> None:
    for desk in desks:
        john = desk.visitor()
        assert john.login(**(LOGIN | good)).status_code == 200
        assert john.view().json["user"] == LOGIN | good


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "text/json", "json", "/", "\\"],
)
def test_content_type_that_is_not_json_is_refused(refusal, content_type: str | None) -> None:
    refused = refusal('{"sku":"pen","quantity":1}', content_type=content_type)
    assert (refused["status"], refused["type"]) == (415, "urn:problem:two-desks:not-json")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"],
)
def test_content_type_of_json_is_accepted(desks: list[Desk], content_type: str) -> None:
    for desk in desks:
        data = '{"sku":"pen","quantity":1}'
        answer = desk.customer().request("POST", ITEMS, data=data, content_type=content_type)
        assert answer.status_code == 201


def of_size(size: int) -> bytes:
    return b'{"sku":"pen","quantity":1}'.ljust(size)


def test_body_of_16_kib_is_read_and_one_byte_more_is_not(desks: list[Desk], refusal) -> None:
    for desk in desks:
        answer = desk.customer().request("POST", ITEMS, data=of_size(16384), content_type=JSON)
        assert answer.status_code == 201
    refused = refusal(of_size(16385))
    assert (refused["status"], refused["type"]) == (413, "urn:problem:two-desks:http-413")
    assert "16384" in refused["detail"]


def test_body_of_unknown_length_is_measured_as_well(desks: list[Desk]) -> None:
    for desk in desks:
        for size, status in [(16384, 201), (16385, 413), (1_000_000, 413)]:
            answer = desk.customer().request(
                "POST",
                ITEMS,
                input_stream=io.BytesIO(of_size(size)),
                content_type=JSON,
                environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
            )
            assert answer.status_code == status
            if status == 413:
                problem(answer)


def test_quantity_of_a_product_never_adds_up_past_99(desks: list[Desk]) -> None:
    for desk in desks:
        john = desk.customer()
        assert john.add("pen", 99).status_code == 201
        assert (
            problem(john.add("pen", 1))["detail"]
            == "quantity would be 100; at most 99 of one product"
        )
        assert john.view().json["cart"]["item_count"] == 99


@pytest.mark.parametrize("desk", ["memory", "client"], indirect=True)  # a thousand requests
def test_line_501_of_a_cart_is_refused(desk: Desk) -> None:
    john = desk.customer()
    for number in range(1, 501):
        assert john.add(f"vol-{number:03}").status_code == 201
    assert problem(john.add("vol-501"))["status"] == 422
    assert john.add("vol-500").status_code == 201, "a line that is there already may grow"
    assert john.request("DELETE", "/api/cart/items/vol-001").status_code == 200
    assert john.add("vol-501").status_code == 201


SKUS = ["yacht", "%00", "%ff", "%ED%A0%80", "..", "Laptop", "laptop%20", "😀", "%F0%9F", "a" * 5000]


@pytest.mark.parametrize("sku", SKUS, ids=lambda sku: ascii(sku[:12]))
def test_products_that_do_not_exist(refusal, sku: str) -> None:
    for method, data in [("DELETE", ""), ("PATCH", '{"quantity":1}')]:
        assert refusal(data, method, f"/api/cart/items/{sku}")["status"] == 404


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/carts", "/api/cart/", "/api/cart/items/a/b"]
)
def test_addresses_that_do_not_exist(refusal, path: str) -> None:
    refused = refusal("", "GET", path)
    assert (refused["status"], refused["type"]) == (404, "urn:problem:two-desks:http-404")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/products", "GET HEAD OPTIONS"),
        ("GET", "/api/login", "OPTIONS POST"),
        ("PUT", "/api/cart", "DELETE GET HEAD OPTIONS"),
        ("DELETE", "/api/cart/items", "OPTIONS POST"),
        ("PUT", "/api/cart/items/pen", "DELETE OPTIONS PATCH"),
        ("POST", "/api/shipping-address", "OPTIONS PUT"),
        ("GET", "/api/checkout", "OPTIONS POST"),
        ("GET", "/api/logout", "OPTIONS POST"),
        ("TRACE", "/api/server", "GET HEAD OPTIONS"),
        ("BREW", "/api/server", "GET HEAD OPTIONS"),
    ],
)
def test_methods_that_an_address_does_not_have(
    desks: list[Desk], method: str, path: str, allowed: str
) -> None:
    for desk in desks:
        answer = desk.visitor().request(method, path)
        assert problem(answer)["type"] == "urn:problem:two-desks:http-405"
        assert sorted(answer.headers["Allow"].split(", ")) == allowed.split()


CREDENTIALS = {
    "Authorization": [
        *("", " ", "Bearer", "Bearer ", "bearer  ", "Basic x", "Basic Zm9vOmJhcg==", "Digest a=b"),
        *("Bearer x", "Bearer é", "Bearer ÿ.þ.ý", "Bearer a b c", "Bearer ..", "Bearer .x.y"),
        *("Bearer " + "x" * 10_000, "Bearer " + "x." * 5_000, "Token x", "Bearer\tx", "xBearer y"),
    ],
    "Cookie": [
        *("", "=", ";", "desk_session", "desk_session=", 'desk_session="', "desk_session=é"),
        *("desk_session=../../etc/passwd", r'desk_session="\377\200"', "desk_session=%00"),
        *("desk_session=" + "x" * 10_000, "desk_session=a; desk_session=b", "a=b; ; =c"),
        "desk_session=\x01",
    ],
}


@pytest.mark.parametrize(
    ("header", "value"),
    [(header, value) for header, values in CREDENTIALS.items() for value in values],
    ids=lambda text: ascii(text[:24]),
)
def test_made_up_credentials(desks: list[Desk], header: str, value: str) -> None:
    for desk in desks:
        stranger = desk.app.test_client(use_cookies=False)
        answer = stranger.get("/api/cart", headers={header: value})
        refused = problem(answer)
        assert (refused["status"], refused["type"]) == (401, "urn:problem:two-desks:not-logged-in")
        scheme = "Cookie" if desk.is_stateful else "Bearer"
        assert answer.headers["WWW-Authenticate"].startswith(f'{scheme} realm="two-desks"')


def test_authentication_is_checked_before_the_body(desks: list[Desk]) -> None:
    needs_login = [
        *(("GET", "/api/cart"), ("DELETE", "/api/cart"), ("POST", ITEMS)),
        *(("PATCH", "/api/cart/items/yacht"), ("DELETE", "/api/cart/items/yacht")),
        *(("PUT", "/api/shipping-address"), ("POST", "/api/checkout"), ("POST", "/api/logout")),
    ]
    for desk in desks:
        for method, path in needs_login:
            refused = problem(desk.visitor().request(method, path, data=b"{", content_type=JSON))
            assert refused["status"] == 401, (method, path)


def test_mistake_of_ours_is_a_problem_without_a_trace(
    desks: list[Desk], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import lab.shop.http

    monkeypatch.setattr(lab.shop.http, "PRODUCTS", None)
    for desk in desks:
        answer = Customer(desk.app).request("GET", "/api/products")
        assert answer.status_code == 500
        assert answer.content_type == "application/problem+json"
        assert "NoneType" not in answer.text
    assert "NoneType" in caplog.text, "the trace is in the log instead"


@pytest.mark.parametrize("path", ["/api//cart", "//api/cart", "/api/cart/", "/api//cart//items"])
def test_doubled_slashes_are_no_redirect_to_any_host(desks: list[Desk], path: str) -> None:
    for desk in desks:
        answer = desk.customer().request("GET", path, headers={"Host": "evil.example"})
        assert problem(answer)["status"] == 404
        assert "Location" not in answer.headers
