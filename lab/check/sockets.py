"""The other ends of a process tree's sockets: asked of Linux, by its socket diagnosis."""

import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import psutil

# What the system's own library talks to, for names and for logs.
_SYSTEM = (
    "/dev/log",
    *(
        f"{run}/{name}/"
        for run in ("/run", "/var/run")
        for name in ("systemd", "nscd", "avahi-daemon")
    ),
)
_BY_FAMILY, _DUMP, _END, _ERROR = 20, 0x301, 3, 2  # linux/sock_diag.h, linux/netlink.h
_OPEN = sum(1 << state for state in (1, 2, 4, 5, 8))  # linux/tcp.h: not over, and no listener
_LISTENS = 1 << 10
_USER_AT, _INODE_AT = 64, 68  # linux/inet_diag.h, in struct inet_diag_msg
_NAME_AND_PEER, _UNIX_NAME, _PEER = 0b101, 0, 2  # linux/unix_diag.h

End = tuple[str, int]  # an address and a port; of a unix socket its name and UNIX
UNIX = -1


def is_local(ip: str) -> bool:
    """Return True if an address is one of this machine's loopback."""
    return ip.startswith(("127.", "::1"))


def unix_peers(family: Iterable[psutil.Process]) -> list[str]:
    """Return the unix sockets outside a process tree that it uses; [] if not on Linux."""
    if sys.platform != "linux":
        return []
    with suppress(OSError):
        own = {number for each in family for number in _inodes(each.pid)}
        names, peers = _diagnosis()
        outside = {peers[number] for number in own if number in peers} - own - {0}
        found = {names.get(number, "without a name") for number in outside}
        return sorted(f"unix socket {name}" for name in found if not is_of_system(name))
    return []


def is_of_system(name: str) -> bool:
    """Return True if a unix socket is one that the system's own library uses."""
    return name.startswith(_SYSTEM)


def unix_names(family: Iterable[psutil.Process]) -> set[str]:
    """Return the names of a process tree's own unix sockets; of abstract ones with @."""
    with suppress(OSError):
        own = {number for each in family for number in _inodes(each.pid)}
        names, _ = _diagnosis()
        return {name.replace("\0", "@") for number, name in names.items() if number in own}
    return set()


def _inodes(pid: int) -> Iterator[int]:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - asked a thousand times a second
            with suppress(OSError):
                target = os.readlink(f"{folder}/{name}")  # noqa: PTH115
                if target.startswith("socket:["):
                    yield int(target[8:-1])


def _diagnosis() -> tuple[dict[int, str], dict[int, int]]:
    """Return the names and the other ends of all unix sockets, by inode."""
    names: dict[int, str] = {}
    peers: dict[int, int] = {}
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _NAME_AND_PEER, 0, 0)
    for body in _dump(request):
        inode = struct.unpack_from("=I", body, 4)[0]
        for attribute, value in _attributes(body[16:]):
            if attribute == _UNIX_NAME:
                names[inode] = value.rstrip(b"\0").decode(errors="replace")
            elif attribute == _PEER:
                peers[inode] = struct.unpack("=I", value)[0]
    return names, peers


def connected(family: Sequence[psutil.Process], own_port: int, kind: str = "tcp") -> set[End]:
    """Return the addresses that processes are connected to, without clients of their own port.

    `kind` is "tcp", or "inet" where UDP counts too.
    """
    found = set[End]()
    if sys.platform == "linux":
        with suppress(OSError):
            found = tcp_peers([each.pid for each in family], own_port)
            kind = kind.replace("inet", "udp")
            if kind == "tcp":
                return found
    for each in family:
        with suppress(psutil.Error):
            for connection in each.net_connections(kind):
                if connection.raddr and connection.laddr.port != own_port:
                    found.add((connection.raddr.ip, connection.raddr.port))
    return found


def tcp_peers(pids: Iterable[int], own_port: int) -> set[End]:
    """Return what `connected` does, for TCP on Linux.

    Quicker than by psutil, which reads what has ended as well: thousands of lines, at times.
    """
    own = {number for pid in pids for number in _inodes(pid)}
    found = set()
    for family in (socket.AF_INET, socket.AF_INET6):
        for body in _tcp(family, _OPEN):
            port, peer_port = struct.unpack_from("!HH", body, 4)
            if struct.unpack_from("=I", body, _INODE_AT)[0] in own and port != own_port:
                size = 4 if family == socket.AF_INET else 16
                address = socket.inet_ntop(family, body[24 : 24 + size])
                found.add((address.removeprefix("::ffff:"), peer_port))
    return found


def listening_ports(pid: int | None = None) -> set[int]:
    """Return the TCP ports of this machine at which anything listens, or this process does."""
    own = {*_inodes(pid)} if pid is not None else None
    if own is not None and not own:
        return set()
    return {
        struct.unpack_from("!H", body, 4)[0]
        for family in (socket.AF_INET, socket.AF_INET6)
        for body in _tcp(family, _LISTENS)
        if own is None or struct.unpack_from("=I", body, _INODE_AT)[0] in own
    }


def listening_users(port: int) -> set[int]:
    """Return the ids of the users whose sockets listen on a TCP port of this machine."""
    return {
        struct.unpack_from("=I", body, _USER_AT)[0]
        for family in (socket.AF_INET, socket.AF_INET6)
        for body in _tcp(family, _LISTENS)
        if struct.unpack_from("!H", body, 4)[0] == port
    }


def _tcp(family: int, states: int) -> Iterator[bytes]:
    return _dump(struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, states))


def _dump(request: bytes) -> Iterator[bytes]:
    """Yield the kernel's records of all sockets of a kind."""
    header = struct.pack("=IHHII", 16 + len(request), _BY_FAMILY, _DUMP, 1, 0)
    kind = getattr(socket, "NETLINK_SOCK_DIAG", 4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, kind) as asked:
        asked.settimeout(1)
        asked.send(header + request)
        while True:
            for number, body in _messages(asked.recv(1 << 18)):
                if number in (_END, _ERROR):
                    return
                yield body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:length]
        data = data[max(4, (length + 3) & ~3) :]
