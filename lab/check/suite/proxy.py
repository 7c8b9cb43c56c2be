"""The address that a suite is given: each request goes on to the process whose turn it is.

Bytes go through as they came (Host, cookies, chunks, streams, WebSockets), so that the service
and the client see each other as they would without it. Each request has a connection to the
service of its own.
"""

import socket
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from io import BufferedIOBase
from socketserver import StreamRequestHandler, TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any

from lab.check.address import Address
from lab.check.suite.exchanges import MOST_KEPT_OF_BODY, SuiteExchange, SuiteJournal
from lab.check.suite.messages import PIECE, Head, NotHttp, body, read_head
from lab.core.errors import LabError, reason

CONNECT_S = 5.0
BODILESS = (204, 304)
SWITCHING = 101


class SuiteProxy:
    """Listens until it is closed; connections wait until it serves.

    Port 0 is any free one. Raises LabError if a port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        try:
            self._server = _ProxyServer(("127.0.0.1", port), _Relay)
        except OSError as error:
            raise LabError(
                f"--lab-port {port} cannot be listened on ({reason(error)}): end what listens "
                "there; the service itself gets other ports"
            ) from None
        self._thread: Thread | None = None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, journal: SuiteJournal, address_of: Callable[[int], Address]) -> None:
        """Serve from now on; `address_of` returns where a process answers, or raises LabError."""
        self._server.journal, self._server.address_of = journal, address_of
        if self._thread is None:
            self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        if self._thread is not None:
            self._server.shutdown()
        self._server.server_close()


class _ProxyServer(ThreadingMixIn, TCPServer):
    allow_reuse_address = sys.platform != "win32"  # it has another meaning there
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    journal: SuiteJournal
    address_of: Callable[[int], Address]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do without a traceback where a connection ends early; a bug still shows one."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Relay(StreamRequestHandler):
    """One connection of a client."""

    disable_nagle_algorithm = True
    server: _ProxyServer

    def handle(self) -> None:
        """Answer requests until one of both sides ends the connection."""
        with suppress(OSError):
            try:
                while (head := read_head(self.rfile)) and self._answer(head):
                    pass
            except NotHttp as error:
                self._refuse(400, f"this HTTP request cannot be passed on: {error}")

    def _answer(self, head: Head) -> bool:
        """Pass one request on and its answer back; True if another may follow."""
        method, path, *_ = head.words
        exchange = self.server.journal.begin(method, path)
        try:
            address = self.server.address_of(exchange.process)
            upstream = address.connect(CONNECT_S)
        except (LabError, OSError) as error:
            self._refuse(502, f"lab check: no process of the service answers: {reason(error)}")
            return False
        with closing(upstream), closing(upstream.makefile("rb")) as answers:
            upstream.settimeout(None)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pass_on(head, upstream)
            while True:
                answer = _answer_head(answers)
                status = int(answer.words[1])
                if status >= 200 or status == SWITCHING:
                    break
                self.wfile.write(answer.raw)
            exchange.status, exchange.headers = status, answer.headers
            if status == SWITCHING:
                self.wfile.write(answer.raw)
                self._tunnel(upstream, answers)
                return False
            has_body = method != "HEAD" and status not in BODILESS
            self._pass_back(answer, answers, exchange, has_body=has_body)
        return _is_kept(head, answer, has_body=has_body)

    def _pass_on(self, head: Head, upstream: socket.socket) -> None:
        if head.has("expect", "100-continue"):
            head = head.without("expect")
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        upstream.sendall(head.raw)
        for piece, _ in body(self.rfile, head, to_the_end=False):
            upstream.sendall(piece)

    def _pass_back(
        self, head: Head, answers: BufferedIOBase, exchange: SuiteExchange, *, has_body: bool
    ) -> None:
        """Send an answer as it comes; what the client has, the journal has already."""
        self.wfile.write(head.raw)
        if not has_body:
            return
        for piece, content in body(answers, head, to_the_end=True):
            if len(exchange.body) < MOST_KEPT_OF_BODY:
                exchange.body += content[: MOST_KEPT_OF_BODY - len(exchange.body)]
            self.wfile.write(piece)

    def _tunnel(self, upstream: socket.socket, answers: BufferedIOBase) -> None:
        """Pass bytes both ways until one side ends."""

        def back() -> None:
            with suppress(OSError, ValueError):  # ValueError: closed meanwhile
                while piece := answers.read1(PIECE):
                    self.wfile.write(piece)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RD)  # ends the wait below

        thread = Thread(target=back, daemon=True)
        thread.start()
        with suppress(OSError):
            while piece := self.rfile.read1(PIECE):
                upstream.sendall(piece)
        with suppress(OSError):
            upstream.shutdown(socket.SHUT_RDWR)
        thread.join()

    def _refuse(self, status: int, text: str) -> None:
        said = f"{text}\n".encode("utf-8", "backslashreplace")
        self.wfile.write(
            f"HTTP/1.1 {status} lab check\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n".encode()
            + said
        )


def _answer_head(answers: BufferedIOBase) -> Head:
    """Return the next head of the service; ConnectionError where it ended or sent no HTTP."""
    try:
        head = read_head(answers)
        if head is None or not head.words[1].isdigit():
            raise ConnectionError("the service closed the connection before it answered")
        return head
    except NotHttp as error:
        raise ConnectionError(str(error)) from None


def _is_kept(request: Head, answer: Head, *, has_body: bool) -> bool:
    """Return True if the client's connection stays open, by the headers of both sides."""
    if any(each.has("connection", "close") for each in (request, answer)):
        return False
    if any("HTTP/1.0" in each.words[i] for each, i in ((request, -1), (answer, 0))):
        return False
    ends_itself = answer.length is not None or answer.has("transfer-encoding", "chunked")
    return ends_itself or not has_body
