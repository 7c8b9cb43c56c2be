"""Figure 3: through nginx over 1, 2 and 3 servers, against each connection to a server."""

import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from measuring import Row, Scale, alternate, cpu_s
from subjects import KEYS, customer, render, whole_answer

from lab.stack.pool_spec import PoolSpec
from lab.stack.stack import Stack

CONNECTIONS = 6  # two for each of three servers: none waits while another is being answered
AIM = 0.85  # for three


def figure(scale: Scale) -> Iterator[Row]:
    """GET /api/cart of the stateless desk: requests per second through nginx ÷ direct.

    Six closed-loop connections keep both cores busy, client included. Then the ratio is that
    of the CPU a request takes in all, which is what nginx can cost on this machine.
    """
    for servers in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            spec = PoolSpec("stateless", "stateless_app", servers=servers, env=KEYS)
            with Stack([spec], Path(folder) / "run") as stack:
                yield _row(stack, servers, scale)


def _row(stack: Stack, servers: int, scale: Scale) -> Row:
    pool = stack.pools["stateless"]
    master = psutil.Process(stack.balancer.pid)
    watched = {
        "nginx": [master, *master.children()],
        "servers": [psutil.Process(each.pid) for each in pool.servers.values()],
        "client": [psutil.Process()],
    }
    headers = customer(pool.url)
    ports = [each.port for each in pool.servers.values()]
    balanced = _Crowd([(stack.balancer.port, "/stateless/api/cart")], headers, watched, scale)
    direct = _Crowd([(port, "/api/cart") for port in ports], headers, watched, scale)
    alternate(1, balanced.run, direct.run)
    balanced.rates.clear(), direct.rates.clear()
    alternate(scale.rounds, balanced.run, direct.run)
    ratios = [one / other for one, other in zip(balanced.rates, direct.rates, strict=True)]
    return Row(
        f"nginx over {servers} ÷ direct",
        ratios,
        f"{balanced.describe()} ÷ {direct.describe()}",
        at_least=AIM if servers == 3 else None,
    )


class _Crowd:
    """CONNECTIONS keep-alive connections, each with one request in flight, spread over targets."""

    def __init__(
        self,
        targets: list[tuple[int, str]],
        headers: dict[str, str],
        watched: dict[str, list[psutil.Process]],
        scale: Scale,
    ) -> None:
        self._watched = watched
        self._each = scale.batch // 2
        self._cpu_s = dict.fromkeys(watched, 0.0)
        self._requests = 0
        self.rates: list[float] = []
        self._targets = [
            (port, render(port, "GET", path, headers))
            for port, path in (targets[n % len(targets)] for n in range(CONNECTIONS))
        ]

    def run(self) -> None:
        """One batch over all connections, which are fresh: nginx ends one after 1,000 requests."""
        before = {name: cpu_s(processes) for name, processes in self._watched.items()}
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            began = time.perf_counter()
            shops = [pool.submit(self._shop, *target) for target in self._targets]
            for shop in shops:
                shop.result()
            seconds = time.perf_counter() - began
        self._requests += self._each * CONNECTIONS
        for name, processes in self._watched.items():
            self._cpu_s[name] += cpu_s(processes) - before[name]
        self.rates.append(self._each * CONNECTIONS / seconds)

    def describe(self) -> str:
        """The median rate, how much CPU a request has taken, and whose."""
        shares = {name: s * 1e6 / self._requests for name, s in self._cpu_s.items()}
        cpu = " + ".join(f"{name} {us:.0f} µs" for name, us in shares.items() if us > 1)
        return f"{sorted(self.rates)[len(self.rates) // 2]:.0f}/s ({cpu})"

    def _shop(self, port: int, request: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port)) as line:
            for _ in range(self._each):
                line.sendall(request)
                head, _ = whole_answer(line)
                assert head.startswith(b"HTTP/1.1 200"), head
