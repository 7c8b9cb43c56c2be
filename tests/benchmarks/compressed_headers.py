"""What a credential costs on the wire, by HTTP/1.1 and by HTTP/2 with compressed headers.

Both desks behind the lab's nginx with TLS; one connection, the same request again and again. A
relay in between counts the bytes that pass, encryption and all. HTTP/2 is asked by two kinds of
client: those that never put `Authorization` into the compression table (curl, Firefox; h2's
default), and those that do (Chrome). A long cookie goes into the table at each.

    python tests/benchmarks/compressed_headers.py
"""

import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events

from lab.evidence.result import Settings
from lab.experiments.matrix import two_desks
from lab.experiments.provision import ProvisionedStack

LINES = (0, 1, 20, 60)
"""Lines in the cart: the more, the longer the token."""
WARM_UP, MEASURED = 3, 50


class CountingRelay:
    """Passes one connection on, and counts the bytes that come from its client."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(("127.0.0.1", self._to))
        back = threading.Thread(target=_pass_on, args=(server, client, lambda n: None), daemon=True)
        back.start()
        _pass_on(client, server, self._count)

    def _count(self, n: int) -> None:
        self.sent += n


def _pass_on(source: socket.socket, target: socket.socket, count: Callable[[int], None]) -> None:
    with source, target:
        try:
            while data := source.recv(65536):
                count(len(data))
                target.sendall(data)
        except OSError:
            return


class Http1:
    """Asks by HTTP/1.1."""

    protocols = ("http/1.1",)

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._answers = connection.makefile("rb")

    def ask(self, path: str, headers: dict[str, str]) -> int:
        """Send a GET; return the status when the answer has been read."""
        lines = [f"GET {path} HTTP/1.1", "host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._connection.sendall(("\r\n".join([*lines, "", ""])).encode())
        status = int(self._answers.readline().split()[1])
        length = 0
        while line := self._answers.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self._answers.read(length)
        return status


class Http2:
    """Asks by HTTP/2. `indexes_all` puts Authorization into the table, as Chrome does."""

    protocols = ("h2",)

    def __init__(self, connection: ssl.SSLSocket, indexes_all: bool = False) -> None:
        config = h2.config.H2Configuration(normalize_outbound_headers=not indexes_all)
        self._http = h2.connection.H2Connection(config)
        self._connection = connection
        self._http.initiate_connection()
        self._send()

    def ask(self, path: str, headers: dict[str, str]) -> int:
        stream = self._http.get_next_available_stream_id()
        own = {":method": "GET", ":path": path, ":scheme": "https", ":authority": "127.0.0.1"}
        self._http.send_headers(stream, list((own | headers).items()), end_stream=True)
        self._send()
        status = 0
        while True:
            for event in self._http.receive_data(self._connection.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                if isinstance(event, h2.events.DataReceived):
                    self._http.acknowledge_received_data(event.flow_controlled_length, stream)
                if isinstance(event, h2.events.StreamEnded):
                    self._send()
                    return status

    def _send(self) -> None:
        if data := self._http.data_to_send():
            self._connection.sendall(data)


CLIENTS: dict[str, Callable[[ssl.SSLSocket], Any]] = {
    "HTTP/1.1": Http1,
    "HTTP/2, as curl and Firefox": Http2,
    "HTTP/2, as Chrome": lambda connection: Http2(connection, indexes_all=True),
}


def bytes_a_request(
    port: int, authority: Path, client: str, path: str, headers: dict[str, str]
) -> float:
    """Return how many bytes one more request takes on a connection that is in use."""
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["http/1.1" if client == "HTTP/1.1" else "h2"])
    with closing(CountingRelay(port)) as relay:
        raw = socket.create_connection(("127.0.0.1", relay.port))
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
            asking = CLIENTS[client](connection)
            due = 200 if headers else 401
            for _ in range(WARM_UP):
                assert asking.ask(path, headers) == due
            before = relay.sent
            for _ in range(MEASURED):
                assert asking.ask(path, headers) == due
            return (relay.sent - before) / MEASURED


def measure() -> list[dict[str, Any]]:
    """Return a row for each desk, length of the cart and client."""
    rows = []
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        provisioned = ProvisionedStack(folder / "run")
        variants = two_desks(Settings(servers=1, tls=True))
        stack = resources.enter_context(provisioned.open(variants))
        assert stack.tls is not None
        for variant in variants:
            for lines in LINES:
                headers = _customer(stack, variant, lines)
                (credential,) = headers.values()
                for client in CLIENTS:
                    at = (stack.tls.port, stack.tls.authority, client)
                    path = f"/{variant.name}/api/cart"
                    with_it = bytes_a_request(*at, path, headers)
                    without = bytes_a_request(*at, path, {})
                    rows.append(
                        {
                            "desk": variant.name,
                            "lines": lines,
                            "credential": len(credential),
                            "client": client,
                            "request": round(with_it),
                            "costs": round(with_it - without),
                        }
                    )
    return rows


def _customer(stack: Any, variant: Any, lines: int) -> dict[str, str]:
    """Fill a cart; return the header with which its customer asks for it."""
    from lab.evidence.record import Record
    from lab.evidence.requests_transport import RequestsTransport
    from lab.evidence.shopper import Shopper

    pool = stack.pools[variant.name]
    transport = RequestsTransport(authority=str(stack.tls.authority))
    shopper = Shopper(lambda _: pool.url, Record(variant.name), transport=transport)
    shopper.login()
    for number in range(lines):
        assert shopper.add(f"vol-{number + 1:03}", 1 + number % 9).ok
    asked = shopper.view_cart()
    transport.close()
    if shopper.token:
        return {"authorization": f"Bearer {shopper.token}"}
    cookie = transport.cookie_for(f"{pool.url}/api/cart")
    assert asked.ok and cookie
    return {"cookie": cookie}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table of the handbook, as Markdown."""
    head = ["desk, lines in the cart", "credential", *CLIENTS]
    text = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for desk, lines in dict.fromkeys((row["desk"], row["lines"]) for row in rows):
        of = [row for row in rows if (row["desk"], row["lines"]) == (desk, lines)]
        cells = [f"{row['costs']} B" for row in of]
        text.append(f"| {desk}, {lines} | {of[0]['credential']} B | {' | '.join(cells)} |")
    return "\n".join(text)


if __name__ == "__main__":
    measured = measure()
    print(json.dumps(measured, indent=1))
    print(table(measured))
