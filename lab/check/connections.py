"""Every connection that processes of the lab make, with none missed, however short it is."""

import fcntl
import os
import secrets
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.check.sockets import UNIX, End, is_local, listening_ports

_ASKED = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif, with struct seccomp_data
_NOTIFY_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_RECEIVE, _SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV and _SEND
_CONTINUE = 1
_LONGEST = 128  # struct sockaddr_storage
# What a client reaches at the address of any interface.
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
SOMEWHERE: End = ("an address that cannot be read", 0)


class Connections:
    """Records what processes connect to: each reports its connections (connect_filter.py).

    A thread lets each go on. Once it is closed, its processes cannot connect to anything.
    """

    def __init__(self) -> None:
        self.name = f"two-desks-{secrets.token_hex(8)}"
        self._made: dict[int, list[End]] = {}
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(f"\0{self.name}")
        self._listening.listen(64)
        self._ends, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run, name="check-connections", daemon=True)
        self._thread.start()

    def made_by(self, pid: int) -> list[End] | None:
        """Return the growing list of what a process and its children connect to; None if unknown.

        Attempts at an address of this machine at which nothing listens are left out.
        """
        return self._made.get(pid)

    def close(self) -> None:
        """Stop watching, and end the thread."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1
            self._thread.join()

    def _run(self) -> None:
        waiting = select.poll()
        actions: dict[int, Callable[[], object]] = {}

        def add(handle: int, action: Callable[[], object]) -> None:
            actions[handle] = action
            waiting.register(handle, select.POLLIN)

        def accept() -> None:
            with suppress(OSError):
                caller = self._listening.accept()[0].detach()
                add(caller, lambda: introduce(caller))

        def introduce(caller: int) -> None:
            waiting.unregister(caller)
            del actions[caller]
            with suppress(OSError), socket.socket(fileno=caller) as process:
                pid, listener = _introduced(process)
                made = self._made[pid] = []
                add(listener, lambda: _let_go_on(listener, made))
                process.send(b".")  # the process goes on once the lab knows the connection

        add(self._listening.fileno(), accept)
        waiting.register(self._ends, select.POLLIN)
        while True:
            for handle, event in waiting.poll():
                if handle == self._ends:
                    self._close_all(actions)
                    return
                if event & select.POLLIN:
                    actions[handle]()
                else:  # no process has this filter any more
                    waiting.unregister(handle)
                    del actions[handle]
                    os.close(handle)

    def _close_all(self, handles: dict[int, Callable[[], object]]) -> None:
        for handle in handles:
            if handle != self._listening.fileno():
                os.close(handle)
        self._listening.close()
        os.close(self._ends)


def _introduced(process: socket.socket) -> tuple[int, int]:
    """Return the id of a process and the listener of its filter; OSError if it has none."""
    peer = process.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, user, _ = struct.unpack("=iII", peer)
    if user != os.getuid():
        raise OSError("another user's")
    _, handles, _, _ = socket.recv_fds(process, 1, 1)
    if not handles:
        raise OSError("it ended")
    return pid, handles[0]


def _let_go_on(listener: int, made: list[End]) -> None:
    """Record the address of a waiting connection, and let it continue."""
    with suppress(OSError):  # it was killed in between
        asked = bytearray(_ASKED.size)
        fcntl.ioctl(listener, _RECEIVE, asked)
        number, pid, _, _, _, _, handle, address, length, *_ = _ASKED.unpack(asked)
        try:
            end = _end_of(pid, handle, address, length)
            if end is not None:
                made.append(end)
        finally:
            fcntl.ioctl(listener, _SEND, bytearray(_NOTIFY_ANSWER.pack(number, 0, 0, _CONTINUE)))


def _end_of(pid: int, handle: int, address: int, length: int) -> End | None:
    """Return the address a socket connects to; None if nothing there can keep state."""
    try:
        if _kind(pid, handle) == "UDP":  # a name server, a log, a clock
            return None
        with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
            memory.seek(address)
            end = read_address(memory.read(min(length, _LONGEST)))
    except (OSError, OverflowError):
        return SOMEWHERE
    return end if end is None or _answers(pid, end) else None


def _kind(pid: int, handle: int) -> str:
    name = os.getxattr(f"/proc/{pid}/fd/{handle}", "system.sockprotoname")
    return name.rstrip(b"\0").decode().removesuffix("v6")


def read_address(data: bytes) -> End | None:
    """Return the address in a struct sockaddr; None if it is of another family, or cut off."""
    kind = int.from_bytes(data[:2], sys.byteorder)
    if kind == socket.AF_INET and len(data) >= 8:
        ip = socket.inet_ntop(socket.AF_INET, data[4:8])
    elif kind == socket.AF_INET6 and len(data) >= 24:
        ip = socket.inet_ntop(socket.AF_INET6, data[8:24]).removeprefix("::ffff:")
    elif kind == socket.AF_UNIX and len(data) > 2:
        name = data[2:] if data[2] == 0 else data[2:].partition(b"\0")[0]
        return name.replace(b"\0", b"@").decode(errors="replace"), UNIX
    else:
        return None
    return _ANYWHERE.get(ip, ip), int.from_bytes(data[2:4], "big")


def _answers(pid: int, end: End) -> bool:
    """Return True if something listens at the address; for other machines always True."""
    place, port = end
    if port == UNIX:
        return not place.startswith("/") or Path(f"/proc/{pid}/root{place}").exists()
    return not is_local(place) or port in listening_ports()
