"""What is measured: a desk in a process of its own, and a client that costs next to nothing."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from lab.core.environment import current_environment
from lab.processes.ports import free_ports
from lab.processes.waiting import READY_TIMEOUT_S, get, wait_until
from lab.stack.local_store import LocalStore
from lab.stack.programs import find_store

KEY = "a key for benchmarks; no secret: 0123456789"
KEYS = {"STATELESS_SIGNING_KEYS": KEY}
TOKEN = "token"
PLACES = ("memory", "file", "redis", TOKEN)
"""Every place where a desk can keep a cart; `TOKEN` is the stateless desk."""


class Line:
    """One keep-alive connection and one request, rendered once: the client costs little."""

    def __init__(
        self, port: int, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = render(port, method, path, headers, body)
        self.size = 0

    def ask(self) -> None:
        """Send the request, read the whole answer; anything but success is an error."""
        self._socket.sendall(self.request)
        head, body = whole_answer(self._socket)
        assert head.startswith(b"HTTP/1.1 20"), head + body
        self.size = len(body)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def render(port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    mine = {"Host": f"127.0.0.1:{port}"} | headers
    if body:
        mine |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in mine.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def whole_answer(line: socket.socket) -> tuple[bytes, bytes]:
    """Read one answer: its head and its body."""
    answer = b""
    while True:
        chunk = line.recv(65536)
        assert chunk, "the server hung up"
        answer += chunk
        head, found, body = answer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            return head, body


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


@contextmanager
def served(command: Sequence[str], env: dict[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    """Run a desk in a process of its own; yield its port and process when it answers."""
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        env=current_environment() | env,
        stderr=subprocess.DEVNULL,  # warnings of an app run alone
    )
    try:
        if not wait_until(lambda: get(port, "/api/server"), READY_TIMEOUT_S):
            sys.exit(f"{command} did not start: run it by hand to see why")
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Desk:
    """A desk that is up: where, which process, and where else it keeps its data."""

    port: int
    process: psutil.Process
    folder: Path
    store: LocalStore | None


def places() -> list[str]:
    """Those that can be had on this machine; what is missing is said on stderr."""
    if find_store():
        return list(PLACES)
    print("no session store here (`lab doctor`): redis is left out", file=sys.stderr)
    return [place for place in PLACES if place != "redis"]


@contextmanager
def desk(place: str) -> Iterator[Desk]:
    """One server of the desk that keeps carts in that place, which is fresh."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = None
        if place == TOKEN:
            command, env = ["-m", "stateless_app"], KEYS
        else:
            if place == "redis":
                store = stack.enter_context(LocalStore(folder / "store"))
            sessions = folder / "sessions"
            setting = {"file": f"file:{sessions}", "redis": store.url if store else ""}
            command = ["-m", "stateful_app"]
            env = {"STATEFUL_STORE": setting.get(place, place)}
        port, process = stack.enter_context(served(command, env))
        yield Desk(port, process, folder, store)


def customer(base: str, lines: int = 1) -> dict[str, str]:
    """Log in at a desk and buy so many things; the headers by which the desk knows the customer.

    (Benchmarks drive raw connections, so they carry the credential themselves.)
    """
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{base}/api/login", json={"user_id": "123", "name": "John"})
        for sku in goods(lines):
            item = {"sku": sku, "quantity": 1}
            answer = session.post(f"{base}/api/cart/items", json=item, headers=_bearer(answer))
            assert answer.status_code == 201, answer.text
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
        return _bearer(answer) | ({"Cookie": cookies} if cookies else {})


def goods(lines: int) -> list[str]:
    """So many different products, a laptop first."""
    return ["laptop", *(f"vol-{number:03}" for number in range(1, lines))]


def _bearer(answer: requests.Response) -> dict[str, str]:
    token = answer.json().get("token")
    return {"Authorization": f"Bearer {token}"} if token else {}
