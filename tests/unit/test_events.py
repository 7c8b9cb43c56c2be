"""Events say what was seen, and nothing that could be used or could do harm where it is shown."""

import json
from dataclasses import replace

import msgspec
import pytest
from msgspec.structs import replace as replace_fields
from report_documents import HOSTILE, exchange, hostile, typed

from lab.console.event_making import (
    from_exchange,
    from_fault,
    from_log,
    request_of,
    setting_changed,
)
from lab.console.events import RunEvent, StackEvent, StageEvent
from lab.console.score import Score
from lab.console.stack_state import StackState
from lab.core.faults import FaultEvent, FaultEvidence, FaultKind
from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.keeping import kept_exchange
from lab.stack.access_log import AccessEntry

TOKEN = "eyJhbGciOiJIUzI1NiJ9abcdefghijklmnop.aB3dEf.0123456789abcdefghijklmnopqrstuvwxyz-_A"
SESSION = "Yq3vX0c1d2e3f4g5h6i7j8k9l0m1n2o3p4q5r6s7t8u"
SECRETS = (TOKEN, SESSION)
ENTRY = AccessEntry(
    *("c1-stateful-7", "POST", "/stateful/api/cart/items", 201, "127.0.0.1:20001", "201"),
    *("A", "inst1", "req1", 0.0031, 512, 256, 1795503304.636, 2),
)
SERVERS = {20001: "A", 20002: "B"}


def shown(event):
    """The event as the page gets it."""
    return msgspec.to_builtins(event)


def logged(**changes):
    return shown(from_log(replace(ENTRY, **changes), "stateful", SERVERS, "c1"))


def sent(method="GET", path="/api/cart", status=200, answer=None, **changes):
    """What a shopper's exchange looks like in full, credentials and all."""
    fields = {
        "op": "c1-stateful-1",
        "customer": "John",
        "method": method,
        "path": path,
        "target": None,
        "at_s": 0.5,
        "elapsed_ms": 2.5,
        "status": status,
        "outcome": outcome_of(method, status),
        "request_headers": {"X-Op": "c1-stateful-1"},
        "request_body": b"",
        "response_headers": {"X-Served-By": "A", "X-Instance": "inst1"},
        "response_body": json.dumps(answer).encode() if answer is not None else b"",
    }
    return Exchange(**fields | changes)


# --- requests, from nginx's log


def test_request_is_reported_as_nginx_logged_it():
    assert logged() == {
        "kind": "request",
        "desk": "stateful",
        "op": "c1-stateful-7",
        "request_id": "req1",
        "method": "POST",
        "path": "/api/cart/items",
        "asked": "",
        "status": 201,
        "served_by": "A",
        "instance": "inst1",
        "tried": [{"server": "A", "status": "201"}],
        "ms": 3.1,
        "bytes_in": 256,
        "bytes_out": 512,
        "store_operations": 2,
        "who": "c1",
        "mark": ["plain", "", ""],
    }


@pytest.mark.parametrize(
    ("path", "within", "asked"),
    [
        ("/stateful/@B/api/cart", "/api/cart", "B"),
        ("/stateful/api/cart", "/api/cart", ""),
        ("/stateful/", "/", ""),
        ("/stateful", "/", ""),
        ("/stateful/@B", "/@B", ""),
        ("/stateful/@B/", "/", "B"),
        ("", "/", ""),
        ("/stateful//@B/x", "//@B/x", ""),
    ],
)
def test_prefix_and_server_are_cut_off_the_path(path, within, asked):
    event = logged(path=path)
    assert (event["path"], event["asked"]) == (within, asked)


@pytest.mark.parametrize(
    ("addresses", "statuses", "tried"),
    [
        ("", "", []),
        ("-", "-", []),
        ("127.0.0.1:20001, 127.0.0.1:20002", "502, 200", [("A", "502"), ("B", "200")]),
        ("127.0.0.1:20001 : 127.0.0.1:20002", "502 : 200", [("A", "502"), ("B", "200")]),
        ("127.0.0.1:20009", "200", [("", "200")]),
        ("127.0.0.1:20001", "-", [("A", "")]),
        ("127.0.0.1:20001, 127.0.0.1:20002", "502", [("A", "502"), ("B", "")]),
        ("stateful", "502", [("", "502")]),
        ("unix:/tmp/x", "200", [("", "200")]),
        ("127.0.0.1:" + "9" * 5000, "9" * 5000, [("", "")]),
        ("127.0.0.1:\u0663", "\u0663", [("", "")]),
    ],
)
def test_whom_nginx_asked_in_order(addresses, statuses, tried):
    event = logged(upstream_addr=addresses, upstream_status=statuses)
    assert [(each["server"], each["status"]) for each in event["tried"]] == tried


