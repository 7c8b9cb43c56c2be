"""A session store of the lab's own: started empty, broken on demand, ended with the lab."""

import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import quote

from lab.core.components import UsedProgram
from lab.core.errors import LabError, NotPossible
from lab.core.faults import FaultEvidence
from lab.processes.child import Child
from lab.processes.ports import START_ATTEMPTS, free_ports, is_open, is_served
from lab.processes.spawn import Children, clean_environment, prepare_run_dir
from lab.processes.waiting import READY_TIMEOUT_S, end_of, wait_until
from lab.stack.local_server import kill_and_watch, pace_seen
from lab.stack.programs import find_store
from lab.stack.server import State
from lab.stack.session_store import Store
from lab.stack.store_client import ask, connect

NO_STORE = (
    "no valkey-server or redis-server on PATH and none from pip for this platform: install one "
    "(`apt install valkey-server`, `brew install valkey`), or give the URL of one; "
    "`lab doctor` says more"
)
HAS_UNIX = hasattr(socket, "AF_UNIX") and os.name == "posix"
MOST_SOCKET_BYTES = 100  # every system takes a path of this length


class LocalStore(Store):
    """A store process of the lab's own, behind a password made for this run.

    It listens at a unix socket that no other user can reach, or take once it is dead; on
    127.0.0.1 if there are none.
    """

    def __init__(
        self, run_dir: Path, persistence: bool = False, *, resident: bool | None = None
    ) -> None:
        """Starts nothing yet. With `persistence` every write is on disk before it is answered."""
        program = find_store()
        if program is None:
            raise LabError(NO_STORE)
        self.program = program
        self.persistence = persistence
        self._port = 0 if HAS_UNIX else free_ports(1)[0]
        self._password = token_hex(16)
        self._run_dir = Path(run_dir)
        self._folder = self._run_dir / "store"
        self._socket = self._folder.absolute() / "socket"
        self._log_path = self._run_dir / "logs" / "store.log"
        self._children = Children(resident=resident)
        self._child: Child | None = None
        self._life = ""
        self._fault = threading.RLock()
        self._resources = ExitStack()

    @property
    def url(self) -> str:
        """Where it is, password included: to be handed on by environment only."""
        if HAS_UNIX:
            return f"unix://:{self._password}@{quote(str(self._socket))}?db=0"
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Process id of the present (or last) life."""
        return self._started().pid

    @property
    def state(self) -> State:
        """Its present state, also if it ended by itself."""
        child = self._started()
        return "dead" if not child.running() else "paused" if child.paused else "up"

    def __enter__(self) -> Self:
        try:
            prepare_run_dir(self._run_dir)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._folder.chmod(0o700)
            if len(os.fsencode(self._socket)) > MOST_SOCKET_BYTES:
                short = self._resources.enter_context(TemporaryDirectory(prefix="lab-"))
                self._socket = Path(short) / "socket"
            self._start(attempts=START_ATTEMPTS)
            keys = self.stats().keys
            if keys:
                raise LabError(
                    f"the store is not empty at the start ({keys} keys): use a fresh run directory"
                )
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        with self._resources:
            self._children.close()

    def kill(self) -> FaultEvidence:
        """Kill the store (SIGKILL). LabError if it is dead already."""
        with self._fault:
            if self.state == "dead":
                raise NotPossible(
                    f"the store is dead already ({self._started().ending}): restart it"
                )
            return kill_and_watch(self._started(), self.listens, self._life)

    def restart(self, env: Mapping[str, str] | None = None) -> FaultEvidence:
        """Start the store again at the same address, killing it first if it runs.

        What it held in memory only is gone.
        """
        self.require_restart(env or {})
        with self._fault:
            was, start = self._life, time.monotonic()
            if self.state != "dead":
                self.kill()
            self._start(attempts=1)
            seconds = time.monotonic() - start
            return FaultEvidence(pid=self.pid, instance=self._life, was=was, seconds=seconds)

    def require_restart(self, env: Mapping[str, str]) -> None:
        """Raise LabError if its environment would have to be changed."""
        if env:
            raise NotPossible(
                f"the store takes no environment: restart it without {', '.join(env)}"
            )

    def pause(self) -> FaultEvidence:
        """Freeze the store: it accepts connections and answers nothing."""
        with self._fault:
            child = self._alive()
            if not child.paused:
                child.pause()
            return pace_seen(child, self._life)

    def resume(self) -> FaultEvidence:
        """Let the frozen store continue. Nothing happens if it is running."""
        with self._fault:
            child = self._alive()
            if child.paused:
                child.resume()
            return pace_seen(child, self._life)

    def undo_faults(self) -> None:
        """Bring the store back if it is dead or paused; nothing happens if it is up."""
        if self.state == "dead":
            self.restart()
        elif self.state == "paused":
            self.resume()

    def listens(self) -> bool:
        """Return True if a program listens at its address."""
        return is_served(self._socket) if HAS_UNIX else is_open(self._port)

    def description(self) -> UsedProgram:
        """Its name, version and source, and whether it writes to disk."""
        return UsedProgram(
            self.program.name,
            self.program.version,
            self.program.source,
            "every write" if self.persistence else "none",
        )

    def _start(self, attempts: int) -> None:
        child = self._launch()
        if not wait_until(lambda: self._is_ready() or not child.running(), READY_TIMEOUT_S):
            raise LabError(f"the store did not answer; {end_of(self._log_path, child.log_start)}")
        if child.running():
            return
        tail = end_of(self._log_path, child.log_start)
        if attempts <= 1 or "in use" not in tail:
            raise LabError(f"the store ended at once ({child.ending}); {tail}")
        self._port = free_ports(1)[0]
        self._start(attempts - 1)

    def _launch(self) -> Child:
        # A file of this user's own, not argv: every user of the machine can read argv.
        config = self._folder / "store.conf"
        config.touch(mode=0o600)
        config.write_text(self._config())
        self._child = self._children.spawn(
            "store",
            [str(self.program.path), "store.conf"],
            log_path=self._log_path,
            env=clean_environment({"LAB_RUN_DIR": str(self._run_dir.absolute())}),
            cwd=self._folder,
        )
        return self._child

    def _config(self) -> str:
        # A path may contain characters that a URL may not.
        near = self._socket.parent == self._folder.absolute()
        where = self._socket.name if near else self._socket
        return "\n".join(
            [
                f"port {self._port}",
                *([f'unixsocket "{where}"', "unixsocketperm 600"] if HAS_UNIX else []),
                *([] if HAS_UNIX else ["bind 127.0.0.1"]),
                f"requirepass {self._password}",
                'save ""',
                f"appendonly {'yes' if self.persistence else 'no'}",
                "appendfsync always",
                "",
            ]
        )

    def _is_ready(self) -> bool:
        try:
            with connect(self.url) as client:
                self._life = str(ask(lambda: client.info("server"))["run_id"])
                return bool(ask(lambda: client.ping()))
        except LabError:
            return False

    def _alive(self) -> Child:
        if self.state == "dead":
            raise NotPossible("the store is dead: restart it first")
        return self._started()

    def _started(self) -> Child:
        if self._child is None:
            raise LabError("the store has not been started: use it in a `with` block")
        return self._child
