"""Verdicts of these experiments from made-up measurements: holds, fails, unknown."""

import base64
import re
import zlib
from typing import ClassVar

import pytest

from lab.evidence.result import Verdict
from lab.experiments import (
    caching,
    find,
    key_rotation,
    readable,
    replay_one,
    size,
    stale_price,
    url_token,
)
from lab.report.wording import observed
from lab.shop import catalogue, http
from lab.stack.nginx_conf import NginxConfig, PoolConfig, render
from lab.stack.pool_spec import PoolSpec

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
AFFECTED, NOT_AFFECTED = Verdict.AFFECTED, Verdict.NOT_AFFECTED
MODULES = (replay_one, caching, stale_price, size, readable, key_rotation, url_token)

GOOD = {  # what each measures where its claim holds
    replay_one: {
        "restarts_confirmed": 1,
        "requests_to_explain": 8,
        "stories_with_another_end": 0,
        "reproduced_alone": 8,
        "earlier_requests_needed": [0, 0],
    },
    caching: {
        "a_cache_was_there": True,
        "products_asked": 60,
        "products_from_cache": 59,
        "carts_asked": 24,
        "carts_answered": 24,
        "witnesses_disagree": 0,
        "wrong_carts_by_header": 0,
        "wrong_carts_by_url": 0,
    },
    stale_price: {
        "restarts_confirmed": 1,
        "carts_at_the_old_price": 5,
        "carts_looked_at": 5,
        "carts_at_neither_price": 0,
        "order_total_cents": 129_900,
        "seconds_until_all_had_looked": 0.5,
        "seconds_until_honoured": 2.1,
    },
    size: {
        "full_cart_status": 200,
        "lines": 300,
        "lines_shown": 300,
        "bytes_empty": 300,
        "bytes_full": 2000,
    },
    readable: {
        "facts_tried": 4,
        "facts_read": 4,
        "original_status": 200,
        "changes_tried": 100,
        "tampered_refused": 100,
        "changes_accepted": 0,
        "rewritten_tried": 4,
        "rewritten_refused": 4,
        "rewritten_accepted": 0,
        "rewritten_accepted_when_signed": 4,
        "forged_without_key_status": 401,
        "forged_with_key_status": 200,
    },
    key_rotation: {
        "kill_confirmed": True,
        "restarts_confirmed": 5,
        **{f"tried_{step}": 27 for step in key_rotation.STEPS},
        **{f"refused_{step}": 0 for step in key_rotation.STEPS},
        "refused_odd": 12,
        "refused_hasty": 6,
        "refused_without_cause": 0,
    },
    url_token: {
        "requests_with_url": 10,
        "requests_with_header": 10,
        "requests_refused": 0,
        "has_log": True,
        "lines_of_log": 26,
        "url_in_log": 10,
        "url_in_referer": 1,
        "url_in_history": 10,
        "header_in_log": 0,
        "header_in_history": 0,
    },
}
NOT_FOUND = {"url_in_log": 0, "url_in_referer": 0}  # in the history it always is
NEW_PRICE = {"carts_at_the_old_price": 0, "order_total_cents": 99_900}
NOTHING_SAID = {  # by a session id
    "facts_read": 0,
    "rewritten_tried": 0,
    "rewritten_refused": 0,
    "rewritten_accepted_when_signed": 0,
    "forged_with_key_status": 401,
}


def name_of(module):
    return module.__name__.rpartition(".")[2]


