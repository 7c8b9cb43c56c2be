"""nginx's access log: one entry for each request that passes it, at once.

nginx sends its access log as JSON over syslog (RFC 3164 framing, UDP on 127.0.0.1) to a
thread of the lab. It is the event source of the page, and the second record of a run.
"""

import logging
import re
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import msgspec

from lab.core.errors import reason
from lab.core.op_key import is_ours
from lab.stack.datagram_filter import keep_only

# Name in the JSON → nginx variable. Never $request, $request_uri or $args: a token in a
# query string is a secret, and secrets do not belong in logs. nginx.conf makes $query_left.
LOG_FIELDS = {
    "op": "$http_x_op",
    "key": "$http_x_op_key",
    "method": "$request_method",
    "path": "$uri",
    "status": "$status",
    "upstream_addr": "$upstream_addr",
    "upstream_status": "$upstream_status",
    "served_by": "$upstream_http_x_served_by",
    "instance": "$upstream_http_x_instance",
    "request_id": "$request_id",
    "request_time": "$request_time",
    "bytes": "$bytes_sent",
    "request_bytes": "$request_length",
    "store_operations": "$upstream_http_x_store_operations",
    "ended_at": "$msec",
    "query": "$query_left",
}
_decode = msgspec.json.Decoder(dict[str, str]).decode
# nginx's list of the servers that it asked: ", " after a retry, " : " after a redirect.
BETWEEN_SERVERS = re.compile(r", | : ")
LOGGED_COUNT = re.compile(r"[0-9]{1,9}")
_SYSLOG_HEAD = "<190>Jan  1 00:00:00 "  # what stands before the tag, always as long as this
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024  # a burst waits here while Python is busy elsewhere


@dataclass(frozen=True)
class AccessEntry:
    """One request as nginx saw it. Text as nginx writes it; "" for a value that it lacks."""

    op: str
    """Which operation of the lab's this was, its X-Op; "" for a request of anyone else's."""
    method: str
    path: str
    """Decoded path as the client sent it, prefix included, query left out."""
    status: int
    """What the client got (499: it had hung up)."""
    upstream_addr: str
    """The server that was asked, "127.0.0.1:20001"; after retries "first, second"."""
    upstream_status: str
    """Their answers, likewise: "502, 200"."""
    served_by: str
    """X-Served-By of the answer."""
    instance: str
    """X-Instance of the answer."""
    request_id: str
    request_time: float
    """Seconds from the first byte read to the last byte sent."""
    bytes: int
    """Bytes sent to the client, headers included."""
    request_bytes: int
    """Bytes received from the client, headers included."""
    ended_at: float
    """When it was over, seconds since the epoch."""
    store_operations: int | None = None
    """X-Store-Operations of the answer; None if the server keeps nothing in a store."""
    query: str = ""
    """Query as nginx logged it: "token=.SIklj…&userId=123"; "" for one of any other form."""

    @property
    def pool(self) -> str:
        """First part of the path: the pool, if it is one."""
        return self.path.split("/")[1] if self.path.startswith("/") else ""

    @property
    def target(self) -> str:
        """The server that the client addressed by name: "B" in /stateful/@B/…, else ""."""
        parts = self.path.split("/")
        return parts[2][1:] if len(parts) > 3 and parts[2].startswith("@") else ""


def parse(datagram: bytes, tag: str) -> AccessEntry | None:
    """The entry in a syslog datagram, or None if it is not one of ours with that `tag`."""
    head, found, line = datagram.partition(f" {tag}: ".encode())
    if not found or b"{" in head:
        return None
    try:
        # nginx escapes quotes and control characters, and passes other bytes as they came.
        return _entry(_decode(line.decode(errors="replace")))
    except (msgspec.MsgspecError, ValueError, KeyError):
        return None


def _entry(fields: Mapping[str, str]) -> AccessEntry:
    op = fields["op"] if is_ours(fields["key"]) else ""
    numbers = {name: read(fields[name]) for name, read in _NUMBERS.items()}
    return AccessEntry(op, **{name: fields[name] for name in _STRINGS}, **numbers)  # type: ignore[arg-type]


