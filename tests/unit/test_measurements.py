"""The numbers of a variant add up, and a log that disagrees with the client is noticed."""

import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from lab.core.faults import FaultEvent, FaultEvidence, FaultKind
from lab.evidence.cart_tracker import CartTracker, Fate
from lab.evidence.closing import ClosingLooks
from lab.evidence.compare import differs, meaning, side_by_side
from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.keeping import kept_exchange, kept_variant
from lab.evidence.measurements import disagreement, measure, operations
from lab.evidence.record import Record
from lab.evidence.result import Counts, Variant, VariantRun


class Owed(CartTracker):
    """A tracker of an acknowledged cart."""

    fate = None

    def __init__(self, fate):
        super().__init__()
        self.fate = fate
        self.owed = None if fate is None else {}


def exchange(op="x-1", method="GET", path="/api/cart", status=200, body=b"{}", **more):
    fields = {"customer": "123", "target": None, "fate": None, **more}
    return Exchange(
        op=op,
        method=method,
        path=path,
        at_s=0,
        elapsed_ms=0,
        status=status,
        outcome=outcome_of(method, status),
        request_headers={},
        request_body=b"",
        response_headers={},
        response_body=body,
        **fields,
    )


def fault(kind="kill", confirmed=True, target="A"):
    return FaultEvent(FaultKind(kind), target, 0.0, confirmed)


def kept(*events):
    """What is kept of a variant with these events."""
    run = VariantRun(Variant("x", "stateful"), record(*events))
    return kept_variant(run)


def record(*events):
    kept = Record("x")
    for event in events:
        kept.append(event)
    return kept


@given(st.lists(st.sampled_from([None, *Fate])))
def test_fates_add_up_to_the_acknowledged_carts(fates):
    closing = ClosingLooks(Counter(fate for fate in fates if fate is not None))
    measured = measure(record(), map(Owed, fates), closing)
    assert measured.carts_acknowledged == sum(fate is not None for fate in fates)
    assert measured.carts_acknowledged == sum(measured.carts(fate) for fate in Fate)
    for fate in Fate:
        assert measured.carts(fate) == fates.count(fate)


def test_cart_that_the_lab_did_not_look_at_is_unknown_whatever_the_last_look_showed():
    measured = measure(record(), map(Owed, [Fate.LOST, Fate.KEPT, None]))
    assert (measured.carts_acknowledged, measured.carts_unknown) == (2, 2)


def test_counts_are_found_among_what_a_script_measured():
    counts = measure(record(fault()), map(Owed, [Fate.LOST]))
    assert Counts.of(asdict(counts) | {"mine": object(), "\ud800": 1}) == counts
    assert Counts.of({}) == Counts()  # of an earlier version


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("carts_kept", value) for value in (-1, True, "1", 1.5, None, 10**15 + 1)),
        *(("carts_left", value) for value in ([], {"login": "x"}, None)),
        ("kill_confirmed", 1),
    ],
)
def test_value_that_is_no_count_is_refused(name, value):
    with pytest.raises(msgspec.ValidationError, match=name):
        Counts.of({name: value})


def test_first_detail_of_each_refusal_is_kept():
    def refused(path, status, detail, method="POST"):
        body = json.dumps({"title": "x", "detail": detail}).encode()
        return exchange(method=method, path=path, status=status, body=body)

    measured = measure(
        record(
            exchange(method="POST", path="/api/cart/items", status=201),
            refused("/api/cart/items", 422, "'quantity' must be a number"),
            refused("/api/cart/items", 422, "another"),
            refused("/api/cart", 401, "log in\nfirst", "GET"),
            refused("/api/products", 404, "no matter", "GET"),
            exchange(method="POST", path="/api/cart/items", status=400, body=b"[]"),
        ),
        [],
    )
    assert measured.refusal_details == {
        "add": {"422": "'quantity' must be a number"},
        "view_cart": {"401": "log in first"},
    }
    assert measured.changes_acknowledged == {"add": 1}
    assert measured.changes_refused == {"add": {"422": 2, "400": 1}}


def test_reads_and_requests_are_counted():
    events = [
        exchange(fate=Fate.KEPT),
        exchange(fate=Fate.LOST, status=401),
        exchange(fate=Fate.UNKNOWN, status=502),
        exchange(path="/api/products"),
        exchange(method="POST", status=None),
        fault(),
    ]
    measured = measure(record(*events), [])
    counted = ("requests", "requests_unanswered", "reads_of_carts", "reads_kept")
    assert [getattr(measured, name) for name in counted] == [5, 2, 3, 1]
    assert measured.bytes_sent == sum(e.bytes_sent for e in events[:-1]) > 0
    assert measured.bytes_received == sum(e.bytes_received for e in events[:-1]) > 0
    assert operations(record(*events)) == {"ok": 2, "failed": 2, "unknown": 1}


@pytest.mark.parametrize(
    ("faults", "confirmed"),
    [
        ([], None),
        ([fault("pause", None)], None),
        ([fault()], True),
        ([fault(), fault(confirmed=False)], False),
        ([fault(confirmed=None)], False),
    ],
)
def test_every_kill_must_be_confirmed(faults, confirmed):
    assert measure(record(*faults), []).kill_confirmed is confirmed


