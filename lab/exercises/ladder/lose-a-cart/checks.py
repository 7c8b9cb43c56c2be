"""Checks of lose-a-cart: what one run of the script left behind at both desks."""

from functools import cache

from lab.core.faults import FaultEvent, FaultKind
from lab.evidence.run_document import VariantResult
from lab.exercises import Work, after, check, require
from lab.stack.pool_spec import LETTERS

SCRIPT = "lose.py"
ON_PURPOSE = "Find something that people do to servers on purpose."


@cache
def run_at_both_desks(work: Work) -> dict[str, VariantResult]:
    """Run the script once, with some number of servers; return what each desk shows."""
    servers = str(work.random.randint(2, 4))
    document = work.run(SCRIPT, "--servers", servers)
    return {each.app: each for each in document.experiments[0].variants}


def story(desk: VariantResult) -> str:
    """Return what happened at one desk, a line for each request and fault, in their order."""
    lines = [
        (each.at_s, f"{each.method} {each.path}  # {each.status} {each.served_by or ''}".rstrip())
        for each in desk.exchanges
    ]
    lines += [(each.at_s, f"# {each.kind} {each.target}") for each in desk.faults]
    return "\n".join([f"# at the {desk.app} desk", *(line for _, line in sorted(lines))])


def killed_for_good(desk: VariantResult) -> list[str]:
    """Return the servers that were killed; a restart, which begins with a kill, does not count."""
    events = sorted([*desk.faults, *desk.exchanges], key=lambda each: each.at_s)
    return [
        each.target
        for each, then in zip(events, [*events[1:], None], strict=True)
        if isinstance(each, FaultEvent)
        and each.kind is FaultKind.KILL
        and not (isinstance(then, FaultEvent) and then.kind is FaultKind.RESTART)
    ]


def vanished(desk: VariantResult) -> list[str]:
    """Return the servers that nothing in the lab has ended, and that are gone all the same.

    The lab's own looks at an acknowledged cart reach every server that lives.
    """
    names = [*LETTERS[: desk.settings.servers]]
    last: dict[str, FaultKind] = {}
    for each in sorted(desk.faults, key=lambda each: each.at_s):
        last[each.target] = each.kind
    names += [name for name in last if name not in names]
    alive = {each.target for each in desk.closing_looks}
    ended = {name for name, kind in last.items() if kind.state_after in ("dead", "gone")}
    return [name for name in names if alive and name not in alive | ended]


@check
def runs(work: Work) -> None:
    """The script runs at both desks."""
    for desk in run_at_both_desks(work).values():
        wrong = desk.at_length or desk.broken_expectation or desk.trouble
        require(
            not wrong,
            f"{SCRIPT} at the {desk.app} desk: {desk.trouble or desk.broken_expectation or wrong}",
            evidence=str(wrong),
            help=f"Run it yourself: lab run ./{SCRIPT}",
        )


@check
@after(runs)
def is_bought(work: Work) -> None:
    """John's purchase is acknowledged at both desks."""
    for desk in run_at_both_desks(work).values():
        require(
            sum(desk.measurements["changes_acknowledged"].values()),
            f"the {desk.app} desk acknowledged no change, so it owes John nothing",
            evidence=story(desk),
            help="Without a purchase that is answered 201 there is no cart to lose.",
        )


@check
@after(runs)
def kills_nothing(work: Work) -> None:
    """No server is killed."""
    for desk in run_at_both_desks(work).values():
        killed = killed_for_good(desk)
        require(
            not killed,
            f"the script kills {', '.join(killed)} at the {desk.app} desk",
            evidence=story(desk),
            help=ON_PURPOSE,
        )
        gone = vanished(desk)
        require(
            not gone,
            f"server {', '.join(gone)} of the {desk.app} desk is gone, and no drain ended it",
            evidence=story(desk),
            help=f"A kill past the lab is a kill, too. {ON_PURPOSE}",
        )


@check(points=2)
@after(is_bought)
def is_lost_at_the_stateful_desk(work: Work) -> None:
    """The stateful desk has lost the cart: no live server shows it any more."""
    desk = run_at_both_desks(work)["stateful"]
    seen = desk.measurements
    if seen["carts_left"]:
        why = "John has logged out (or in) since: the shop does not owe him that cart any more"
    elif seen["carts_unknown"]:
        why = "it is unknown: a server that may have the cart does not answer"
    elif seen["carts_wrong"] or seen["carts_duplicated"]:
        why = "a live server shows a cart, but another one than was acknowledged"
    else:
        why = "a live server still shows the cart: it is safe, wherever John looked"
    require(
        seen["carts_lost"] and not seen["carts_kept"],
        why,
        evidence=story(desk),
        help="When the script is over, the lab asks every live server for the cart.",
    )


@check
@after(is_bought)
def is_kept_at_the_stateless_desk(work: Work) -> None:
    """The same script does no harm to the cart at the stateless desk."""
    desk = run_at_both_desks(work)["stateless"]
    seen = desk.measurements
    require(
        seen["carts_kept"] == seen["carts_acknowledged"] > 0,
        "the stateless desk does not show the cart either",
        evidence=story(desk),
        help="What you do should hurt what a server remembers, and nothing else.",
    )
