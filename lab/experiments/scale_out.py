"""Servers are added while customers act, to see whether each one helps at once.

What is done: customers log in at the only server and fill their carts. A server is added,
then another, while they go on asking. After each step all ask several times, at
the same time, and it is counted which server answered, how fast it went, and whether each answer
showed the acknowledged cart. Showing a cart waits for a supplier's answer: 20 ms, simulated,
one call at a time for each server. So waiting is the limit, not this machine's two or eight
cores; without that, servers on one machine only share its cores.

What would disprove it: one answer without the cart, or a new server that customers who are
already there get nothing from (the busiest server does more than 1.5 times the mean).

What it depends on at the stateful desk: in process memory a new server knows no customer, and
every request it gets is refused. With affinity the cart is safe, because customers who are
there stay where they were: the new server is idle until new ones come. A shared store scales
as the token does, as far as the store goes.

With `--crowd N` N shoppers press on after each step, each asking again when answered, and
what the servers get done is counted.

Try next: `lab run scale-out --crowd 40`; `lab run scale-out --store redis` (the plain desks,
which do not wait).
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain

import msgspec

from lab.core.statistics import Measure
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import Exchange
from lab.evidence.result import Measurements, Observation, Settings, Variant, Verdict
from lab.evidence.shopper import Shopper
from lab.experiments import Question
from lab.experiments.judging import kept_share, lacks_reads
from lab.experiments.matrix import ALONE, FILE, MEMORY, MEMORY_AFFINITY, REDIS, TOKEN
from lab.experiments.script_api import Lab

CLAIM = "Adding a server is easy, and helps at once."
EXPECTED = Verdict.HOLDS


SUPPLIER = "lab.variants.slow_supplier"
VARIANTS = (
    MEMORY.on_module(SUPPLIER, ALONE, Verdict.FAILS),
    MEMORY_AFFINITY.on_module(SUPPLIER, Settings(1, affinity="cookie"), Verdict.FAILS),
    TOKEN.on_module(SUPPLIER, ALONE, Verdict.HOLDS),
)
EXPECTATIONS = (
    *VARIANTS,
    MEMORY.expecting(Verdict.FAILS),
    MEMORY_AFFINITY.expecting(Verdict.FAILS),
    FILE.expecting(Verdict.HOLDS),
    REDIS.expecting(Verdict.HOLDS),
    TOKEN.expecting(Verdict.HOLDS),
)
CUSTOMERS = 8
QUICK_CUSTOMERS = 4
READS_EACH = 3
LOOK_EVERY_S = 0.02
CROWD = True  # `--crowd` can add one
CROWD_S = 3.0
MAX_OVER_MEAN = 1.5


def ABOUT(variant: Variant) -> bool:
    """The claim is about the stateless desk, with or without a supplier to wait for."""
    return variant.app == "stateless"


def script(shopper: Shopper, lab: Lab) -> None:
    """Fill the carts at one server, add servers one by one, ask for the carts after each."""
    for customer in lab.customers:
        customer.login()
        customer.add("laptop")
    steps, crowds = [step(lab)], [press(lab)]
    for _ in range(lab.n(3, 1)):
        lab.while_(shopper.view_cart, lab.add_server, LOOK_EVERY_S)
        each_asks(lab, times=1)  # nginx answers each open connection the old way once more
        steps.append(step(lab))
        crowds.append(press(lab))
    servers = [each["servers"] for each in steps]
    lab.measure(
        steps=steps,
        max_over_mean_load=steps[-1]["max_over_mean_load"],
        speedup=round(steps[-1]["per_s"] / steps[0]["per_s"], 2),
        **({"crowds": crowds} if lab.crowd_shoppers else {}),
    )
    lab.curve(
        "carts shown per second (each waits for a simulated 20 ms supplier call)",
        "servers",
        "carts per second",
        list(zip(servers, (each["per_s"] for each in steps), strict=True)),
    )
    lab.curve(
        "load of the busiest server over the mean",
        "servers",
        "times",
        list(zip(servers, (each["max_over_mean_load"] for each in steps), strict=True)),
    )


def buy_and_look(shopper: Shopper, lab: Lab) -> None:
    """One shopper of a crowd: buy a laptop, then ask for the cart again and again."""
    shopper.login()
    shopper.add("laptop")
    for _ in range(50):
        shopper.view_cart()


def press(lab: Lab) -> Measurements:
    """Let a crowd press on for a while, if one was asked for; return what got done."""
    if not lab.crowd_shoppers:
        return {}
    outcome = lab.crowd(buy_and_look, lab.crowd_shoppers, None, for_s=CROWD_S, warm_up_s=1.0)
    return {
        "servers": len(lab.servers),
        "shoppers": lab.crowd_shoppers,
        "carts_shown_per_s": None
        if outcome.generator_was_the_limit
        else round(outcome.reads_that_showed_the_cart / CROWD_S, 1),
        "reads": outcome.reads,
        "reads_without_the_cart": outcome.reads - outcome.reads_that_showed_the_cart,
        "latency": msgspec.to_builtins(outcome.latency),
        "doubts": msgspec.to_builtins(outcome.doubts),
    }


def step(lab: Lab) -> Measurements:
    """Let each customer ask, and measure it."""
    began_s = time.monotonic()
    answers = each_asks(lab, READS_EACH)
    return work_done(answers, len(lab.servers), time.monotonic() - began_s)


def each_asks(lab: Lab, times: int) -> list[Exchange]:
    """Let every customer ask for the cart, one time after another, all at the same time."""

    def ask(customer: Shopper) -> list[Exchange]:
        return [customer.view_cart() for _ in range(times)]

    return list(chain(*lab.together([partial(ask, customer) for customer in lab.customers])))


def work_done(answers: Sequence[Exchange], servers: int, seconds: float) -> Measurements:
    """Return the measurements of one step. Refused and failed reads count as misrouted."""
    kept = sum(exchange.fate == Fate.KEPT for exchange in answers)
    return {
        "servers": servers,
        "reads": len(answers),
        "misrouted": len(answers) - kept,
        "max_over_mean_load": max_over_mean(answers, servers),
        "per_s": round(kept / seconds, 1),
    }


def max_over_mean(answers: Iterable[Exchange], servers: int) -> float:
    """Return the busiest server's share of the answers over an even share: 1.0 is even."""
    load = Counter(exchange.served_by for exchange in answers if exchange.served_by)
    return round(max(load.values()) * servers / load.total(), 2) if load else 0.0


