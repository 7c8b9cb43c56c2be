"""Who a service talks to while it answers: also what it opens and closes within one request."""

import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lab.check.address import Address
from lab.check.family import MARK, listening, tagged
from lab.check.service import Process

_LOOPBACK = ("127.", "::1", "::ffff:127.")
LOOK_AGAIN_S = 0.001
PROBE_S = 0.05
UNASKED_S = 1.5


End = tuple[str, int]  # address, port
LISTENS = "0A"  # proc(5), the state of a socket in /proc/net/tcp


@dataclass
class Peers:
    """The TCP addresses that a service was seen connected to during its requests."""

    seen: set[End] = field(default_factory=set)
    _others: set[End] = field(default_factory=set)
    _during: dict[int, set[End]] = field(default_factory=dict)  # by the port of the process

    @contextmanager
    def watch(self, process: Process) -> Iterator[None]:
        """Look all the time while the `with` block lasts."""
        family, over, looking = process.family(), threading.Event(), threading.Event()
        found: set[tuple[str, int]] = set()

        def look() -> None:
            while not over.wait(LOOK_AGAIN_S):
                found.update(_connected(family, process.port))
                looking.set()

        before = connections()
        watcher = threading.Thread(target=look, name="check-peers")
        watcher.start()
        looking.wait(1.0)
        try:
            yield
        finally:
            over.set()
            watcher.join()
            self._keep(found, process)
            new = set[End]().union(*(connections() - before))
            self._during.setdefault(process.port, set()).update(
                end for end in new if end[1] != process.port
            )

    def probe(self, process: Process) -> None:
        """Look while a connection stays open: silent, and with a request that has no end yet.

        A relay connects to what is behind it at the one or at the other.
        """
        for said in (b"", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"):
            with suppress(OSError), process.address.connect(1.0) as connection:
                connection.sendall(said)
                with self.watch(process):
                    time.sleep(PROBE_S)

    def _keep(self, found: set[tuple[str, int]], process: Process) -> None:
        if found:
            own = {process.port}.union(*map(listening, process.family()))
            self.seen |= {(ip, port) for ip, port in found if not (is_local(ip) and port in own)}

    def look_unasked(self) -> None:
        """Look for a while in which nothing is asked: what is connected to then is of others."""
        if self.short():
            before = connections()
            time.sleep(UNASKED_S)
            self._others |= set[End]().union(*(connections() - before))

    def short(self) -> list[End]:
        """Return what was connected to while each of several processes was asked.

        The system remembers a connection for about a minute (TIME_WAIT), and no longer says whose
        it was: what appears with one process only may be another program's, and so is a port at
        which nothing listens, or another run of the lab.
        """
        if len(self._during) < 2:
            return []
        common = set.intersection(*self._during.values()) - self._others
        servers = foreign_servers() if common else set()
        return sorted(end for end in common if not is_local(end[0]) or end[1] in servers)

    def local(self) -> list[int]:
        """Return the ports of this machine among them."""
        return sorted({port for ip, port in (*self.seen, *self.short()) if is_local(ip)})


def _connected(family: Sequence[psutil.Process], own_port: int) -> Iterator[tuple[str, int]]:
    for each in family:
        with suppress(psutil.Error):
            for connection in each.net_connections("tcp"):
                if connection.raddr and connection.laddr.port != own_port:
                    yield connection.raddr.ip, connection.raddr.port


def is_local(ip: str) -> bool:
    """Whether an address is one of this machine's loopback."""
    return ip.startswith(_LOOPBACK)


def door_to(process: Process, ports: list[int], paths: list[str], mark: str) -> str:
    """Say what answers instead of `process`, if it only passes requests on; else "".

    That is so where a port that it connects to belongs to no process of this run, and gives
    the same answers to these paths by itself.
    """
    for port in ports:
        ours = (*process.family(), *tagged(MARK, mark))
        if any(port in listening(each) for each in ours):
            continue
        if _answers_the_same(process.address, Address(port, name=process.address.name), paths):
            return (
                f"what was started only passes requests on: port {port}, which it connects to "
                "and which runs already, gives the same answers by itself, and a kill here does "
                "not end it"
            )
    return ""


def _answers_the_same(one: Address, other: Address, paths: list[str]) -> bool:
    """Whether two addresses answer alike, with more than "not found"."""
    found = 0
    for path in paths:
        here, there = one.ask(path, 2.0), other.ask(path, 2.0)
        if here is None or there is None or here != there:
            return False
        found += here[0] != 404
    return found > 0


def connections() -> set[frozenset[End]]:
    """Return both ends of all TCP connections of this machine, also of those closed of late."""
    if Path("/proc/net/tcp").exists():  # at once; psutil looks at every process for its owner
        return {*_on_linux()}
    with suppress(psutil.Error):
        return {
            frozenset({(each.laddr.ip, each.laddr.port), (each.raddr.ip, each.raddr.port)})
            for each in psutil.net_connections("tcp")
            if each.laddr and each.raddr
        }
    return set()


def _on_linux() -> Iterator[frozenset[End]]:
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                local, remote, state = line.split()[1:4]
                if state != LISTENS:
                    yield frozenset({_end(local), _end(remote)})


def _end(text: str) -> End:
    """Read an address as /proc/net/tcp has it: words of this machine in hexadecimal."""
    digits, _, port = text.partition(":")
    step = -1 if sys.byteorder == "little" else 1
    words = (bytes.fromhex(digits[at : at + 8])[::step] for at in range(0, len(digits), 8))
    packed = b"".join(words).removeprefix(b"\0" * 10 + b"\xff\xff")
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)


def foreign_servers() -> set[int]:
    """Return the ports of this machine on which something listens that no run has started."""
    found = set[int]()
    with suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and not _is_of_a_run(each.pid):
                found.add(each.laddr.port)
    return found


def _is_of_a_run(pid: int | None) -> bool:
    with suppress(psutil.Error):
        return pid is not None and MARK in psutil.Process(pid).environ()
    return False
