"""nginx as the lab runs it: started, reloaded, and asked whether it uses its configuration."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex

import psutil

from lab.core.errors import LabError
from lab.processes.child import Child
from lab.processes.ports import START_ATTEMPTS, claim
from lab.processes.spawn import Children, clean_environment
from lab.processes.waiting import READY_TIMEOUT_S, end_of, get, last_lines, wait_until
from lab.stack.nginx_conf import CONFIG_PATH
from lab.stack.programs import Program

_KILLED_WORKER = re.compile(r"worker process \d+ exited on signal (\d+)")
ANSWERS_WITHIN_S = 10.0  # a busy machine takes its time
RETIRE_TIMEOUT_S = 10.0  # more than worker_shutdown_timeout
QUIET_S = 3.5  # more than keepalive_min_timeout: by then idle clients have been let go


class Retired:
    """Workers of an old configuration: they finish their requests, and end."""

    def __init__(self, workers: list[psutil.Process]) -> None:
        self._workers = workers
        self._quiet_at = time.monotonic() + QUIET_S

    def wait_until_done_with(self, port: int, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait until requests and idle clients of these workers can no longer reach `port`.

        Takes up to about 4 s, 8 s if a client holds a stream open; ends at once when `unless()`.
        """
        wait_until(
            lambda: unless() or all(_is_done_with(w, port, self._quiet_at) for w in self._workers),
            RETIRE_TIMEOUT_S,
        )


