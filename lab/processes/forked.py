"""The lab's end of a fork server, and the processes that it has started."""

import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

import msgspec

from lab.core.errors import LabError
from lab.processes.child import SIGKILL, Child, group_lives
from lab.processes.fork_server import EndedOrder, ForkAnswer, ForkOrder

ORDER_TIMEOUT_S = 20.0
READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_")
"""First letters of variables that a program reads when it starts: too late for a fork."""


class ForkServer:
    """Starts modules by forking `lab.processes.fork_server`. Its methods are thread-safe."""

    def __init__(
        self, program: Child, connection: socket.socket, environment: Mapping[str, str]
    ) -> None:
        """`program` was started with this environment, and the other end of `connection`."""
        connection.settimeout(ORDER_TIMEOUT_S)
        self._connection = connection
        self._answers = connection.makefile("rb")
        self._program = program
        self._environment = _read_at_start(environment)
        self._numbers = count()
        self._asking = threading.Lock()

    def can_start(self, environment: Mapping[str, str]) -> bool:
        """Return True if the server runs, and a forked process can be given this environment."""
        return self._program.running() and _read_at_start(environment) == self._environment

    def start(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        log_path: Path,
        environment: Mapping[str, str],
    ) -> "ForkedProcess":
        """Run a module in a new process. LabError if it cannot be made."""
        log, given = str(log_path.absolute()), dict(environment)
        number = next(self._numbers)
        answer = self._ask(ForkOrder(number, name, module, list(arguments), log, given))
        if answer is None or answer.pid is None:
            why = answer.error if answer else f"see {self._program.log_path}"
            raise LabError(f"{name} was not started: {why}")
        return ForkedProcess(self, number, answer.pid)

    def ended(self, started: int) -> ForkAnswer | None:
        """Return how the process of that order ended, if it has; None if this server is gone."""
        return self._ask(EndedOrder(next(self._numbers), started))

    def _ask(self, order: ForkOrder | EndedOrder) -> ForkAnswer | None:
        with self._asking, suppress(OSError):
            self._connection.sendall(msgspec.json.encode(order) + b"\n")
            while line := self._answers.readline():
                answer = msgspec.json.decode(line, type=ForkAnswer)
                if answer.number == order.number:  # not one that a Ctrl-C left unread
                    return answer
        return None

    def close(self) -> None:
        """Close the connection: nothing can be asked any more."""
        with self._asking:
            self._answers.close()
            self._connection.close()


class ForkedProcess:
    """A child of the fork server, with the part of `subprocess.Popen` that `Child` needs."""

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None

    def __init__(self, server: ForkServer, number: int, pid: int) -> None:
        """`number` is that of the order which started it."""
        self.pid = pid
        self._number = number
        self._server = server
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while the process runs."""
        if self._status is None:
            answer = self._server.ended(self._number)
            if answer is not None:
                self._status = answer.status
            elif not group_lives(self.pid):  # it died with the fork server
                self._status = -SIGKILL
        return self._status


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
