"""John logs out, and a thief has kept his credential.

What is done: customers log in and shop; John asks for his cart, and the bytes of that request
are kept, as a thief or a shared computer keeps them. John logs out. The kept request is sent
again until it is refused, or until patience ends. Then (not with --quick) every server is
restarted with a new signing key, the kept request is sent once more, and the others ask for
their carts.

What would disprove it: the kept request is refused at once after the logout.

What it depends on: whether a server keeps anything that a logout could delete. A session is
deleted. A token is good until it expires, so a short life limits the damage, and a customer
who pauses for longer is out as well. A denylist in a store ends it at once, for one operation on
the store with every request. A new key ends it for all, the innocent too.

Try next: `lab run logout --matrix`, where token-revision refuses changes, not reads.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from lab.core.statistics import Measure
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.matrix import ALONE, MEMORY, REDIS, TOKEN, TOKEN_DENYLIST, TOKEN_REVISION
from lab.experiments.script_api import Lab

DRAWBACK = "After logout the old token still opens the cart (no revocation)."
EXPECTED = Verdict.CONFIRMED
SHORT_EXPIRY = Variant("token-short-expiry", "stateless", ALONE, env={"TOKEN_MAX_AGE_S": "1"})
VARIANTS = (
    MEMORY.expecting(Verdict.NOT_AFFECTED, settings=ALONE),
    REDIS.expecting(Verdict.NOT_AFFECTED, settings=Settings(1, store="redis")),
    TOKEN.expecting(Verdict.AFFECTED, settings=ALONE),
    SHORT_EXPIRY.expecting(Verdict.DEPENDS),  # it depends on how soon after logout it is tried
    TOKEN_DENYLIST.expecting(Verdict.NOT_AFFECTED, settings=Settings(1, store="redis")),
)
EXPECTATIONS = (*VARIANTS, TOKEN_REVISION.expecting(Verdict.AFFECTED))
CUSTOMERS = 4
QUICK_CUSTOMERS = 2
REFUSED_WITHIN_S = 2.1  # a life of 1 s may last 2 s: a token's clock has no decimals
EVERY_S = 0.3
OTHER_KEY = {"STATELESS_SIGNING_KEYS": "{other_key}"}


def script(shopper: Shopper, lab: Lab) -> None:
    """Log out and send the kept request again; then change the key, and see who is out."""
    desk, others = lab.servers[0], lab.customers[1:]
    for customer in lab.customers:
        customer.login(server=desk)
        customer.add("laptop", server=desk)
    cost = lab.store_operations(lambda: [other.view_cart(server=desk) for other in others])
    kept = shopper.view_cart(server=desk)
    goodbye = shopper.logout(server=desk)
    out_at_once = logged_out(others, desk)
    replays: list[Exchange] = []

    def refused() -> bool:
        replays.append(shopper.replay(kept, server=desk))
        return replays[-1].status == HTTPStatus.UNAUTHORIZED

    lab.until(refused, REFUSED_WITHIN_S, EVERY_S)
    out_by_waiting = logged_out(others, desk)
    lab.measure(
        logged_out=goodbye.ok,
        opened_before=kept.ok,
        replays=sum(replay.status in (200, HTTPStatus.UNAUTHORIZED) for replay in replays),
        replays_accepted=sum(replay.ok for replay in replays),
        replays_of_another_cart=sum(replay.ok and replay.body != kept.body for replay in replays),
        accepted_for_s=round(max(r.at_s - goodbye.at_s if r.ok else 0.0 for r in replays), 2),
        refused_in_the_end=replays[-1].status == HTTPStatus.UNAUTHORIZED,
        store_operations_per_request=round(cost / len(others), 2),
        innocent=len(others),
        innocent_out_at_once=out_at_once,
        innocent_out_by_waiting=out_by_waiting,
    )
    if lab.quick:
        return  # a new key is the bluntest remedy, and the slowest to try
    for server in lab.servers:
        lab.restart(server, env=OTHER_KEY)
    lab.measure(
        accepted_after_new_key=shopper.replay(kept, server=desk).ok,
        innocent_out_by_new_key=logged_out(others, desk) - out_by_waiting,
    )


def logged_out(customers: Sequence[Shopper], desk: str) -> int:
    """Count the customers whose cart the desk refuses to show, though they never logged out."""
    looks = [customer.view_cart(server=desk) for customer in customers]
    return sum(look.status == HTTPStatus.UNAUTHORIZED for look in looks)


def observe(measured: Measurements) -> Observation:
    """Observe whether the credential was of use after its owner had logged out.

    It *depends* where the end was seen: on whether the thief is quicker than the expiry.
    """
    tried = measured.get("replays", 0)
    if not tried or not measured["logged_out"]:
        return Observation.unknown("no request was sent again after a logout")
    if not measured["opened_before"]:
        return Observation.unknown("the request was refused before the logout, too: no control")
    if others := measured["replays_of_another_cart"]:
        return Observation.unknown(f"{others} requests showed another cart than before the logout")
    accepted = measured["replays_accepted"]
    number = Measure(accepted, tried, unit="requests accepted after logout")
    if not accepted:
        if others := measured.get("innocent_out_at_once"):
            return Observation.unknown(f"{others} customers who did not log out were out, too")
        cost = measured["store_operations_per_request"]
        more = [Measure(cost, unit="store operations per request")] if cost else []
        return Observation(Verdict.NOT_AFFECTED, (number, *more))
    lasted = Measure(measured["accepted_for_s"], unit="s of use after logout")
    if measured["refused_in_the_end"]:
        return Observation(
            Verdict.DEPENDS, (number, lasted), "on how soon after logout it is tried"
        )
    return Observation(Verdict.AFFECTED, (number, lasted), "no end seen")


def ABOUT(variant: Variant) -> bool:
    """The token desk as the article has it: no remedy, not even a short life."""
    return variant.is_plain_token and not variant.env


def how_long(by_variant: Mapping[str, Measurements]) -> int | None:
    """Return the choice that came true, None without a token of a short life to compare."""
    plain = by_variant.get(TOKEN.name)
    short = by_variant.get(SHORT_EXPIRY.name)
    if plain is None or not plain.get("replays"):
        return None
    if not plain["replays_accepted"]:
        return 0
    if short is None or not short.get("replays_accepted"):
        return None
    return 1 if short["refused_in_the_end"] else 2


QUESTION = Question(
    "John logs out. A thief has kept his token. How long does it open John's cart?",
    (
        "Not at all: logout ends it.",
        "Until it expires.",
        "For ever.",
    ),
    how_long,
    "Logout at the token desk deletes nothing, because nothing is there: the page forgets its "
    "token, and every other copy stays good until it expires. Ending it sooner takes a list "
    "that all servers ask (state again), or a new key, which logs out all customers.",
)