def test_restarts_count_only_if_confirmed():
    faults = [fault("restart"), fault("restart", False), fault("restart"), fault("kill")]
    assert measure(record(*faults), []).restarts_confirmed == 2


def test_fault_whose_effect_was_not_seen_is_counted_whatever_its_kind():
    faults = [fault("pause"), fault("pause", False), fault("resume", None), fault("add", False)]
    assert measure(record(*faults), []).faults_unconfirmed == 2


def test_log_that_has_every_answered_request_once_agrees():
    events = [exchange("a"), exchange("b", status=None), exchange("c")]
    assert disagreement(events, ["c", "a"]) is None
    assert disagreement(events, ["c", "a", "b"]) is None  # sent, though the answer got lost
    assert disagreement(events, ["c", "a", "of another variant", "of another variant"]) is None


@pytest.mark.parametrize(
    ("logged", "words"),
    [
        (["a"], "1 request missing, 0 logged more than once.*c"),
        ([], "2 requests missing, 0 logged"),
        (["a", "c", "c"], "0 requests missing, 1 logged more than once.*c"),
        (["a", "a"], "1 request missing, 1 logged more than once"),
    ],
)
def test_missing_or_repeated_request_is_reported(logged, words):
    events = [exchange("a"), exchange("c")]
    with pytest.raises(AssertionError, match=words):
        assert disagreement(events, logged) is None, disagreement(events, logged)


def test_variants_that_did_the_same_are_paired_in_order():
    ours = record(exchange("l-1", "POST", "/api/login"), fault(), exchange("l-2"))
    theirs = record(exchange("r-1", "POST", "/api/login"), fault(), exchange("r-2"))
    ours, theirs = kept(*ours.events), kept(*theirs.events)
    assert side_by_side(ours, theirs) == list(zip(ours.events, theirs.events, strict=True))


def test_step_of_one_variant_only_stands_alone():
    login, again, cart = exchange("1", "POST", "/api/login"), exchange("2"), exchange("3")
    other_login, other_cart = exchange("1", "POST", "/api/login"), exchange("2", body=b"[]")
    ours, theirs = kept(login, again, cart), kept(other_login, other_cart)
    login, again, cart = ours.exchanges
    pairs = side_by_side(ours, theirs)
    assert pairs[0] == (login, theirs.exchanges[0])
    assert [pair for pair in pairs if None in pair] in ([(again, None)], [(cart, None)])
    assert len(pairs) == 3
    assert side_by_side(kept(), theirs)[0] == (None, theirs.exchanges[0])


@pytest.mark.parametrize(
    ("left", "right", "different"),
    [
        (exchange(), exchange(), False),
        (exchange(body=b'{"cart": 1}'), exchange(body=b'{"cart": 1, "token": "t"}'), False),
        (exchange(body=b'{"cart": 1}'), exchange(body=b'{"cart": 2}'), True),
        (exchange(status=200), exchange(status=401), True),
        (exchange(status=None), exchange(status=200), True),
        # A refusal is the same if its type is, however it is worded.
        (
            exchange(status=401, body=b'{"type": "/t", "detail": "no session"}'),
            exchange(status=401, body=b'{"type": "/t", "detail": "no token"}'),
            False,
        ),
        (
            exchange(status=401, body=b'{"type": "/t"}'),
            exchange(status=401, body=b'{"type": "/u"}'),
            True,
        ),
        (fault(), fault(target="B"), False),
        (fault(), fault(confirmed=False), True),
        (exchange(), fault(), True),
        (exchange(), None, True),
    ],
)
def test_differences_are_found_where_answers_differ(left, right, different):
    pair = tuple(kept_exchange(it) if isinstance(it, Exchange) else it for it in (left, right))
    assert differs(pair) is different


def test_meaning_of_an_answer_that_is_no_object():
    assert meaning(kept_exchange(exchange(body=b"<html>"))) == "<html>"
    assert meaning(kept_exchange(exchange(body=b"[1]"))) == [1]


def test_record_gives_each_request_an_id_of_its_own_and_calls_its_subscribers():
    seen = []
    kept = Record("variant", seen.append)
    ids = [kept.next_op() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(op.startswith("variant-") for op in ids)
    kept.append(fault())
    assert seen == kept.events == list(kept.faults())
    assert list(kept.exchanges()) == []


def test_death_is_not_confirmed_if_the_dead_answer():
    killed = FaultEvent(FaultKind.KILL, "A", 5.0, True, FaultEvidence(instance="a1"))

    def confirmed(at_s, instance):
        answer = exchange()
        answer.at_s, answer.response_headers = at_s, {"X-Instance": instance}
        return measure(record(killed, answer), []).kill_confirmed

    assert confirmed(6.0, "a1") is False
    assert confirmed(6.0, "a2") is True
    assert confirmed(4.9, "a1") is True  # it was on its way when the server died
    assert measure(record(killed, exchange(status=None)), []).kill_confirmed is True
