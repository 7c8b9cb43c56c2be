"""The other ends of a process tree's unix sockets: asked of Linux, by its socket diagnosis."""

import re
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

# What the system's own library talks to, for names and for logs.
_SYSTEM = ("/dev/log", "/run/systemd/", "/run/nscd/", "/var/run/nscd/")
_BY_FAMILY, _DUMP, _DONE, _ERROR = 20, 0x301, 3, 2  # linux/sock_diag.h, linux/netlink.h
_NAME_AND_PEER, _NAME, _PEER = 0b101, 0, 2  # linux/unix_diag.h


def unix_peers(family: Iterable[psutil.Process]) -> list[str]:
    """Return what is at the other end outside the tree, as "unix socket PATH"; [] elsewhere."""
    if sys.platform != "linux":
        return []
    with suppress(OSError):
        own = {number for each in family for number in _inodes(each.pid)}
        names, peers = _diagnosis()
        outside = {peers[number] for number in own if number in peers} - own - {0}
        found = {names.get(number, "without a name") for number in outside}
        return sorted(f"unix socket {name}" for name in found if not name.startswith(_SYSTEM))
    return []


def _inodes(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                    yield int(found[1])


def _diagnosis() -> tuple[dict[int, str], dict[int, int]]:
    """Return the names and the other ends of all unix sockets, by inode."""
    names: dict[int, str] = {}
    peers: dict[int, int] = {}
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _NAME_AND_PEER, 0, 0)
    header = struct.pack("=IHHII", 16 + len(request), _BY_FAMILY, _DUMP, 1, 0)
    kind = getattr(socket, "NETLINK_SOCK_DIAG", 4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, kind) as asked:
        asked.settimeout(1)
        asked.send(header + request)
        while True:
            for number, body in _messages(asked.recv(1 << 18)):
                if number in (_DONE, _ERROR):
                    return names, peers
                inode = struct.unpack_from("=I", body, 4)[0]
                for attribute, value in _attributes(body[16:]):
                    if attribute == _NAME:
                        names[inode] = value.rstrip(b"\0").decode(errors="replace")
                    elif attribute == _PEER:
                        peers[inode] = struct.unpack("=I", value)[0]


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
