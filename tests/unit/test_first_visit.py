"""The control experiment: the customer's own arithmetic, and what it says of a wrong answer."""

import json

import pytest

from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.result import Verdict
from lab.experiments import first_visit
from lab.experiments.first_visit import Expected, complaint
from lab.report.wording import observed

PRICES = {"pen": 100, "lamp": 2_000}
NO_STORE = {"Cache-Control": "no-store"}


def answer(status=200, method="GET", headers=NO_STORE, **body):
    body = {"user": {"name": "John"}, **body}
    return Exchange(
        *("x-1", "John", method, "/api/cart", "A", 0.0, 1.0, status, outcome_of(method, status)),
        *({}, b"", headers, json.dumps(body).encode()),
    )


def cart(revision=2, pens=3, total=300, price=100):
    line = {"sku": "pen", "quantity": pens, "unit_price_cents": price}
    return {"lines": [line], "total_cents": total, "revision": revision}


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Expected(answer(cart=cart()), 200, {"pen": 3}, 2), None),
        (Expected(answer(422), 422), None),
        (Expected(answer(201, cart=cart()), 422), "answered 201, 422 was expected"),
        (
            Expected(answer(cart=cart(revision=1)), 200, {"pen": 3}, 2),
            "has revision 1, 2 was expected",
        ),
        (
            Expected(answer(cart=cart(pens=6)), 200, {"pen": 3}, 2),
            "('pen', 3, 100)], 300 cents were expected",
        ),
        (Expected(answer(cart=cart(total=301)), 200, {"pen": 3}, 2), "301 cents in all"),
        (Expected(answer(cart=cart(price=1)), 200, {"pen": 3}, 2), "('pen', 3, 1)]"),
        (Expected(answer(cart=cart()), 200, {}, 2), "[], 0 cents were expected"),
        (
            Expected(answer(cart=cart(), user={"name": "Eve"}), 200, {"pen": 3}, 2),
            "the cart of Eve",
        ),
        (Expected(answer(headers={}, cart=cart()), 200, {"pen": 3}, 2), "may be kept by a cache"),
        (Expected(answer(method="POST", headers={}, cart=cart()), 200), "may be kept by a cache"),
        (Expected(answer(), 200, {"pen": 3}, 2), "showed [], None cents"),
        (
            Expected(answer(order=cart() | {"shipping_address": "x"}), 200, {"pen": 3}, None, "x"),
            None,
        ),
        (
            Expected(answer(order=cart()), 200, {"pen": 3}, None, "x"),
            "address None, 'x' was expected",
        ),
        (
            Expected(answer(cart=cart(), shipping_address="y"), 200, {"pen": 3}, 2, "x"),
            "address 'y'",
        ),
    ],
)
def test_complaint_says_what_was_expected(expected, words):
    said = complaint(expected, PRICES)
    assert said is None if words is None else words in said


def test_number_of_an_order_is_given_once():
    orders = [answer(201, order=cart() | {"number": number}) for number in ("1", "2", "1", "1")]
    refused = answer(409, order={"number": "2"})
    assert first_visit.numbers_given_twice([*orders, refused, answer(cart=cart())]) == [
        "3 orders have the number '1'"
    ]
    assert first_visit.numbers_given_twice(orders[:2]) == []


class Customer:
    """Does what the test orders, and remembers in which order."""

    def __init__(self):
        self.done = []

    def __getattr__(self, verb):
        def act(*args, **how):
            self.done.append(verb)
            return answer()

        return act


def test_customer_looks_after_each_verb_and_uses_all_of_them():
    customer = first_visit.TrackedCustomer(Customer(), "A", 5)
    answers = [*customer.shop(), *customer.shop(), *customer.hurry()]
    verbs = customer.customer.done
    assert verbs[1::2] == ["view_cart"] * (len(verbs) // 2)
    assert {"add", "change", "remove", "clear", "ship_to", "checkout", "request"} < set(verbs)
    changes = [verb for verb in verbs[::2] if verb != "request"]
    assert customer.revision == len(changes) == answers[-1].revision
    assert max(len(expected.goods) for expected in answers if expected.goods) >= 4


def test_customers_of_a_quick_run_reach_the_rarest_planted_bug():
    """Each server has at least two customers: 40 changes, 50 looks and 30 adds there."""
    customer = first_visit.TrackedCustomer(Customer(), "A", 5)
    for _ in (1, 2):
        list(customer.shop())
    customer.hurry()
    verbs = customer.customer.done
    assert 2 * verbs.count("add") > 30
    assert 2 * customer.revision > 40
    assert 2 * verbs.count("view_cart") > 50


def test_number_of_answers_says_how_rare_a_fault_would_have_been_seen():
    kept = {"carts_acknowledged": 5, "carts_kept": 5, "carts_unknown": 0}
    looks = {"reads_of_carts": 9, "reads_kept": 9}
    seen = first_visit.observe(kept | looks | {"requests_unanswered": 0, "answers": 300})
    assert seen.verdict is Verdict.HOLDS
    assert "300 of 300 answers as expected (95 %: more than 99" in observed(seen)