def test_answer_from_nginxs_cache_is_no_servers_and_cost_no_store_anything():
    event = logged(upstream_addr="", upstream_status="")
    published = {
        name: event[name] for name in ("tried", "served_by", "instance", "store_operations")
    }
    assert published == {"tried": [], "served_by": "", "instance": "", "store_operations": None}


@pytest.mark.parametrize(("status", "published"), [(499, 0), (0, 0), (502, 502), (200, 200)])
def test_client_that_hung_up_was_not_answered(status, published):
    assert logged(status=status)["status"] == published


def test_server_without_a_store_has_no_store_operations():
    assert logged(store_operations=None)["store_operations"] is None
    assert logged(store_operations=0)["store_operations"] == 0


@pytest.mark.parametrize("text", [HOSTILE, "a/" * 40_000, "\ud800", "\u202e" * 500, f"/{TOKEN}"])
def test_foreign_text_of_the_log_is_bounded_and_hides_nothing(text):
    fields = ("op", "method", "served_by", "instance", "request_id", "upstream_addr")
    event = logged(path=f"/stateful/{text}", **dict.fromkeys(fields, text))
    json.dumps(event).encode("ascii")
    assert len(json.dumps(event, ensure_ascii=False)) < 1500
    shown = "".join(value for value in event.values() if isinstance(value, str))
    assert not set(shown) & set("\x00\n\r\x1b\u202e\u2066\ufeff\ud800")
    assert TOKEN not in shown


@pytest.mark.parametrize(
    "path",
    [
        f"/stateful/api/cart/token={TOKEN}",
        f"/stateful/api/desk_session={SESSION}",
        f"/stateful/{TOKEN}",
        f"/stateful/@{TOKEN}/x",
        f"/stateful/{'x' * 280}/token={SESSION}",
    ],
)
def test_credential_in_a_foreign_path_is_never_reported_in_full(path):
    assert not any(secret in json.dumps(logged(path=path)) for secret in SECRETS)


LEFT = "token=.SIklj…&userId=123"


@pytest.mark.parametrize(
    "publish", [lambda query: logged(query=query), lambda query: carried(query)]
)
@pytest.mark.parametrize(
    ("query", "published"),
    [
        (LEFT, LEFT),
        ("token=.SIklj…(268 chars, sha256 1f2e3d4c)&userId=123", LEFT),
        (f"token={TOKEN}&userId=123", None),  # whole: it would be shortened before
        (f"token=.SIklj…{TOKEN}&userId=123", None),
        (f"token=.SIklj…&userId={SESSION}", None),
        (f"{LEFT}&session={SESSION}", None),
        (f"session={SESSION}&{LEFT}", None),
        ("token=.SIklj…&userId=<b>", None),
        ("token=…&userId=1", None),
        ("q=pen", None),
        ("", None),
    ],
)
def test_query_is_published_in_the_form_of_the_article_and_no_credential_with_it(
    publish, query, published
):
    event = publish(query)
    assert event.get("query") == published
    assert not any(secret in json.dumps(event) for secret in SECRETS)


def carried(query):
    return shown(request_of(typed(exchange(path=f"/api/cart?{query}")), "stateless", "c1"))


# --- requests, from an exchange


def test_recorded_exchange_is_reported_as_a_request():
    recorded = exchange("x-1", method="POST", path="/api/cart?token=a…(9 chars, sha256 00000000)")
    recorded["response"]["headers"]["x-STORE-operations"] = "3"
    assert shown(request_of(typed(recorded), "stateful", "c2")) == {
        "kind": "request",
        "desk": "stateful",
        "op": "x-1",
        "request_id": "",
        "method": "POST",
        "path": "/api/cart",
        "asked": "",
        "status": 200,
        "served_by": "A",
        "instance": "11f72a0ef76017e2",
        "tried": [{"server": "A", "status": "200"}],
        "ms": 2.5,
        "bytes_in": 237,
        "bytes_out": 495,
        "store_operations": 3,
        "who": "c2",
        "mark": ["plain", "", ""],
    }