@pytest.mark.parametrize(
    ("module", "changed", "verdict", "number"),
    [
        (replay_one, {}, HOLDS, "8 of 8 reproduced alone; 0 earlier requests needed"),
        (replay_one, {"reproduced_alone": 7}, FAILS, "7 of 8"),
        (replay_one, {"reproduced_alone": 0, "requests_to_explain": 0}, UNKNOWN, "no request"),
        (replay_one, {"restarts_confirmed": 0}, UNKNOWN, "no fresh server"),
        (replay_one, {"stories_with_another_end": 2}, UNKNOWN, "2 stories did not end"),
        (caching, {}, HOLDS, "0 of 24 carts to the wrong person"),
        (caching, {"wrong_carts_by_header": 1}, FAILS, "1 of 24"),
        (caching, {"wrong_carts_by_url": 2}, FAILS, "2 of 24"),
        (caching, {"products_from_cache": 0}, FAILS, "0 of 60 product"),
        (caching, {"carts_answered": 0}, UNKNOWN, "no carts"),
        (caching, {"carts_answered": 23}, UNKNOWN, "1 of 24 looks showed no cart"),
        (caching, {"witnesses_disagree": 1}, UNKNOWN, "disagree about 1 requests"),
        (caching, {"a_cache_was_there": False}, UNKNOWN, "no cache"),
        (caching, {"products_asked": 0}, UNKNOWN, "no products"),
        (stale_price, {}, AFFECTED, "5 of 5 carts at the old price; 2.1 s until the new"),
        (stale_price, {"seconds_until_honoured": None}, AFFECTED, "8 s at least"),
        (stale_price, NEW_PRICE, NOT_AFFECTED, "0 of 5"),
        (stale_price, NEW_PRICE | {"carts_looked_at": 0}, UNKNOWN, "nothing"),
        (stale_price, {"order_total_cents": 99_900}, UNKNOWN, "5 of 5 carts at the old price, but"),
        (stale_price, {"order_total_cents": None}, UNKNOWN, "the order was None cents"),
        (stale_price, NEW_PRICE | {"order_total_cents": 1}, UNKNOWN, "the order was 1 cents"),
        (stale_price, NEW_PRICE | {"carts_at_neither_price": 1}, UNKNOWN, "neither"),
        (stale_price, {"restarts_confirmed": 0}, UNKNOWN, "no server"),
        (
            stale_price,
            NEW_PRICE | {"seconds_until_all_had_looked": 3.5},
            UNKNOWN,
            "3.5 s late",
        ),
        (size, {}, AFFECTED, "2,000 bytes with 300 lines"),
        (size, {"bytes_full": 302}, NOT_AFFECTED, "302 bytes with"),
        (size, {"bytes_full": 599}, NOT_AFFECTED, "599 bytes with"),
        (size, {"full_cart_status": None}, UNKNOWN, "no request"),
        (size, {"full_cart_status": 401}, UNKNOWN, "no request"),
        (size, {"lines": 0}, UNKNOWN, "no request"),
        (size, {"lines_shown": 299}, UNKNOWN, "the cart has 299 lines, not the 300"),
        (readable, {}, AFFECTED, "4 of 4 facts read without a key"),
        (readable, {"facts_read": 1}, AFFECTED, "1 of 4"),
        (readable, NOTHING_SAID, NOT_AFFECTED, "0 of 4"),
        (readable, {"rewritten_refused": 3, "rewritten_accepted": 1}, AFFECTED, "1 of 105 changed"),
        (readable, {"tampered_refused": 99, "changes_accepted": 1}, AFFECTED, "not even signed"),
        (readable, {"forged_without_key_status": 200}, AFFECTED, "not even signed"),
        (readable, {"tampered_refused": 99}, UNKNOWN, "1 changes were neither accepted nor"),
        (readable, {"forged_without_key_status": 503}, UNKNOWN, "neither accepted nor refused"),
        (readable, {"rewritten_accepted_when_signed": 3}, UNKNOWN, "refused even when signed"),
        (readable, {"rewritten_tried": 0, "rewritten_refused": 0}, UNKNOWN, "no control"),
        (readable, {"forged_with_key_status": 401}, UNKNOWN, "right key is refused"),
        (readable, {"original_status": 401}, UNKNOWN, "no control"),
        (readable, {"changes_tried": 0, "tampered_refused": 0}, UNKNOWN, "no control"),
        (key_rotation, {}, AFFECTED, "12 of 27 refused with an odd key"),
        (key_rotation, {"refused_odd": 0}, NOT_AFFECTED, "0 of 27"),
        (key_rotation, {"refused_careful": 1}, UNKNOWN, "1 refused while all servers knew"),
        (key_rotation, {"refused_agreed": 2}, UNKNOWN, "2 refused while"),
        (key_rotation, {"refused_without_cause": 1}, UNKNOWN, "had the same key"),
        (key_rotation, {"tried_odd": 0, "refused_odd": 0}, UNKNOWN, "no request was tried"),
        (key_rotation, {"restarts_confirmed": 3}, UNKNOWN, "not confirmed"),
        (key_rotation, {"kill_confirmed": False}, UNKNOWN, "not confirmed"),
        (url_token, {}, AFFECTED, "10 of 10 tokens of a URL in the log; 1 of 1 in the Referer"),
        (url_token, NOT_FOUND, NOT_AFFECTED, "0 of 10 tokens of a URL in the log"),
        (url_token, {"header_in_log": 1}, UNKNOWN, "1 of 10 tokens of a header"),
        (url_token, {"requests_refused": 1}, UNKNOWN, "refused"),
        (url_token, {"accepted_for_another_user": 1}, UNKNOWN, "another customer's userId"),
        (url_token, {"accepted_for_another_user": 0}, AFFECTED, "10 of 10 tokens of a URL"),
        (url_token, {"lines_of_log": 5}, UNKNOWN, "does not have every request"),
        (url_token, {"has_log": False, "lines_of_log": 0}, UNKNOWN, "nginx keeps no log here"),
        (url_token, {"requests_with_url": 0}, UNKNOWN, "not a secret"),
    ],
    ids=lambda value: name_of(value) if value in MODULES else None,
)
def test_variant_is_observed_from_its_measurements(module, changed, verdict, number):
    seen = module.observe(GOOD[module] | changed)
    assert seen.verdict is verdict
    assert number in observed(seen)


