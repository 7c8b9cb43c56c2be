"""A price changes while carts are filled: how long the old one is still charged.

What is done: customers put a laptop in their carts; the server is restarted with a lower
price (SHOP_PRICES); one customer checks out at once, and the others look at their carts
until they show the new price.

What would disprove it: every cart shows the new price at the first look, wherever the token
carries prices as well.

What it depends on: which facts the token carries. One that names only products is priced
from the catalogue of now, like a session. One that carries prices is believed until it
expires, here after 4 s; a shop might say a day. A role in a token is the same case: a
dismissed clerk stays a clerk until then (this shop's contract has no roles to show it with).

Try next: change TOKEN_MAX_AGE_S below, and predict the seconds.
"""

import time

from lab.bench import Lab
from lab.evidence.result import Knobs, Measurements, Observation, Variant, VariantResult, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import bites

OLD_CENTS, NEW_CENTS = 129_900, 99_900
TOKEN_MAX_AGE_S = 4
PATIENCE_S = 8.0

CLAIM = "A token carries old facts: a changed price is charged only when it has expired."
EXPECTED = Verdict.DEPENDS  # on whether the token carries the fact
ONE_SERVER = Knobs(servers=1)
VARIANTS = (
    Variant("file", "stateful", Knobs(servers=1, store="file"), expect=Verdict.FAILS),
    Variant("token", "stateless", ONE_SERVER, expect=Verdict.FAILS),
    Variant(
        "price-in-token",
        "stateless",
        ONE_SERVER,
        module="lab.altered.price_in_token",
        env={"TOKEN_MAX_AGE_S": str(TOKEN_MAX_AGE_S)},
        expect=Verdict.HOLDS,
    ),
)
CUSTOMERS = 5
QUICK_CUSTOMERS = 2


def ABOUT(variant: Variant) -> bool:  # one of the names an experiment gives
    """A sentence about tokens, whatever they carry."""
    return variant.app == "stateless"


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill carts, change the price, see who is charged what, and until when."""
    for customer in lab.customers:
        customer.login()
        customer.add("laptop")
    filled_at = time.monotonic()
    for server in lab.servers:
        lab.restart(server, env={"SHOP_PRICES": f"laptop={NEW_CENTS}"})
    changed_at = time.monotonic()
    first = {customer: _total_cents(customer) for customer in lab.customers}
    looked_at = time.monotonic()
    order = shopper.checkout()
    honoured = lab.until(
        lambda: set(map(_total_cents, lab.customers[1:])) == {NEW_CENTS}, PATIENCE_S
    )  # everybody asks each time, as customers who stay: a token that rests expires
    honoured_at = time.monotonic()
    lab.measure(
        carts_looked_at=sum(cents is not None for cents in first.values()),
        carts_at_the_old_price=sum(cents == OLD_CENTS for cents in first.values()),
        order_total_cents=(order.body or {}).get("order", {}).get("total_cents"),
        seconds_until_honoured=round(honoured_at - changed_at, 2) if honoured else None,
        seconds_from_issue_to_look=round(looked_at - filled_at, 2),
    )


def _total_cents(customer: Shopper) -> int | None:
    cart = customer.view_cart().body
    return cart["cart"]["total_cents"] if cart and "cart" in cart else None


def observe(measured: Measurements) -> Observation:
    """Observe whether, at the first look, anybody was still asked for the old price."""
    if not measured["restarts_confirmed"]:
        return Observation(Verdict.UNKNOWN, "the restart that changes the price was not confirmed")
    old, of = measured["carts_at_the_old_price"], measured["carts_looked_at"]
    gap_s = measured["seconds_from_issue_to_look"]
    if not old and gap_s > TOKEN_MAX_AGE_S - 1:
        return Observation(Verdict.UNKNOWN, f"looked {gap_s} s after issue: a token may be over")
    seen = bites(old, of, "carts at the old price")
    if seen.verdict is not Verdict.HOLDS:
        return seen
    until_s = measured["seconds_until_honoured"]
    until = f"not within {PATIENCE_S:.0f} s" if until_s is None else f"for {until_s:.1f} s"
    return Observation(seen.verdict, f"{seen.number}, {until}")


def _observed(lanes: dict[str, VariantResult]) -> int | None:
    old = [
        lanes[name].measurements.get("carts_at_the_old_price") if name in lanes else None
        for name in ("token", "price-in-token")
    ]
    if None in old:
        return None
    return {(False, False): 0, (False, True): 1, (True, True): 2}.get((bool(old[0]), bool(old[1])))


QUESTION = Question(
    "A laptop gets cheaper while it lies in carts. Where is the old price still charged?",
    (
        "nowhere: every cart is priced anew",
        "only where the token carries the price",
        "at the stateless desk, whatever its token carries",
    ),
    _observed,
    "A fact inside a token is as old as the token. This shop's token names products and "
    "quantities, facts that only the customer changes; prices stay in the catalogue, which "
    "every server has. So nothing goes stale, and nobody can bring a price along.",
)
