"""Sends requests at a steady rate over a few connections, with little processor time of its own.

Each connection is one customer's: it sends the credentials that it was given last. The open
model: a request is due at its time, whatever became of the others.
"""

import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from lab.core.errors import LabError, reason
from lab.evidence.exchange import Exchange

LOADED_WITHIN_S = 10.0
_TOKEN_GIVEN = re.compile(rb'"token":"([\w.~-]+)"')
_COOKIE_SET = re.compile(rb"\r\nset-cookie: (desk_session=[^;\r]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_OURS = ("x-op", "authorization", "cookie", "content-length", "host")


@dataclass
class LoadCustomer:
    """One customer of the load: a connection of its own, and the credential that it has."""

    address: tuple[str, int]
    headers: dict[str, str] = field(default_factory=dict)
    """What each of its requests has: the credential, as it was given last."""

    def __post_init__(self) -> None:
        try:
            self.line = socket.create_connection(self.address, LOADED_WITHIN_S)
        except OSError as error:
            raise LabError(
                f"nothing answers at port {self.address[1]} ({reason(error)}): measure again"
            ) from None
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = bytearray()

    def send(self, request: "Request") -> None:
        """Send a request with the credential."""
        self._answer.clear()
        self.line.sendall(request.rendered(self.headers))

    def receive(self) -> bool:
        """Read from the connection; True if the answer is whole. LabError unless it succeeded."""
        chunk = self.line.recv(65536)
        self._answer += chunk
        head, found, body = bytes(self._answer).partition(b"\r\n\r\n")
        if not chunk or (found and not head.startswith(b"HTTP/1.1 2")):
            raise LabError(
                f"while measuring, a request got {head[9:12].decode() or 'no answer'!r}: see the "
                "run's logs, and measure again"
            )
        length = _LENGTH.search(head)
        if not found or len(body) < int(length[1] if length else 0):
            return False
        self._learn(head, body)
        return True

    def close(self) -> None:
        """Close the connection."""
        self.line.close()

    def _learn(self, head: bytes, body: bytes) -> None:
        if token := _TOKEN_GIVEN.search(body):
            self.headers["Authorization"] = f"Bearer {token[1].decode()}"
        if cookie := _COOKIE_SET.search(head):
            self.headers["Cookie"] = cookie[1].decode()


@dataclass(frozen=True)
class Request:
    """A request of the load, without the credential."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def like(cls, exchange: Exchange, path: str) -> Self:
        """Return the request of an exchange, to be sent to that path."""
        sent = exchange.request_headers.items()
        kept = {name: value for name, value in sent if name.lower() not in _OURS}
        return cls(exchange.method, path, kept, exchange.request_body)

    def rendered(self, headers: dict[str, str]) -> bytes:
        """Return the request as bytes."""
        every = {"Host": "127.0.0.1", **self.headers, **headers}
        if self.body or self.method != "GET":
            every["Content-Length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in every.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


def run_load(
    customers: Sequence[LoadCustomer],
    requests: Sequence[Request],
    rate: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Send the requests, `rate` a second (None: as fast as answered); return the rate reached.

    LabError if one of them does not succeed.
    """
    idle, sent, answered, began_s = deque(customers), 0, 0, clock()
    with selectors.DefaultSelector() as selector:
        for each in customers:
            selector.register(each.line, selectors.EVENT_READ, each)
        while answered < len(requests):
            now_s = clock() - began_s
            due = len(requests) if rate is None else min(len(requests), int(now_s * rate) + 1)
            while sent < due and idle:
                idle.popleft().send(requests[sent])
                sent += 1
            wait_s = LOADED_WITHIN_S
            if rate is not None and idle and sent < len(requests):
                wait_s = max(0.0, sent / rate - (clock() - began_s))
            ready = selector.select(wait_s)
            if not ready and wait_s == LOADED_WITHIN_S:
                raise LabError("a server does not answer: measure again")
            for key, _ in ready:
                if key.data.receive():
                    idle.append(key.data)
                    answered += 1
    return answered / (clock() - began_s)
