"""Servers get other signing keys, in four steps, and customers take their tokens to each of them.

What is done: three servers with one key. One of them, C, is restarted with other keys, in
four steps, each as a team might do it; after each, customers log in at every server and
take what they got there to every server.

1. odd: C has another key than A and B.
2. careful: C has heard of a new key, and still signs with the old one.
3. hasty: C signs with the new key, and A and B have not heard of it.
4. everywhere: all three have [old, new]; the last one signs.

What would disprove it: no customer is refused while C's key differs. The careful order is the
counter-test: one refusal there, and keys could not be changed without harm at all.

What it depends on: the order. First every server learns the new key, then they begin to
sign with it, and the old key goes when the last token signed with it has expired.

At the stateful desk with shared sessions the same restarts change nothing: it has no key,
and shares a store in its place.

Try next: `lab run key-rotation --servers 5`, and predict the share refused in step 1.
"""

from collections.abc import Mapping
from functools import partial

from lab.core.statistics import share
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import harm
from lab.experiments.matrix import TOKEN
from lab.experiments.script_api import Lab

DRAWBACK = "Servers must agree on the signing key: else they refuse each other's tokens."
EXPECTED = Verdict.CONFIRMED
VARIANTS = (
    Variant("file", "stateful", Settings(servers=2, store="file"), expect=Verdict.NOT_AFFECTED),
    TOKEN.expecting(Verdict.AFFECTED),
)
CUSTOMERS = 1

OLD_KEY, NEW_KEY = "{key}", "{other_key}"  # filled in by the lab; oldest first, the last one signs
STEPS = ("agreed", "odd", "careful", "hasty", "everywhere")


def script(shopper: Shopper, lab: Lab) -> None:
    """Change the key of one server, then of all, and see who is refused at each step."""
    *others, last = lab.servers

    def give(keys: str, *servers: str) -> None:
        env = {"STATELESS_SIGNING_KEYS": keys}
        lab.together([partial(lab.restart, server, env=env) for server in servers])

    seen = {"agreed": refusals(lab)}
    give(NEW_KEY, last)
    seen["odd"] = refusals(lab)
    give(f"{NEW_KEY},{OLD_KEY}", last)
    seen["careful"] = refusals(lab)
    give(f"{OLD_KEY},{NEW_KEY}", last)
    seen["hasty"] = refusals(lab)
    give(f"{OLD_KEY},{NEW_KEY}", *others)
    seen["everywhere"] = refusals(lab)
    for step, (refused, tried, _) in seen.items():
        lab.measure(**{f"refused_{step}": refused, f"tried_{step}": tried})
    lab.measure(refused_without_cause=sum(each[2] for each in seen.values()))
    lab.curve(
        "requests refused while keys differ",
        "step",
        "% of requests",
        [(step, 100 * refused / tried) for step, (refused, tried, _) in seen.items() if tried],
    )


def refusals(lab: Lab) -> tuple[int, int, int]:
    """Log in at every server, and ask every server for each cart.

    Returns how many were refused (401), of how many that were answered, and how many were
    refused at a server that has the key which the credential was made with.
    """
    refused, tried, without_cause = 0, 0, 0
    last = lab.servers[-1]
    for made_at in lab.servers:
        for _ in range(lab.n(3, 1)):
            customer = lab.shopper()
            customer.login(server=made_at)
            own = customer.view_cart(server=made_at)  # what it carries was made here
            without_cause += not own.ok
            for asked in lab.servers:
                status = customer.replay(own, server=asked).status
                refused += status == 401
                tried += status in (200, 401)
                without_cause += status == 401 and (made_at == last) is (asked == last)
    return refused, tried, without_cause


def observe(measured: Measurements) -> Observation:
    """Observe whether requests were refused in step 1, and that none was without a cause."""
    if not measured["kill_confirmed"] or measured["restarts_confirmed"] < len(STEPS) - 1:
        return Observation.unknown("a restart with another key was not confirmed")
    if not all(measured[f"tried_{step}"] for step in STEPS):
        return Observation.unknown("no request was tried in one of the steps")
    if harmed := sum(measured[f"refused_{step}"] for step in ("agreed", "careful", "everywhere")):
        return Observation.unknown(f"{harmed} refused while all servers knew the key")
    if refused := measured["refused_without_cause"]:
        return Observation.unknown(f"{refused} refused by a server that had the same key")
    careful = sum(measured[f"tried_{step}"] for step in ("careful", "everywhere"))
    return harm(
        measured["refused_odd"],
        measured["tried_odd"],
        "refused with an odd key",
        share(measured["refused_hasty"], measured["tried_hasty"], "refused, signing too early"),
        share(0, careful, "refused with [old, new] everywhere"),
    )


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    seen = by_variant.get("token", {})
    if not seen.get("tried_odd"):
        return None
    percent = 100 * seen["refused_odd"] / seen["tried_odd"]
    return 0 if percent == 0 else 1 if percent < 40 else 2 if percent < 60 else 3


QUESTION = Question(
    "One of three servers has another signing key. Customers log in anywhere, and their "
    "requests go anywhere. How many are refused?",
    ("none", "about a third", "4 in 9", "more than 60 %"),
    _observed,
    "A request fails when exactly one of the two servers, the one that signed and the one that "
    "is asked, is the odd one: 2 × 1/3 × 2/3 = 4/9. Retrying does not help for long, and a "
    "health check of the odd server is green. To change a key without harm: first all accept "
    "it, then they sign with it, then the old one goes.",
)
