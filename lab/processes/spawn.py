"""Child processes, each in a group of its own, none of which outlives the lab."""

import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import IO, TypeVar

from lab.core.environment import current_environment
from lab.core.errors import LabError
from lab.processes.child import DEATH_TIMEOUT_S, GENTLE_S, SIGKILL, Child, ProcessHandle
from lab.processes.forked import ForkServer
from lab.processes.waiting import wait_until

GUARDIAN = Path(__file__).with_name("guardian.py")
# Variables the lab sets itself: a value in the student's shell must not leak into a desk.
OWN_VARIABLES = ("REPLICA", "INSTANCE", "TOKEN_MAX_AGE_S", "SHOP_PRICES")
OWN_PREFIXES = ("STATEFUL_", "STATELESS_", "FLASK_", "LAB_")
HOME = Path(__file__).resolve().parents[2]  # the folder that the lab's packages lie in
T = TypeVar("T")


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of the lab, whatever lies in the working folder.

    Python puts the working folder first on its search path; `-P` leaves it out, so a student's
    `flask.py` is not imported. Sources that are not installed are found only there.
    """
    safe = [] if Path.cwd() == HOME else ["-P"]
    return [sys.executable, *safe, "-m", module, *arguments]


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of this process without the lab's own variables, with `extra`."""
    kept = {
        name: value
        for name, value in current_environment().items()
        if name not in OWN_VARIABLES and not name.startswith(OWN_PREFIXES)
    }
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = _without_working_folder(kept["PYTHONPATH"])
    # Logs are read as UTF-8, whatever the terminal speaks; a script in a worker prints anything.
    own = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
    return {**kept, **own, **extra}


def _without_working_folder(search_path: str) -> str:
    """Return a search path without the working folder, which an empty entry also means."""
    here = Path.cwd()
    folders = [Path(each).absolute() for each in search_path.split(os.pathsep)]
    return os.pathsep.join(str(each) for each in folders if each != here or here == HOME)


def prepare_run_dir(run_dir: Path) -> Path:
    """Make the run's directory (0700: logs and settings are this user's) and logs/ in it."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    (run_dir / "logs").mkdir(exist_ok=True)
    return run_dir


class _Spawner(threading.Thread):
    """The one thread that starts children, and the one that kills them all at the end.

    Two reasons. PDEATHSIG is sent when the *thread* that forked ends, so it has to live as
    long as the process. And Ctrl-C is raised in the main thread only: what happens here is
    never cut in half.
    """

    def __init__(self) -> None:
        super().__init__(name="lab-spawner", daemon=True)
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        """Do one job after another, for ever."""
        while True:
            self._jobs.get()()

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` on this thread; return its result, or raise its error."""
        future: Future[T] = Future()

        def job() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # the caller's, not this thread's
                future.set_exception(error)

        self._jobs.put(job)
        return future.result()


@lru_cache(maxsize=1)
def _spawner_of(pid: int) -> _Spawner:
    return _Spawner()


_first = threading.Lock()


def _spawner() -> _Spawner:
    with _first:  # several threads may want the first one at the same time
        return _spawner_of(os.getpid())  # after a fork the thread is not there any more


class Children:
    """All processes of one stack. Closing it ends every one of them, interrupted or not."""

    def __init__(self, *, resident: bool | None = None) -> None:
        """`resident` forces the guardian to stay (None: only where the kernel has no PDEATHSIG)."""
        self._all: list[Child] = []
        self._closed = False
        self._fork_server: ForkServer | None = None
        self._resident = sys.platform != "linux" if resident is None else resident

    def spawn(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        death_signal: int = SIGKILL,
        stdin: int = subprocess.DEVNULL,
    ) -> Child:
        """Start `command` (an absolute program and its arguments), its output in `log_path`.

        `env` is the whole environment. It gets `death_signal` if the lab dies.
        """
        return self._start(
            name, log_path, lambda log: self._popen(command, death_signal, log, env, cwd, stdin)
        )

    def start_fork_server(self, modules: Sequence[str], run_dir: Path) -> None:
        """Begin to import `modules`, for processes that `spawn_module` is to start.

        Does nothing where a guardian stays: the guardian is the parent of its program.
        """
        if self._resident:
            return
        near, far = socket.socketpair()
        environment = clean_environment({"LAB_RUN_DIR": str(run_dir.absolute())})
        with far:
            program = self.spawn(
                "the fork server",
                module_command("lab.processes.fork_server", *modules),
                log_path=run_dir / "logs" / "fork-server.log",
                env=environment,
                stdin=far.fileno(),
            )
        self._fork_server = ForkServer(program, near, environment)

    def spawn_module(
        self, name: str, module: str, *arguments: str, log_path: Path, env: Mapping[str, str]
    ) -> Child:
        """Start a module of the lab as `spawn` does, by a fork where that can be done."""
        server = self._fork_server
        if server is not None and server.can_start(env):
            return self._start(
                name, log_path, lambda log: server.start(name, module, arguments, log_path, env)
            )
        command = module_command(module, *arguments)
        return self.spawn(name, command, log_path=log_path, env=env)

    def _start(
        self, name: str, log_path: Path, start: Callable[[IO[bytes]], ProcessHandle]
    ) -> Child:
        def job() -> Child:
            if self._closed:
                raise LabError(f"{name} was not started: the stack is closing")
            with log_path.open("ab") as log:
                start_of_log = log.tell()
                process = start(log)
            child = Child(name, process, log_path, start_of_log)
            self._all.append(child)  # here, on the spawner's thread: no Ctrl-C comes between
            return child

        return _spawner().call(job)

    def _popen(
        self,
        command: Sequence[str],
        death_signal: int,
        log: IO[bytes],
        env: Mapping[str, str],
        cwd: Path | None,
        stdin: int,
    ) -> "subprocess.Popen[bytes]":
        mode = "stay" if self._resident else "exec"
        guardian = [
            sys.executable,
            "-I",
            "-S",
            str(GUARDIAN),
            mode,
            str(death_signal),
            str(os.getpid()),
        ]
        new_group = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if sys.platform == "win32"
            else {"start_new_session": True}  # a terminal's Ctrl-C is for the lab alone
        )
        return subprocess.Popen(
            [*guardian, "--", *command],
            stdin=subprocess.PIPE if self._resident else stdin,
            stdout=subprocess.PIPE if self._resident else log,
            stderr=log,
            env=dict(env),
            cwd=cwd,
            **new_group,
        )

    def close(self) -> None:
        """End all of them, last started first: gently, then in any case at once.

        A Ctrl-C in the middle skips the gentle part; the killing itself runs on the
        spawner's thread, where no Ctrl-C arrives.
        """
        try:
            for child in reversed(self._all):
                child.ask()
            wait_until(self._none_left, GENTLE_S)
        finally:
            _spawner().call(self._kill_all)

    def _none_left(self) -> bool:
        return all(child.gone() for child in self._all)

    def _kill_all(self) -> None:
        self._closed = True
        for child in self._all:
            child.kill()
        none_left = wait_until(self._none_left, DEATH_TIMEOUT_S)
        if self._fork_server is not None:
            self._fork_server.close()
        if not none_left:
            left = ", ".join(child.name for child in self._all if not child.gone())
            raise LabError(f"these processes survive SIGKILL, end them by hand: {left}")
