"""Every server is restarted under traffic, one after the other, into its next version.

What is done: each customer fills a cart at one server and goes on asking for it. Server by
server is killed and started again, as version 2 where the desk has one: there a cart has one
field more, points. While old and new servers stand side by side one customer more earns
points at a new server, only looks at the cart at an old one, then adds something there, and
after each asks the new one whether the points are still there. At the end each customer asks.

What would disprove it: an acknowledged cart that the stateless desk no longer shows.
Requests that no server answers while a server is away are counted; the recovery is the time
between a server's last answer and the first of its next life, as its customers saw it.

What it depends on at the stateful desk: whether sessions outlive the process. What an upgrade
does to the new field depends on who writes the cart back: an old server rewrites a session,
or issues a token, only when the cart changes. An old version that kept unknown fields instead
of ignoring them would lose none.

Try next: `lab run restart-all --store file`, and read `lab/variants/next_version.py`.
"""

from collections.abc import Iterable, Mapping
from itertools import cycle

from lab.core.statistics import Measure
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import carts_survive_restarts
from lab.experiments.matrix import FILE, MEMORY, REDIS, TOKEN
from lab.experiments.script_api import Lab

CLAIM = "Servers can crash or restart without affecting users."
EXPECTED = Verdict.HOLDS


UPGRADABLE = "lab.variants.next_version"
VARIANTS = (
    MEMORY.on_module(UPGRADABLE, Settings(servers=2), Verdict.FAILS),
    REDIS.on_module(UPGRADABLE, Settings(servers=2, store="redis"), Verdict.HOLDS),
    TOKEN.on_module(UPGRADABLE, Settings(servers=2), Verdict.HOLDS),
)
EXPECTATIONS = (
    *VARIANTS,
    MEMORY.expecting(Verdict.FAILS),
    FILE.expecting(Verdict.HOLDS),
    REDIS.expecting(Verdict.HOLDS),
    TOKEN.expecting(Verdict.HOLDS),
)
CUSTOMERS = 12
QUICK_CUSTOMERS = 4
CUSTOMER_EVERY_S = 0.005
NEXT_VERSION = {"DESK_VERSION": "2"}


