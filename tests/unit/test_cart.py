"""The rules of a cart, as properties that hold for every cart."""

import json
from copy import deepcopy
from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.shop.cart import MAX_LINES, MAX_QUANTITY, SessionState
from lab.shop.catalogue import PRODUCTS
from lab.shop.errors import EmptyCart, Invalid, NotInCart, UnknownProduct

skus = st.sampled_from(sorted(PRODUCTS))
strange_skus = st.text().filter(lambda text: text not in PRODUCTS)
quantities = st.integers(1, MAX_QUANTITY)
sessions = st.builds(
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


@given(sessions, changes)
def test_change_counts_one_revision_and_leaves_the_session_before_it(session, change) -> None:
    before = deepcopy(session)
    rule, *arguments = change
    try:
        after = getattr(session, rule)(*arguments)
    except (Invalid, NotInCart, UnknownProduct):
        after = None
    assert session == before
    if after is not None:
        assert after.revision == session.revision + 1
        assert (after.user_id, after.name) == (session.user_id, session.name)
        assert all(1 <= quantity <= MAX_QUANTITY for quantity in after.lines.values())


@given(sessions)
def test_cart_adds_up(session) -> None:
    cart = session.cart()
    assert [(line["sku"], line["quantity"]) for line in cart["lines"]] == list(
        session.lines.items()
    )
    assert cart["item_count"] == sum(session.lines.values())
    assert cart["total_cents"] == sum(
        PRODUCTS[sku].unit_price_cents * quantity for sku, quantity in session.lines.items()
    )
    assert cart["total_cents"] == sum(line["line_total_cents"] for line in cart["lines"])


@given(sessions)
def test_session_state_round_trips(session) -> None:
    kept = json.loads(json.dumps(session.to_dict()))
    assert SessionState.from_dict(kept) == session
    assert list(SessionState.from_dict(kept).lines) == list(session.lines), "in the order of adding"


@given(sessions)
def test_no_price_is_kept(session) -> None:
    kept = session.to_dict()
    assert set(kept) == {field.name for field in fields(SessionState)} - {"withdrawn"}
    assert not [name for name in kept if "cents" in name or "price" in name]


def test_field_that_a_variant_adds_is_kept() -> None:
    @dataclass(frozen=True)
    class Gift(SessionState):
        wrapped: tuple[str, ...] = ()

        def kept(self):
            return replace(self, wrapped=("now",))

    kept = Gift.begin("123", "John").to_dict()
    assert kept["wrapped"] == ("now",) and list(kept)[:2] == ["user_id", "name"]
    assert Gift.from_dict(json.loads(json.dumps(kept))).wrapped == ("now",)


@given(sessions, skus, quantities, quantities)
def test_adding_adds_up_to_99(session, sku, first, second) -> None:
    session = session.clear().add(sku, first)
    if first + second <= MAX_QUANTITY:
        assert session.add(sku, second).lines == {sku: first + second}
    else:
        with pytest.raises(Invalid):
            session.add(sku, second)


@given(sessions, skus, quantities)
def test_added_lines_can_be_removed_again(session, sku, quantity) -> None:
    assume(sku not in session.lines)
    assert session.add(sku, quantity).remove(sku).lines == session.lines


@given(sessions, skus, quantities)
def test_product_that_is_not_in_the_cart(session, sku, quantity) -> None:
    assume(sku not in session.lines)
    for refused in (lambda: session.change(sku, quantity), lambda: session.remove(sku)):
        with pytest.raises(NotInCart):
            refused()


@given(sessions, strange_skus, quantities)
def test_product_that_there_is_not(session, sku, quantity) -> None:
    refusals = (session.add, session.change, lambda sku, _: session.remove(sku))
    for refused in refusals:
        with pytest.raises(UnknownProduct):
            refused(sku, quantity)


@given(sessions)
def test_checking_out_sells_the_cart_and_empties_it(session) -> None:
    if not session.lines:
        with pytest.raises(EmptyCart):
            session.check_out()
        return
    order, after = session.check_out()
    cart = session.cart()
    assert {key: order[key] for key in ("lines", "item_count", "total_cents")} == {
        key: cart[key] for key in ("lines", "item_count", "total_cents")
    }
    assert order["number"] == f"{session.user_id}-{session.revision}"
    assert after.lines == {} and after.revision == session.revision + 1


def test_cart_holds_500_lines() -> None:
    full = SessionState("123", "John", dict.fromkeys(list(PRODUCTS)[:MAX_LINES], 1))
    another, first = list(PRODUCTS)[MAX_LINES], next(iter(full.lines))
    with pytest.raises(Invalid):
        full.add(another, 1)
    assert full.add(first, 1).lines[first] == 2
