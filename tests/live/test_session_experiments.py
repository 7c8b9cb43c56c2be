"""Logout, double checkout, two tabs, fixation: run for real, and the two desks with a remedy."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest
from redis import Redis

import stateful_app
import stateless_app
from lab.core.environment import current_environment
from lab.evidence.result import Verdict
from lab.experiments import find
from lab.experiments.runner import Run
from lab.report import wording
from lab.shop.http import InstanceInfo
from lab.stack.local_store import LocalStore
from lab.stack.programs import find_store
from lab.variants import denylist, revision
from stateful_app.config import Config as StatefulConfig
from stateless_app.config import Config as StatelessConfig

HOLDS, FAILS, DEPENDS, UNKNOWN = (
    Verdict.HOLDS,
    Verdict.FAILS,
    Verdict.DEPENDS,
    Verdict.UNKNOWN,
)
AFFECTED, NOT_AFFECTED, CONFIRMED = (
    Verdict.AFFECTED,
    Verdict.NOT_AFFECTED,
    Verdict.CONFIRMED,
)
KEY = "a-key-for-tests-of-the-remedies-known-to-no-other-server"
PROMISED_S = 1.0
OVER_S = 0.5  # the server's own time

pytestmark = pytest.mark.skipif(not find_store(), reason="needs a session store")


# --- the experiments, each once


def ran(name, tmp_path, quick=True):
    """Run it; return its result and what each variant measured."""
    experiment = find(name)
    result = Run(tmp_path, quick=quick).perform(experiment, experiment.variants)
    assert [variant.trouble for variant in result.variants] == [None] * len(result.variants)
    assert result.expectation_met, result.surprises
    seen = {variant.name: variant.verdict for variant in result.variants}
    measured = {variant.name: variant.measurements for variant in result.variants}
    choice = experiment.question.observed(measured)
    return result, seen, measured, choice


def test_logout(tmp_path):
    # A quick run does not try the new key.
    result, seen, measured, choice = ran("logout", tmp_path, quick=False)
    assert result.verdict is CONFIRMED
    assert seen == {
        "memory": NOT_AFFECTED,
        "redis": NOT_AFFECTED,
        "token": AFFECTED,
        "token-short-expiry": DEPENDS,
        "token-denylist": NOT_AFFECTED,
    }
    assert choice == 1
    costs = {name: variant["store_operations_per_request"] for name, variant in measured.items()}
    assert costs == {
        "memory": 0,
        "redis": 1,
        "token": 0,
        "token-short-expiry": 0,
        "token-denylist": 1,
    }
    assert measured["token"]["accepted_for_s"] > 1.9
    assert 0 <= measured["token-short-expiry"]["accepted_for_s"] < 2.1
    for variant in measured.values():
        assert not variant["accepted_after_new_key"]
    out = {name: variant["innocent_out_by_new_key"] for name, variant in measured.items()}
    innocent = measured["token"]["innocent"]
    # Sessions in a store know no key; those in a process go with the process.
    assert out["token"] == out["token-denylist"] == out["memory"] == innocent > 0
    assert out["redis"] == 0
    short = measured["token-short-expiry"]
    assert short["innocent_out_by_new_key"] + short["innocent_out_by_waiting"] == innocent


def test_double_checkout(tmp_path):
    result, seen, measured, choice = ran("double-checkout", tmp_path)
    assert wording.decision(result) == "3 of 3 repeated orders sold the same cart again"
    assert seen == {
        "memory": NOT_AFFECTED,
        "redis": NOT_AFFECTED,
        "token": AFFECTED,
        "token-revision": NOT_AFFECTED,
    }
    assert choice == 2
    assert measured["memory"]["statuses"] == measured["token-revision"]["statuses"] == [409]
    per_read = {name: variant["store_operations_per_read"] for name, variant in measured.items()}
    per_write = {name: variant["store_operations_per_write"] for name, variant in measured.items()}
    assert per_read == {"memory": 0, "redis": 1, "token": 0, "token-revision": 0}
    assert per_write == {"memory": 0, "redis": 2, "token": 0, "token-revision": 1}
    at_once = {name: variant["sold_twice_at_once"] for name, variant in measured.items()}
    assert at_once["token"] == measured["token"]["carts_ordered_at_once"] > 0
    assert at_once["token-revision"] == 0


def test_tabs_of_one_customer_lose_changes(tmp_path):
    result, seen, measured, choice = ran("two-tabs", tmp_path)
    assert result.verdict is CONFIRMED
    assert seen["token"] is seen["redis"] is seen["file"] is AFFECTED
    assert seen["token-revision"] is seen["session-revision"] is NOT_AFFECTED
    assert choice == 3
    for name, variant in measured.items():
        assert variant["in_turn_lost"] == (name == "token"), name
    rounds = measured["token"]["at_once_tried"] // 10
    assert measured["token"]["at_once_lost"] == 9 * rounds
    assert measured["token-revision"]["at_once_acknowledged"] == rounds
    # The session's tab can see the newest cart and try again; the token's tab cannot.
    assert measured["token-revision"]["in_turn_given_up"] == 1
    assert measured["session-revision"]["in_turn_given_up"] == 0
    assert measured["session-revision"]["at_once_acknowledged"] > 8 * rounds


def test_fixation(tmp_path):
    _, seen, measured, choice = ran("fixation", tmp_path)
    assert seen == {"memory": HOLDS, "redis": HOLDS, "login-keeps-id": FAILS, "token": HOLDS}
    assert choice == 1
    assert measured["login-keeps-id"]["opened"] == measured["login-keeps-id"]["planted"] == 4
    assert measured["memory"]["refused"] == 4
    assert measured["token"]["refused"] == 2  # Mallory's own token goes on showing his own cart


# --- the desks with a remedy, in this process


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with LocalStore(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def store(running, monkeypatch):
    """A store that variants find, with a key prefix of this test's own."""
    monkeypatch.setenv("VARIANT_STORE", running.url)
    monkeypatch.setenv("VARIANT_KEY_PREFIX", f"{token_hex(4)}:")
    return running


