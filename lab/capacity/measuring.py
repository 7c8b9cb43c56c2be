"""Measures one row of the knob matrix on its real lane, with one server: what a request costs.

Requests are sent one at a time, and what is counted is the processor time of the processes,
not the time that passes: so it depends little on what else this machine does. What is left of
that dependence is shared fairly: a lane is measured in turns, and between two of them it is the
other lanes' turn. Every request has to succeed; a lane where one does not has no constants.
"""

import http.client
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

from lab.bench import Held, Lab
from lab.capacity.constants import Constant
from lab.capacity.meter import cpu_s, resident_bytes
from lab.errors import LabError
from lab.evidence.exchange import Exchange
from lab.shop.catalogue import PRODUCTS

TIMEOUT_S = 10
COUNTED = ("desk_cpu", "balancer_cpu", "store_cpu", "store_operations")
Act = Callable[[], Exchange]
Turns = Generator[None, None, list[Constant]]
"""Measures a little at each `next()`; returns the constants at the end."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: `rounds` of `each` requests, carts of `lines`, `steps` of sessions."""

    rounds: int = 5
    each: int = 20
    lines: tuple[int, ...] = (1, 10, 50)
    steps: int = 4
    sessions: int = 1000
    strangers: int = 10


QUICK = Effort(rounds=2, each=5, lines=(1, 5), steps=2, sessions=200, strangers=4)


@dataclass(frozen=True)
class Meters:
    """Whose processor time is counted, by process id, for each part of the lane."""

    desk: Sequence[int]
    balancer: Sequence[int]
    store: Sequence[int]

    def read(self) -> tuple[float, float, float]:
        """Return the processor time of desk, balancer and store until now, in seconds."""
        return cpu_s(self.desk), cpu_s(self.balancer), cpu_s(self.store)


def measure_lane(lab: Lab, meters: Meters, effort: Effort) -> Turns:
    """Measure a lane that has one server, A, and nothing in it, in turns.

    LabError where a request fails.
    """
    found = at_rest(lab, meters)
    found += yield from visits(lab, meters, effort)
    for lines in effort.lines:
        found += yield from carts(lab, meters, effort, lines)
    if lab.held().in_processes:
        found += yield from process_memory(lab, effort)
    return found


def at_rest(lab: Lab, meters: Meters) -> list[Constant]:
    """Return the memory of a server and of the store that have nothing to remember yet."""
    warm_up = lab.shopper()  # code and connections are there before anything is counted
    for act in (warm_up.login, warm_up.view_cart, lambda: warm_up.add("pen"), warm_up.logout):
        _succeed(act)
    resident = [resident_bytes(pid) for pid in meters.store]
    store = [_exact("at_rest", "store", resident)] if resident else []
    return [_exact("at_rest", "server", [lab.memory_bytes("A")]), *store]


def visits(lab: Lab, meters: Meters, effort: Effort) -> Turns:
    """Return what coming and going costs, and what is left of an empty visit either way."""
    customers = [lab.shopper() for _ in range(effort.rounds * effort.each)]
    before = lab.held()
    found = yield from _costs(lab, meters, effort, "login", 0, [each.login for each in customers])
    stayed = lab.held()
    found += yield from _costs(
        lab, meters, effort, "logout", 0, [each.logout for each in customers]
    )
    n = len(customers)
    left = _left("session", 0, before, stayed, n)
    return found + left + _left("logout", 0, before, lab.held(), n)


