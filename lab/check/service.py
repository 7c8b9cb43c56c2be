"""Somebody's service as processes: each on a port of its own, killed whole, none left behind."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from lab.check.budget import Budget
from lab.core.errors import LabError
from lab.processes.child import DEATH_TIMEOUT_S, Child
from lab.processes.ports import free_ports, is_open
from lab.processes.spawn import Children, prepare_run_dir
from lab.processes.waiting import end_of, get, wait_until

READY_S = 20.0
RESET_S = 30.0
LAST_RESET_S = 10.0
MARK = "LAB_RUN_DIR"


class DidNotStart(LabError):
    """The service did not become ready; the text says how, and what it wrote."""


class EndedAtStart(DidNotStart):
    """It ended by itself before it answered."""


@dataclass(frozen=True)
class Start:
    """How the service is started, and how what stands behind it is made empty again.

    `command` and the values of `env` may hold {port}. `ready` is a path that answers when the
    service can be used; without one, any answer at / will do. `reset` is a shell command.
    """

    command: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path()
    reset: str | None = None
    ready: str | None = None
    ready_s: float = READY_S

    def said(self) -> list[str]:
        """Return the command's words as they were given; raise LabError if it is no command."""
        try:
            return shlex.split(self.command, posix=os.name == "posix")
        except ValueError as error:
            raise LabError(f"--start {self.command!r}: {error}") from None

    def words(self, port: int) -> list[str]:
        """Return the command's words; raise LabError if there are none or no such program."""
        words = [word.replace("{port}", str(port)) for word in self.said()]
        program = shutil.which(words[0], path=self.environment(port).get("PATH")) if words else None
        if program is None and words and (self.cwd / words[0]).is_file():
            program = str((self.cwd / words[0]).absolute())
        if program is None:
            raise LabError(
                f"--start {self.command!r}: no such program on PATH; a shell's words need a "
                "shell: --start \"sh -c '…'\""
            )
        return [program, *words[1:]]

    def environment(self, port: int) -> dict[str, str]:
        """Return the whole environment: this terminal's, and `env`."""
        mine = {name: value.replace("{port}", str(port)) for name, value in self.env.items()}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **mine}


class Process:
    """One life of the service, ready to be asked at `port`."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.port = port
        self._killed = False

    def kill(self) -> None:
        """End it and everything it started, at once (SIGKILL)."""
        if self._killed:
            return
        # Before the kill: orphans cannot be found by their parent. Of one that has ended, the
        # number may be somebody else's.
        family = self.family() if self.child.running() else []
        self.child.kill()
        for process in family[1:]:
            with suppress(psutil.Error):  # most died with the group
                process.kill()
        self._killed = True

    def servers(self) -> int:
        """How many of its processes listen on its port; 1 where that cannot be seen."""
        return max(1, sum(self.port in _listening(each) for each in self.family()))

    def ended(self) -> bool:
        """Whether it was killed and no process of it lives (zombies do not)."""
        return self._killed and self.child.gone()

    def family(self) -> list[psutil.Process]:
        """Return its processes that live: itself, workers, a reloader's child."""
        with suppress(psutil.Error):
            root = psutil.Process(self.child.pid)
            return [root, *root.children(recursive=True)]
        return []