@pytest.fixture
def doomed(tmp_path, monkeypatch):
    """A store to be broken."""
    with LocalStore(tmp_path / "store") as store:
        monkeypatch.setenv("VARIANT_STORE", store.url)
        yield store


class Desk:
    """An app, and a client that keeps its cookies and may show a token."""

    def __init__(self, app):
        self.client = app.test_client()

    def __call__(self, method, path, token=None, **how):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.open(f"/api/{path}", method=method, headers=headers, **how)

    def login(self):
        answer = self("POST", "login", json={"user_id": "123", "name": "John"})
        assert answer.status_code == 200
        return answer.json.get("token")

    def add(self, token=None):
        return self("POST", "cart/items", token, json={"sku": "laptop", "quantity": 1})


def token_desk(change=None, max_age_s=3600):
    app = stateless_app.create_app(StatelessConfig(InstanceInfo("A"), (KEY,), max_age_s))
    if change:
        change(app)
    return Desk(app)


each_remedy = pytest.mark.parametrize("remedy", [denylist, revision], ids=["denylist", "revision"])


@pytest.fixture
def denying(store):
    return [token_desk(denylist.change), token_desk(denylist.change)]


@pytest.fixture
def revising(store):
    return [token_desk(revision.change), token_desk(revision.change)]


def problem(answer):
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.json["type"].rpartition(":")[2]


HOSTILE = [
    ("GET", "cart", {}),
    ("GET", "cart", {"token": "no-token"}),
    ("GET", "cart", {"token": "x" * 5000}),
    ("GET", "cart?token=a&token=b&userId=123", {}),
    ("GET", "cart?token=TOKEN&userId=124", {}),
    ("GET", "cart?token=TOKEN&userId=123", {}),
    ("GET", "cart?token=TOKEN&userId=123", {"token": "TOKEN"}),
    ("POST", "cart/items", {"token": "TOKEN", "data": b"{", "content_type": "application/json"}),
    ("POST", "cart/items", {"token": "TOKEN", "json": {"sku": "none", "quantity": 1}}),
    ("POST", "cart/items", {"token": "TOKEN", "json": {"sku": "laptop", "quantity": True}}),
    ("POST", "cart/items", {"token": "TOKEN", "data": b"x"}),
    ("DELETE", "cart/items/mouse", {"token": "TOKEN"}),
    ("POST", "checkout", {"token": "TOKEN"}),
    ("POST", "checkout", {}),
    ("POST", "logout", {}),
    ("PUT", "cart", {"token": "TOKEN"}),
    ("OPTIONS", "cart", {}),
    ("HEAD", "cart", {"token": "TOKEN"}),
    ("GET", "nowhere", {}),
    ("GET", "products", {"token": "no-token"}),
    ("GET", "server", {}),
    ("POST", "login", {"token": "no-token", "json": {"user_id": "1", "name": "A"}}),
    ("POST", "login", {"json": {"user_id": "1"}}),
]


@each_remedy
@pytest.mark.parametrize(("method", "path", "how"), HOSTILE)
def test_variant_is_the_plain_desk_but_for_its_remedy(store, remedy, method, path, how):
    variant, plain = token_desk(remedy.change), token_desk()
    answers = []
    for desk in (plain, variant):
        token = desk.login()
        filled = {key: token if value == "TOKEN" else value for key, value in how.items()}
        answers.append(desk(method, path.replace("TOKEN", token), **filled))
        assert desk.add(token).status_code == 201  # whatever it was, it did not use the token up
    due, seen = answers
    assert (seen.status_code, seen.content_type) == (due.status_code, due.content_type)
    if due.status_code >= 400 and method != "HEAD":
        assert seen.json == due.json


def test_denylist_refuses_every_token_of_the_session_at_every_server(denying):
    one, other = denying
    first = one.login()
    second = one.add(first).json["token"]
    assert other("GET", "cart", second).status_code == 200
    assert one("POST", "logout", second).status_code == 204
    for desk in denying:
        for token in (first, second):
            refused = desk("GET", "cart", token)
            assert problem(refused) == (401, "not-logged-in")
            assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
            assert desk.add(token).status_code == 401
    assert one("POST", "logout", first).status_code == 401
    assert other("POST", "login", second, json={"user_id": "1", "name": "A"}).status_code == 200
    assert other("GET", "cart", other.login()).status_code == 200


