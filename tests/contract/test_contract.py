"""What every endpoint answers when asked properly: the same at every desk, the token aside."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from clocks import Clock
from redis import Redis
from werkzeug.test import TestResponse

from lab.shop.catalogue import PRODUCTS

from .conftest import Customer, Desk, Valkey, stateful

JOHN = {"user_id": "123", "name": "John"}
LAPTOP = {
    "sku": "laptop",
    "name": "Laptop",
    "quantity": 1,
    "unit_price_cents": 129_900,
    "line_total_cents": 129_900,
}
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
EMPTY = {"lines": [], "item_count": 0, "total_cents": 0, "revision": 0}


def body(response: TestResponse) -> dict:
    """Return the JSON of an answer without the token, which must be where it belongs."""
    shown = dict(response.json)
    shown.pop("token", None)
    return shown


def session_id(customer: Customer) -> str | None:
    cookie = customer.client.get_cookie("desk_session")
    return cookie.value if cookie else None


def test_session_from_login_to_logout(desk: Desk) -> None:
    john = desk.visitor()
    answer = john.login()
    assert (answer.status_code, body(answer)) == (200, {"user": JOHN, "cart": EMPTY})

    answer = john.add("laptop")
    cart = {"lines": [LAPTOP], "item_count": 1, "total_cents": 129_900, "revision": 1}
    assert (answer.status_code, body(answer)) == (201, {"user": JOHN, "cart": cart})
    assert (john.view().status_code, body(john.view())) == (200, {"user": JOHN, "cart": cart})

    answer = john.add("mouse", 2)
    mice = {"sku": "mouse", "name": "Mouse", "quantity": 2, "unit_price_cents": 2_490}
    mice["line_total_cents"] = 4_980
    assert body(answer)["cart"]["lines"] == [LAPTOP, mice]

    answer = john.request("PATCH", "/api/cart/items/mouse", json={"quantity": 1})
    mouse = {**mice, "quantity": 1, "line_total_cents": 2_490}
    cart = {"lines": [LAPTOP, mouse], "item_count": 2, "total_cents": 132_390, "revision": 3}
    assert (answer.status_code, body(answer)["cart"]) == (200, cart)

    answer = john.request("DELETE", "/api/cart/items/mouse")
    cart = {"lines": [LAPTOP], "item_count": 1, "total_cents": 129_900, "revision": 4}
    assert (answer.status_code, body(answer)["cart"]) == (200, cart)

    answer = john.request("PUT", "/api/shipping-address", json={"address": "1 Main Street"})
    cart["revision"] = 5
    shown = {"user": JOHN, "cart": cart, "shipping_address": "1 Main Street"}
    assert (answer.status_code, body(answer)) == (200, shown)

    answer = john.request("POST", "/api/checkout")
    order = {
        "number": "123-5",
        "lines": [LAPTOP],
        "item_count": 1,
        "total_cents": 129_900,
        "shipping_address": "1 Main Street",
    }
    assert (answer.status_code, body(answer)) == (201, {"order": order})
    assert body(john.view())["cart"] == EMPTY | {"revision": 6}

    answer = john.logout()
    assert (answer.status_code, answer.data) == (204, b"")
    assert john.view().status_code == 401


def test_token_comes_from_the_stateless_desk_and_with_a_change_only(desk: Desk) -> None:
    john = desk.visitor()
    address = {"address": "1 Main Street"}
    changes = [
        john.login(),
        john.add(),
        john.request("PATCH", "/api/cart/items/laptop", json={"quantity": 2}),
        john.request("PUT", "/api/shipping-address", json=address),
        john.request("POST", "/api/checkout"),
        john.request("DELETE", "/api/cart"),
    ]
    for change in changes:
        assert ("token" in change.json) is not desk.is_stateful
    for path in ("/api/cart", "/api/products", "/api/server"):
        assert "token" not in john.request("GET", path).json


def test_clearing_empties_the_cart(desk: Desk) -> None:
    john = desk.customer()
    john.add()
    answer = john.request("DELETE", "/api/cart")
    assert (answer.status_code, body(answer)["cart"]) == (200, EMPTY | {"revision": 2})


def test_adding_again_adds_up_in_the_same_line(desk: Desk) -> None:
    john = desk.customer()
    john.add("pen", 40)
    lines = body(john.add("pen", 59))["cart"]["lines"]
    assert [(line["sku"], line["quantity"]) for line in lines] == [("pen", 99)]


def test_refusals_that_depend_on_the_cart(desk: Desk) -> None:
    john = desk.customer()
    refused = {
        "urn:problem:two-desks:empty-cart": john.request("POST", "/api/checkout"),
        "urn:problem:two-desks:not-in-cart": john.request("DELETE", "/api/cart/items/mouse"),
        "urn:problem:two-desks:unknown-product": john.add("yacht"),
    }
    assert {answer.json["type"] for answer in refused.values()} == set(refused)
    assert [answer.status_code for answer in refused.values()] == [409, 404, 404]
    assert body(john.view())["cart"] == EMPTY, "a refusal changes nothing"


def test_name_comes_back_in_nfc(desk: Desk) -> None:
    answer = desk.visitor().login(name="Zoe\N{COMBINING DIAERESIS}")
    assert answer.json["user"]["name"] == "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}"


def test_price_comes_from_the_catalogue_of_now(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    john = desk.customer()
    john.add("pen")
    cheaper = type(PRODUCTS["pen"])("pen", "Pen", 1)
    monkeypatch.setitem(PRODUCTS, "pen", cheaper)
    assert body(john.view())["cart"]["total_cents"] == 1


def test_every_answer_says_who_served_it(desk: Desk) -> None:
    john = desk.customer()
    answers = [john.view(), john.logout(), john.request("GET", "/nowhere"), john.view()]
    assert {answer.headers["X-Served-By"] for answer in answers} == {"A"}
    assert len({answer.headers["X-Instance"] for answer in answers}) == 1


def test_answers_about_a_customer_are_not_cached(desk: Desk) -> None:
    john = desk.customer()
    assert john.view().headers["Cache-Control"] == "no-store"
    assert john.view().vary.as_set() == ({"cookie"} if desk.is_stateful else {"authorization"})


@pytest.mark.parametrize("logged_in", [False, True])
def test_products_may_be_kept_by_any_cache(desk: Desk, logged_in: bool) -> None:
    asker = desk.customer() if logged_in else desk.visitor()
    answer = asker.request("GET", "/api/products")
    assert answer.status_code == 200
    assert answer.json["products"][0] == {
        "sku": "laptop",
        "name": "Laptop",
        "unit_price_cents": 129_900,
    }
    again = asker.request("GET", "/api/products", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    for response in (answer, again):
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert "Set-Cookie" not in response.headers
        assert "Vary" not in response.headers
    stale = asker.request("GET", "/api/products", headers={"If-None-Match": '"0"'})
    assert stale.status_code == 200


# --- the session of the stateful desk -------------------------------------------------------


def test_cookie_is_kept_from_scripts_and_other_sites(
    stateful_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.shop.sessions.datetime", Mock(now=lambda zone: NOON))
    [cookie] = stateful_desk.visitor().login().headers.getlist("Set-Cookie")
    _, *attributes = cookie.split("; ")
    expires = {text for text in attributes if text.startswith("Expires=")}
    assert set(attributes) - expires == {"HttpOnly", "Path=/", "SameSite=Lax"}
    ends = parsedate_to_datetime(expires.pop().removeprefix("Expires="))
    assert ends == NOON + timedelta(hours=1)


def test_logging_in_gives_a_new_session_id_and_ends_the_old_one(stateful_desk: Desk) -> None:
    john = stateful_desk.customer()
    old = session_id(john)
    john.login("456")
    assert session_id(john) != old
    thief = stateful_desk.visitor()
    thief.client.set_cookie("desk_session", old)
    assert thief.view().status_code == 401


def test_planted_session_id_is_never_adopted(stateful_desk: Desk) -> None:
    john = stateful_desk.visitor()
    john.client.set_cookie("desk_session", "planted")
    assert john.view().status_code == 401
    john.login()
    assert session_id(john) != "planted"


def test_unknown_session_id_says_how_a_lost_session_looks(stateful_desk: Desk) -> None:
    john = stateful_desk.visitor()
    john.client.set_cookie("desk_session", "gone")
    answer = john.view()
    detail = "no session with that id on this server: POST /api/login to start one"
    assert (answer.status_code, answer.json["detail"]) == (401, detail)
    assert "Set-Cookie" not in answer.headers


def test_cookie_is_set_only_when_the_session_changes(stateful_desk: Desk) -> None:
    john = stateful_desk.customer()
    assert "Set-Cookie" in john.add().headers
    refused = john.add("yacht")
    for answer in (john.view(), refused, john.request("GET", "/api/server")):
        assert "Set-Cookie" not in answer.headers
    [gone] = john.logout().headers.getlist("Set-Cookie")
    assert gone.startswith("desk_session=;")
    assert "Max-Age=0" in gone


def test_stateless_desk_never_sets_a_cookie_and_looks_at_none(desks: list[Desk]) -> None:
    john = desks[-1].visitor()
    john.client.set_cookie("desk_session", "planted")
    answers = [john.login(), john.add(), john.logout()]
    assert [answer.status_code for answer in answers] == [200, 201, 204]
    assert not any("Set-Cookie" in answer.headers for answer in answers)


class SlowRead:
    """A read of the cart, with another request before its response is done."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        import stateful_app.app

        self.desk, self.meanwhile = desk, lambda: None
        current_session = stateful_app.app.state.current_session

        def slowly() -> object:
            session = current_session()
            meanwhile, self.meanwhile = self.meanwhile, lambda: None
            meanwhile()
            return session

        monkeypatch.setattr(stateful_app.app.state, "current_session", slowly)

    def by(self, john: Customer, meanwhile) -> TestResponse:
        reader = self.desk.visitor()
        reader.client.set_cookie("desk_session", session_id(john))
        self.meanwhile = meanwhile
        return reader.view()


