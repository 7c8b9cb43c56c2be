"""One cart is ordered, and the same request comes again.

What is done: a customer orders a cart; the request is sent again byte for byte, as an
impatient click or a retry does; then the customer buys something else, and the first request
comes once more. An order's number says whose it is and which revision of the cart was sold.
At last, for several carts, the order is sent twice at the very same moment.

What would disprove it: every repeated order is refused, or is not of the same cart.

What it depends on: whether a server remembers that the cart has been sold. The session is
empty after the order; the old token still holds the full cart, and its signature is good. A
store that remembers which token was used stops it, for one operation with each change.

At the same moment even a session can be sold twice: both requests read it before either
writes. That is measured too (`sold_twice_at_once`), and is not part of the verdict.

Try next: `lab run double-checkout --matrix`; a denylist does not help, since no customer logs out.
"""

from collections.abc import Mapping
from functools import partial

from lab.core.statistics import Measure
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import harm
from lab.experiments.matrix import (
    ALONE,
    FILE,
    MEMORY,
    REDIS,
    TOKEN,
    TOKEN_DENYLIST,
    TOKEN_REVISION,
    WITH_STORE,
)
from lab.experiments.script_api import Lab

DRAWBACK = "One cart can be ordered again and again with the same token (replay)."
EXPECTED = Verdict.CONFIRMED
VARIANTS = (
    MEMORY.expecting(Verdict.NOT_AFFECTED, settings=ALONE),
    REDIS.expecting(Verdict.NOT_AFFECTED, settings=WITH_STORE),
    TOKEN.expecting(Verdict.AFFECTED, settings=ALONE),
    TOKEN_REVISION.expecting(Verdict.NOT_AFFECTED, settings=WITH_STORE),
)
EXPECTATIONS = (
    *VARIANTS,
    FILE.expecting(Verdict.NOT_AFFECTED),
    TOKEN_DENYLIST.expecting(Verdict.AFFECTED),
)
REPEATS = 3
SOLD, REFUSED = 201, 409


def script(shopper: Shopper, lab: Lab) -> None:
    """Order once, and send that order again; then order twice at once."""
    desk = shopper.login().served_by
    shopper.add("laptop", server=desk)
    reading = lab.store_operations(lambda: shopper.view_cart(server=desk))
    writing = lab.store_operations(lambda: shopper.add("mouse", server=desk))
    first = shopper.checkout(server=desk)
    again = [shopper.replay(first, server=desk) for _ in range(REPEATS - 1)]
    shopper.add("pen", server=desk)
    shopper.checkout(server=desk)
    again.append(shopper.replay(first, server=desk))
    pairs = [order_twice_at_once(lab, desk) for _ in range(lab.n(10, 4))]
    lab.measure(
        orders_repeated=sum(is_settled(each) for each in again) if first.status == SOLD else 0,
        orders_sold_again=sum(is_same_order(each, first) for each in again),
        orders_refused_otherwise=sum(
            is_settled(each) and each.status not in (SOLD, REFUSED) for each in again
        ),
        statuses=sorted({each.status for each in again if each.status}),
        store_operations_per_read=reading,
        store_operations_per_write=writing,
        carts_ordered_at_once=sum(SOLD in pair for pair in pairs),
        sold_twice_at_once=sum(pair == [SOLD, SOLD] for pair in pairs),
    )


def is_settled(answer: Exchange) -> bool:
    """Say whether the desk sold or refused: an answer that something broke says neither."""
    return answer.status is not None and answer.status < 500


def is_same_order(answer: Exchange, first: Exchange) -> bool:
    """Say whether both sold, and sold the same cart: the orders' numbers are equal."""
    both_sold = answer.status == first.status == SOLD
    return both_sold and bool(answer.body["order"]["number"] == first.body["order"]["number"])


def order_twice_at_once(lab: Lab, desk: str | None) -> list[int | None]:
    """Order one new cart from two tabs at the same moment; return both statuses."""
    customer = lab.shopper()
    customer.login(server=desk)
    customer.add("laptop", server=desk)
    tabs = [customer.another_tab(), customer.another_tab()]
    orders = [partial(tab.checkout, server=desk) for tab in tabs]
    statuses = [answer.status for answer in lab.together(orders)]
    customer.logout(server=desk)
    return statuses


def observe(measured: Measurements) -> Observation:
    """Observe whether a repeated order was sold again."""
    again, tried = measured.get("orders_sold_again", 0), measured.get("orders_repeated", 0)
    if others := measured.get("orders_refused_otherwise"):
        return Observation.unknown(f"{others} repeated orders were refused for another reason")
    cost = measured.get("store_operations_per_write")
    more = [Measure(cost, unit="store operations per change")] if cost else []
    return harm(again, tried, "repeated orders sold the same cart again", *more)


def which_desk(by_variant: Mapping[str, Measurements]) -> int | None:
    """Return the choice that came true, None if a desk is missing or was not asked."""
    desks = [by_variant[name] for name in (MEMORY.name, TOKEN.name) if name in by_variant]
    if len(desks) < 2 or not all(measured.get("orders_repeated") for measured in desks):
        return None
    by_session, by_token = (bool(measured["orders_sold_again"]) for measured in desks)
    return by_session + 2 * by_token


QUESTION = Question(
    "The request that orders a cart is sent again, byte for byte. Which desk sells the cart twice?",
    ("Neither desk.", "The session desk.", "The token desk.", "Both."),
    which_desk,
    "The session is empty after the order, so a repeat is 409. The token that ordered is as "
    "good as before, and the full cart is in it. Only something remembered, here the tokens "
    "that were used, makes the second order different from the first.",
)