class Balancer:
    """One nginx: master and worker on one port. `render` turns a version into nginx.conf."""

    def __init__(
        self,
        program: Program,
        run_dir: Path,
        children: Children,
        render: Callable[[str, int], str],
        port: int = 0,
    ) -> None:
        """`render(version, port)` returns the current configuration."""
        self.program = program
        self.port = claim(port)
        self.config_path = run_dir / "nginx.conf"
        self.log_path = run_dir / "logs" / "nginx.log"
        self._any_port = port == 0
        self._run_dir = run_dir
        self._children = children
        self._render = render
        self._nonce = token_hex(4)  # another nginx on this port must not be taken for ours
        self._changes = 0
        self._changing = threading.RLock()
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Process id of the master."""
        if self._child is None:
            raise LabError("nginx is not running: start the stack first")
        return self._child.pid

    def start(self) -> None:
        """Start nginx and return when it answers; LabError with the end of its log if not."""
        (self._run_dir / "tmp").mkdir(mode=0o700, exist_ok=True)
        for attempt in range(1, START_ATTEMPTS + 1):
            version = self._write()
            self._child = self._spawn()
            if wait_until(partial(self._obeys_or_ended, version), READY_TIMEOUT_S):
                if not self.has_ended():
                    return
                taken = "in use" in self._log_tail() or "10048" in self._log_tail()
                if taken and self._any_port and attempt < START_ATTEMPTS:
                    self.port = claim(0)
                    continue
                why = f"ended at once ({self._child.ending})"
            else:
                why = f"did not answer within {READY_TIMEOUT_S:.0f} s"
            raise LabError(f"nginx {why}; {self._log_tail()}")

    def mark(self) -> int:
        """Return where nginx's own log ends now: `breakage` looks at what comes after."""
        return self._log_size()

    def failure(self) -> str | None:
        """Say that nginx cannot serve now: it has ended, is paused, or does not answer; or None."""
        if self.has_ended():
            ending = self._child.ending if self._child else "not started"
            return f"the load balancer is broken: nginx has ended ({ending})"
        if self._is_paused():
            return "the load balancer does not answer: nginx is paused (SIGSTOP)"
        if not wait_until(self._answers, ANSWERS_WITHIN_S):
            return "the load balancer does not answer: nginx has no free connection, or hangs"
        return None

    def breakage(self, mark: int) -> str | None:
        """Say that nginx fails, or that a worker was killed since `mark`; None if neither is so.

        (A worker that is killed comes again, but drops its requests.)
        """
        if failure := self.failure():
            return failure
        with self.log_path.open("rb") as log:
            log.seek(mark)
            killed = _KILLED_WORKER.search(log.read().decode(errors="replace"))
        if killed is None:
            return None
        return f"the load balancer is broken: nginx's worker was ended by signal {killed[1]}"

    def reload(self) -> "Retired":
        """Write the configuration anew and return when new requests follow it.

        Returns what is left of the old one. Raises LabError, with the old configuration
        still in force, where nginx refuses the new one.
        """
        with self._changing:
            old_workers = self._workers()
            log_start = self._log_size()
            version = self._write()
            self._hang_up()
            # Asked once: for a tenth of a second old and new worker answer, as it happens.
            obeyed = partial(self._obeys_unless_refused, version, log_start)
            if not wait_until(obeyed, READY_TIMEOUT_S):
                raise LabError(
                    f"nginx did not take its new configuration within {READY_TIMEOUT_S:.0f} s; "
                    f"{end_of(self.log_path, log_start)}"
                )
            wait_until(lambda: all(map(_has_retired, old_workers)), RETIRE_TIMEOUT_S)
            return Retired(old_workers)

    def _spawn(self) -> Child:
        return self._children.spawn(
            "nginx",
            [
                str(self.program.path),
                "-p",
                str(self._run_dir.absolute()),
                "-c",
                "nginx.conf",
                "-e",
                "logs/nginx.log",
            ],
            log_path=self._run_dir / "logs" / "nginx-start.log",
            env=clean_environment({"LAB_RUN_DIR": str(self._run_dir.absolute())}),
            cwd=self._run_dir,
            # A SIGKILLed master would leave its worker serving; SIGTERM takes it along.
            death_signal=signal.SIGTERM,
        )

    def _write(self) -> str:
        """Write the next version of nginx.conf; its name."""
        self._changes += 1
        version = f"{self._nonce}-{self._changes}"
        new = self.config_path.with_suffix(".new")
        new.write_text(self._render(version, self.port), encoding="utf-8")
        new.replace(self.config_path)
        return version

    def _hang_up(self) -> None:
        if sys.platform == "win32":
            command = [self.program.path, "-p", self._run_dir, "-c", "nginx.conf", "-s", "reload"]
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
        else:
            os.kill(self.pid, signal.SIGHUP)

    def _is_paused(self) -> bool:
        try:
            processes = [psutil.Process(self.pid), *self._workers()]
            return any(each.status() == psutil.STATUS_STOPPED for each in processes)
        except (psutil.NoSuchProcess, LabError):  # ended in this moment
            return False

    def _answers(self) -> bool:
        answer = get(self.port, CONFIG_PATH)
        return self.has_ended() or (answer is not None and answer[0] == HTTPStatus.OK)

    def _obeys(self, version: str) -> bool:
        return get(self.port, CONFIG_PATH) == (200, version.encode())

    def _obeys_or_ended(self, version: str) -> bool:
        return self._obeys(version) or self.has_ended()

    def has_ended(self) -> bool:
        """Return True if the master process is gone, or was never started."""
        return self._child is None or not self._child.running()

    def _obeys_unless_refused(self, version: str, log_start: int) -> bool:
        if self._obeys(version):
            return True
        if self.has_ended() or "[emerg]" in end_of(self.log_path, log_start):
            raise LabError(f"nginx refuses its configuration; {end_of(self.log_path, log_start)}")
        return False

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _log_tail(self) -> str:
        start = self._child.log_start if self._child else 0
        printed = self._run_dir / "logs" / "nginx-start.log"
        return end_of(printed, start) if last_lines(printed, start) else end_of(self.log_path)

    def _workers(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            raise LabError(f"nginx has ended; {end_of(self.log_path)}") from None


def _has_retired(worker: psutil.Process) -> bool:
    """True if an old worker takes no new connections: its title shows it, or it is gone."""
    try:
        return not worker.is_running() or "shutting down" in " ".join(worker.cmdline())
    except psutil.Error:
        return True


def _is_done_with(worker: psutil.Process, port: int, quiet_at: float) -> bool:
    """True if a retired worker can no longer ask `port`: gone, or quiet and not connected."""
    try:
        if not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE:
            return True
        if time.monotonic() < quiet_at:
            return False
        return all(not c.raddr or c.raddr.port != port for c in worker.net_connections("tcp"))
    except psutil.Error:
        return True
