"""One connection of the stream server: its request, and what is still to be sent to it."""

import socket
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO

from flask import Request
from waitress.parser import HTTPRequestParser

from lab.console.feed_reader import Bytes, Reader

CHUNK_BYTES = 65_536  # what a slow page holds of its own; everything else is shared


class Connection:
    """A connection that never blocks. What is `pending` is shared by all, not copied."""

    def __init__(
        self, sock: socket.socket, request: HTTPRequestParser, now_s: float, place: int
    ) -> None:
        self.sock = sock
        self.request = request
        self.reader: Reader | None = None
        self.place = place
        """How many connections there were before: when cut, pages come back in this order."""
        self.moved_s = now_s
        """When it last took something."""
        self.answered = False
        self._last = False
        self._waiting: deque[Bytes] = deque()
        self._chunk = memoryview(b"")

    def receive(self, data: bytes) -> bool:
        """Take a part of the request; True once it is complete, or refused."""
        self.request.received(data)
        return bool(self.request.completed)

    def parsed(self) -> Request:
        """Return the request as the guard reads it."""
        parsed = self.request
        environ = {f"HTTP_{name}": value for name, value in parsed.headers.items()}
        return Request(
            {
                **environ,
                "REQUEST_METHOD": parsed.command,
                "PATH_INFO": parsed.path,
                "QUERY_STRING": parsed.query,
                "SERVER_NAME": "console",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.url_scheme": "http",
                "wsgi.input": BytesIO(),
            }
        )

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer with this and nothing more."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Cache-Control: no-store"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
        self.put([head, b"" if self.request.command == "HEAD" else body], last=True)

    def put(self, parts: list[Bytes], *, last: bool = False) -> None:
        """Queue parts to send; with `last` the connection ends after them."""
        self.answered = True
        self._waiting.extend(parts)
        self._last = self._last or last

    @property
    def pending(self) -> bool:
        """True if data waits to be sent."""
        return bool(self._chunk or self._waiting)

    @property
    def done(self) -> bool:
        """True if everything was sent, and nothing follows."""
        return self._last and not self.pending

    def refill(self, retry_ms: int) -> bool:
        """Queue the new events; False if there are none. At the end, queue when to reconnect."""
        if self.reader is None or self._last:
            return False
        news = self.reader.take()
        self.put(news.parts)
        if news.over:
            closed = self.reader.feed.closed
            self.put([] if closed else [f"retry: {retry_ms}\n\n".encode()], last=True)
        return self.pending

    def flush(self, now_s: float) -> bool:
        """Send as much as the page takes; True if everything is sent. OSError if it is gone."""
        while self.pending:
            if not self._chunk:
                self._chunk = memoryview(self._next_chunk())
            try:
                sent = self.sock.send(self._chunk)
            except BlockingIOError:
                return False
            self.moved_s = now_s
            self._chunk = self._chunk[sent:]
        return True

    def _next_chunk(self) -> Bytes:
        """Join small parts, so that a stage of 2,000 events needs few calls."""
        parts, size = [self._waiting.popleft()], 0
        while self._waiting and (size := size + len(self._waiting[0])) < CHUNK_BYTES:
            parts.append(self._waiting.popleft())
        return b"".join(parts) if len(parts) > 1 else parts[0]
