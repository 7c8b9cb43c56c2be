"""Measures one row of the matrix on its real variant, with one server: what a request costs.

Requests are sent one at a time, and what is counted is the processor time of the processes,
not the time that passes: so it depends little on what else this machine does. What is left of
that dependence is shared fairly: variants are measured in turns. Every request has to succeed;
a variant where one does not has no constants.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from lab.capacity.constants import Constant
from lab.capacity.effort import Act, Effort, Turns, change, mean, succeed
from lab.capacity.meters import Meters
from lab.capacity.remains import at_rest, left_by_cart, left_by_session, process_memory
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.experiments.script_api import Lab
from lab.shop.catalogue import PRODUCTS

COUNTED = ("desk_cpu", "balancer_cpu", "store_cpu", "store_operations")


def measure_variant(lab: Lab, meters: Meters, effort: Effort) -> Turns:
    """Measure a variant that has one server, A, and nothing in it, in turns.

    LabError where a request fails.
    """
    found = at_rest(lab, meters) + left_by_session(lab, effort)
    carts = {}
    for lines in effort.lines:
        carts[lines], left = left_by_cart(lab, effort, lines)
        found += left
    yield
    found += yield from costs(lab, meters, effort, carts)
    if lab.held().in_processes:
        found += yield from process_memory(lab, effort)
    return found


def costs(lab: Lab, meters: Meters, effort: Effort, carts: dict[int, Shopper]) -> Turns:
    """Return what each kind of request costs; in each turn there is one round of each kind."""
    rounds: dict[tuple[str, int], list[Round]] = {}
    for turn in range(effort.rounds):
        customers = [lab.shopper() for _ in range(effort.each)]
        acts: dict[tuple[str, int], list[Act]] = {("login", 0): [c.login for c in customers]}
        for lines, customer in carts.items():
            skus = list(islice(PRODUCTS, lines))
            numbers = range(turn * effort.each, (turn + 1) * effort.each)
            acts["read", lines] = [customer.view_cart] * effort.each
            acts["write", lines] = [change(customer, skus, number) for number in numbers]
        acts["logout", 0] = [c.logout for c in customers]
        for kind, mine in acts.items():
            rounds.setdefault(kind, []).append(_round(lab, meters, mine))
        yield
    return [
        each for (kind, lines), seen in rounds.items() for each in _constants(kind, lines, seen)
    ]


@dataclass
class Round:
    """What some requests of one kind took: COUNTED for each of them, and their bytes."""

    counted: tuple[float, ...]
    exchanges: list[Exchange]


def _round(lab: Lab, meters: Meters, acts: Sequence[Act]) -> Round:
    exchanges: list[Exchange] = []
    spent_us: list[float] = []

    def act() -> None:
        before = meters.read()
        exchanges.extend(map(succeed, acts))
        after = meters.read()
        spent_us.extend((b - a) * 1e6 / len(acts) for a, b in zip(before, after, strict=True))

    operations = lab.store_operations(act)
    return Round((*spent_us, operations / len(acts)), exchanges)


def _constants(kind: str, lines: int, rounds: Sequence[Round]) -> list[Constant]:
    """Return the constants of one kind of request: the median of rounds, the mean of bytes."""
    exchanges = [exchange for each in rounds for exchange in each.exchanges]
    counted = zip(*(each.counted for each in rounds), strict=True)
    return [
        *(
            Constant(what, kind, lines, median(seen), min(seen), max(seen), len(exchanges))
            for what, seen in zip(COUNTED, counted, strict=True)
        ),
        mean("request_bytes", kind, lines, [each.bytes_sent for each in exchanges]),
        mean("answer_bytes", kind, lines, [each.bytes_received for each in exchanges]),
    ]


def another_server(lab: Lab, effort: Effort) -> list[Constant]:
    """Return which share of customers is served, twice, once the balancer has a second server.

    Call it last: nginx reloads, its worker ends, and the time that it had used is not counted.
    """
    lab.add_server()
    customers = [lab.shopper() for _ in range(effort.strangers)]
    for customer in customers:
        succeed(customer.login)
    served = [[customer.view_cart().ok for _ in range(2)] for customer in customers]
    both = sum(map(all, served)) / len(served)
    return [Constant("served_by_another", "read", 0, both, both, both, len(served))]
