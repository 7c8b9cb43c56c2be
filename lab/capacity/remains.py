"""Measures what sessions leave behind: in a server's memory, in files and in the store."""

import http.client
import json
from functools import partial
from itertools import islice, pairwise

from lab.capacity.constants import Constant
from lab.capacity.effort import Effort, Measuring, change, mean, succeed
from lab.capacity.meters import Meters, resident_bytes
from lab.core.errors import LabError
from lab.evidence.shopper import Shopper
from lab.experiments.footprint import Footprint
from lab.experiments.script_api import Lab
from lab.shop.catalogue import PRODUCTS

PROBE_TIMEOUT_S = 10


def at_rest(lab: Lab, meters: Meters) -> list[Constant]:
    """Return the memory of a server and of the store that hold no session yet."""
    warm_up = lab.shopper()  # code and connections are there before anything is counted
    for act in (warm_up.login, warm_up.view_cart, lambda: warm_up.add("pen"), warm_up.logout):
        succeed(act)
    resident = [resident_bytes(pid) for pid in meters.store]
    store = [mean("at_rest", "store", 0, resident)] if resident else []
    return [mean("at_rest", "server", 0, [lab.memory_bytes("A")]), *store]


def left_by_session(lab: Lab, effort: Effort) -> list[Constant]:
    """Return what a session with an empty cart leaves behind, without a logout and with one."""
    customers = [lab.shopper() for _ in range(effort.each)]
    before = lab.held()
    for customer in customers:
        succeed(customer.login)
    stayed = lab.held()
    for customer in customers:
        succeed(customer.logout)
    n = len(customers)
    gone = _left("logout", 0, _grown(before, lab.held()), n)
    return _left("session", 0, _grown(before, stayed), n) + gone


def left_by_cart(lab: Lab, effort: Effort, lines: int) -> tuple[Shopper, list[Constant]]:
    """Return a customer with a cart of so many lines, and what it and a change leave behind."""
    customer, skus = lab.shopper(), list(islice(PRODUCTS, lines))
    before = lab.held()
    succeed(customer.login)
    for sku in skus:
        succeed(partial(customer.add, sku, 10))
    full = lab.held()
    for number in range(effort.each):
        succeed(change(customer, skus, number))
    per_write, session = _grown(full, lab.held()), _grown(before, full)
    # Where each change leaves a key of its own, those of filling the cart are not sessions.
    share = lines / effort.each
    own = {
        what: (keys - per_write[what][0] * share, size - per_write[what][1] * share)
        for what, (keys, size) in session.items()
    }
    left = _left("session", lines, own, 1) + _left("write", lines, per_write, effort.each)
    return customer, left


def process_memory(lab: Lab, effort: Effort) -> Measuring:
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


def _grown(before: Footprint, after: Footprint) -> dict[str, tuple[float, float]]:
    """Return by how many keys, and bytes, files and store have grown."""
    return {
        "in_files": (after.in_files - before.in_files, after.file_bytes - before.file_bytes),
        "in_store": (after.in_store - before.in_store, after.store_bytes - before.store_bytes),
    }


def _left(kind: str, lines: int, grown: dict[str, tuple[float, float]], n: int) -> list[Constant]:
    """Return the bytes that each of `n` has left; 0 if no key was added."""
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
