"""Child processes, each in a group of its own, none of which outlives the lab."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, TypeVar

import psutil

from lab.errors import LabError
from lab.stack.waiting import wait_until

GENTLE_S = 1.0  # how long a child may take to obey SIGTERM
DEATH_TIMEOUT_S = 5.0
SIGKILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way to kill
LEASH = Path(__file__).with_name("leash.py")
# Variables the lab sets itself: a value in the student's shell must not leak into a desk.
OWN_VARIABLES = ("REPLICA", "INSTANCE", "TOKEN_MAX_AGE_S")
OWN_PREFIXES = ("STATEFUL_", "STATELESS_", "FLASK_", "LAB_")
T = TypeVar("T")


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without the lab's own variables, and with `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OWN_VARIABLES and not name.startswith(OWN_PREFIXES)
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


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
        """Run `function` on this thread and give back what it gives (or raises)."""
        future: Future[T] = Future()

        def job() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # belongs to the caller, not to this thread
                future.set_exception(error)

        self._jobs.put(job)
        return future.result()


@lru_cache(maxsize=1)
def _spawner_of(pid: int) -> _Spawner:
    return _Spawner()


def _spawner() -> _Spawner:
    return _spawner_of(os.getpid())  # after a fork the thread is not there any more


class Child:
    """One running program, the process group around it and the log it writes to."""

    def __init__(
        self, name: str, process: "subprocess.Popen[bytes]", log_path: Path, log_start: int
    ) -> None:
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
        """Process id of the program itself (not of a leash that stayed with it)."""
        if self._pid is None:
            leash_says = self._process.stdout
            line = leash_says.readline() if leash_says else b""
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
        """Whether the process that was started has not ended (it may be paused)."""
        return self._process.poll() is None

    def gone(self) -> bool:
        """Whether nothing of it is left, its own children included."""
        if not self._gone and not self.running() and not self._others():
            self._gone = True  # from now on its number may be somebody else's: never signal it
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        return self._gone

    def _others(self) -> bool:
        if sys.platform == "win32":
            return psutil.pid_exists(self.pid)
        return _group_lives(self._process.pid)

    def tell(self, signal_number: int) -> None:
        """Send a signal to the program alone; silently nothing if it has ended."""
        if self.running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)

    def pause(self) -> None:
        """Freeze the program where it stands (SIGSTOP). LabError where no such signal is."""
        self.tell(_stop_signal("SIGSTOP"))
        self.paused = True

    def resume(self) -> None:
        """Let a frozen program run on (SIGCONT)."""
        self.tell(_stop_signal("SIGCONT"))
        self.paused = False

    def kill(self) -> None:
        """End the whole group at once, without asking. Waits for nothing."""
        if self._gone:
            return
        if sys.platform == "win32":
            _kill_tree(self._process.pid)
        else:
            with suppress(ProcessLookupError, PermissionError):  # EPERM: macOS, of zombies
                os.killpg(self._process.pid, SIGKILL)

    def ask(self) -> None:
        """Ask the program to end; one that cannot hear (paused) is killed."""
        if self.paused or sys.platform == "win32":
            self.kill()
        else:
            self.tell(signal.SIGTERM)

    def stop(self) -> None:
        """Ask, wait a short while, then insist. Returns when nothing is left."""
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


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # Somebody is in the group: alive, or a zombie that its new parent has yet to collect?
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


class Children:
    """All processes of one stack. Closing it ends every one of them, interrupted or not."""

    def __init__(self, *, resident: bool | None = None) -> None:
        """`resident` forces the leash to stay (None: only where the kernel has no PDEATHSIG)."""
        self._all: list[Child] = []
        self._closed = False
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
    ) -> Child:
        """Start `command` (an absolute program and its arguments), its output in `log_path`.

        `env` is the whole environment. `death_signal` is what it gets if the lab dies.
        """

        def start() -> Child:
            if self._closed:
                raise LabError(f"{name} was not started: the stack is closing")
            with log_path.open("ab") as log:
                start_of_log = log.tell()
                process = self._popen(command, death_signal, log, env, cwd)
            child = Child(name, process, log_path, start_of_log)
            self._all.append(child)  # here, on the spawner's thread: no Ctrl-C comes between
            return child

        return _spawner().call(start)

    def _popen(
        self,
        command: Sequence[str],
        death_signal: int,
        log: IO[bytes],
        env: Mapping[str, str],
        cwd: Path | None,
    ) -> "subprocess.Popen[bytes]":
        mode = "stay" if self._resident else "exec"
        leash = [sys.executable, "-I", "-S", str(LEASH), mode, str(death_signal), str(os.getpid())]
        new_group = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if sys.platform == "win32"
            else {"start_new_session": True}  # a terminal's Ctrl-C is for the lab alone
        )
        return subprocess.Popen(
            [*leash, "--", *command],
            stdin=subprocess.PIPE if self._resident else subprocess.DEVNULL,
            stdout=subprocess.PIPE if self._resident else log,
            stderr=log,
            env=dict(env),
            cwd=cwd,
            **new_group,
        )

    def close(self) -> None:
        """End all of them, last started first: gently, then, whatever happens, at once.

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
        if not wait_until(self._none_left, DEATH_TIMEOUT_S):
            left = ", ".join(child.name for child in self._all if not child.gone())
            raise LabError(f"these processes survive SIGKILL, end them by hand: {left}")
