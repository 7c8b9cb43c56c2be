"""Measures one row of the matrix on its real variant, with one server: what a request costs.

Processor time of the server is measured under load, at a steady half of what this server can do:
a request that comes alone costs twice as much, since each process is woken for it. Bytes and the
store's operations are counted on requests that are sent one at a time. What else this machine
does is shared fairly: variants are measured in turns. Every request has to succeed; a variant
where one does not has no constants.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median
from urllib.parse import urlsplit

from lab.capacity.balancer_load import Sample
from lab.capacity.constants import Constant
from lab.capacity.effort import LOAD_SHARE, Action, Effort, Measuring, change, mean, succeed
from lab.capacity.meters import Meters, cpu_s
from lab.capacity.remains import at_rest, left_by_cart, left_by_session, process_memory
from lab.capacity.steady_load import LoadCustomer, Request, run_load
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.experiments.script_api import Lab
from lab.shop.catalogue import PRODUCTS

SERVER_CONNECTIONS = 8  # as many as a server has threads


@dataclass
class Costs:
    """The costs measured for one row; `samples` has a request of each kind, for nginx's costs."""

    constants: list[Constant] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def operations(self) -> Mapping[tuple[str, int], float]:
        """Return the store's operations of a request, by its kind and the lines of the cart."""
        counted = [each for each in self.constants if each.what == "store_operations"]
        return {(each.of, each.lines): each.value for each in counted}


def measure_variant(lab: Lab, meters: Meters, effort: Effort, into: Costs) -> Measuring:
    """Measure a variant that has one server, A, and nothing in it, in turns.

    LabError if a request fails.
    """
    found = into.constants
    found += at_rest(lab, meters) + left_by_session(lab, effort)
    carts = {}
    for lines in effort.lines:
        carts[lines], left = left_by_cart(lab, effort, lines)
        found += left
    yield
    seen = _counted(lab, effort, carts, into)
    yield
    loads = [
        _ServerLoad(lab, kind, lines, seen[kind, lines], _customers(lab, effort, kind, lines))
        for kind, lines in seen
    ]
    for _ in range(effort.rounds):
        for load in loads:
            load.round(meters, effort)
        yield
    found += [load.constant() for load in loads]
    if lab.held().in_processes:
        found += yield from process_memory(lab, effort)
    return found


def _counted(
    lab: Lab, effort: Effort, carts: Mapping[int, Shopper], into: Costs
) -> dict[tuple[str, int], list[Exchange]]:
    """Send some requests of each kind, one at a time; count their bytes and operations."""
    customers = [lab.shopper() for _ in range(effort.each)]
    acts: dict[tuple[str, int], list[Action]] = {("login", 0): [c.login for c in customers]}
    for lines, customer in carts.items():
        skus, numbers = list(islice(PRODUCTS, lines)), range(effort.each)
        acts["read", lines] = [customer.view_cart] * effort.each
        acts["write", lines] = [change(customer, skus, effort.each + n) for n in numbers]
    acts["logout", 0] = [c.logout for c in customers]
    seen = {}
    for (kind, lines), mine in acts.items():
        exchanges: list[Exchange] = []
        operations = lab.store_operations(lambda a=mine, e=exchanges: e.extend(map(succeed, a)))  # type: ignore[misc]
        counted = operations / len(mine)
        into.constants += [
            Constant("store_operations", kind, lines, counted, counted, counted, len(mine)),
            mean("request_bytes", kind, lines, [each.bytes_sent for each in exchanges]),
            mean("answer_bytes", kind, lines, [each.bytes_received for each in exchanges]),
        ]
        into.samples.append(Sample(kind, lines, exchanges[-1]))
        seen[kind, lines] = exchanges
    return seen


def _customers(lab: Lab, effort: Effort, kind: str, lines: int) -> list[dict[str, str]]:
    """Return the customers that send requests of a kind; each has a cart of so many lines.

    A login needs none, and a logout has an end of its own.
    """
    if kind in ("login", "logout"):
        return [{} for _ in range(effort.loaded)]
    found = []
    for _ in range(SERVER_CONNECTIONS):
        customer = lab.shopper()
        succeed(customer.login)
        for sku in islice(PRODUCTS, lines):
            succeed(lambda s=sku, c=customer: c.add(s, 10))  # type: ignore[misc]
        cookie, token = customer.cookie(), customer.token
        found.append(
            ({"Cookie": cookie} if cookie else {})
            | ({"Authorization": f"Bearer {token}"} if token else {})
        )
    return found


class _ServerLoad:
    """A steady load of one kind of request on a variant; measures what it costs the server."""

    def __init__(
        self,
        lab: Lab,
        kind: str,
        lines: int,
        like: Sequence[Exchange],
        credentials: list[dict[str, str]],
    ) -> None:
        balancer = urlsplit(lab.url)
        self._address = (balancer.hostname or "", balancer.port or 80)
        self._kind, self._lines = kind, lines
        self._requests = [Request.like(each, balancer.path + each.path) for each in like]
        self._login = Request("POST", f"{balancer.path}/api/login", _JSON_HEADERS, _LOGIN_BODY)
        self._credentials = credentials
        self._saturation = 0.0
        self._loaded = 0
        self._seen: list[float] = []

    def round(self, meters: Meters, effort: Effort) -> None:
        """Measure once, at half of the saturation that the first round finds."""
        if not self._saturation:
            self._saturation = self._run(meters, effort, None)
            self._seen.clear()
        self._run(meters, effort, LOAD_SHARE * self._saturation)

    def constant(self) -> Constant:
        """Return the processor time of a request, the median of the rounds, in µs."""
        seen, n = self._seen, len(self._seen) * self._loaded
        return Constant("desk_cpu", self._kind, self._lines, median(seen), min(seen), max(seen), n)

    def _run(self, meters: Meters, effort: Effort, rate: float | None) -> float:
        self._loaded = effort.loaded
        requests = list(islice(cycle(self._requests), effort.loaded))
        with ExitStack() as resources:
            customers = [
                resources.enter_context(closing(LoadCustomer(self._address, known)))
                for known in self._credentials
            ]
            if self._kind == "logout":
                run_load(customers, [self._login] * len(customers), None)
            before_s = cpu_s(meters.desk)
            done = run_load(customers, requests, rate)
            self._seen.append((cpu_s(meters.desk) - before_s) * 1e6 / len(requests))
        return done


_JSON_HEADERS = {"Content-Type": "application/json"}
_LOGIN_BODY = b'{"user_id":"123","name":"John"}'


def another_server(lab: Lab, effort: Effort) -> list[Constant]:
    """Return the share of customers that are served twice when there is a second server.

    Call it last: nginx reloads, its worker ends, and the time that it had used is not counted.
    """
    lab.add_server()
    customers = [lab.shopper() for _ in range(effort.strangers)]
    for customer in customers:
        succeed(customer.login)
    served = [[customer.view_cart().ok for _ in range(2)] for customer in customers]
    both = sum(map(all, served)) / len(served)
    return [Constant("served_by_another", "read", 0, both, both, both, len(served))]