def test_slow_read_erases_no_write(stateful_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    john = stateful_desk.customer()
    answer = SlowRead(stateful_desk, monkeypatch).by(john, meanwhile=john.add)
    assert answer.json["cart"]["revision"] == 0, "it read before the write"
    assert john.view().json["cart"]["revision"] == 1


def test_slow_read_brings_no_session_back_to_life(
    stateful_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    john = stateful_desk.customer()
    kept = session_id(john)
    SlowRead(stateful_desk, monkeypatch).by(john, meanwhile=john.logout)
    john.client.set_cookie("desk_session", kept)
    assert john.view().status_code == 401


@pytest.mark.parametrize("store", ["memory", "file"])
def test_expiry_counts_from_the_last_change(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    for module in ("simple", "file"):  # of cachelib: memory and directory go by it
        monkeypatch.setattr(f"cachelib.{module}.time", clock)
    john = stateful(f"file:{tmp_path}" if store == "file" else store).customer()
    for _ in range(3):
        clock.now_s += 3000
        assert john.add("pen").status_code == 201
    for elapsed_s, status in ((1800, 200), (1700, 200), (200, 401)):
        clock.now_s += elapsed_s
        assert john.view().status_code == status, "a read prolongs nothing"


def test_expiry_in_redis_counts_from_the_last_change(valkey: Valkey) -> None:
    desk = stateful(valkey.url)
    john = desk.customer()
    with Redis.from_url(valkey.url) as client:
        key = f"{desk.app.session_interface.key_prefix}{session_id(john)}"
        assert 3590 < client.ttl(key) <= 3600
        client.expire(key, 60)
        assert john.view().status_code == 200
        assert client.ttl(key) <= 60, "a read prolongs nothing"
        john.add("pen")
        assert client.ttl(key) > 3590


def test_sessions_beyond_the_default_threshold_are_kept(stateful_desk: Desk) -> None:
    first = stateful_desk.customer()
    for number in range(510):
        assert stateful_desk.visitor().login(str(number)).status_code == 200
    assert first.view().status_code == 200
