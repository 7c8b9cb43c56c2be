"""The rules of a cart, as properties that hold for every cart."""

import json
from copy import deepcopy
from dataclasses import fields

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.shop.cart import MAX_LINES, MAX_QUANTITY, SessionState
from lab.shop.catalogue import PRODUCTS
from lab.shop.errors import EmptyCart, Invalid, NotInCart, UnknownProduct

skus = st.sampled_from(sorted(PRODUCTS))
strange_skus = st.text().filter(lambda text: text not in PRODUCTS)
quantities = st.integers(1, MAX_QUANTITY)
visits = st.builds(
    SessionState,
    user_id=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    name=st.text(min_size=1, max_size=24),
    lines=st.dictionaries(skus, quantities, max_size=8),
    shipping_address=st.none() | st.text(min_size=1),
    revision=st.integers(0, 10**6),
)
changes = st.one_of(
    st.tuples(st.just("add"), skus, quantities),
    st.tuples(st.just("change"), skus | strange_skus, quantities),
    st.tuples(st.just("remove"), skus | strange_skus),
    st.tuples(st.just("clear")),
    st.tuples(st.just("ship_to"), st.text(min_size=1)),
)


@given(visits, changes)
def test_a_change_counts_one_revision_and_leaves_the_visit_before_it(visit, change) -> None:
    before = deepcopy(visit)
    rule, *arguments = change
    try:
        after = getattr(visit, rule)(*arguments)
    except (Invalid, NotInCart, UnknownProduct):
        after = None
    assert visit == before
    if after is not None:
        assert after.revision == visit.revision + 1
        assert (after.user_id, after.name) == (visit.user_id, visit.name)
        assert all(1 <= quantity <= MAX_QUANTITY for quantity in after.lines.values())


@given(visits)
def test_a_cart_adds_up(visit) -> None:
    cart = visit.cart()
    assert [(line["sku"], line["quantity"]) for line in cart["lines"]] == list(visit.lines.items())
    assert cart["item_count"] == sum(visit.lines.values())
    assert cart["total_cents"] == sum(
        PRODUCTS[sku].unit_price_cents * quantity for sku, quantity in visit.lines.items()
    )
    assert cart["total_cents"] == sum(line["line_total_cents"] for line in cart["lines"])


@given(visits)
def test_what_is_kept_is_all_there_is(visit) -> None:
    kept = json.loads(json.dumps(visit.to_dict()))
    assert SessionState.from_dict(kept) == visit
    assert list(SessionState.from_dict(kept).lines) == list(visit.lines), "in the order of adding"


@given(visits)
def test_no_price_is_kept(visit) -> None:
    kept = visit.to_dict()
    assert set(kept) == {field.name for field in fields(SessionState)}
    assert not [name for name in kept if "cents" in name or "price" in name]


@given(visits, skus, quantities, quantities)
def test_adding_adds_up_to_99(visit, sku, first, second) -> None:
    visit = visit.clear().add(sku, first)
    if first + second <= MAX_QUANTITY:
        assert visit.add(sku, second).lines == {sku: first + second}
    else:
        with pytest.raises(Invalid):
            visit.add(sku, second)


@given(visits, skus, quantities)
def test_what_is_added_can_be_taken_out_again(visit, sku, quantity) -> None:
    assume(sku not in visit.lines)
    assert visit.add(sku, quantity).remove(sku).lines == visit.lines


@given(visits, skus, quantities)
def test_a_product_that_is_not_in_the_cart(visit, sku, quantity) -> None:
    assume(sku not in visit.lines)
    for refused in (lambda: visit.change(sku, quantity), lambda: visit.remove(sku)):
        with pytest.raises(NotInCart):
            refused()


@given(visits, strange_skus, quantities)
def test_a_product_that_there_is_not(visit, sku, quantity) -> None:
    refusals = (visit.add, visit.change, lambda sku, _: visit.remove(sku))
    for refused in refusals:
        with pytest.raises(UnknownProduct):
            refused(sku, quantity)


@given(visits)
def test_checking_out_sells_the_cart_and_empties_it(visit) -> None:
    if not visit.lines:
        with pytest.raises(EmptyCart):
            visit.check_out()
        return
    order, after = visit.check_out()
    cart = visit.cart()
    assert {key: order[key] for key in ("lines", "item_count", "total_cents")} == {
        key: cart[key] for key in ("lines", "item_count", "total_cents")
    }
    assert order["number"] == f"{visit.user_id}-{visit.revision}"
    assert after.lines == {} and after.revision == visit.revision + 1


def test_a_cart_holds_500_lines() -> None:
    full = SessionState("123", "John", dict.fromkeys(list(PRODUCTS)[:MAX_LINES], 1))
    another, first = list(PRODUCTS)[MAX_LINES], next(iter(full.lines))
    with pytest.raises(Invalid):
        full.add(another, 1)
    assert full.add(first, 1).lines[first] == 2
