"""Measures what one operation costs the session store at a steady half of its saturation.

One server with its eight threads cannot load a store: alone on an idle store, an operation takes
three times as long as under load. So the lab sends the operations itself, over some connections.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import TYPE_CHECKING

from lab.capacity.constants import Constant
from lab.capacity.effort import LOAD_SHARE, Effort
from lab.capacity.meters import cpu_s
from lab.stack.local_store import LocalStore
from lab.stack.store_client import ask, connect

if TYPE_CHECKING:
    from redis.connection import ConnectionInterface

STORE_CONNECTIONS = 16
STORE_KEY = "plan:session"


def operation_costs(store: LocalStore, sizes: Sequence[int], effort: Effort) -> dict[int, Constant]:
    """Return for values of each size the processor time of an operation in µs; half are writes."""
    with _connections(store.url) as lines:
        return {size: _cost(store, lines, size, effort) for size in sizes}


def _cost(
    store: LocalStore, lines: "Sequence[ConnectionInterface]", size: int, effort: Effort
) -> Constant:
    value, seen = "x" * size, []
    saturation = _run(lines, value, effort.operations, None)
    for _ in range(effort.rounds):
        before_s = cpu_s([store.pid])
        _run(lines, value, effort.operations, LOAD_SHARE * saturation)
        seen.append((cpu_s([store.pid]) - before_s) * 1e6 / effort.operations)
    n = effort.operations * effort.rounds
    return Constant("store_cpu", "store", 0, median(seen), min(seen), max(seen), n)


def _run(
    lines: "Sequence[ConnectionInterface]", value: str, operations: int, rate: float | None
) -> float:
    """Send so many operations, one on each connection at a time; return the rate reached."""
    began_s, done = time.monotonic(), 0
    commands = [("SET", STORE_KEY, value, "EX", 60), ("GET", STORE_KEY)]
    while done < operations:
        if rate is not None and (early_s := done / rate - (time.monotonic() - began_s)) > 0:
            time.sleep(early_s)
        for number, line in enumerate(lines):
            command = commands[(number + done // len(lines)) % 2]
            line.send_command(*command)  # type: ignore[no-untyped-call]
        for line in lines:
            line.read_response()
        done += len(lines)
    return done / (time.monotonic() - began_s)


@contextmanager
def _connections(url: str) -> "Iterator[list[ConnectionInterface]]":
    with ExitStack() as resources:
        client = resources.enter_context(connect(url))
        pool = client.connection_pool
        yield [ask(pool.get_connection) for _ in range(STORE_CONNECTIONS)]