def carts(lab: Lab, meters: Meters, effort: Effort, lines: int) -> Turns:
    """Return what reading and changing a cart of so many lines costs, and what it takes up."""
    customer, skus = lab.shopper(), list(islice(PRODUCTS, lines))
    before = lab.held()
    _succeed(customer.login)
    for sku in skus:
        _succeed(lambda sku=sku: customer.add(sku, 10))  # type: ignore[misc]
    full = lab.held()
    n = effort.rounds * effort.each
    reads: list[Act] = [customer.view_cart] * n
    writes: list[Act] = [
        lambda i=i: customer.change(skus[i % lines], 11 + i // lines % 80)  # type: ignore[misc]
        for i in range(n)
    ]
    found = yield from _costs(lab, meters, effort, "read", lines, reads)
    found += yield from _costs(lab, meters, effort, "write", lines, writes)
    per_write = _left("write", lines, full, lab.held(), n)
    session = _left("session", lines, before, full, 1, {c.what: c.value * lines for c in per_write})
    return found + session + per_write


def process_memory(lab: Lab, effort: Effort) -> Turns:
    """Return what an empty visit takes up in a server's process, by how the process grows.

    The first step fills what the process has claimed already, and is left out.
    """
    had, grown = lab.server_info("A")["carts_remembered"], []
    for _ in range(effort.steps + 1):
        _log_in(lab.port_of("A"), effort.sessions)
        grown.append(lab.memory_bytes("A"))
        yield
    came = lab.server_info("A")["carts_remembered"] - had
    if came != effort.sessions * (effort.steps + 1):
        raise LabError(f"{came} sessions are remembered, more were begun: measure again")
    steps = [max(0, after - before) / effort.sessions for before, after in pairwise(grown)]
    mean = sum(steps) / len(steps)
    n = effort.sessions * effort.steps
    return [Constant("in_process", "session", 0, mean, min(steps), max(steps), n)]


def another_server(lab: Lab, effort: Effort) -> list[Constant]:
    """Return which share of customers is served, twice, once the balancer has a second server.

    For the end: nginx reloads, its worker ends, and what that had used is not counted.
    """
    lab.add_server()
    customers = [lab.shopper() for _ in range(effort.strangers)]
    for customer in customers:
        _succeed(customer.login)
    served = [[customer.view_cart().ok for _ in range(2)] for customer in customers]
    both = sum(map(all, served)) / len(served)
    return [Constant("served_by_another", "read", 0, both, both, both, len(served))]


def _costs(
    lab: Lab, meters: Meters, effort: Effort, kind: str, lines: int, acts: Sequence[Act]
) -> Turns:
    """Return what each request costs; processor time as the median of the rounds."""
    rounds: list[list[float]] = []
    exchanges: list[Exchange] = []
    for number in range(effort.rounds):
        mine = acts[number * effort.each : (number + 1) * effort.each]
        spent: list[float] = []

        def act(mine: Sequence[Act] = mine, spent: list[float] = spent) -> None:
            before = meters.read()
            exchanges.extend(map(_succeed, mine))
            after = meters.read()
            spent += [(b - a) * 1e6 / len(mine) for a, b in zip(before, after, strict=True)]

        operations = lab.store_operations(act)
        rounds.append([*spent, operations / len(mine)])
        yield
    n = len(acts)
    told = [
        Constant(what, kind, lines, median(seen), min(seen), max(seen), n)
        for what, seen in zip(COUNTED, zip(*rounds, strict=True), strict=True)
    ]
    sent = [exchange.bytes_sent for exchange in exchanges]
    received = [exchange.bytes_received for exchange in exchanges]
    told.append(_mean("request_bytes", kind, lines, sent))
    return [*told, _mean("answer_bytes", kind, lines, received)]


def _left(
    kind: str, lines: int, before: Held, after: Held, n: int, less: dict[str, float] | None = None
) -> list[Constant]:
    """Return the bytes that each of `n` has left in files and in the store; 0 where no key is."""
    grown = {
        "in_files": (after.in_files - before.in_files, after.file_bytes - before.file_bytes),
        "in_store": (after.in_store - before.in_store, after.store_bytes - before.store_bytes),
    }
    left = {
        what: max(0.0, bytes_ / n - (less or {}).get(what, 0)) if keys > 0 else 0.0
        for what, (keys, bytes_) in grown.items()
    }
    return [Constant(what, kind, lines, value, value, value, n) for what, value in left.items()]


def _log_in(port: int, times: int) -> None:
    """Begin so many sessions at a server, past the balancer and the record: it has to be fast."""
    body = json.dumps({"user_id": "123", "name": "John"})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        for _ in range(times):
            connection.request("POST", "/api/login", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise LabError(f"a login was answered {answer.status}: measure again")
    except (OSError, http.client.HTTPException) as error:
        raise LabError(
            f"a server does not answer ({type(error).__name__}): measure again"
        ) from None
    finally:
        connection.close()


def _succeed(act: Act) -> Exchange:
    exchange = act()
    if not exchange.ok:
        what = f"{exchange.method} {exchange.path} got {exchange.status or exchange.error}"
        raise LabError(f"while measuring, {what}: see the run's logs, and measure again")
    return exchange


def _mean(what: str, kind: str, lines: int, seen: Sequence[int]) -> Constant:
    return Constant(what, kind, lines, sum(seen) / len(seen), min(seen), max(seen), len(seen))


def _exact(what: str, kind: str, seen: Sequence[int]) -> Constant:
    return _mean(what, kind, 0, seen)
