"""Checks of three-weaknesses: each script is run in its way, with some number of servers."""

from lab.evidence.run_document import RecordedExchange, VariantResult
from lab.exercises import Work, check, require
from lab.exercises.declare import CannotCheck
from lab.stack.local_store import NO_STORE
from lab.stack.programs import find_store

STORE = "store"
LEAST_LOOKS = 3


def run(work: Work, script: str, *settings: str) -> tuple[VariantResult, VariantResult]:
    """Run a script at both desks; NotMet where it stops. Return the stateful desk, then the other.

    John's looks have to go through the load balancer, and the desks have to owe him something.
    """
    servers = str(work.random.randint(3, 5))
    document = work.run(script, "--servers", servers, *settings)
    by_app = {each.app: each for each in document.experiments[0].variants}
    for desk in by_app.values():
        wrong = desk.at_length or desk.broken_expectation or desk.trouble
        command = f"lab run ./{script} --servers {servers} {' '.join(settings)}"
        require(
            not wrong,
            f"{script} at the {desk.app} desk: {desk.trouble or desk.broken_expectation or wrong}",
            evidence=str(wrong),
            help=f"Run it yourself: {command}",
        )
        require(
            desk.measurements["carts_acknowledged"] and looks(desk),
            f"at the {desk.app} desk there is no purchase, or no look at the cart after it",
            evidence=story(desk),
        )
        asked = [each.target for each in looks(desk) if each.target]
        require(
            not asked,
            f"{script} looks at {asked[:1]} by name",
            help="Leave out server= in view_cart: John cannot choose a server.",
        )
    return by_app["stateful"], by_app["stateless"]


def looks(desk: VariantResult) -> list[RecordedExchange]:
    """Return the script's own looks at a cart that the desk owed."""
    return [each for each in desk.exchanges if each.fate]


def shown(desk: VariantResult, since_s: float = 0.0) -> tuple[int, int]:
    """Return how many looks since then showed the cart, and how many there were."""
    since = [each for each in looks(desk) if each.at_s >= since_s]
    return sum(each.fate == "kept" for each in since), len(since)


def story(desk: VariantResult) -> str:
    """Return what happened at one desk, a line for each request and fault, in their order."""
    lines = [
        (each.at_s, f"{each.method} {each.path}  # {each.status} {each.served_by or ''}".rstrip())
        for each in desk.exchanges
    ]
    lines += [(each.at_s, f"# {each.kind} {each.target}") for each in desk.faults]
    return "\n".join([f"# at the {desk.app} desk", *(line for _, line in sorted(lines))])


@check(points=2)
def round_robin_shows_its_weakness(work: Work) -> None:
    """round_robin.py: nothing breaks, the cart is safe, and the stateful desk does not show it."""
    stateful, stateless = run(work, "round_robin.py", "--affinity", "none")
    for desk in (stateful, stateless):
        require(not desk.faults, "round_robin.py breaks something", evidence=story(desk))
        require(
            desk.measurements["carts_kept"],
            f"the {desk.app} desk has not kept the cart",
            evidence=story(desk),
        )
    kept, of = shown(stateful)
    require(
        kept < of,
        f"the stateful desk shows the cart in {kept} of {of} looks",
        evidence=story(stateful),
        help="One look may be lucky. How many are needed, for each server to have its turn?",
    )
    kept, of = shown(stateless)
    require(kept == of, f"the stateless desk shows it in {kept} of {of}", evidence=story(stateless))


@check(points=2)
def affinity_shows_its_weakness(work: Work) -> None:
    """affinity.py: all is well until one server is gone, and with it the stateful desk's cart."""
    stateful, stateless = run(work, "affinity.py", "--affinity", "cookie")
    for desk in (stateful, stateless):
        broken = {each.target for each in desk.faults}
        require(
            len(broken) == 1 and STORE not in broken,
            f"affinity.py breaks {', '.join(sorted(broken)) or 'nothing'}, and not one server",
            evidence=story(desk),
        )
        first_s = min(each.at_s for each in desk.faults)
        kept, of = shown(desk)
        later_kept, later = shown(desk, first_s)
        require(
            kept - later_kept == of - later >= LEAST_LOOKS,
            f"before that, {kept - later_kept} of {of - later} looks showed the cart "
            f"at the {desk.app} desk",
            evidence=story(desk),
            help="First show that affinity helps: three looks or more, all of them good.",
        )
        require(later, "John does not look any more after that", evidence=story(desk))
    require(
        stateful.measurements["carts_lost"],
        "the stateful desk has not lost the cart",
        evidence=story(stateful),
        help="Which server has the cart? `.served_by` of any answer says so.",
    )
    require(
        stateless.measurements["carts_kept"],
        "the stateless desk does not show the cart either",
        evidence=story(stateless),
        help="Leave some servers alive.",
    )


@check(points=2)
def the_store_shows_its_weakness(work: Work) -> None:
    """store.py: every server lives, and without the store the stateful desk shows no cart."""
    if find_store() is None:
        raise CannotCheck(NO_STORE)
    stateful, stateless = run(work, "store.py", "--store", "redis")
    broken = {each.target for each in (*stateful.faults, *stateless.faults)}
    require(
        broken <= {STORE},
        f"store.py breaks {', '.join(sorted(broken - {STORE}))}",
        evidence=story(stateful),
        help="Break the store, and no server.",
    )
    require(broken, "store.py breaks nothing", evidence=story(stateful))
    kept, of = shown(stateful, min(each.at_s for each in stateful.faults))
    require(
        kept < of,
        f"after that, the stateful desk shows the cart in {kept} of {of} looks",
        evidence=story(stateful),
        help="Look while the store is away.",
    )
    kept, of = shown(stateless)
    require(kept == of, f"the stateless desk shows it in {kept} of {of}", evidence=story(stateless))
