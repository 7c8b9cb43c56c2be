"""What the spine costs, as ratios: `python tests/benchmarks/spine.py [apps nginx shopper demo]`.

Each number is the median of alternating runs, so that a slow spell of the machine falls on both
sides. Ratios are compared with the aims of issue 2. Run it on a quiet machine.
"""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import requests

from lab.evidence.record import Record
from lab.evidence.shopper import Shopper
from lab.stack import LaneSpec, LocalStore, Stack, find_store
from lab.stack.ports import free_ports
from lab.stack.waiting import READY_TIMEOUT_S, get, wait_until

KEYS = {"STATELESS_SIGNING_KEYS": "a key for benchmarks; no secret: 0123456789"}
ROUNDS = 9
BATCH = 300  # requests of one side in one round
CONNECTIONS = 6  # two for each of three replicas: none waits while another is being answered
DEMO_RUNS = 5


def main(wanted: list[str]) -> None:
    """Run the parts asked for (default: all) and print one table."""
    parts = {"apps": apps, "nginx": nginx, "shopper": shopper, "demo": demo}
    unknown = set(wanted) - parts.keys()
    if unknown:
        sys.exit(f"no part {', '.join(unknown)}: there are {', '.join(parts)}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    for name in wanted or parts:
        print(f"\n{name}: {parts[name].__doc__.splitlines()[0]}")
        parts[name]()


def apps() -> None:
    """GET /api/cart, one laptop: requests per second, one keep-alive client, no nginx."""
    for app, store, aim in (
        ("stateless_app", None, 0.8),
        ("stateful_app", "memory", 0.8),
        ("stateful_app", "file", None),
        ("stateful_app", "redis", None),
    ):
        if store == "redis" and find_store() is None:
            print("  stateful/redis: no store here")
            continue
        with ExitStack() as stack:
            env = KEYS if store is None else {"STATEFUL_STORE": store_setting(store, stack)}
            desk = stack.enter_context(served(["-m", app], env))
            bare = stack.enter_context(served([str(Path(__file__).with_name("bare_desk.py"))], {}))
            headers = customer(f"http://127.0.0.1:{desk}")
            bare_path = "/cart-and-token" if store is None else "/cart"
            ours = Client(desk, "/api/cart", headers)
            yardstick = Client(bare, bare_path, headers)
            per_s, bare_per_s, ratio = alternate(ours.rate, yardstick.rate)
            cpu = yardstick.cpu_s / ours.cpu_s
            name = app.removesuffix("_app") + (f"/{store}" if store else "")
            report(
                f"{name} ÷ bare Flask",
                ratio,
                f"{per_s:.0f}/s, {ours.size} B ÷ {bare_per_s:.0f}/s, {yardstick.size} B; "
                f"server's CPU alone: {cpu:.2f}",
                at_least=aim,
            )


def nginx() -> None:
    """GET /api/cart of three stateless replicas: through nginx ÷ each connection to a replica.

    Six closed-loop connections keep both cores busy, client included. Then the ratio is that
    of the CPU a request takes in all, which is what nginx can cost on this machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        lane_spec = LaneSpec("stateless", "stateless_app", env=KEYS)
        with Stack([lane_spec], Path(folder) / "run") as stack:
            lane = stack.lanes["stateless"]
            headers = customer(lane.url)
            ports = [replica.port for replica in lane.replicas.values()]
            master = psutil.Process(stack.balancer.pid)
            watched = {
                "nginx": [master, *master.children()],
                "replicas": [psutil.Process(r.pid) for r in lane.replicas.values()],
                "client": [psutil.Process()],
            }
            balanced = Crowd([(stack.balancer.port, "/stateless/api/cart")], headers, watched)
            direct = Crowd([(port, "/api/cart") for port in ports], headers, watched)
            through, straight, ratio = alternate(balanced.rate, direct.rate)
            report(
                "nginx ÷ direct",
                ratio,
                f"{through:.0f}/s ÷ {straight:.0f}/s; CPU of a request: {balanced.cpu()}; "
                f"direct: {direct.cpu()}",
                at_least=0.85,
            )


def shopper() -> None:
    """The recording Shopper ÷ a bare requests.Session, same request, same server: time."""
    with served(["-m", "stateless_app"], KEYS) as port:
        base = f"http://127.0.0.1:{port}"
        john = Shopper(lambda server: base, Record("benchmark"))
        john.login()
        assert john.add("laptop").ok
        bare = requests.Session()
        bare.trust_env = False
        bare.headers["Authorization"] = f"Bearer {john.token}"
        url = f"{base}/api/cart"

        cpu_ms = {"ours": 0.0, "bare": 0.0}

        def watched(name: str, once: Callable[[], object]) -> float:
            before = time.thread_time()
            seconds = timed(once)
            cpu_ms[name] += (time.thread_time() - before) * 1000 / BATCH / (ROUNDS + 1)
            return seconds

        ours_s, bare_s, ratio = alternate(
            lambda: watched("ours", john.view_cart),
            lambda: watched("bare", lambda: bare.get(url, allow_redirects=False).content),
        )
        note = (
            f"{ours_s * 1000:.2f} ms ÷ {bare_s * 1000:.2f} ms; "
            f"the client's CPU: {cpu_ms['ours']:.2f} ms ÷ {cpu_ms['bare']:.2f} ms"
        )
        report("Shopper ÷ requests.Session", ratio, note, at_most=1.15)


def demo() -> None:
    """`lab demo`, from key press to verdict, and where the time goes (seconds)."""
    runs = [demo_once() for _ in range(DEMO_RUNS)]
    phases = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in phases.items())
    until = [sum(s for name, s in run.items() if name != "the end") for run in runs]
    report("key press to verdict", statistics.median(until), told, at_most=4.0, unit=" s")


def demo_once() -> dict[str, float]:
    """One run: seconds spent in each phase, told by what the lab prints as it goes."""
    marks = (
        ("starting ", "imports"),
        (" are up", "replicas"),
        (" serves ", "nginx"),
        ("at the stateless desk", "script, stateful"),
        ("HOLDS", "script, stateless; teardown"),
    )
    last = time.perf_counter()
    phases = dict.fromkeys([name for _, name in marks], 0.0)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "lab", "demo"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            for mark, name in marks:
                if mark in line:
                    now = time.perf_counter()
                    phases[name], last = phases[name] + now - last, now
        assert process.wait() == 0, "lab demo failed"
    phases["the end"] = time.perf_counter() - last
    return phases


class Client:
    """One keep-alive connection, one request after the other."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._path, self._headers = path, headers
        self._server = psutil.Process(pid_at(port))
        self.size = 0
        self.cpu_s = 0.0  # that the server has used for all batches

    def rate(self) -> float:
        """Requests per second of one batch."""
        before = cpu_s([self._server])
        seconds = timed(self._once)
        self.cpu_s += cpu_s([self._server]) - before
        return 1 / seconds

    def _once(self) -> None:
        self._connection.request("GET", self._path, headers=self._headers)
        answer = self._connection.getresponse()
        self.size = len(answer.read())
        assert answer.status == 200, answer.status


class Crowd:
    """CONNECTIONS keep-alive connections, each with one request in flight, spread over targets.

    Plain sockets and a request rendered once: the client's share of the cores stays small.
    """

    def __init__(
        self,
        targets: list[tuple[int, str]],
        headers: dict[str, str],
        watched: dict[str, list[psutil.Process]],
    ) -> None:
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._watched = watched
        self._cpu_s = dict.fromkeys(watched, 0.0)
        self._requests = 0
        self._targets = []
        for number in range(CONNECTIONS):
            port, path = targets[number % len(targets)]
            request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{told}\r\n"
            self._targets.append((port, request.encode()))

    def rate(self) -> float:
        """Requests per second of one batch, over all connections."""
        each = BATCH // 2
        before = {name: cpu_s(processes) for name, processes in self._watched.items()}
        # Fresh connections for each batch: nginx ends one after 1,000 requests.
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            began = time.perf_counter()
            shops = [pool.submit(self._shop, *target, each) for target in self._targets]
            for shop in shops:
                shop.result()
            seconds = time.perf_counter() - began
        self._requests += each * CONNECTIONS
        for name, processes in self._watched.items():
            self._cpu_s[name] += cpu_s(processes) - before[name]
        return each * CONNECTIONS / seconds

    def cpu(self) -> str:
        """How much CPU a request has taken so far, and whose."""
        shares = {name: s * 1e6 / self._requests for name, s in self._cpu_s.items()}
        return " + ".join(f"{name} {us:.0f} µs" for name, us in shares.items() if us > 1)

    @staticmethod
    def _shop(port: int, request: bytes, times: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as line:
            for _ in range(times):
                line.sendall(request)
                answer = _whole_answer(line)
                assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


def _whole_answer(line: socket.socket) -> bytes:
    answer = b""
    while True:
        chunk = line.recv(65536)
        assert chunk, "the server hung up"
        answer += chunk
        head, found, body = answer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            return answer


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


def timed(once: Callable[[], object]) -> float:
    """Seconds that one call of `once` takes, over one batch."""
    began = time.perf_counter()
    for _ in range(BATCH):
        once()
    return (time.perf_counter() - began) / BATCH


def alternate(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of both over ROUNDS alternating runs, and of the ratio within a round."""
    ours(), theirs()  # warm: connections open, caches filled
    rounds = []
    for number in range(ROUNDS):
        if number % 2:  # who goes second must not always be the same
            second, first = theirs(), ours()
        else:
            first, second = ours(), theirs()
        rounds.append((first, second, first / second))
    return tuple(map(statistics.median, zip(*rounds, strict=True)))


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU that these processes have used so far, user and system, in seconds."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def pid_at(port: int) -> int:
    """The process that listens on a port."""
    for connection in psutil.net_connections("tcp"):
        if connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
            return connection.pid
    raise LookupError(port)


@contextmanager
def served(command: list[str], env: dict[str, str]):
    """Run a desk in a process of its own; yield its port when it answers."""
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        env=os.environ | env,
        stderr=subprocess.DEVNULL,  # warnings of an app run alone
    )
    try:
        if not wait_until(lambda: get(port, "/api/server"), READY_TIMEOUT_S):
            sys.exit(f"{command} did not start: run it by hand to see why")
        yield port
    finally:
        process.kill()
        process.wait()


def store_setting(store: str, stack: ExitStack) -> str:
    """STATEFUL_STORE for a fresh store of that kind."""
    if store == "memory":
        return store
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    if store == "file":
        return f"file:{folder}"
    return stack.enter_context(LocalStore(Path(folder) / "store")).url


def customer(base: str) -> dict[str, str]:
    """Log in at a desk and buy a laptop; the headers by which the desk knows the customer.

    (Benchmarks drive raw connections, so they carry the credential themselves.)
    """
    with requests.Session() as session:
        session.trust_env = False
        told = session.post(f"{base}/api/login", json={"user_id": "123", "name": "John"})
        bearer = _bearer(told)
        item = {"sku": "laptop", "quantity": 1}
        told = session.post(f"{base}/api/cart/items", json=item, headers=bearer)
        assert told.status_code == 201, told.text
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
        return _bearer(told) | ({"Cookie": cookies} if cookies else {})


def _bearer(told: requests.Response) -> dict[str, str]:
    token = json.loads(told.content).get("token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def report(
    what: str,
    value: float,
    note: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    unit: str = "",
) -> None:
    """Print one line: what, measured, aim, met or missed, and how it came about."""
    if at_least is not None:
        aim, met = f"≥ {at_least}", value >= at_least
    elif at_most is not None:
        aim, met = f"≤ {at_most}", value <= at_most
    else:
        aim, met = "–", None
    word = {True: "met", False: "MISSED", None: "for information"}[met]
    print(f"  {what:28} {value:5.2f}{unit}  aim {aim:6}  {word:15}  {note}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
