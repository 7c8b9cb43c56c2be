"""The session store is killed, then paused, and each customer asks for the cart each time.

What is done: customers fill their carts, and each asks for it once (the control). The store
is killed, and each asks; the store is started again, and each asks. They fill their carts
anew, and the same is done with a store that is paused: it holds its connections and
answers nothing. A desk without a store meets the same requests in the same order.

What would disprove it: no request fails at a desk that keeps its sessions in the store.

What it depends on: failing requests come with the dependency. Whether carts are *lost* as
well depends on persistence: a store that writes to disk before it answers has them again
when it is back. How long a customer waits for the error depends on the desk's time limit
(0.3 s an operation here; redis-py's own defaults would wait for seconds).

Try next: `lab show size`, the price the stateless desk pays for not noticing.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from lab.core.statistics import Measure
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import harm
from lab.experiments.script_api import Lab

DRAWBACK = "A shared session store is one more thing that every request depends on."
EXPECTED = Verdict.CONFIRMED
VARIANTS = (
    Variant("redis", "stateful", Settings(servers=1, store="redis"), expect=Verdict.AFFECTED),
    Variant(
        "redis-on-disk",
        "stateful",
        Settings(servers=1, store="redis"),
        persistence=True,
        expect=Verdict.AFFECTED,
    ),
    Variant("token", "stateless", Settings(servers=1), expect=Verdict.NOT_AFFECTED),
)
CUSTOMERS = 12
QUICK_CUSTOMERS = 6
RECOVERY_DEADLINE_S = 5.0


def ABOUT(variant: Variant) -> bool:
    """Return True for a variant with a store, which has the drawback; others are for contrast."""
    return variant.uses_store


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill the carts, take the store away, ask; bring it back, ask. Twice."""
    faults = {
        "killed": (lab.kill_store, lab.restart_store),
        "paused": (lab.pause_store, lab.resume_store),
    }
    lab.measure(has_store=lab.has_store)
    for name, (take_away, bring_back) in faults.items():
        for customer in lab.customers:
            customer.login()
            customer.add("laptop")
        control = each_asks(lab)
        if lab.has_store:
            take_away()
        without = each_asks(lab)
        began_s = time.monotonic()
        if lab.has_store:
            bring_back()
        lab.until(lambda: answers(shopper.view_cart()), RECOVERY_DEADLINE_S)
        recovery_s = time.monotonic() - began_s
        after = each_asks(lab)
        lab.measure(**outage(name, control, without, after, recovery_s))


def each_asks(lab: Lab) -> list[Exchange]:
    """Let every customer ask for the cart, eight at a time."""
    asking: Sequence[Callable[[], Exchange]] = [each.view_cart for each in lab.customers]
    return lab.together(asking, at_once=8)


def answers(exchange: Exchange) -> bool:
    """Return True if a server answered, even if it does not know the customer."""
    return exchange.status is not None and exchange.status < 500


def outage(
    name: str,
    control: Sequence[Exchange],
    without: Sequence[Exchange],
    after: Sequence[Exchange],
    recovery_s: float,
) -> Measurements:
    """Return the measurements of one fault, their names ending in the fault's."""
    failed = [exchange for exchange in without if not answers(exchange)]
    return {
        f"control_kept_{name}": sum(exchange.fate == Fate.KEPT for exchange in control),
        f"asked_{name}": len(without),
        f"failed_{name}": len(failed),
        f"shown_wrong_{name}": sum(e.ok and e.fate != Fate.KEPT for e in without),
        f"slowest_answer_s_{name}": round(
            max((e.elapsed_ms for e in without), default=0) / 1000, 3
        ),
        f"recovery_s_{name}": round(recovery_s, 3),
        f"carts_lost_{name}": sum(exchange.fate == Fate.LOST for exchange in after),
        f"carts_kept_{name}": sum(exchange.fate == Fate.KEPT for exchange in after),
    }


def observe(measured: Measurements) -> Observation:
    """Observe whether requests failed while the store was away; it holds if they did."""
    if not measured["carts_acknowledged"]:
        return Observation.unknown("no change was acknowledged")
    if measured["has_store"] and not measured["kill_confirmed"]:
        return Observation.unknown("the death of the store was not confirmed")
    if measured["faults_unconfirmed"]:
        return Observation.unknown("the store was not seen to be paused, or not to be back")
    if (
        min(measured["control_kept_killed"], measured["control_kept_paused"])
        < measured["asked_paused"]
    ):
        return Observation.unknown("carts were missing before anything was broken")
    wrong = measured.get("shown_wrong_killed", 0) + measured.get("shown_wrong_paused", 0)
    if wrong:
        return Observation.unknown(f"{wrong} looks showed another cart while the store was away")
    asked = measured["asked_killed"] + measured["asked_paused"]
    failed = measured["failed_killed"] + measured["failed_paused"]
    slowest_s = max(measured["slowest_answer_s_killed"], measured["slowest_answer_s_paused"])
    lost, owed = measured["carts_lost_killed"], measured["asked_killed"]
    return harm(
        failed,
        asked,
        "requests failed while the store was away",
        Measure(slowest_s, unit="s for an answer at most"),
        Measure(lost, owed, unit="carts lost afterwards"),
    )


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    def lost(variant: str) -> int | None:
        return by_variant.get(variant, {}).get("carts_lost_killed")

    plain, on_disk = lost("redis"), lost("redis-on-disk")
    if plain is None or on_disk is None:
        return None
    return (0 if on_disk else 1) if plain else (2 if not on_disk else None)


QUESTION = Question(
    "All sessions are in one shared store, and all servers run. The store is killed and "
    "started again. What has become of the carts?",
    (
        "they are gone, whether or not the store writes to disk",
        "they are gone, unless the store writes to disk before it answers",
        "they are there in any case: the servers still had them",
    ),
    _observed,
    "A server with a shared store remembers nothing itself: that is what let it crash safely. "
    "The store is now the one that must not. Persistence brings the carts back, not the "
    "requests that failed meanwhile; the stateless desk has no such dependency.",
)
