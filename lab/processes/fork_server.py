"""A program that has imported what servers need, and forks a process for each of them.

Importing takes a server most of its start. This program imports once; then it reads orders from
its standard input, a socket: to run a module in a new process, or to say how a process ended.
Each process is its child, in a group of its own, and dies with it. On Linux only.

    python -m lab.processes.fork_server MODULE…
"""

import ctypes
import gc
import importlib
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress

import msgspec

from lab.core.errors import reason
from lab.processes.guardian import die_with


class ForkOrder(msgspec.Struct, tag=True):
    """Run a module in a new process, which writes to `log`."""

    number: int
    name: str
    module: str
    arguments: list[str]
    log: str
    environment: dict[str, str]


class EndedOrder(msgspec.Struct, tag=True):
    """Say how a process ended: the one that the order number `started` has started."""

    number: int
    started: int


class ForkAnswer(msgspec.Struct):
    """The answer to the order of that number: a new process, why there is none, or an end."""

    number: int
    pid: int | None = None
    error: str = ""
    status: int | None = None
    """The exit status: negative for a signal, None while the process runs."""


PR_SET_NAME = 15  # <linux/prctl.h>: what `top` and `ps -e` call a process


def main(modules: list[str]) -> None:
    """Import `modules`, and obey until the lab closes its end."""
    for module in modules:
        with suppress(ImportError):  # the process that needs it will say so, in its own log
            importlib.import_module(module)
    gc.freeze()  # a collection would write to the memory that all of them share
    with socket.socket(fileno=os.dup(0)) as lab:
        order = _obey(lab)
    if order is not None:
        _run(order)


def _obey(lab: socket.socket) -> ForkOrder | None:
    """Obey orders; return None after the last, and in a new process the order it is for."""
    parent = os.getpid()
    orders: msgspec.json.Decoder[ForkOrder | EndedOrder] = msgspec.json.Decoder(
        ForkOrder | EndedOrder
    )
    # By the number of the order: a process id is soon another's, once its process has ended.
    pids: dict[int, int] = {}
    statuses: dict[int, int] = {}
    with lab.makefile("rb") as lines:
        for line in lines:
            order = orders.decode(line)
            if isinstance(order, EndedOrder):
                _collect(order.started, pids, statuses)
                _answer(lab, ForkAnswer(order.number, status=statuses.get(order.started)))
                continue
            pid = _fork(lab, order)
            if pid == 0:
                os.setsid()
                die_with(parent, signal.SIGKILL)
                # From now on the lab may kill its group.
                _answer(lab, ForkAnswer(order.number, pid=os.getpid()))
                return order
            if pid is not None:
                pids[order.number] = pid
    return None


def _collect(started: int, pids: dict[int, int], statuses: dict[int, int]) -> None:
    """Move a process that has ended from `pids` to `statuses`."""
    if started in pids:
        ended, status = os.waitpid(pids[started], os.WNOHANG)
        if ended:
            del pids[started]
            statuses[started] = os.waitstatus_to_exitcode(status)


def _fork(lab: socket.socket, order: ForkOrder) -> int | None:
    """Fork; return the new process's id, 0 in that process, and None if there is none."""
    try:
        return os.fork()
    except OSError as error:  # too many processes
        _answer(lab, ForkAnswer(order.number, error=reason(error)))
        return None


def _answer(lab: socket.socket, answer: ForkAnswer) -> None:
    lab.sendall(msgspec.json.encode(answer) + b"\n")


def _run(order: ForkOrder) -> None:
    """Run a module as `python -m module` does: with its name, files, environment and arguments."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, order.name.encode(), 0, 0, 0)
    with open(order.log, "ab") as log, open(os.devnull, "rb") as nothing:  # noqa: PTH123
        for number, opened in enumerate((nothing, log, log)):
            os.dup2(opened.fileno(), number)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv[1:] = order.arguments
    runpy.run_module(order.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