BY_HEADER, BY_URL = {"wrong_carts_by_header": 1}, {"wrong_carts_by_url": 1}
NO_OLD_PRICE = {"carts_at_the_old_price": 0}
CASES = [
    (replay_one, {"memory": {"reproduced_alone": 0}, "token": {}}, 1),
    (replay_one, {"memory": {}, "token": {}}, 0),
    (replay_one, {"memory": {}, "token": {"reproduced_alone": 7}}, 2),
    (replay_one, {"memory": {"reproduced_alone": 1}, "token": {"reproduced_alone": 7}}, 3),
    (caching, {"memory-naive": BY_URL, "token-naive": BY_HEADER}, 3),
    (caching, {"memory-naive": {}, "token-naive": BY_HEADER}, 2),
    (caching, {"memory-naive": BY_HEADER, "token-naive": {}}, 1),
    (caching, {"memory-naive": {}, "token-naive": {}}, 0),
    (stale_price, {"token": NO_OLD_PRICE, "price-in-token": {}}, 1),
    (stale_price, {"token": NO_OLD_PRICE, "price-in-token": NO_OLD_PRICE}, 0),
    (stale_price, {"token": {}, "price-in-token": {}}, 2),
    (size, {"token": {}}, 1),
    (size, {"token": {"bytes_full": 301}}, 0),
    (size, {"token": {"bytes_full": 20_000}}, 2),
    (readable, {"token": {}}, 1),
    (readable, {"token": {"facts_read": 0}}, 0),
    (readable, {"token": {"changes_accepted": 1}}, 2),
    (key_rotation, {"token": {}}, 2),
    (key_rotation, {"token": {"refused_odd": 0}}, 0),
    (key_rotation, {"token": {"refused_odd": 9}}, 1),
    (key_rotation, {"token": {"refused_odd": 20}}, 3),
    (url_token, {"token": {}}, 1),
    (url_token, {"token": {"url_in_log": 0}}, 0),
    (url_token, {"token": {"header_in_log": 3}}, 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "variants", "choice"),
    CASES,
    ids=[f"{name_of(module)}-{choice}" for module, _, choice in CASES],
)
def test_question_is_answered_by_what_was_measured(module, variants, choice):
    done = {name: GOOD[module] | changed for name, changed in variants.items()}
    assert module.QUESTION.observed(done) == choice


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_question_is_well_put_and_stays_open_without_its_variants(module):
    question = module.QUESTION
    assert 2 <= len(question.choices) <= 4
    assert question.text.endswith("?")
    assert question.explanation
    assert question.observed({}) is None
    names = [variant.name for variant in module.VARIANTS]
    assert question.observed({name: {} for name in names}) is None


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_script_asks_which_app_it_talks_to(module):
    source = find(name_of(module).replace("_", "-")).path.read_text(encoding="utf-8")
    script = source.partition("def script(")[2].partition("\ndef observe(")[0]
    assert not re.search(r"stateful|stateless|\.variant|\.app\b|_setting", script)


