"""Finds the addresses that a service talks to, including connections shorter than a request.

Where its processes report each connection (Linux), none is missed; elsewhere they are looked at all
the time, which misses what is open for less than a look takes.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from lab.check.address import Address
from lab.check.family import MARK, listening, tagged
from lab.check.process import Process
from lab.check.sockets import UNIX, End, connected, is_local, is_of_system, unix_names

LOOK_AGAIN_S = 0.0002
PROBE_S = 0.05


@dataclass
class Peers:
    """The addresses that a service was seen to connect to, from its first request on."""

    seen: set[End] = field(default_factory=set)
    closely: bool = True
    """True if the check also looks at unreported connections, which takes processor time."""
    _known: dict[Process, int] = field(default_factory=dict)

    @contextmanager
    def watch(self, process: Process) -> Iterator[None]:
        """Watch the connections of a process while the `with` block lasts."""
        if process.connects_to is None:
            with self._look_all_the_time(process) if self.closely else nullcontext():
                yield
            return
        # What it did before its first request belongs to its start.
        self._known.setdefault(process, len(process.connects_to))
        try:
            yield
        finally:
            self._take(process, process.connects_to)

    def catch_up(self) -> None:
        """Note connections made after the last request, too."""
        for process in self._known:
            self._take(process, process.connects_to or [])

    def _take(self, process: Process, connects_to: list[End]) -> None:
        new = connects_to[self._known[process] :]
        self._known[process] += len(new)
        self._keep({*new} - self.seen, process)

    @contextmanager
    def _look_all_the_time(self, process: Process) -> Iterator[None]:
        family, over, looking = process.family(), threading.Event(), threading.Event()
        found: set[tuple[str, int]] = set()

        def look() -> None:
            while not over.wait(LOOK_AGAIN_S):
                found.update(connected(family, process.port))
                looking.set()

        # A daemon: where Ctrl-C arrives before the `try`, it must not keep the lab alive.
        watcher = threading.Thread(target=look, name="check-peers", daemon=True)
        watcher.start()
        try:
            looking.wait(1.0)
            yield
        finally:
            over.set()
            watcher.join()
            self._keep(found, process)

    def probe(self, process: Process) -> None:
        """Watch a process while a connection is open: first silent, then with half a request.

        Some relays connect to what is behind them when a client connects, others when it sends.
        """
        for said in (b"", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"):
            with suppress(OSError), process.address.connect(1.0) as connection:
                connection.sendall(said)
                with self.watch(process):
                    time.sleep(PROBE_S)

    def _keep(self, found: set[End], process: Process) -> None:
        if found:
            family = process.family()
            own, names = {process.port}.union(*map(listening, family)), set[str]()
            if any(port == UNIX for _, port in found):
                names = unix_names(family)
            self.seen |= {
                (place, port)
                for place, port in found
                if not (is_local(place) and port in own)
                and not (port == UNIX and (place in names or is_of_system(place)))
            }

    def local(self) -> list[int]:
        """Return the ports of this machine among them."""
        return sorted({port for ip, port in self.seen if is_local(ip)})

    @property
    def shown(self) -> set[str]:
        """The addresses in words."""
        return {
            f"unix socket {place}" if port == UNIX else f"{place}:{port}"
            for place, port in self.seen
        }


def relay_to(process: Process, ports: list[int], paths: list[str], mark: str) -> str:
    """Return what answers in place of `process` if it only forwards requests; else "".

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
    """Return True if two addresses answer alike, with more than "not found"."""
    found = 0
    for path in paths:
        here, there = one.ask(path, 2.0), other.ask(path, 2.0)
        if here is None or there is None or here != there:
            return False
        found += here[0] != 404
    return found > 0