def observe(measured: Measurements) -> Observation:
    """Observe whether every read saw its cart, and whether the new servers took their share."""
    if missing := lacks_reads(measured):
        return Observation.unknown(missing)
    steps = measured["steps"]
    reads = sum(each["reads"] for each in steps)
    misrouted = sum(each["misrouted"] for each in steps)
    few, many, load = steps[0]["servers"], steps[-1]["servers"], measured["max_over_mean_load"]
    seen = kept_share(
        reads - misrouted,
        reads,
        "reads saw the cart",
        Measure(measured["speedup"], unit=f"times the work of {few} done by {many} servers"),
        Measure(load, unit="times the mean load on the busiest server"),
    )
    verdict = seen.verdict if load <= MAX_OVER_MEAN else Verdict.FAILS
    return Observation(verdict, seen.measures)


def _observed(by_variant: Mapping[str, Measurements]) -> int | None:
    def load(variant: str) -> float | None:
        return by_variant.get(variant, {}).get("max_over_mean_load")

    sticky, token = load("memory-affinity"), load("token")
    if sticky is None or token is None:
        return None
    return (sticky > MAX_OVER_MEAN) + 2 * (token > MAX_OVER_MEAN)


QUESTION = Question(
    "One server is busy with eight customers. Servers are added; at the stateful desk the "
    "balancer keeps each customer at the server that has their session. Where do the new "
    "servers take over a fair share of these eight customers' requests?",
    (
        "at both desks",
        "at the stateless desk only",
        "at the stateful desk only",
        "at neither",
    ),
    _observed,
    "Affinity keeps the cart findable by never moving its owner: the new server helps new "
    "customers, not those who wait. A request that brings its own state can go to any server.",
)
