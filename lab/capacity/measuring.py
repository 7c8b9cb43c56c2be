"""Measures one row of the matrix on its real variant, with one server: what a request costs.

Requests are sent one at a time, and what is counted is the processor time of the processes,
not the time that passes: so it depends little on what else this machine does. What is left of
that dependence is shared fairly: variants are measured in turns. Every request has to succeed;
a variant where one does not has no constants.
"""

import http.client
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from statistics import median

from lab.capacity.constants import Constant
from lab.capacity.meters import Meters, resident_bytes
from lab.core.errors import LabError
from lab.evidence.exchange import Exchange
from lab.evidence.shopper import Shopper
from lab.experiments.footprint import Footprint
from lab.experiments.script_api import Lab
from lab.shop.catalogue import PRODUCTS

PROBE_TIMEOUT_S = 10
COUNTED = ("desk_cpu", "balancer_cpu", "store_cpu", "store_operations")
Act = Callable[[], Exchange]
Turns = Generator[None, None, list[Constant]]
"""Measures one turn at each `next()`; returns the constants at the end."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: `rounds` of `each` requests, carts of `lines`, `steps` of sessions."""

    rounds: int = 5
    each: int = 15
    lines: tuple[int, ...] = (1, 10, 50)
    steps: int = 3
    sessions: int = 1000
    strangers: int = 10


QUICK = Effort(rounds=2, each=4, lines=(1, 5), steps=2, sessions=150, strangers=3)


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


def at_rest(lab: Lab, meters: Meters) -> list[Constant]:
    """Return the memory of a server and of the store that hold no session yet."""
    warm_up = lab.shopper()  # code and connections are there before anything is counted
    for act in (warm_up.login, warm_up.view_cart, lambda: warm_up.add("pen"), warm_up.logout):
        _succeed(act)
    resident = [resident_bytes(pid) for pid in meters.store]
    store = [_mean("at_rest", "store", 0, resident)] if resident else []
    return [_mean("at_rest", "server", 0, [lab.memory_bytes("A")]), *store]


def left_by_session(lab: Lab, effort: Effort) -> list[Constant]:
    """Return what a session with an empty cart leaves behind, without a logout and with one."""
    customers = [lab.shopper() for _ in range(effort.each)]
    before = lab.held()
    for customer in customers:
        _succeed(customer.login)
    stayed = lab.held()
    for customer in customers:
        _succeed(customer.logout)
    n = len(customers)
    gone = _left("logout", 0, _grown(before, lab.held()), n)
    return _left("session", 0, _grown(before, stayed), n) + gone


def left_by_cart(lab: Lab, effort: Effort, lines: int) -> tuple[Shopper, list[Constant]]:
    """Return a customer with a cart of so many lines, and what it and a change leave behind."""
    customer, skus = lab.shopper(), list(islice(PRODUCTS, lines))
    before = lab.held()
    _succeed(customer.login)
    for sku in skus:
        _succeed(partial(customer.add, sku, 10))
    full = lab.held()
    for number in range(effort.each):
        _succeed(_change(customer, skus, number))
    per_write, session = _grown(full, lab.held()), _grown(before, full)
    # Where each change leaves a key of its own, those of filling the cart are no session.
    share = lines / effort.each
    own = {
        what: (keys - per_write[what][0] * share, size - per_write[what][1] * share)
        for what, (keys, size) in session.items()
    }
    left = _left("session", lines, own, 1) + _left("write", lines, per_write, effort.each)
    return customer, left


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
            acts["write", lines] = [_change(customer, skus, number) for number in numbers]
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
        exchanges.extend(map(_succeed, acts))
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
        _mean("request_bytes", kind, lines, [each.bytes_sent for each in exchanges]),
        _mean("answer_bytes", kind, lines, [each.bytes_received for each in exchanges]),
    ]


def _change(customer: Shopper, skus: Sequence[str], number: int) -> Act:
    """Return the act of setting a line to a quantity that it did not have: 11 to 90."""
    return partial(customer.change, skus[number % len(skus)], 11 + number // len(skus) % 80)


def process_memory(lab: Lab, effort: Effort) -> Turns:
    """Return what an empty session takes up in a server's process, by how the process grows.

    The first step fills memory that the process holds already, and is left out.
    """
    had, grown = lab.server_info("A")["carts_remembered"], []
    for _ in range(effort.steps + 1):
        _log_in(lab.address_of("A"), effort.sessions)
        grown.append(lab.memory_bytes("A"))
        yield
    came = lab.server_info("A")["carts_remembered"] - had
    if came != effort.sessions * (effort.steps + 1):
        raise LabError(f"the server holds {came} sessions, more were begun: measure again")
    steps = [max(0, after - before) / effort.sessions for before, after in pairwise(grown)]
    mean = sum(steps) / len(steps)
    n = effort.sessions * effort.steps
    return [Constant("in_process", "session", 0, mean, min(steps), max(steps), n)]


def another_server(lab: Lab, effort: Effort) -> list[Constant]:
    """Return which share of customers is served, twice, once the balancer has a second server.

    Call it last: nginx reloads, its worker ends, and the time that it had used is not counted.
    """
    lab.add_server()
    customers = [lab.shopper() for _ in range(effort.strangers)]
    for customer in customers:
        _succeed(customer.login)
    served = [[customer.view_cart().ok for _ in range(2)] for customer in customers]
    both = sum(map(all, served)) / len(served)
    return [Constant("served_by_another", "read", 0, both, both, both, len(served))]


def _grown(before: Footprint, after: Footprint) -> dict[str, tuple[float, float]]:
    """Return by how many keys, and bytes, files and store have grown."""
    return {
        "in_files": (after.in_files - before.in_files, after.file_bytes - before.file_bytes),
        "in_store": (after.in_store - before.in_store, after.store_bytes - before.store_bytes),
    }


def _left(kind: str, lines: int, grown: dict[str, tuple[float, float]], n: int) -> list[Constant]:
    """Return the bytes that each of `n` has left; 0 where there is no key more."""
    left = {
        what: max(0.0, size / n) if round(keys) > 0 else 0.0 for what, (keys, size) in grown.items()
    }
    return [Constant(what, kind, lines, value, value, value, n) for what, value in left.items()]


def _log_in(address: str, times: int) -> None:
    """Begin so many sessions at a server, past the balancer and the record, to be fast."""
    body = json.dumps({"user_id": "123", "name": "John"})
    connection = http.client.HTTPConnection(address, timeout=PROBE_TIMEOUT_S)
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