@pytest.mark.parametrize(
    ("changes", "status", "tried"),
    [
        ({"status": None, "served_by": None}, 0, []),
        ({"status": 502, "served_by": None}, 502, [("", "502")]),
        ({"status": 504, "served_by": None, "target": "B"}, 504, [("B", "504")]),
        ({"status": 404, "served_by": None}, 404, []),  # of nginx itself
    ],
)
def test_event_names_the_servers_that_the_balancer_is_known_to_have_asked(changes, status, tried):
    event = shown(request_of(typed(exchange(**changes)), "stateful", ""))
    assert event["status"] == status
    assert [(each["server"], each["status"]) for each in event["tried"]] == tried


def test_recorded_answer_from_the_cache_was_asked_of_no_server():
    recorded = exchange(response={"headers": {"X-Cache": "HIT", "X-Served-By": "A"}, "body": None})
    event = shown(request_of(typed(recorded), "stateful", ""))
    assert (event["tried"], event["served_by"], event["instance"]) == ([], "", "")


@pytest.mark.parametrize("published", ["many", "-1", "9" * 5000, "\u0663", ""])
def test_store_operations_that_are_no_count_are_none(published):
    response = {"headers": {"X-Store-Operations": published}, "body": None}
    assert request_of(typed(exchange(response=response)), "stateful", "").store_operations is None


def test_exchange_has_its_look_and_a_command():
    event = shown(from_exchange(typed(exchange("x-1", fate="lost", status=401)), "stateful", "c1"))
    assert event["look"] == ["lost", "✕", "cart not shown"]
    assert event["curl"].startswith("curl ")
    assert (event["kind"], event["desk"], event["who"], event["op"]) == (
        *("exchange", "stateful"),
        *("c1", "x-1"),
    )
    assert {"at_s", "elapsed_ms", "fate", "request", "response", "customer"} <= event.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"path": f"/api/cart?token={TOKEN}&userId=123"},
        {"path": f"/api/cart/{TOKEN}"},
        {"path": f"/api/cart?{'x=1&' * 100}token={TOKEN}"},
        {"request_headers": {"Cookie": f"desk_affinity=1; desk_session={SESSION}"}},
        {"request_headers": {"authorization": f"Bearer {TOKEN}"}},
        {"request_headers": {"Referer": f"http://127.0.0.1/?token={TOKEN}"}},
        {"request_body": json.dumps({"token": SESSION}).encode()},
        {"request_body": f"token={TOKEN}".encode()},
        {"request_body": json.dumps({"note": [f"Bearer {TOKEN}"]}).encode()},
        {"response_headers": {"Set-Cookie": f"desk_session={SESSION}; HttpOnly; Path=/"}},
        {"response_headers": {"Location": f"/api/cart?token={TOKEN}"}},
        {"response_body": json.dumps({"token": TOKEN, "user": {"token": SESSION}}).encode()},
        {"response_body": f'{{"token": "{TOKEN}", '.encode()},
    ],
)
def test_no_event_has_a_credential_in_full(changes):
    document = kept_exchange(sent(**changes))
    for event in (
        from_exchange(document, "stateful", "c1"),
        request_of(document, "stateful", "c1"),
    ):
        assert not any(secret in json.dumps(shown(event)) for secret in SECRETS)
    assert "sha256" in json.dumps(msgspec.to_builtins(document))


def test_shortened_credential_is_not_shortened_again():
    document = kept_exchange(sent(path=f"/api/cart?token={TOKEN}&userId=123"))
    event = shown(from_exchange(document, "stateful", "c1"))
    assert event["path"] == document.path
    assert event["path"].count("sha256") == 1
    assert event["curl"].endswith("'/api/cart?token='\"$TOKEN\"'&userId=123'")


def test_hostile_record_becomes_events_that_are_json():
    for variant in hostile().experiments[0].variants:
        for each in variant.exchanges:
            event = shown(from_exchange(each, "stateful", "c1"))
            json.dumps(event).encode("ascii")
            assert len(event["path"]) <= 300
            assert max(len(event["customer"]), len(event["op"])) <= 60
            json.dumps(shown(request_of(each, "stateful", "c1"))).encode("ascii")


# --- what the lab did


STACK = StackState("", {})


def test_fault_is_shown_with_its_evidence_and_the_stack_after_it():
    seen = FaultEvidence(pid=7, signal="SIGKILL", instance="a1", seconds=0.01)
    event = from_fault("stateful", FaultEvent(FaultKind.KILL, "A", 1.0, True, seen), STACK)
    assert shown(event) == {
        "kind": "fault",
        "desk": "stateful",
        "fault": "kill",
        "target": "A",
        "confirmed": True,
        "evidence": {"pid": 7, "signal": "SIGKILL", "instance": "a1", "seconds": 0.01},
        "stack": {"origin": "", "desks": {}, "settings": {}, "store": None, "trouble": ""},
    }


