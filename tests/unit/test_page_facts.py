"""The page's facts.js agrees with lesson_rules.py: names, conditions, templates."""

import json
from collections import Counter

from page_modules import address, needs_node, printed

from lab.evidence.exchange import outcome_of

from .lesson_rules import FACTS, borne_out, holds

pytestmark = needs_node

CONDITIONS = [0, 1, 200, ">0", ">=2", "<1", "<400", ">=400", "kept", "lost"]
VALUES = [0, 1, 2, 200, 401, None, "kept", "unknown"]


def run(script, **given):
    """Run `script` with the module's exports and `given` in scope; return what it returns."""
    code = f"""
        import {{ borneOut, facts, fill, matches }} from {address("facts")};
        const given = {json.dumps(given)};
        console.log(JSON.stringify((() => {{ {script} }})()));
    """
    return printed(code)


def exchange(number, desk="stateful", **more):
    plain = {
        "id": number,
        "op": f"c1-{desk}-{number}",
        "desk": desk,
        "who": "c1",
        "method": "GET",
        "path": "/api/cart",
        "status": 200,
        "served_by": "A",
        "fate": None,
        "bytes_sent": 101,
        **more,
    }
    return {"outcome": outcome_of(plain["method"], plain["status"]), **plain}


def facts_of(exchanges, requests=(), faults=(), since=0, second=None, most=()):
    return run(
        """
        const exchanges = new Map(given.exchanges.map((each) => [each.op, each]));
        return facts({ ...given, exchanges }, given.since, "c1", given.second ?? undefined);
        """,
        second=second,
        exchanges=list(exchanges),
        requests=list(requests),
        faults=list(faults),
        since=since,
        most=dict(most),
    )


def test_sessions_are_the_most_that_each_desk_has_kept():
    facts = facts_of([], most={"stateful": 7})
    assert (facts["stateful.sessions"], facts["stateless.sessions"]) == (7, 0)


def test_facts_are_those_that_chapters_may_name():
    assert facts_of([]).keys() == FACTS


def test_facts_are_counted_from_own_exchanges_since_the_act_began():
    facts = facts_of(
        [
            exchange(1, fate="lost"),  # before
            exchange(2, method="POST", path="/api/checkout", status=201, served_by="B"),
            exchange(3, fate="kept", bytes_sent=200),
            exchange(4, who="c2", fate="lost"),  # another customer
            exchange(5, status=502, served_by=None),
            exchange(6, status=None, served_by=None, bytes_sent=200),
            exchange(7, status=401, fate="unknown"),
            exchange(8, desk="stateless", status=503, fate="wrong"),
        ],
        requests=[{"id": 9, "desk": "stateful", "who": "c1", "store_operations": 3}],
        faults=[
            {"id": 9, "desk": "stateful", "fault": "kill", "confirmed": True},
            {"id": 9, "desk": "stateful", "fault": "kill", "confirmed": False},
        ],
        since=1,
    )
    expected = {
        "fate": "kept",
        "kept": 1,
        "lost": 0,
        "answered": 3,
        "refused": 1,
        "unanswered": 2,
        "failed": 2,
        "status": 401,
        "replicas": 2,
        "requests": 5,
        "looks": 4,
        "shown": 1,
        "shown_wrong": 0,
        "bytes_out_mean": 140,
        "orders": 1,
        "store_operations": 3,
        "acknowledged": 1,
        "kills": 1,
    }
    assert {name: facts[f"stateful.{name}"] for name in expected} == expected
    assert (facts["stateless.fate"], facts["stateless.lost"]) == ("wrong", 1)
    # A server that answers 503 has answered, and the request has failed.
    assert (facts["stateless.unanswered"], facts["stateless.failed"]) == (0, 1)


def test_failed_and_unknown_are_counted_as_the_lab_counts_them():
    """A refusal is a failed request of the lab's that the page counts by itself."""
    asked = [
        (method, status) for method in ("GET", "POST") for status in (None, 200, 401, 503, 504)
    ]
    given = [exchange(n, method=m, status=s) for n, (m, s) in enumerate(asked, 1)]
    facts = {name: facts_of(given)[f"stateful.{name}"] for name in ("refused", "failed", "unknown")}
    lab = Counter(each["outcome"] for each in given)
    assert facts == {"refused": 2, "failed": lab["failed"] - 2, "unknown": lab["unknown"]}
    assert lab["unknown"] == 3