# --- readable: by hand, without a key


@pytest.mark.parametrize(
    ("credential", "text"),
    [
        ("Bearer eyJhIjoxfQ.abc.def", '{"a":1}'),
        ("Bearer .eJyrVkpUsjKsBQAKKwJe.abc.def", None),
        ("desk_session=ODNf_fN4uRZrFvQ6YNVR", ""),
        ("", ""),
        ("Bearer", ""),
        ("Bearer ...", ""),
        ("Bearer .!!!.a.b", ""),
    ],
)
def test_token_can_be_read_without_a_key(credential, text):
    if text is None:
        payload = base64.urlsafe_b64encode(zlib.compress(b'{"a":2}')).decode().rstrip("=")
        credential, text = f"Bearer .{payload}.abc.def", '{"a":2}'
    assert readable.decoded(credential) == text


@pytest.mark.parametrize(
    "credential", ["Bearer abcDEF-_9.tt.ss", "Bearer .abcDEF-_9.tt.ss", "desk_session=abcDEF-_9"]
)
def test_each_change_touches_one_character_of_the_payload(credential):
    changed = readable._changed(credential, 100)
    assert len(set(changed)) == len("abcDEF-_9")
    for each in changed:
        places = [n for n, (a, b) in enumerate(zip(each, credential, strict=True)) if a != b]
        assert len(places) == 1
        assert credential[places[0]] in "abcDEF-_9"
    assert len(readable._changed(credential, 3)) == 3
    assert readable._changed("", 3) == []


class Signer:
    """Signs as the desk does, with the key of `readable.signer`."""

    payload: ClassVar = {"v": 2, "session": {"user_id": "123", "name": "J", "lines": {"pen": 1}}}

    def __init__(self, long):
        fill = {"shipping_address": "7 Acacia Avenue " * 20} if long else {}
        self.signer = readable.signer("k" * 32)
        self.token = self.signer.dumps(
            {**self.payload, "session": {**self.payload["session"], **fill}}
        )


@pytest.mark.parametrize("long", [False, True], ids=["plain", "zipped"])
def test_rewritten_token_says_something_else_and_only_its_signature_is_wrong(long):
    made = Signer(long)
    assert made.token.startswith(".") is long
    credential = f"Bearer {made.token}"
    rewritten = readable.rewritings(credential)
    assert len(rewritten) == 3 + long
    for each in rewritten:
        changed = readable._with_payload(credential, each).removeprefix("Bearer ")
        assert changed.split(".")[-2:] == made.token.split(".")[-2:]  # its time and signature
        signed, said = made.signer.loads_unsafe(changed)
        assert (signed, said) == (False, each)
        assert said != made.signer.loads(made.token)


