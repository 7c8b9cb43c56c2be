"""One child process: asked to end, paused, killed with its group, and known to be gone."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import psutil

from lab.core.errors import LabError
from lab.processes.waiting import wait_until

GENTLE_S = 1.0  # how long a child may take to obey SIGTERM
DEATH_TIMEOUT_S = 15.0  # a machine with much to do takes its time; waited for only if it lives
SIGKILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way to kill


class ProcessHandle(Protocol):
    """What `Child` needs of a `subprocess.Popen`."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while the process runs."""


class Child:
    """One running program, the process group around it and the log it writes to."""

    def __init__(self, name: str, process: ProcessHandle, log_path: Path, log_start: int) -> None:
        self.name = name
        self.log_path = log_path
        self.log_start = log_start
        """Size of the log when this process was started: what follows is its own."""
        self.paused = False
        self._process = process
        self._pid: int | None = None
        self._gone = False

    @property
    def pid(self) -> int:
        """Process id of the program itself (not of a guardian that stayed with it)."""
        if self._pid is None:
            guardian_says = self._process.stdout
            line = guardian_says.readline() if guardian_says else b""
            self._pid = int(line) if line.strip() else self._process.pid
        return self._pid

    @property
    def ending(self) -> str:
        """How it ended: "SIGKILL", "exit 1", or "" while it runs."""
        status = self._process.poll()
        if status is None:
            return ""
        return signal.Signals(-status).name if status < 0 else f"exit {status}"

    def running(self) -> bool:
        """Return True if the process that was started has not ended (it may be paused)."""
        if self._process.poll() is None:
            return True
        self.gone()  # noted at once: an id that is free is soon another's
        return False

    def gone(self) -> bool:
        """Return True if nothing of it is left, its own children included."""
        if not self._gone and self._process.poll() is not None and not self._others():
            self._pid = self.pid  # the last moment to read it
            self._gone = True  # from now on its id may be another process's: never signal it
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        return self._gone

    def _others(self) -> bool:
        if sys.platform == "win32":
            return psutil.pid_exists(self.pid)
        return group_lives(self._process.pid)

    def send_signal(self, signal_number: int) -> None:
        """Send a signal to the program alone; do nothing if it has ended."""
        if self.running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)

    def pause(self) -> None:
        """Freeze the program where it stands (SIGSTOP). LabError if there is no such signal."""
        self.send_signal(_stop_signal("SIGSTOP"))
        self.paused = True

    def resume(self) -> None:
        """Let a paused program run on (SIGCONT)."""
        self.send_signal(_stop_signal("SIGCONT"))
        self.paused = False

    def kill(self) -> None:
        """End the whole group at once. Does not wait."""
        if self._gone:
            return
        if sys.platform == "win32":
            _kill_tree(self._process.pid)
        else:
            with suppress(ProcessLookupError, PermissionError):  # EPERM: macOS, of zombies
                os.killpg(self._process.pid, SIGKILL)

    def ask(self) -> None:
        """Ask the program to end; kill it if it is paused and cannot react."""
        if self.paused or sys.platform == "win32":
            self.kill()
        else:
            self.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask, wait a short while, then kill. Return when nothing is left."""
        self.ask()
        if not wait_until(self.gone, GENTLE_S):
            self.kill()
        if not wait_until(self.gone, DEATH_TIMEOUT_S):
            raise LabError(
                f"{self.name} (process {self._process.pid}) survives SIGKILL: end it by hand"
            )


def _stop_signal(name: str) -> int:
    number = getattr(signal, name, None)
    if number is None:
        raise LabError(f"this system has no {name}: a process cannot be paused here, use kill")
    return int(number)


def group_lives(group: int) -> bool:
    """Return True if a process group has a member that lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # The group has a member: alive, or a zombie that its new parent has yet to collect?
    return any(_is_living_member(process, group) for process in psutil.process_iter())


def _is_living_member(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _kill_tree(pid: int) -> None:
    try:
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