def test_fault_of_the_store_is_at_no_desk():
    event = from_fault("stateful", FaultEvent(FaultKind.PAUSE, "store", 1.0, True), None)
    assert (event.desk, event.fault, event.target) == ("", "pause", "store")


@pytest.mark.parametrize(
    "value",
    ["redis://user:hunter2hunter2@127.0.0.1:6379/0", "rediss://:hunter2hunter2@127.0.0.1:6379/0"],
)
def test_stores_password_is_not_shown(value):
    for was, now in (("memory", value), (value, "memory")):
        text = json.dumps(shown(setting_changed("store", was, now, None)))
        assert "hunter2" not in text
        assert "127.0.0.1:6379" in text
    seen = FaultEvidence(signal=value)
    fault = FaultEvent(FaultKind.KILL, "store", 1.0, True, seen)
    assert "hunter2" not in json.dumps(shown(from_fault("", fault, None)))


def test_evidence_that_is_no_json_is_left_out_and_text_is_bounded():
    seen = FaultEvidence(seconds=float("nan"), signal=HOSTILE * 100, instance=TOKEN)
    fault = FaultEvent(FaultKind.KILL, HOSTILE, 1.0, None, seen)
    text = json.dumps(shown(from_fault(HOSTILE[:60], fault, None)), allow_nan=False)
    assert TOKEN not in text
    assert len(text) < 5000


# --- the score


class Published:
    """Events of one customer at the stateful desk, and the score that they add up to."""

    def __init__(self):
        self.score = Score()
        self.at = {}

    def __call__(self, event):
        self.at = msgspec.to_builtins(self.score.take(event))
        return self

    def fate(self, desk="stateful"):
        return tuple(self.at[desk][name] for name in ("kept", "lost", "open"))

    def add(self, who="c1", desk="stateful", **changes):
        body = {"cart": {"lines": []}}
        made = kept_exchange(sent("POST", "/api/cart/items", 201, body, **changes))
        return self(from_exchange(made, desk, who))

    def write(self, path, status=200, who="c1", body=None):
        made = kept_exchange(sent("POST", path, status, body))
        return self(from_exchange(made, "stateful", who))

    def read(self, fate, who="c1", desk="stateful", path="/api/cart"):
        made = replace_fields(kept_exchange(sent("GET", path)), fate=fate)
        return self(from_exchange(made, desk, who))

    def fault(self, desk="stateful"):
        target = "A" if desk else "store"
        return self(from_fault(desk, FaultEvent(FaultKind.KILL, target, 1.0, True), None))


@pytest.fixture
def published():
    return Published()


def test_acknowledged_cart_is_open_until_it_is_read(published):
    assert published.add().fate() == (0, 0, 1)
    assert published.read("kept").fate() == (1, 0, 0)
    assert published.add().fate() == (0, 0, 1)
    assert published.read("lost").fate() == (0, 1, 0)


@pytest.mark.parametrize("fate", ["lost", "wrong", "duplicated"])
def test_cart_other_than_the_acknowledged_one_is_lost(published, fate):
    assert published.add().read(fate).fate() == (0, 1, 0)


def test_read_that_shows_nothing_changes_nothing(published):
    assert published.read(None).fate() == (0, 0, 0)
    assert published.add().read("unknown").fate() == (0, 0, 1)
    assert published.read("kept").read("unknown").read(None).fate() == (1, 0, 0)


def test_customers_are_counted_not_reads(published):
    for who in ("c1", "c2", "c3"):
        published.add(who)
    for _ in range(3):
        published.read("kept", "c1")
    assert published.read("lost", "c2").fate() == (1, 1, 1)
    assert published.fate("stateless") == (0, 0, 0)


def test_fault_makes_only_a_new_read_count_at_that_desk(published):
    published.add().read("kept")
    published.add(desk="stateless").read("kept", desk="stateless")
    published.fault("stateful")
    assert (published.fate(), published.fate("stateless")) == ((0, 0, 1), (1, 0, 0))
    published.read("lost").fault("")  # of the store: both
    # What a read has found lost, no fault brings back; a new write may.
    assert (published.fate(), published.fate("stateless")) == ((0, 1, 0), (0, 0, 1))
    published.add()
    assert published.fate() == (0, 0, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502, None])