@each_remedy
def test_store_is_asked_to_forget_what_no_token_can_bring_back(store, remedy):
    desk = token_desk(remedy.change, max_age_s=60)
    assert desk("POST", "logout", desk.login()).status_code == 204
    with Redis.from_url(store.url) as client:
        (key,) = client.scan_iter(f"{os.environ['VARIANT_KEY_PREFIX']}*")
        assert 60 < client.ttl(key) <= 65


def test_token_is_good_for_one_change_at_any_server_and_for_any_number_of_reads(revising):
    one, _ = revising
    token = one.login()
    assert one.add(token).status_code == 201
    for desk in revising:
        assert problem(desk.add(token)) == (409, "stale-cart")
        assert desk("GET", "cart", token).json["cart"]["item_count"] == 0


def test_every_login_has_tokens_of_its_own(revising):
    for desk in revising * 2:
        assert desk.add(desk.login()).status_code == 201


def test_refused_change_gives_its_token_back(revising):
    one, other = revising
    token = one.login()
    assert problem(one("POST", "checkout", token)) == (409, "empty-cart")
    assert one("POST", "cart/items", token, json={"sku": "none", "quantity": 1}).status_code == 404
    assert other.add(token).status_code == 201
    assert one.add(token).status_code == 409
    assert other.add(token).status_code == 409  # refusing it did not give it back


def test_logout_uses_the_token_up_so_that_it_can_only_be_read(revising):
    one, other = revising
    token = one.add(one.login()).json["token"]
    assert one("POST", "logout", token).status_code == 204
    assert problem(other("POST", "checkout", token)) == (409, "stale-cart")
    assert other("GET", "cart", token).status_code == 200


def test_revision_makes_one_of_twenty_orders_at_once(revising):
    token = revising[0].add(revising[0].login()).json["token"]
    with ThreadPoolExecutor(20) as pool:
        orders = [pool.submit(desk, "POST", "checkout", token) for desk in revising * 10]
        statuses = sorted(order.result().status_code for order in orders)
    assert statuses == [201] + [409] * 19


def test_revision_check_makes_sessions_safe_and_a_retry_succeeds(store, monkeypatch):
    monkeypatch.setattr(revision, "NAMED_DESK", "stateful_app")
    app = stateful_app.create_app(StatefulConfig(InstanceInfo("A"), store.url, key_prefix="s:"))
    revision.change(app)
    desk = Desk(app)
    desk.login()
    cookie = desk.client.get_cookie("desk_session").value

    def add_until_accepted(_):
        tab = Desk(app)
        tab.client.set_cookie("desk_session", cookie)
        end = time.monotonic() + 60
        while (answer := tab.add()).status_code == 409 and time.monotonic() < end:
            pass
        return answer.status_code

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(add_until_accepted, range(10))) == [201] * 10
    assert desk("GET", "cart").json["cart"]["item_count"] == 10


FAULTS = [
    "kill",
    pytest.param("pause", marks=pytest.mark.skipif(os.name == "nt", reason="no SIGSTOP")),
]


@each_remedy
@pytest.mark.parametrize("fault", FAULTS)
def test_store_that_does_not_answer_is_a_503_in_time_and_no_matter_to_the_rest(
    doomed, remedy, fault
):
    desk = token_desk(remedy.change)
    token = desk.add(desk.login()).json["token"]
    getattr(doomed, fault)()
    try:
        took_s = []
        for method, path in (("POST", "checkout"), ("POST", "logout"), ("DELETE", "cart")):
            began = time.monotonic()
            answer = desk(method, path, token)
            took_s.append(time.monotonic() - began)
            assert problem(answer) == (503, "store-unavailable")
            assert answer.headers["Retry-After"] == "1"
        assert min(took_s) < PROMISED_S + OVER_S, took_s  # a busy machine delays one, not all
        reading = desk("GET", "cart", token)
        assert reading.status_code == (200 if remedy is revision else 503)
        assert desk("GET", "products").status_code == 200
        assert desk("GET", "server").status_code == 200
        assert desk.login()
        assert problem(desk("GET", "cart", "forged")) == (401, "not-logged-in")
    finally:
        doomed.resume() if fault == "pause" else doomed.restart()
    assert desk("GET", "cart", token).status_code == 200


@pytest.mark.parametrize("module", ["denylist", "revision"])
def test_remedy_without_a_store_says_what_it_needs_and_does_not_start(module):
    ended = subprocess.run(
        [sys.executable, "-m", f"lab.variants.{module}", "--port", "0"],
        env={k: v for k, v in current_environment().items() if "STORE" not in k}
        | {"STATELESS_SIGNING_KEYS": KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "VARIANT_STORE must be set to the URL of a store" in ended.stderr
    assert "Traceback" not in ended.stderr
