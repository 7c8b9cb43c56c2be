"""The lab's end of a fork server, and the processes that it has started."""

import json
import socket
import threading
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import IO

from lab.core.errors import LabError
from lab.core.json_object import JsonObject
from lab.processes.child import SIGKILL, Child, group_lives

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
        """Return True if it runs, and such an environment can be given to a forked process."""
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
        answer = self.ask(
            {
                "name": name,
                "module": module,
                "arguments": arguments,
                "log": str(log_path.absolute()),
                "environment": dict(environment),
            }
        )
        if answer is None or "pid" not in answer:
            why = answer["error"] if answer else f"see {self._program.log_path}"
            raise LabError(f"{name} was not started: {why}")
        return ForkedProcess(self, answer["pid"])

    def ask(self, order: JsonObject) -> JsonObject | None:
        """Return the answer to an order; None if the fork server is gone."""
        with self._asking:
            number = next(self._numbers)
            try:
                self._connection.sendall(json.dumps({**order, "number": number}).encode() + b"\n")
                while line := self._answers.readline():
                    answer: JsonObject = json.loads(line)
                    if answer["number"] == number:  # not one that a Ctrl-C left unread
                        return answer
            except OSError:
                pass
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

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return its exit status, that of a signal negative; None while it runs."""
        if self._status is None:
            answer = self._server.ask({"ended": self.pid})
            if answer is not None:
                self._status = answer["status"]
            elif not group_lives(self.pid):  # it died with the fork server
                self._status = -SIGKILL
        return self._status


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