def ABOUT(variant: Variant) -> bool:
    """The claim is about the stateless desk, in either version."""
    return variant.app == "stateless"


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill a cart at each server, restart them all under traffic, ask for the carts."""
    desk_of = dict(zip(lab.customers, cycle(lab.servers), strict=False))
    for customer, desk in desk_of.items():
        customer.login(server=desk)
        customer.add("laptop", server=desk)

    control = each_asks(desk_of)
    traffic = list(control)
    turns = cycle(desk_of.items())
    pioneer = lab.shopper()

    def next_customer_asks() -> None:
        customer, desk = next(turns)
        traffic.append(customer.view_cart(server=desk))

    def restart_all() -> None:
        first, *others = lab.servers
        lab.restart(first, env=NEXT_VERSION)
        if others:
            lab.measure(**meet_both_versions(pioneer, new=first, old=others[0]))
        for server in others:
            lab.restart(server, env=NEXT_VERSION)

    lab.while_(next_customer_asks, restart_all, every_s=CUSTOMER_EVERY_S)
    traffic += each_asks(desk_of)
    lab.measure(
        control_kept=sum(exchange.fate == Fate.KEPT for exchange in control),
        traffic_requests=len(traffic),
        traffic_unanswered=sum(not exchange.answered for exchange in traffic),
        traffic_refused=sum(map(is_refusal, traffic)),
        recovery_s=recovery_s(traffic),
    )


def each_asks(desk_of: dict[Shopper, str]) -> list[Exchange]:
    """Let every customer ask for the cart where it was filled."""
    return [customer.view_cart(server=desk) for customer, desk in desk_of.items()]


def meet_both_versions(pioneer: Shopper, new: str, old: str) -> Measurements:
    """Earn points at a new server; say whether they outlive a look, then a change, at an old one.

    True or False; None if it cannot be said: no points were given, or the old server did
    not know the customer.
    """
    pioneer.login(server=new)
    earned = points(pioneer.add("laptop", server=new))
    looked = pioneer.view_cart(server=old)
    after_look = points(pioneer.view_cart(server=new))
    earned_again = points(pioneer.add("mouse", server=new))
    changed = pioneer.add("pen", server=old)
    after_change = points(pioneer.view_cart(server=new))
    pioneer.logout(server=new)  # nothing is owed to the pioneer afterwards
    return {
        "new_field_kept_by_a_look": kept(earned, looked, after_look),
        "new_field_kept_by_a_change": kept(earned_again, changed, after_change),
        "upgrade_refused": sum(map(is_refusal, (looked, changed))),
    }


def is_refusal(exchange: Exchange) -> bool:
    """Say whether a server refused the request, as one that does not know the customer does."""
    return exchange.status is not None and 400 <= exchange.status < 500


def points(exchange: Exchange) -> int | None:
    """Return the points an answer shows, None if it shows none."""
    cart = exchange.body.get("cart") if isinstance(exchange.body, dict) else None
    return cart.get("points") if isinstance(cart, dict) else None


def kept(earned: int | None, step: Exchange, afterwards: int | None) -> bool | None:
    """Say whether what was earned is there after a step; None if there was nothing to lose."""
    if not earned or not step.ok:
        return None
    return afterwards == earned


def recovery_s(traffic: Iterable[Exchange]) -> float | None:
    """Return the longest time from a server's last answer to the first of its next life.

    Seconds; None if no server was seen in two lives.
    """
    last: dict[str, tuple[str | None, float]] = {}
    away = []
    for exchange in traffic:
        if not exchange.answered or exchange.served_by is None:
            continue
        ended_s = exchange.at_s + exchange.elapsed_ms / 1000
        instance, before_s = last.get(exchange.served_by, (exchange.instance, ended_s))
        if exchange.instance != instance:
            away.append(ended_s - before_s)
        last[exchange.served_by] = (exchange.instance, ended_s)
    return round(max(away), 3) if away else None


def observe(measured: Measurements) -> Observation:
    """Observe whether the carts survived, and what the restarts cost beside."""
    seen = carts_survive_restarts(measured)
    if seen.verdict is Verdict.UNKNOWN:
        return seen
    if measured["control_kept"] < measured["carts_acknowledged"]:
        return Observation.unknown("carts were missing before any server was restarted")
    met_none, asked = measured["traffic_unanswered"], measured["traffic_requests"]
    measures = [*seen.measures, Measure(met_none, asked, unit="requests met no server")]
    # A customer who is refused is affected, even if the cart is there again in the end.
    refused = measured["traffic_refused"] + measured.get("upgrade_refused", 0)
    if refused:
        measures.append(Measure(refused, unit="requests refused by a server that was up"))
    if measured["recovery_s"] is not None:
        measures.append(Measure(measured["recovery_s"], unit="s without a server at most"))
    verdict = Verdict.FAILS if refused else seen.verdict
    return Observation(verdict, tuple(measures))


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    def field(variant: str) -> bool | None:
        measured = by_variant.get(variant, {})
        return measured.get("new_field_kept_by_a_change")

    session, token = field("redis"), field("token")
    if session is None or token is None:
        return None
    return (0 if token else 1) if session else (2 if token else 3)


QUESTION = Question(
    "Half the servers are upgraded; in the new version a cart has a new field. A customer gets "
    "it at a new server, then adds something at an old one, which does not know the field, "
    "and comes back. Is the field still there?",
    (
        "yes, in the shared session and in the token",
        "in the shared session; the token has lost it",
        "in the token; the shared session has lost it",
        "lost in both",
    ),
    _observed,
    "The old server reads only the fields it knows, and writes back what it has read: to the "
    "store, or into a new token. (A customer who only looks at the cart there loses nothing, as "
    "a read writes nothing.) The cure is the same for both: keep unknown fields, or do not use "
    "a field until every server knows it.",
)
