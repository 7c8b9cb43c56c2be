"""A server is killed, and every customer asks for the cart again.

What is done: each customer logs in, goes on with the server that greeted them and buys a
laptop; all ask for the cart once while all is well (the control). The server that
served John is killed (SIGKILL) and seen to be gone. All ask again where they were
served, and where no server answers any more, wherever the balancer sends them.

What would disprove it: an acknowledged cart that the stateless desk no longer shows after
the crash. A request without an answer is counted, and is not a lost cart. If carts were
lost other than those predicted, something else than the crash is at work, and nothing is
concluded: predicted are those of the killed server's customers, if that server said, just
before, that carts were in its memory. With `--crowd N` the same happens once more to N
shoppers at once, and their carts count too.

What it depends on at the stateful desk is where sessions live. In the process's memory the
cart dies with the process. In a file it survives a process, on one machine: another machine
would not see the file, and its crash would take the file along. In Redis it survives a
server, and the store becomes the thing that must not crash.

Try next: `lab run crash --store redis`, `lab run crash --crowd 200`.
"""

from collections.abc import Mapping

from msgspec import convert

from lab.core.faults import FaultKind
from lab.evidence.cart_tracker import Fate
from lab.evidence.result import Measurements, Observation, Settings, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import carts_survive_kill, kept_share
from lab.experiments.matrix import FILE, MEMORY, REDIS, TOKEN, two_desks
from lab.experiments.script_api import Lab

CLAIM = "Servers can crash or restart without affecting users."
EXPECTED = Verdict.HOLDS
VARIANTS = two_desks(Settings())
EXPECTATIONS = (
    MEMORY.expecting(Verdict.FAILS),
    FILE.expecting(Verdict.HOLDS),
    REDIS.expecting(Verdict.HOLDS),
    TOKEN.expecting(Verdict.HOLDS),
)
CUSTOMERS = 60
QUICK_CUSTOMERS = 12
CROWD = True  # `--crowd` can add one
CROWD_RATE = 200.0  # requests a second, of all shoppers together


def script(shopper: Shopper, lab: Lab) -> None:
    """Buy a laptop, lose the server that sold it, ask for the cart."""
    desk_of = {}
    for customer in lab.customers:
        desk_of[customer] = desk = customer.login().served_by
        customer.add("laptop", server=desk)
    control = [customer.view_cart(server=desk).fate for customer, desk in desk_of.items()]

    doomed = desk_of[shopper]
    has_carts = lab.server_info(doomed)["carts_remembered"] > 0
    theirs = {customer.name for customer, desk in desk_of.items() if desk == doomed}
    lab.kill(doomed)
    for customer, desk in desk_of.items():
        if not customer.view_cart(server=desk).answered:
            lab.look_for_cart(customer)

    predicted = theirs if has_carts else set()
    observed = {customer.name for customer in desk_of if customer.tracker.fate == Fate.LOST}
    lab.measure(
        control_kept=control.count(Fate.KEPT),
        predicted_lost=sorted(predicted),
        observed_lost=sorted(observed),
        sets_equal=predicted == observed,
    )
    if lab.crowd_shoppers and doomed:
        lab.restart(doomed)
        crash_under_a_crowd(lab, doomed)


def buy_here(shopper: Shopper, lab: Lab) -> None:
    """One shopper of a crowd: buy a laptop and ask for it, where the login was."""
    desk = shopper.login().served_by
    shopper.add("laptop", server=desk)
    shopper.view_cart(server=desk)


def crash_under_a_crowd(lab: Lab, doomed: str) -> None:
    """Kill a server when all have bought and hardly any has asked yet."""
    from lab.crowd.timetable import PlannedFault  # `lab list` imports this file: no crowd for it

    lap_s = lab.crowd_shoppers / CROWD_RATE
    outcome = lab.crowd(
        buy_here,
        lab.crowd_shoppers,
        CROWD_RATE,
        for_s=3 * lap_s,
        warm_up_s=0.0,
        once=True,
        timetable=(PlannedFault(FaultKind.KILL, doomed, 2 * lap_s),),
    )
    lab.measure(crowd=outcome.as_json())


def observe(measured: Measurements) -> Observation:
    """Observe whether the carts survived, if a control was kept and the losses are explained."""
    seen = carts_survive_kill(measured)
    if seen.verdict is Verdict.UNKNOWN:
        return seen
    if measured["control_kept"] < measured["carts_acknowledged"]:
        return Observation.unknown("carts were missing before any server was killed")
    if measured["predicted_lost"] and not measured["sets_equal"]:
        return Observation.unknown("other carts were lost than those predicted")
    return with_crowd(seen, measured.get("crowd"))


def with_crowd(seen: Observation, crowd: Measurements | None) -> Observation:
    """Add what a crowd says: the claim holds if it held for the few and for the many."""
    if crowd is None:
        return seen
    from lab.crowd.doubts import Doubt

    carts = crowd["carts"]
    owed = carts["settled"] - carts["nothing_owed"]
    doubts = [each for each in convert(crowd["doubts"], list[Doubt]) if each.is_about_carts]
    if doubts or not owed:
        why = "; ".join(map(str, doubts)) or "no cart was owed"
        return Observation.unknown(f"of the crowd: {why}")
    many = kept_share(carts["kept"], owed, "carts of a crowd kept")
    verdict = seen.verdict if many.verdict is Verdict.HOLDS else many.verdict
    return Observation(verdict, seen.measures + many.measures)


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    seen = [by_variant[name] for name in ("stateful", "stateless") if name in by_variant]
    if len(seen) < 2 or any(each.get("observed_lost") is None for each in seen):
        return None
    # By how many of the two desks lost carts, and whether one lost all of them.
    losers = [each for each in seen if each["observed_lost"]]
    if any(len(each["observed_lost"]) == each["carts_acknowledged"] for each in losers):
        return 3
    return len(losers)


QUESTION = Question(
    "Three servers at each desk have a third of the customers each. One server is killed at "
    "each desk. Which customers find the cart gone?",
    (
        "none: the other two servers take over",
        "the killed server's customers, at one desk only",
        "the killed server's customers, at both desks",
        "all customers of a desk",
    ),
    _observed,
    "In process memory a cart dies with the one process that knew it, and only those carts do. "
    "A token is with the customer: any server that has the key can read it.",
)