class Pool:
    """Fresh processes, some started ahead. A `with` block; afterwards none is left."""

    def __init__(self, start: Start, folder: Path, budget: Budget, ahead: int = 3) -> None:
        self.start = start
        self.started = 0
        self.shared = start.reset is not None
        """Whether its processes may share something; then none is started before it is needed."""
        self._folder = prepare_run_dir(folder)
        self._budget = budget
        self._ahead = ahead
        self._children = Children()
        self._spares: deque[Future[Process]] = deque()
        self._used: list[Process] = []
        self._starters = ThreadPoolExecutor(max(1, ahead), "check-start")
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as last:  # each is done, whatever interrupts the one before
            last.callback(self._last_reset)
            last.callback(_end_marked, self._mark)
            last.callback(self._children.close)
            last.callback(self._starters.shutdown, wait=True, cancel_futures=True)
            # What is just being started fails at this, and says so to nobody.
            self._children.close()

    @property
    def _mark(self) -> str:
        return str(self._folder.absolute())

    def fresh(self) -> Process:
        """Return a process that has served nobody; DidNotStart if there is none to be had.

        Where nothing is shared, more are started ahead; else it might have read, while it
        started, what was there before its turn.
        """
        if self.shared:
            self._throw_away()
        ahead = 0 if self.shared else self._ahead
        while len(self._spares) < 1 + ahead:
            self._spares.append(self._starters.submit(self._launch))
        try:
            process = self._spares.popleft().result()
        except EndedAtStart:
            # Several that start at once may be in each other's way (a port, a migration).
            wait(self._spares)
            process = self._launch()
        self._used.append(process)
        return process

    def reset(self) -> None:
        """Make the backing service empty again; what was killed before has ended."""
        if self.start.reset is None:
            return
        self._await_ends()
        _run_reset(self.start, min(RESET_S, self._budget.left_s), self._mark)
        self._budget.check_time()

    def _await_ends(self) -> None:
        """Wait for those that were killed: one that is still ending could write once more."""
        wait_until(lambda: all(each.ended() for each in self._used), DEATH_TIMEOUT_S)
        self._used = [each for each in self._used if not each.ended()]

    def _throw_away(self) -> None:
        while self._spares:
            spare = self._spares.popleft()
            if not spare.cancel():
                with suppress(LabError):
                    spare.result().kill()

    def _last_reset(self) -> None:
        """Leave it empty, as far as that can be done."""
        if self.start.reset is not None and self.started:
            with suppress(LabError):
                _run_reset(self.start, LAST_RESET_S, self._mark)

    def _launch(self) -> Process:
        with self._counting:
            self._budget.process()
            self.started += 1
            number = self.started
        port = free_ports(1)[0]
        log = self._folder / "logs" / f"service-{number}.log"
        child = self._children.spawn(
            f"service {number}",
            self.start.words(port),
            log_path=log,
            env={**self.start.environment(port), MARK: self._mark},
            cwd=self.start.cwd.absolute(),
        )
        process = Process(child, port)
        self._await(process)
        return process

    def _await(self, process: Process) -> None:
        child, patience_s = process.child, min(self.start.ready_s, self._budget.left_s)

        def ready() -> bool:
            if not child.running():
                raise EndedAtStart(
                    f"the service ended before it answered ({child.ending}); "
                    f"{end_of(child.log_path, child.log_start)}"
                )
            return self._answers(process.port)

        try:
            if wait_until(ready, patience_s, every_s=0.02):
                return
            self._budget.check_time()
            why = _why_silent(process, self.start)
            raise DidNotStart(f"{why}; {end_of(child.log_path, child.log_start)}")
        except BaseException:
            process.kill()
            raise

    def _answers(self, port: int) -> bool:
        if not is_open(port):
            return False
        patience_s = min(2.0, self.start.ready_s / 2)
        answer = get(port, self.start.ready or "/", patience_s)
        return answer is not None and (self.start.ready is None or answer[0] < 500)


def _end_marked(mark: str) -> None:
    """End what carries this run's mark in its environment: it left its group and its parent."""

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


def _why_silent(process: Process, start: Start) -> str:
    others = set().union(*map(_listening, process.family())) - {process.port}
    waited = f"within {start.ready_s:.0f} s"
    if others:
        ports = ", ".join(map(str, sorted(others)))
        return (
            f"the service listens on port {ports} and not on {process.port}, the one it was given: "
            "put {port} into --start, or --env PORT={port}"
        )
    if is_open(process.port):
        return f"the service takes connections and answers nothing {waited}: see --ready PATH"
    return f"the service did not listen on port {process.port} {waited}: is {{port}} in --start?"


def _listening(process: psutil.Process) -> set[int]:
    with suppress(psutil.Error):
        return {
            connection.laddr.port
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
    return set()


def _run_reset(start: Start, patience_s: float, mark: str) -> None:
    with tempfile.TemporaryFile() as said:
        process = _begin_reset(start, said, f"{mark}/reset")
        try:
            status = process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise LabError(
                f"--reset did not end within {patience_s:.0f} s: {start.reset}"
            ) from None
        finally:
            if process.poll() is None:
                _end_tree(process)
        if status:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()[-3:]
            raise LabError(
                f"--reset failed (exit {status}): {start.reset}"
                + "".join(f"\n    {line}" for line in lines)
            )


def _begin_reset(start: Start, said: IO[bytes], mark: str) -> "subprocess.Popen[bytes]":
    assert start.reset is not None
    try:
        return subprocess.Popen(
            start.reset,
            shell=True,
            cwd=start.cwd,
            env={**start.environment(0), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
        )
    except KeyboardInterrupt:  # it may have begun already
        _end_marked(mark)
        raise


def _end_tree(process: "subprocess.Popen[bytes]") -> None:
    with suppress(psutil.Error):
        root = psutil.Process(process.pid)
        for each in (*root.children(recursive=True), root):
            with suppress(psutil.Error):
                each.kill()
    process.wait()
