"""Serves event streams to hundreds of open pages in one thread; none delays another.

waitress would need a thread for each. nginx passes on complete requests for these paths only.
"""

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from flask import Request
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from werkzeug.exceptions import BadRequest, MethodNotAllowed

from lab.console.feed import Feed
from lab.console.feed_reader import BEAT
from lab.console.places import Places, Watcher
from lab.console.problems import problem_of
from lab.console.stream_connection import Connection
from lab.shop.http import PROBLEM

BEAT_S = 2.0
REQUEST_TIMEOUT_S = 10.0  # a client that connects and says nothing is cut off
SLOW_S = 10.0  # a page that reads nothing for this long is dropped; it resumes when it comes back
SOON_MS = 30
APART_MS = 2  # pages reconnect one after the other, not all at once
MOST_UNDECIDED = 200  # connections without a place
READ_BYTES = 65_536
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
)

_NO_BODY = Adjustments(max_request_body_size=1)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Admitted:
    """The feed that a page may watch, and the client it counts as."""

    feed: Feed
    client: Watcher


class StreamServer:
    """Accepts connections at `listener` until closed; `admit` decides about each request.

    `admit` raises what `problem_of` knows how to answer.
    """

    def __init__(
        self,
        listener: socket.socket,
        admit: Callable[[Request], Admitted],
        *,
        places: Places | None = None,
        beat_s: float = BEAT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.places = Places() if places is None else places
        self._admit = admit
        self._beat_s = beat_s
        self._clock = clock
        self._listener = listener
        self._connections: dict[Connection, None] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_from, self._wake_to = socket.socketpair()
        self._woken = threading.Event()
        self._closed = False
        for each, act in ((listener, self._accept), (self._wake_from, self._hear)):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, act)
        self._wake_to.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End all streams and the thread."""
        self._closed = True
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """Make the thread check for new events; never blocks."""
        if not self._woken.is_set():
            self._woken.set()
            with suppress(OSError):  # a full pipe has woken it already
                self._wake_to.send(b"!")

    def _run(self) -> None:
        beat_at = self._clock() + self._beat_s
        while not self._closed:
            for key, mask in self._selector.select(max(0.0, beat_at - self._clock())):
                self._attempt(key.data, mask)
            if self._clock() >= beat_at:
                beat_at = self._clock() + self._beat_s
                self._beat()
        self._pass_on()  # sends what was published last
        for connection in list(self._connections):
            self._drop(connection)
        for each in (self._selector, self._listener, self._wake_from, self._wake_to):
            each.close()

    def _attempt(self, act: object, mask: int) -> None:
        """Handle a socket that is ready; an error ends its own connection only."""
        try:
            if isinstance(act, Connection):
                self._serve(act, mask)
            elif callable(act):
                act()
        except Exception as error:
            if not isinstance(error, OSError):
                _log.exception("an event stream has failed")
            if isinstance(act, Connection):
                self._drop(act)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        if len(self._connections) - len(self.places) >= MOST_UNDECIDED:
            sock.close()
            return
        place = len(self._connections)
        connection = Connection(sock, HTTPRequestParser(_NO_BODY), self._clock(), place)
        self._connections[connection] = None
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _hear(self) -> None:
        self._wake_from.recv(READ_BYTES)
        self._woken.clear()  # first: what is published from here on wakes again
        self._pass_on()

    def _serve(self, connection: Connection, mask: int) -> None:
        if mask & selectors.EVENT_READ:
            data = connection.sock.recv(READ_BYTES)
            if not data:
                self._drop(connection)
                return
            if not connection.answered and connection.receive(data):
                self._answer(connection)
        self._send(connection)

    def _answer(self, connection: Connection) -> None:
        request = connection.request
        try:
            if request.error is not None:
                raise BadRequest("send GET with headers and no body")
            self._open(connection, connection.parsed())
        except Exception as error:  # answered like all errors of the console
            problem = problem_of(error)
            if problem.status == 500:
                _log.exception("unexpected error at %s", request.path)
            headers = {"Content-Type": PROBLEM, "Content-Length": str(len(problem.body))}
            connection.answer(problem.status, {**headers, **problem.headers}, problem.body)

    def _open(self, connection: Connection, request: Request) -> None:
        admitted = self._admit(request)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(["GET", "HEAD"])
        if request.method == "HEAD":
            connection.put([STREAM_HEAD], last=True)
            return
        displaced = self.places.take(connection, admitted.client)
        if isinstance(displaced, Connection):
            self._drop(displaced)
        admitted.feed.on_news(self.wake)
        connection.reader = admitted.feed.reader(request.headers.get("Last-Event-ID"))
        connection.put([STREAM_HEAD])

    def _pass_on(self) -> None:
        """Send new events to every page that has read the earlier ones."""
        for connection in list(self._connections):
            with suppress(OSError):
                if connection.reader and not connection.pending:
                    self._send(connection)

    def _send(self, connection: Connection) -> None:
        """Send as much as the page takes now."""
        try:
            while connection.flush(self._clock()) and connection.refill(
                SOON_MS + APART_MS * connection.place
            ):
                pass
        except OSError:
            self._drop(connection)
            return
        if connection.done:
            self._drop(connection)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.pending else 0)
        if self._selector.get_key(connection.sock).events != wanted:
            self._selector.modify(connection.sock, wanted, connection)

    def _beat(self) -> None:
        now_s = self._clock()
        for connection in list(self._connections):
            waited_s = now_s - connection.moved_s
            patience_s = SLOW_S if connection.answered else REQUEST_TIMEOUT_S
            if (connection.pending or not connection.answered) and waited_s >= patience_s:
                self._drop(connection)
            elif connection.reader and not connection.pending and waited_s >= self._beat_s / 2:
                connection.put([BEAT])
                self._send(connection)

    def _drop(self, connection: Connection) -> None:
        self.places.leave(connection)
        if connection in self._connections:
            del self._connections[connection]
            self._selector.unregister(connection.sock)
            connection.sock.close()
