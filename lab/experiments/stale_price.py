"""A price changes while carts are filled, and customers ask until they see the new one.

What is done: a second server is started with a lower price for laptops (SHOP_PRICES), and
has no customers yet. Customers put a laptop in their carts at the first. Then the shop moves
to the second, in a moment: that is when the price changes. One customer checks out at once,
and the others set their quantity again, to 1 as it was, until they see the new price.

What would disprove it: every cart shows the new price at the first look, wherever the token
carries prices as well.

What it depends on: which facts the token carries. One that names only products is priced
from the catalogue of now, like a session. One that carries prices is believed until it
expires, here after 3 s; a shop might say a day. A role in a token is the same case: a
dismissed clerk stays a clerk until then (this shop's contract has no roles to show it with).

Try next: change TOKEN_MAX_AGE_S below, and predict the seconds.
"""

import time
from collections.abc import Mapping

from lab.core.errors import LabError
from lab.core.statistics import Measure
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import harm
from lab.experiments.script_api import Lab

OLD_CENTS, NEW_CENTS = 129_900, 99_900
TOKEN_MAX_AGE_S = 3
NEW_PRICE_WITHIN_S = 8.0

DRAWBACK = "A token carries old facts: a changed price is charged only when it has expired."
EXPECTED = Verdict.DEPENDS
DEPENDS_ON = "on whether the token carries the price"
TWO_SERVERS = Settings(servers=2)
VARIANTS = (
    Variant("file", "stateful", Settings(servers=2, store="file"), expect=Verdict.NOT_AFFECTED),
    Variant("token", "stateless", TWO_SERVERS, expect=Verdict.NOT_AFFECTED),
    Variant(
        "price-in-token",
        "stateless",
        TWO_SERVERS,
        module="lab.variants.price_in_token",
        env={"TOKEN_MAX_AGE_S": str(TOKEN_MAX_AGE_S)},
        expect=Verdict.AFFECTED,
    ),
)
CUSTOMERS = 5
QUICK_CUSTOMERS = 2


def ABOUT(variant: Variant) -> bool:
    """A sentence about tokens, whatever they carry."""
    return variant.app == "stateless"


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill carts, change the price, see who is charged what, and until when."""
    if len(lab.servers) < 2:
        raise LabError("the shop moves from one server to another: give --servers 2")
    old, new = lab.servers[:2]
    lab.restart(new, env={"SHOP_PRICES": f"laptop={NEW_CENTS}"})
    for customer in lab.customers:
        customer.login(server=old)
        customer.add("laptop", server=old)
    moved_at = time.monotonic()
    first = [_total_of(customer.view_cart(server=new)) for customer in lab.customers]
    looked_at = time.monotonic()
    order = shopper.checkout(server=new)
    others = lab.customers[1:]

    def all_at_the_new_price() -> bool:
        # By changes, each of which renews the token: one that is only read expires as a whole.
        changed = [customer.change("laptop", 1, server=new) for customer in others]
        return {_total_of(exchange) for exchange in changed} == {NEW_CENTS}

    honoured = lab.until(all_at_the_new_price, NEW_PRICE_WITHIN_S)
    honoured_at = time.monotonic()
    lab.measure(
        carts_looked_at=sum(cents is not None for cents in first),
        carts_at_the_old_price=sum(cents == OLD_CENTS for cents in first),
        carts_at_neither_price=sum(cents not in (None, OLD_CENTS, NEW_CENTS) for cents in first),
        order_total_cents=(order.body or {}).get("order", {}).get("total_cents"),
        seconds_until_honoured=round(honoured_at - moved_at, 2) if honoured else None,
        seconds_until_all_had_looked=round(looked_at - moved_at, 2),
    )


def _total_of(exchange: Exchange) -> int | None:
    body = exchange.body
    return body["cart"]["total_cents"] if isinstance(body, dict) and "cart" in body else None


def observe(measured: Measurements) -> Observation:
    """Observe whether, at the first look, any customer was still asked for the old price."""
    if not measured["restarts_confirmed"]:
        return Observation.unknown("no server with the new price was confirmed")
    old, of = measured["carts_at_the_old_price"], measured["carts_looked_at"]
    charged = measured["order_total_cents"]
    if measured["carts_at_neither_price"] or charged not in (OLD_CENTS, NEW_CENTS):
        return Observation.unknown(f"a price that is neither: the order was {charged} cents")
    if (charged == OLD_CENTS) is not (old == of > 0):
        return Observation.unknown(f"{old} of {of} carts at the old price, but {charged} charged")
    gap_s = measured["seconds_until_all_had_looked"]
    if not old and gap_s > TOKEN_MAX_AGE_S - 1:
        return Observation.unknown(f"looked {gap_s} s late: a price may have expired")
    seen = harm(old, of, "carts at the old price")
    if seen.verdict is not Verdict.AFFECTED:
        return seen
    until_s = measured["seconds_until_honoured"]
    if until_s is None:
        lasted = Measure(NEW_PRICE_WITHIN_S, unit="s at least")
    else:
        lasted = Measure(until_s, unit="s until the new price")
    return Observation(seen.verdict, (*seen.measures, lasted))


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    old = [
        by_variant.get(name, {}).get("carts_at_the_old_price")
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
    "every server has. So nothing goes stale, and no customer can bring a price along.",
)