def test_write_that_was_not_acknowledged_promises_nothing(published, status):
    body = {"cart": {"lines": []}}
    assert published.write("/api/cart/items", status, body=body).fate() == (0, 0, 0)


def test_checkout_owes_an_empty_cart_and_logout_nothing(published):
    assert published.write("/api/checkout", 201, body={"order": {}}).fate() == (0, 0, 1)
    assert published.read("kept").write("/api/logout", 204).fate() == (0, 0, 0)


def test_request_outside_the_record_owes_nothing(published):
    made = kept_exchange(sent("POST", "/api/cart/items", 201, {"cart": {"lines": []}}))
    published(from_exchange(made, "stateful", "c1", aside=True))
    assert published.fate() == (0, 0, 0)


def test_customers_without_a_number_are_reported_apart_by_name(published):
    published.add("", customer="John").add("", customer="Alice").add("", customer="John")
    assert published.fate() == (0, 0, 2)


def test_requests_are_counted_from_the_log_alone(published):
    published.add()
    assert published.at["stateful"]["requests"] == 0
    for changes in ({}, {"status": 401}, {"status": 499}, {"store_operations": None}):
        published(from_log(replace(ENTRY, **changes), "stateful", SERVERS, "c1"))
    assert published.at["stateful"] == {
        "requests": 4,
        "kept": 0,
        "lost": 0,
        "open": 1,
        "errors": 2,
        "store_operations": 6,
        "bytes": 4 * 768,
    }


def test_totals_are_fresh_each_time(published):
    entry = from_log(ENTRY, "stateful", SERVERS, "c1")
    first = published(entry).at
    second = published(entry).at
    assert (first["stateful"]["requests"], second["stateful"]["requests"]) == (1, 2)
    second["stateful"]["requests"] = 99
    assert published.score.totals()["stateful"].requests == 2


@pytest.mark.parametrize(
    ("path", "status", "body", "shows"),
    [
        ("/api/cart", 200, {"user": {"name": "Ann"}, "cart": {}}, "Ann's cart"),
        ("/api/cart?token=x", 200, {"user": {"name": "Ann"}}, "Ann's cart"),
        ("/api/cart", 200, {"user": {"name": "John"}}, None),
        ("/api/cart", 401, {"user": {"name": "Ann"}}, None),
        ("/api/carts", 200, {"user": {"name": "Ann"}}, None),
        *(("/api/cart", 200, body, None) for body in ([], "x", None, {"user": 3}, {"user": {}})),
        ("/api/cart", 200, {"user": {"name": "\u202eA\n" + "x" * 99}}, "A"),
    ],
)
def test_cart_of_another_customer_is_named_and_marked_as_harm(path, status, body, shows):
    event = from_exchange(kept_exchange(sent("GET", path, status, body)), "stateful", "c1")
    if shows is None:
        assert event.shows is msgspec.UNSET and event.mark[0] != "lost"
    else:
        assert event.shows.endswith("'s cart") and event.shows.lstrip().isprintable()
        assert len(event.shows) < 80 and event.mark[0] == "lost"


@pytest.mark.parametrize("log_first", [True, False])
def test_refused_copy_is_no_error_whichever_event_comes_first(published, log_first):
    made = kept_exchange(sent("GET", "/api/cart", 401))
    copy = from_exchange(made, "stateful", "c1", aside=True)
    logged = request_of(made, "stateful", "c1")
    for event in (logged, copy) if log_first else (copy, logged):
        published(event)
    assert published.at["stateful"]["errors"] == 0
    # The customer's own refused request is one.
    own = replace_fields(made, op="another-1")
    published(request_of(own, "stateful", "c1"))(from_exchange(own, "stateful", "c1"))
    assert published.at["stateful"]["errors"] == 1


def test_new_stage_starts_the_score_anew(published):
    published.add()(from_log(ENTRY, "stateful", SERVERS, "c1"))(StageEvent())
    assert published.at == msgspec.to_builtins(Score().totals())


@pytest.mark.parametrize(
    "event",
    [
        StackEvent(STACK),
        RunEvent(state="running", experiment="crash", line="", run="x"),
        from_log(ENTRY, "elsewhere", SERVERS, ""),
        from_exchange(typed(exchange("x-1", fate="kept")), "", "c1"),
    ],
)
def test_request_of_no_desk_leaves_the_score(published, event):
    assert published(event).at == msgspec.to_builtins(Score().totals())