def test_whose_cart_a_customer_was_shown():
    """A cart that is not the customer's own is wrong, also where nothing was owed yet."""
    john, bob = {"user_id": "1", "name": "John"}, {"user_id": "2", "name": "Bob"}

    def answered(number, user, **more):
        return exchange(number, response={"body": {"user": user}}, **more)

    def login(number, user, who):
        return answered(number, user, who=who, method="POST", path="/api/login")

    events = [
        login(1, john, "c1"),
        login(2, bob, "c2"),
        answered(3, john, fate="kept"),
        answered(4, john, who="c2"),  # Bob is shown John's
        answered(5, bob, who="c2"),
        answered(6, john, fate="wrong"),  # his own, and not as it is now
        exchange(7, status=401, fate="lost"),  # refused: no cart was shown
    ]
    facts = run(
        """
        const exchanges = new Map(given.events.map((each) => [each.op, each]));
        return facts({ exchanges, requests: [], faults: [], most: {} }, 0, "c1", "c2");
        """,
        events=events,
    )
    names = ("looks", "shown", "shown_wrong", "second_got")
    assert [facts[f"stateful.{name}"] for name in names] == [3, 4, 2, 1]


def test_conditions_hold_as_they_do_where_chapters_are_checked():
    pairs = [(c, v) for c in CONDITIONS for v in VALUES if comparable(c, v)]
    matched = run("return given.pairs.map(([c, v]) => matches({ x: c }, { x: v }));", pairs=pairs)
    assert matched == [holds(condition, value) for condition, value in pairs]


def comparable(condition, value):
    return not (isinstance(condition, str) and condition[0] in "<>" and isinstance(value, str))


def test_choice_that_is_borne_out():
    choices = [{"when": {"a": 1, "b": ">0"}}, {"when": {"a": 1, "b": 0}}]
    facts = {"a": 1, "b": 0}
    assert [run("return borneOut(given.choices, given.facts);", choices=choices, facts=facts)] == (
        borne_out(choices, facts)
    )
    assert run("return borneOut([{ text: 'no conditions' }], {});") is None


def test_templates_are_filled_and_unknown_facts_refused():
    found = {"stateful.kept": 1234, "stateful.status": 0}
    line = "{stateful.kept} {{kept}}, {stateful.status}"
    assert run("return fill(given.line, given.found);", line=line, found=found) == (
        "1,234 {kept}, no answer"
    )
    refused = "try { fill('{stateful.gone}', {}); } catch (error) { return error.message; }"
    assert "stateful.gone" in run(refused)


def priced(number, cents, path="/api/cart", **more):
    lines = [{"sku": "laptop", "quantity": 1, "unit_price_cents": cents}]
    body = {"order": {"lines": lines}} if path == "/api/checkout" else {"cart": {"lines": lines}}
    return exchange(number, path=path, response={"headers": {}, "body": body}, **more)


def test_old_price_is_that_of_before_the_shop_changed_it():
    exchanges = [
        priced(1, 129900),
        priced(3, 129900),
        priced(4, 99900),
        priced(5, 129900, "/api/checkout", method="POST", status=201),
        priced(6, 129900, status=401),
    ]
    change = {"id": 2, "desk": "", "kind": "setting", "target": "prices"}
    facts = facts_of(exchanges, faults=[change])
    assert (facts["stateful.priced"], facts["stateful.old_price"]) == (3, 2)
    assert facts_of(exchanges)["stateful.priced"] == 0  # nothing has changed


def test_request_has_grown_by_the_last_look_against_the_first():
    looks = [exchange(1, bytes_sent=200), exchange(2, bytes_sent=290), exchange(3, bytes_sent=320)]
    copy = exchange(4, bytes_sent=900, aside=True)
    assert facts_of([*looks, copy])["stateful.grown"] == 120
    assert facts_of([])["stateful.grown"] == 0


def test_copies_are_counted_apart_from_honest_requests():
    sold = {"method": "POST", "path": "/api/checkout", "status": 201}
    facts = facts_of(
        [exchange(1, **sold), exchange(2, aside=True, **sold), exchange(3, status=401)]
    )
    assert (facts["stateful.resold"], facts["stateful.copies"]) == (1, 1)


def test_list_from_the_cache_has_saved_a_request():
    hit = {"headers": {"X-Cache": "HIT"}, "body": {}}
    facts = facts_of([exchange(1, path="/api/products", response=hit), exchange(2, response=hit)])
    assert facts["stateful.saved"] == 1
    bobs = exchange(3, who="c2", path="/api/products", response=hit)
    assert facts_of([bobs], second="c2")["stateful.saved"] == 1
    assert facts_of([bobs])["stateful.saved"] == 0


def test_request_still_on_its_way_is_not_a_fact_yet():
    assert facts_of([exchange(1, fate="lost", underway=True)])["stateful.lost"] == 0