@pytest.mark.parametrize("credential", ["desk_session=ODNf_fN4uRZrFvQ6YNVR", "", "Bearer e30.a.b"])
def test_credential_that_says_nothing_cannot_be_rewritten(credential):
    assert readable.rewritings(credential) == []


# --- url_token: what a browser sends


@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("http://127.0.0.1:80/x", "http://127.0.0.1:80/cart?token=abc"),
        ("http://127.0.0.1:81/x", "http://127.0.0.1:80/"),
        ("https://127.0.0.1:80/x", "http://127.0.0.1:80/"),
        ("http://elsewhere.example/", "http://127.0.0.1:80/"),
    ],
)
def test_referer_is_whole_on_the_same_origin_only(link, sent):
    assert url_token.referer("http://127.0.0.1:80/cart?token=abc", link) == sent


# --- size: the edge is searched for


@pytest.mark.parametrize("edge", [1_000, 1_001, 8_175, 16_383])
def test_edge_is_found_to_the_byte(edge):
    asked = []

    def ask(size):
        asked.append(size)
        return 200 if size <= edge else 400

    assert size._edge(ask, 1_000, 16_384) == (edge, edge + 1, 400)
    assert len(asked) < 20


def test_crossing_without_an_edge_is_none():
    assert size._edge(lambda size: 200, 1, 9) == (None, None, None)
    assert size._edge(lambda size: 431, 1, 9) == (None, None, None)


# --- prices from the environment


def test_prices_change_by_the_environment(monkeypatch):
    monkeypatch.setattr(http, "PRODUCTS", dict(catalogue.PRODUCTS))
    http.set_prices({"SHOP_PRICES": "laptop=99900, mouse=100"})
    assert http.PRODUCTS["laptop"].unit_price_cents == 99_900
    assert http.PRODUCTS["mouse"].unit_price_cents == 100
    assert http.PRODUCTS["laptop"].name == "Laptop"
    assert list(http.PRODUCTS) == list(catalogue.PRODUCTS)
    assert catalogue.PRODUCTS["laptop"].unit_price_cents == 129_900


def test_prices_stay_without_the_variable(monkeypatch):
    monkeypatch.setattr(http, "PRODUCTS", None)
    http.set_prices({})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write sku=cents"),
        (",", "write sku=cents"),
        ("laptop", "write sku=cents"),
        ("laptop=", "write sku=cents"),
        ("laptop=0", "write sku=cents"),
        ("laptop=-1", "write sku=cents"),
        ("laptop=1.5", "write sku=cents"),
        ("laptop=1e3", "write sku=cents"),
        ("laptop=１", "write sku=cents"),
        ("laptop=1234567890", "write sku=cents"),
        ("laptop=1,", "write sku=cents"),
        ("laptop=1;mouse=2", "write sku=cents"),
        ("no-such=1", "use a sku of GET"),
        ("laptop=1,laptop=1", "two prices"),
    ],
)
def test_prices_that_cannot_be_are_refused_in_words(text, words):
    with pytest.raises(http.ConfigError, match=words) as caught:
        http.set_prices({"SHOP_PRICES": text})
    assert str(caught.value).startswith("SHOP_PRICES ")


# --- http_directives win over the lab's defaults


def _config(*http_directives):
    spec = PoolSpec("one", "stateless_app", http_directives=http_directives)
    pool = PoolConfig(spec, "none", "off", {"A": "127.0.0.1:1"})
    return render(NginxConfig(1, (pool,), 2, "tag", "v", (1, 31, 3)))


def test_pools_http_directive_replaces_the_labs_default():
    text = _config("large_client_header_buffers 4 8k")
    assert text.count("large_client_header_buffers") == 1
    assert "large_client_header_buffers 4 8k;" in text
    assert "proxy_buffer_size 32k;" in text


def test_access_log_of_a_pool_comes_beside_the_labs_own():
    text = _config("access_log logs/combined.log combined")
    assert "access_log logs/combined.log combined;" in text
    assert "access_log syslog:" in text