def _count(text: str) -> int | None:
    # A header may have any value: that must not cost the log the request.
    return int(text) if LOGGED_COUNT.fullmatch(text) else None


_NUMBERS: dict[str, Callable[[str], Any]] = {
    "status": int,
    "bytes": int,
    "request_bytes": int,
    "request_time": float,
    "ended_at": float,
    "store_operations": _count,
}
_STRINGS = [name for name in LOG_FIELDS if name not in ("op", "key", *_NUMBERS)]


class AccessLog:
    """Listens from its creation until `close`; may be asked from any thread."""

    def __init__(self, most: int | None = None) -> None:
        """`most` is how many entries are kept, the newest: for a lab that runs for days.

        None keeps all of them, as the cross-check of a run needs.
        """
        self.tag = f"lab_{token_hex(12)}"  # no other program on this machine can guess it
        self.malformed = 0
        """Datagrams of this run that could not be read: 0, or the log is not complete."""
        self.foreign = 0
        """Datagrams of others, which are ignored: any process here can send to the port.

        On Linux the kernel drops them, so that they take no room of ours, and counts them itself.
        """
        self.trouble = ""
        """Why the log has ended before it was closed; "" while it is read."""
        self._entries: deque[AccessEntry] = deque(maxlen=most)
        self._ops: Counter[str] = Counter()
        self._subscribers: list[Callable[[AccessEntry], None]] = []
        self._news = threading.Condition()
        self._end = f"{_SYSLOG_HEAD}{self.tag}: {token_hex(12)}".encode()  # what `close` sends last
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        keep_only(self._socket, self.tag.encode(), len(_SYSLOG_HEAD))
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name="lab-access-log", daemon=True)
        self._thread.start()

    def entries(self) -> list[AccessEntry]:
        """All entries that are kept, oldest first (a copy)."""
        with self._news:
            return list(self._entries)

    def count(self, op: str) -> int:
        """How many entries that are kept carry this X-Op: 1, if client and balancer agree."""
        with self._news:
            return self._ops[op]

    def wait_for(self, ops: Collection[str], deadline_s: float) -> set[str]:
        """Wait until each of `ops` has been seen; the ones still missing after the deadline."""
        wanted = set(ops)
        with self._news:
            self._news.wait_for(lambda: wanted <= self._ops.keys(), deadline_s)
            return wanted - self._ops.keys()

    def subscribe(self, callback: Callable[[AccessEntry], None]) -> Callable[[], None]:
        """Call `callback` with each new entry, on the log's thread; returns how to stop that."""
        with self._news:
            self._subscribers.append(callback)
        return lambda: self._unsubscribe(callback)

    def _unsubscribe(self, callback: Callable[[AccessEntry], None]) -> None:
        with self._news:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

    def close(self) -> None:
        """Take in what has been sent so far, then stop listening. Entries stay readable."""
        if self._thread.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(self._end, ("127.0.0.1", self.port))
            self._thread.join()
        self._socket.close()

    def _keep(self, entry: AccessEntry) -> None:
        if len(self._entries) == self._entries.maxlen:
            oldest = self._entries[0].op
            self._ops[oldest] -= 1
            if not self._ops[oldest]:
                del self._ops[oldest]
        self._entries.append(entry)
        self._ops[entry.op] += 1

    def _listen(self) -> None:
        try:
            while (datagram := self._socket.recv(65536)) != self._end:
                self._receive(datagram)
        except OSError as error:
            self.trouble = f"the load balancer's log cannot be read any more: {reason(error)}"

    def _receive(self, datagram: bytes) -> None:
        entry = parse(datagram, self.tag)
        with self._news:
            if entry is None:
                is_ours = f" {self.tag}: ".encode() in datagram
                self.malformed += is_ours
                self.foreign += not is_ours
                return
            self._keep(entry)
            self._news.notify_all()
            subscribers = list(self._subscribers)
        for callback in subscribers:
            try:
                callback(entry)
            except Exception:  # a broken listener must not cost the others the log
                logging.getLogger(__name__).exception("a subscriber of the access log failed")
