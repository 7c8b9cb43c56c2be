"""One customer changes a cart in two tabs, one after the other and then at the same moment.

What is done: a customer logs in, and two tabs of the browser add one thing each, one after
the other; then, as a new customer, ten tabs add one thing each at the same moment. A tab
that is refused because the cart has gone on (409) asks for the cart and tries again, until
it has been shown the same cart three times. Then every tab asks for the cart. Lost is what was
acknowledged and is not in the fullest cart that any tab is shown.

What would disprove it: every acknowledged add is in the cart.

What it depends on: two tabs with the same token each change a copy, and the copies
are never merged. Two tabs of one session share a cart, and one after the other nothing is
lost; at the same moment both read the session before either writes, and the later write
wipes out the earlier. Here, too, something is lost, because a session is not a transaction.
In the memory of one process it hardly ever shows, since between reading and writing nothing
waits: that is luck, and no promise.

A revision check (what If-Match does) makes both desks say so instead of losing something.
The session's tab then reads the newest cart and succeeds. The token's tab reads its own old
token: no server has the newest one to give, and the tab has to give up.

Try next: `lab run two-tabs --matrix`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from lab.core.statistics import Measure
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
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

DRAWBACK = "Two tabs that change one cart lose acknowledged changes."
EXPECTED = Verdict.CONFIRMED
SESSION_REVISION = Variant(
    "session-revision",
    "stateful",
    WITH_STORE,
    module=TOKEN_REVISION.module,
    env={"DESK": "stateful_app"},
)
VARIANTS = (
    replace(MEMORY, settings=ALONE),
    FILE.expecting(Verdict.AFFECTED, settings=Settings(servers=1, store="file")),
    REDIS.expecting(Verdict.AFFECTED, settings=WITH_STORE),
    TOKEN.expecting(Verdict.AFFECTED, settings=ALONE),
    SESSION_REVISION.expecting(Verdict.NOT_AFFECTED),
    TOKEN_REVISION.expecting(Verdict.NOT_AFFECTED, settings=WITH_STORE),
)
EXPECTATIONS = (*VARIANTS, TOKEN_DENYLIST.expecting(Verdict.AFFECTED))
SETTLED_WITHIN_S = 3.0
GIVES_UP_AFTER = 3  # times that it was shown the same cart
TABS = 10
ACCEPTED, CONFLICT = 201, 409
SESSIONS = (MEMORY.name, FILE.name, REDIS.name)


def script(shopper: Shopper, lab: Lab) -> None:
    """Add in two tabs in turn, then in ten at once."""
    in_turn = adds_in_tabs(lab, 2, at_once=1)
    rounds = [adds_in_tabs(lab, TABS, at_once=TABS) for _ in range(lab.n(4, 3))]
    lab.measure(**named("in_turn", [in_turn]), **named("at_once", rounds))


def adds_in_tabs(lab: Lab, how_many: int, at_once: int) -> tuple[int, int, int]:
    """Let each tab add one thing; return how many adds were tried, acknowledged and lost.

    An add that was neither acknowledged nor in conflict (409) was not tried: it failed for
    another reason than the other tabs.
    """
    customer = lab.shopper()
    desk = customer.login().served_by
    tabs = [customer.another_tab() for _ in range(how_many)]

    def add(tab: Shopper) -> int | None:
        answers, shown = list[Exchange](), list[int]()

        def settled() -> bool:
            answers.append(tab.add("laptop", server=desk))
            if answers[-1].status != CONFLICT:
                return True
            shown.append(item_count(tab.view_cart(server=desk)))
            return shown.count(shown[-1]) == GIVES_UP_AFTER

        lab.until(settled, SETTLED_WITHIN_S)
        return answers[-1].status

    statuses = lab.together([partial(add, tab) for tab in tabs], at_once)
    acknowledged = statuses.count(ACCEPTED)
    tried = acknowledged + statuses.count(CONFLICT)
    views = [tab.view_cart(server=desk) for tab in tabs]
    customer.logout(server=desk)
    if not all(view.ok for view in views):
        return 0, 0, 0  # how much was lost cannot be known
    return tried, acknowledged, max(0, acknowledged - max(map(item_count, views)))


def item_count(answer: Exchange) -> int:
    """Return how many things are in the cart that was shown, 0 if none was."""
    return int(answer.body["cart"]["item_count"]) if answer.ok else 0


def named(when: str, rounds: Sequence[tuple[int, int, int]]) -> dict[str, int]:
    """Return the sums of several rounds by name."""
    tried, acknowledged, lost = map(sum, zip(*rounds, strict=True))
    return {
        f"{when}_tried": tried,
        f"{when}_acknowledged": acknowledged,
        f"{when}_given_up": tried - acknowledged,
        f"{when}_lost": lost,
    }


def observe(measured: Measurements) -> Observation:
    """Observe whether any acknowledged add was lost, in turn or at once."""
    parts = ("in_turn", "at_once")
    lost, acknowledged, given_up = (
        sum(measured.get(f"{part}_{what}", 0) for part in parts)
        for what in ("lost", "acknowledged", "given_up")
    )
    more = [Measure(given_up, unit="adds given up")] if given_up else []
    return harm(lost, acknowledged, "acknowledged adds lost", *more)


def who_loses(by_variant: Mapping[str, Measurements]) -> int | None:
    """Return the choice that came true with ten tabs at once, None if a desk was not asked."""
    losses = {
        name: bool(result["at_once_lost"])
        for name, result in by_variant.items()
        if result.get("at_once_acknowledged")
    }
    sessions = [losses[name] for name in SESSIONS if name in losses]
    if not sessions or TOKEN.name not in losses:
        return None
    return any(sessions) + 2 * losses[TOKEN.name]


QUESTION = Question(
    "Ten tabs of one customer add one thing each at the same moment, and each gets a 201. "
    "Which desk loses some of the ten?",
    ("Neither desk.", "The session desk.", "The token desk.", "Both."),
    who_loses,
    "Each token is a copy, and copies are not merged: one add in ten is left. A session is read, "
    "changed and written as a whole, so the later of two writes wipes out the earlier. A "
    "revision check turns the loss into a refusal; only a desk that remembers can then show "
    "the newest cart to try again with.",
)
