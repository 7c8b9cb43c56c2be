"""Figure 5: what grows with shoppers, with lines in a cart, and with exchanges recorded."""

import gc
import pickle
import re
import socket
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from measuring import Row, Scale, Side, alternate
from subjects import TOKEN, Desk, Line, customer, desk, goods, places, render, whole_answer

from lab.crowd.journal import Journal
from lab.evidence.exchange import Exchange
from lab.evidence.record import Record
from lab.evidence.shopper import Shopper

STEPS = (1_000, 3_000, 10_000, 30_000, 100_000)
CONNECTIONS = 4
TRIES = 5  # a store that waits 0.3 s for a core of a busy machine is a 503
LINES = (1, 20, 100, 500)
EXCHANGES = (1_000, 3_000, 10_000, 30_000)
MB = 1_000_000
COOKIE = re.compile(rb"set-cookie: ([^;\r]+)", re.IGNORECASE)
BEARER = re.compile(rb'"token": ?"([^"]+)"')


def memory(scale: Scale) -> Iterator[Row]:
    """Memory per 1,000 shoppers who logged in and bought a laptop: 0 to 100,000 of them.

    The server's resident set, and beside it what the place outside the process holds.
    """
    steps = [step for step in STEPS if step <= scale.most_shoppers]
    for place in places():
        with desk(place) as server:
            yield _memory_row(server, place, steps)


def _memory_row(server: Desk, place: str, steps: list[int]) -> Row:
    _log_in_and_buy(server.port, range(100))  # warm: threads and connections are there
    seen = [(0, *_occupied(server))]
    for before, step in zip([0, *steps], steps, strict=False):
        print(f"    {place}: {step:,} shoppers", file=sys.stderr, flush=True)
        _bring_in(server.port, before, step)
        seen.append((step, *_occupied(server)))
    last, first = seen[-1], seen[0]
    thousands = (last[0] - first[0]) / 1000
    process = " ".join(f"{count:,}: {resident / MB:.0f}" for count, resident, _ in seen)
    outside = (last[2] - first[2]) / MB / thousands
    return Row(
        f"server memory, {place}, per 1,000 shoppers",
        [(last[1] - first[1]) / MB / thousands],
        f"resident MB at shoppers {process}"
        + (f"; outside the process {outside:.2f} MB per 1,000" if outside else ""),
        unit="MB",
    )


def _occupied(server: Desk) -> tuple[int, int]:
    """Bytes in the server's process; bytes in the store, or blocks of the disk under files."""
    files = sum(path.stat().st_blocks * 512 for path in server.folder.glob("sessions/*"))
    stored = server.store.stats().used_memory_bytes if server.store else 0
    return server.process.memory_info().rss, stored or files


def _bring_in(port: int, first: int, last: int) -> None:
    """Shoppers number `first` to `last` come in, over a few keep-alive connections."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        shares = [range(first + each, last, CONNECTIONS) for each in range(CONNECTIONS)]
        list(pool.map(lambda numbers: _log_in_and_buy(port, numbers), shares))


def _log_in_and_buy(port: int, numbers: range) -> None:
    """Log in as each and add a laptop, carrying whatever credential the desk gave."""
    item = b'{"sku": "laptop", "quantity": 1}'
    with socket.create_connection(("127.0.0.1", port)) as line:
        for number in numbers:
            who = b'{"user_id": "%d", "name": "John"}' % number
            head, body = _ask(line, render(port, "POST", "/api/login", {}, who))
            cookie, token = COOKIE.search(head), BEARER.search(body)
            credential = (
                {"Cookie": cookie[1].decode()}
                if cookie
                else {"Authorization": f"Bearer {token[1].decode()}"}
            )
            _ask(line, render(port, "POST", "/api/cart/items", credential, item))


def _ask(line: socket.socket, request: bytes) -> tuple[bytes, bytes]:
    for _ in range(TRIES):
        line.sendall(request)
        head, body = whole_answer(line)
        if not head.startswith(b"HTTP/1.1 503"):
            break
    assert head.startswith(b"HTTP/1.1 20"), head + body
    return head, body


def lines(scale: Scale) -> Iterator[Row]:
    """Time of a request against lines in the cart, read and write, at every place."""
    for place in places():
        with desk(place) as server:
            known = {n: customer(f"http://127.0.0.1:{server.port}", n) for n in LINES}
            for name, method, path, body in (
                ("read", "GET", "/api/cart", b""),
                ("write", "PATCH", "/api/cart/items/laptop", b'{"quantity": 1}'),
            ):
                with ExitStack() as opened:
                    sides = {}
                    for n in LINES:
                        line = Line(server.port, method, path, known[n], body)
                        opened.callback(line.close)
                        sides[n] = Side(line.ask, server.process, max(scale.batch // 3, 20))
                    alternate(scale.rounds, *(side.run for side in sides.values()))
                yield _lines_row(f"{place}, {name}", sides)


def _lines_row(what: str, sides: dict[int, Side]) -> Row:
    text = ", ".join(
        f"{n}: {1000 / side.per_s:.2f} ms (CPU {side.mean_cpu_ms:.2f})" for n, side in sides.items()
    )
    few, many = sides[LINES[0]], sides[LINES[-1]]
    ratios = [one / other for one, other in zip(few.rates, many.rates, strict=True)]
    return Row(f"{what}: time at {LINES[-1]} lines ÷ at 1", ratios, f"at lines {text}")


def record(scale: Scale) -> Iterator[Row]:
    """The lab's own memory against exchanges recorded: bytes that stay, for each exchange."""
    counts = [n for n in EXCHANGES if n <= scale.most_shoppers]
    yield record_row("Record", lambda: Record("benchmark"), counts)
    with tempfile.TemporaryDirectory() as folder:
        numbers = count(1)
        yield record_row(
            "a crowd's Journal, on disk",
            lambda: Journal("benchmark", Path(folder) / f"{next(numbers)}.jsonl", 0.0),
            counts,
        )


def record_row(what: str, new: Callable[[], Any], counts: list[int]) -> Row:
    """Measure anything with `append(exchange)`: the KB that stay allocated for each exchange."""
    blob = pickle.dumps(_exchange())
    kept = {}
    for number in counts:
        tracemalloc.start()
        try:
            into = new()
            for _ in range(number):
                into.append(pickle.loads(blob))  # every object of it anew, as from a socket
            gc.collect()
            kept[number] = tracemalloc.get_traced_memory()[0]
            del into
        finally:
            tracemalloc.stop()
    text = ", ".join(f"{n:,}: {size / MB:.1f} MB" for n, size in kept.items())
    size = len(blob)
    return Row(
        f"{what}: kept for each exchange",
        [total / n / 1000 for n, total in kept.items()],
        f"Python's allocations (tracemalloc) at exchanges {text}; one is {size} B pickled",
        unit="KB",
    )


def _exchange() -> Exchange:
    """A real one: a shopper at the stateless desk asks for a cart with one laptop."""
    with desk(TOKEN) as server:
        shopper = Shopper(lambda _: f"http://127.0.0.1:{server.port}", Record("benchmark"))
        shopper.login()
        shopper.add(*goods(1))
        exchange = shopper.view_cart()
        assert exchange.ok
        shopper.transport.close()
        return exchange
