"""Ports: which of 127.0.0.1 are free to use, held, and whether a program listens on one."""

import os
import random
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lab.core.errors import LabError

START_ATTEMPTS = 3  # another program may take a port between its choice and its use

# Below the range from which systems choose the near end of outgoing connections (32768 up
# on Linux, 49152 up elsewhere). A port of that range may be taken by an outgoing
# connection while its server is dead, and then the server cannot come back to it: with
# ten thousand connections in TIME_WAIT that happens one time in three.
FIRST, LAST = 20000, 32000
_choice = random.SystemRandom()
CAN_HOLD = sys.platform == "linux"
"""True if two sockets of one user may share a port, of which only one listens."""


@dataclass
class HeldPort:
    """A port for a server of the lab's own, before its first life and between its lives.

    Where the system can do that, a socket is bound to it and never listens: who connects while
    no server is there is refused, and no other user can take the port. The server shares it
    (`--share-port`). Elsewhere the port was free when it was chosen, and nothing holds it.
    """

    number: int
    _holder: socket.socket | None = None

    @property
    def is_shared(self) -> bool:
        """True if the server has to share it."""
        return self._holder is not None

    def release(self) -> None:
        """Release the port. Safe to call twice."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None


def hold_ports(count: int) -> list[HeldPort]:
    """Return `count` different ports, free until now. LabError if no port can be bound."""
    with ExitStack() as found:
        sockets = [found.enter_context(_bind_any()) for _ in range(count)]
        held = [HeldPort(s.getsockname()[1], s if CAN_HOLD else None) for s in sockets]
        if CAN_HOLD:
            for s in sockets:  # only now: bound alone, so that no other lab has the same port
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            found.pop_all()
        return held


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now.

    All are held until all are found, so they differ. Another program may take one before it
    is used: the code that starts a server retries with another port. LabError if no port
    can be bound.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(_bind_any()) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


def _bind_any() -> socket.socket:
    for port in (*_choice.sample(range(FIRST, LAST), 50), 0):  # 0: whatever the system gives
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
        else:
            return s
    raise LabError(
        "no port of 127.0.0.1 can be bound: "
        "check that a firewall or sandbox lets this program listen on 127.0.0.1"
    )


def claim(port: int) -> int:
    """Return `port` if it is free, any free port for 0; LabError if it is taken."""
    if port == 0:
        return free_ports(1)[0]
    if is_open(port) or not can_bind(port):
        raise LabError(
            f"port {port} is taken or not allowed: use --port 0 for any free one, "
            "or stop the program that holds it"
        )
    return port


def can_bind(port: int) -> bool:
    """Return whether a port of 127.0.0.1 can be listened at, by nginx or by a server."""
    with socket.socket() as s:
        if os.name != "nt":  # on Windows it has another meaning
            # As nginx will: connections of an earlier run in TIME_WAIT are not an obstacle.
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_served(path: Path) -> bool:
    """Return True if a program listens at a unix socket (it accepts a connection within 1 s)."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(1.0)
        try:
            s.connect(str(path))
        except OSError:
            return False
        return True


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Return True if a program listens on `host`:`port` (it accepts a TCP connection within 1 s).

    `host` is an IP address.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.settimeout(1.0)
        try:
            s.connect((host, port))
        except OSError:
            return False
        # A socket that meets its own outgoing port has connected to itself: no program is there.
        return bool(s.getsockname() != s.getpeername())


def in_url(host: str) -> str:
    """Return a host as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
