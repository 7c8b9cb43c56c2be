"""What became of an acknowledged cart: kept, lost, wrong, duplicated, or not known."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.evidence.cart_tracker import CartTracker, Fate, compare_carts
from lab.evidence.exchange import Exchange, outcome_of

KEPT, LOST, WRONG, DUPLICATED, UNKNOWN = Fate
JOHN = {"user_id": "123", "name": "John"}
ALICE = {"user_id": "124", "name": "Alice"}
PRICES = {"laptop": 129900, "mouse": 2500, "cable": 900, "desk": 45000}


def cart(revision=0, **goods):
    lines = [
        {"sku": sku, "quantity": quantity, "unit_price_cents": PRICES[sku]}
        for sku, quantity in goods.items()
    ]
    total = sum(PRICES[sku] * quantity for sku, quantity in goods.items())
    return {"lines": lines, "item_count": len(lines), "total_cents": total, "revision": revision}


def exchange(method, path, status, body=None):
    return Exchange(
        op="x",
        customer="123",
        method=method,
        path=path,
        target=None,
        at_s=0,
        elapsed_ms=0,
        status=status,
        outcome=outcome_of(method, status),
        request_headers={},
        request_body=b"",
        response_headers={},
        response_body=b"" if body is None else json.dumps(body).encode(),
    )


def write(status=201, goods=None, path="/api/cart/items", user=JOHN):
    return exchange("POST", path, status, goods if goods is None else {"user": user, "cart": goods})


def read(status=200, goods=None, user=JOHN, path="/api/cart"):
    return exchange("GET", path, status, goods if goods is None else {"user": user, "cart": goods})


def tracked(*exchanges):
    tracker = CartTracker()
    for each in exchanges:
        tracker.note(each)
    return tracker


@pytest.mark.parametrize(
    ("owed", "seen", "fate"),
    [
        (cart(laptop=1), cart(laptop=1), KEPT),
        (cart(1, laptop=1), cart(7, laptop=1), KEPT),  # the goods are owed, not the revision
        (cart(laptop=1, mouse=2), cart(mouse=2, laptop=1), KEPT),
        (cart(), cart(), KEPT),
        (cart(laptop=1), None, LOST),
        (cart(), None, LOST),
        (cart(laptop=1), cart(), LOST),
        (cart(laptop=1), cart(laptop=2), DUPLICATED),
        (cart(laptop=1, mouse=1), cart(laptop=1, mouse=2), DUPLICATED),
        (cart(laptop=2), cart(laptop=1), WRONG),
        (cart(laptop=1, mouse=1), cart(laptop=2, mouse=0), WRONG),
        (cart(laptop=1, mouse=1), cart(laptop=1), WRONG),
        (cart(laptop=1), cart(laptop=1, mouse=1), WRONG),
        (cart(laptop=1), cart(mouse=1), WRONG),
        (cart(), cart(mouse=1), WRONG),
        (cart(laptop=1), {**cart(laptop=1), "total_cents": 1}, WRONG),
        (cart(laptop=1), {"lines": [{"sku": "laptop"}]}, WRONG),
        (cart(laptop=1), {}, WRONG),
    ],
)
def test_compare_carts(owed, seen, fate):
    assert compare_carts(owed, seen) is fate


def test_line_that_stands_twice_is_a_duplicate():
    line = {"sku": "laptop", "quantity": 1}
    seen = {"lines": [line, line], "total_cents": 2 * PRICES["laptop"]}
    assert compare_carts(cart(laptop=1), seen) is DUPLICATED


def test_customer_without_a_write_is_owed_nothing():
    tracker = tracked(read(goods=cart(laptop=1)))
    assert (tracker.owed, tracker.fate, tracker.needs_read) == (None, None, False)


def login(goods, status=200):
    body = {"user": JOHN, "cart": goods}
    return exchange("POST", "/api/login", status, body)


def test_login_owes_nothing_and_a_refused_change_creates_nothing():
    seen = read(goods=cart())
    tracker = tracked(login(cart()), write(404), seen)
    assert (tracker.owed, tracker.fate, tracker.needs_read, seen.fate) == (None, None, False, None)


def test_login_makes_known_whose_cart_is_owed_later():
    ordered = exchange("POST", "/api/checkout", 201, {"order": {}})
    assert tracked(login(cart()), ordered, read(goods=cart())).fate is KEPT
    assert tracked(login(cart()), ordered, read(goods=cart(), user=ALICE)).fate is WRONG


def test_next_login_ends_what_was_owed_before_but_a_refused_one_does_not():
    assert tracked(write(goods=cart(laptop=1)), login(cart())).owed is None
    assert tracked(write(goods=cart(laptop=1)), login(cart(), 422), read(401)).fate is LOST


def test_acknowledged_cart_is_unknown_until_it_is_read():
    tracker = tracked(write(goods=cart(laptop=1)))
    assert tracker.fate is UNKNOWN
    assert tracker.needs_read
    tracker.note(read(goods=cart(laptop=1)))
    assert tracker.fate is KEPT
    assert not tracker.needs_read


def test_each_read_carries_its_own_fate():
    lost, kept = read(401), read(goods=cart(laptop=1))
    tracker = tracked(write(goods=cart(laptop=1)), lost, kept)
    assert (lost.fate, kept.fate, tracker.fate) == (LOST, KEPT, KEPT)


@pytest.mark.parametrize("status", [None, 500, 502, 503, 504])
def test_read_without_an_answer_shows_nothing(status):
    silent = read(status)
    assert tracked(write(goods=cart(laptop=1)), silent).fate is UNKNOWN
    assert silent.fate is UNKNOWN
    # ... and does not unsay what an earlier one showed.
    assert tracked(write(goods=cart(laptop=1)), read(401), read(status)).fate is LOST


def test_empty_200_is_a_loss():
    assert tracked(write(goods=cart(laptop=1)), read(goods=cart())).fate is LOST


@pytest.mark.parametrize("goods", [cart(laptop=1), cart(mouse=1), cart()])
def test_cart_of_another_customer_is_wrong_even_if_it_looks_the_same(goods):
    assert tracked(write(goods=cart(laptop=1)), read(goods=goods, user=ALICE)).fate is WRONG


def test_read_with_a_query_is_a_read():
    goods = cart(laptop=1)
    assert tracked(write(goods=goods), read(goods=goods, path="/api/cart?userId=123")).fate is KEPT


def test_read_of_something_else_is_not():
    tracker = tracked(
        write(goods=cart(laptop=1)), exchange("GET", "/api/products", 200, {"products": []})
    )
    assert tracker.fate is UNKNOWN


def test_refused_write_changes_nothing_that_is_owed():
    tracker = tracked(write(goods=cart(laptop=1)), write(422), read(goods=cart(laptop=1)))
    assert (tracker.unsettled_writes, tracker.fate) == (0, KEPT)


@pytest.mark.parametrize("seen", [cart(laptop=2), cart(), cart(laptop=1, mouse=1)])
def test_write_of_unknown_outcome_may_explain_any_cart(seen):
    tracker = tracked(write(goods=cart(laptop=1)), write(None), read(goods=seen))
    assert (tracker.unsettled_writes, tracker.fate) == (1, UNKNOWN)


def test_unanswered_write_explains_no_refusal_and_no_other_customers_cart():
    before = write(goods=cart(laptop=1)), write(504)
    assert tracked(*before, read(401)).fate is LOST
    assert tracked(*before, read(goods=cart(laptop=1), user=ALICE)).fate is WRONG
    assert tracked(*before, read(goods=cart(laptop=1))).fate is KEPT


def test_next_acknowledged_write_settles_it():
    tracker = tracked(write(goods=cart(laptop=1)), write(None), write(goods=cart(laptop=2)))
    assert tracker.unsettled_writes == 0
    tracker.note(read(goods=cart(laptop=1)))
    assert tracker.fate is WRONG


def test_fault_makes_only_a_new_read_count():
    tracker = tracked(write(goods=cart(laptop=1)), read(goods=cart(laptop=1)))
    tracker.doubt()
    assert (tracker.fate, tracker.needs_read) == (UNKNOWN, True)
    tracker.note(read(401))
    assert tracker.fate is LOST


def test_prices_that_change_are_owed_by_the_desk_that_keeps_old_ones():
    tracker = tracked(write(goods=cart(laptop=2, cable=1)))
    tracker.reprice({"laptop": PRICES["laptop"]})
    assert tracker.repriced is False
    for _ in range(2):
        tracker.reprice({"laptop": 7, "mouse": 8})
        assert tracker.repriced is True
    tracker.note(read(goods=cart(laptop=2, cable=1)))
    assert tracker.fate is WRONG
    tracker.note(read(goods=cart(laptop=2, cable=1) | {"total_cents": 14 + PRICES["cable"]}))
    assert tracker.fate is KEPT
    tracker.note(write(goods=cart(laptop=1)))
    assert tracker.repriced is False


def test_prices_that_change_owe_nothing_to_whom_nothing_is_owed():
    tracker = tracked(exchange("POST", "/api/login", 200, {}))
    tracker.reprice({"laptop": 7})
    assert tracker.owed is None


@pytest.mark.parametrize("path", ["/api/logout", "/api/logout?everywhere=1"])
def test_logout_ends_what_is_owed(path):
    tracker = tracked(write(goods=cart(laptop=1)), exchange("POST", path, 204))
    tracker.note(read(401))
    assert (tracker.owed, tracker.fate) == (None, None)


def test_logout_that_failed_leaves_the_debt():
    tracker = tracked(write(goods=cart(laptop=1)), exchange("POST", "/api/logout", 401))
    assert tracker.fate is UNKNOWN


def test_checkout_owes_an_empty_cart():
    ordered = exchange("POST", "/api/checkout", 201, {"order": {}})
    assert tracked(write(goods=cart(laptop=1)), ordered, read(goods=cart())).fate is KEPT
    assert tracked(write(goods=cart(laptop=1)), ordered, read(goods=cart(laptop=1))).fate is WRONG


@pytest.mark.parametrize("body", [{"cart": None}, {"cart": 5}, {"cart": {"lines": 3}}, [], "x"])
def test_answer_that_is_no_cart_promises_nothing(body):
    assert tracked(exchange("POST", "/api/login", 200, body)).owed is None


goods = st.dictionaries(st.sampled_from(sorted(PRICES)), st.integers(1, 99))


@given(st.lists(goods, min_size=1))
def test_shop_that_keeps_everything_is_always_kept(history):
    tracker = CartTracker()
    for number, each in enumerate(history):
        tracker.note(write(goods=cart(number, **each)))
        tracker.note(read(goods=cart(number, **each)))
        assert tracker.fate is KEPT


@given(goods, st.data())
def test_shop_that_drops_a_line_never_is(owed, data):
    assume(owed)
    dropped = data.draw(st.sampled_from(sorted(owed)))
    seen = {sku: quantity for sku, quantity in owed.items() if sku != dropped}
    tracker = tracked(write(goods=cart(**owed)), read(goods=cart(**seen)))
    assert tracker.fate in (LOST, WRONG)


@given(goods, goods)
def test_kept_means_the_same_goods(owed, seen):
    assert (compare_carts(cart(**owed), cart(**seen)) is KEPT) is (owed == seen)
