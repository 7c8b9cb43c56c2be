"""The processes of one start: the tree below it, and those that left it for the background."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from lab.check.sockets import listening_ports, listening_users
from lab.processes.child import DEATH_TIMEOUT_S
from lab.processes.waiting import wait_until

MARK = "LAB_RUN_DIR"
TAG = "LAB_CHECK_PROCESS"


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and all below it; [] if it has ended."""
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        if root.status() != psutil.STATUS_ZOMBIE:
            return [root, *root.children(recursive=True)]
    return []


def tagged(name: str, value: str) -> list[psutil.Process]:
    """Return the processes that live with this variable in their environment."""
    return [each for each in _living() if variable(each, name) == value]


def listeners(port: int, since: float, tag: str) -> list[psutil.Process]:
    """Return this user's processes that listen on a port and began at `since` or later.

    Those with the tag of another start are left out: it chose the same port, and was first.
    """
    found = []
    for each in _living():
        with suppress(psutil.Error):
            ours = each.create_time() >= since and _is_mine(each)
            if ours and port in listening(each) and variable(each, TAG) in (None, tag):
                found.append(each)
    return found


def is_a_strangers(port: int, family: Sequence[psutil.Process]) -> bool:
    """Return True if another user's program listens on the port that this family was given.

    A container's port may be root's. False if that cannot be seen (not on Linux).
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError):
        foreign = listening_users(port) - {0, os.getuid()}
        return bool(foreign) and not any(port in listening(each) for each in family)
    return False


def is_another_starts(port: int, family: Sequence[psutil.Process], tag: str) -> bool:
    """Return True if a process of another start listens on the port, of this check or another.

    Both starts chose the port before either listened: the later one ends, and until then the
    earlier one answers in its place.
    """
    if any(port in listening(each) for each in family):
        return False
    found = (each for each in _living() if port in listening(each))
    return any(variable(each, TAG) not in (None, tag) for each in found)


def end_listeners(ports: set[int], since: float, mark: str) -> None:
    """Kill this user's processes that listen on any of these ports and began since then.

    Those with another run's mark are not ended.
    """
    with suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            listens = each.status == psutil.CONN_LISTEN and each.pid
            if listens and each.laddr and each.laddr.port in ports:
                with suppress(psutil.Error):
                    process = psutil.Process(each.pid)
                    if process.create_time() >= since and variable(process, MARK) in (None, mark):
                        process.kill()


def listening(process: psutil.Process) -> set[int]:
    """Return the TCP ports a process listens on, as far as that can be seen."""
    if sys.platform == "linux":
        with suppress(OSError):
            return listening_ports(process.pid)
    with suppress(psutil.Error):
        return {
            connection.laddr.port
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
    return set()


def answering(family: Sequence[psutil.Process], port: int) -> int:
    """Return how many processes of a family (eldest first) can answer requests; at least 1.

    Those at the ends of the tree answer, a master above them does not: workers that inherited
    the listening socket (gunicorn, uvicorn), or that run their master's own command and are
    handed connections (a node cluster). A helper is neither.
    """
    if len(family) < 2:
        return 1
    parents = {_parent(each) for each in family}
    ends = [each for each in family if each.pid not in parents]
    own = sum(port in listening(each) for each in ends)
    handed = sum(_command(each) == _command(family[0]) for each in ends if each != family[0])
    return max(1, own, handed)


def _parent(process: psutil.Process) -> int | None:
    with suppress(psutil.Error):
        return process.ppid()
    return None


def _command(process: psutil.Process) -> tuple[str, ...]:
    with suppress(psutil.Error):
        return tuple(Path(word).name for word in process.cmdline())  # paths may be made absolute
    return ()


def _is_mine(process: psutil.Process) -> bool:
    return os.name != "posix" or process.uids().real == os.getuid()


def _living() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def variable(process: psutil.Process, name: str) -> str | None:
    """Return a variable of a process's environment; None if it is unset or cannot be read."""
    with suppress(psutil.Error):
        return process.environ().get(name)
    return None


def end_marked(mark: str) -> None:
    """Kill processes that have this run's mark: they have left their group and their parent."""

    def left() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ours = process.pid != os.getpid() and process.environ().get(MARK) == mark
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def none_left() -> bool:
        remaining = left()
        for process in remaining:
            with suppress(psutil.Error):
                process.kill()
        return not remaining

    wait_until(none_left, DEATH_TIMEOUT_S)
