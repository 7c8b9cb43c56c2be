"""A replica of the lab's own: a killable process, whose every life has a name of its own."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Literal

import psutil

from lab.core.errors import LabError
from lab.processes.child import DEATH_TIMEOUT_S, Child
from lab.processes.ports import START_ATTEMPTS, free_ports, is_open
from lab.processes.spawn import Children, clean_environment
from lab.processes.waiting import end_of, server_info, wait_until
from lab.stack.pool_spec import PoolSpec
from lab.stack.server import Death, Server, State, await_ready

FROZEN_TIMEOUT_S = 1.0
PORT_TAKEN = ("Address already in use", "Errno 98", "Errno 48", "WinError 10048", "WinError 10013")


def kill_and_watch(child: Child, port: int, instance: str) -> Death:
    """Kill a child's whole group, and watch until process and port are gone (or a deadline)."""
    pid, start = child.pid, time.monotonic()
    child.kill()
    wait_until(lambda: child.gone() and not is_open(port), DEATH_TIMEOUT_S, every_s=0.002)
    return Death(
        name=child.name,
        pid=pid,
        signal=child.ending,
        instance=instance,
        process_gone=child.gone(),
        port_closed=not is_open(port),
        seconds=time.monotonic() - start,
    )


class LocalServer(Server):
    """One process of an app on this machine, started and ended by the lab."""

    def __init__(
        self, spec: PoolSpec, name: str, port: int, run_dir: Path, children: Children
    ) -> None:
        super().__init__(spec.name, name, port)
        self.log_path = run_dir / "logs" / f"{spec.name}-{name}.log"
        self._spec = spec
        self._run_dir = run_dir
        self._children = children
        self._child: Child | None = None
        self._attempts = 0
        self._own_env = dict(spec.replica_env.get(name, {}))

    @property
    def pid(self) -> int:
        """Process id of the present (or last) life."""
        return self._started().pid

    @property
    def state(self) -> State:
        """What the process is doing now, also if it ended by itself."""
        if self._child is None or not self._child.running():
            return "dead"
        return "paused" if self._child.paused else "up"

    def launch(self) -> None:
        """Start a new life, without waiting for it (see `await_ready`)."""
        self._attempts += 1
        self.ready = False
        self.instance = token_hex(8)
        env = {
            **self._spec.env,
            **self._own_env,
            "REPLICA": self.name,
            "INSTANCE": self.instance,
            "LAB_RUN_DIR": str(self._run_dir.absolute()),
        }
        self._child = self._children.spawn(
            self.title,
            [sys.executable, "-m", self._spec.app, "--port", str(self.port)],
            log_path=self.log_path,
            env=clean_environment(env),
        )

    def is_ready(self) -> bool:
        """Whether this very life answers. LabError if it has ended instead.

        A first start whose port was taken in the meantime tries again on another.
        """
        child = self._started()
        # Most polls come too early: a refused connection costs a third of a question, and every
        # poll takes time from the servers that are starting.
        info = server_info(self.port) if is_open(self.port) else None
        if info is not None and info.get("instance") == self.instance:
            self._attempts = START_ATTEMPTS  # from now on the balancer knows this port
            self.ready = True
            return True
        if not child.running():
            last_words = end_of(child.log_path, child.log_start)
            if self._attempts < START_ATTEMPTS and any(t in last_words for t in PORT_TAKEN):
                self.port = free_ports(1)[0]
                self.launch()
                return False
            raise LabError(f"{child.name} ended before it was ready ({child.ending}); {last_words}")
        return False

    def kill(self) -> Death:
        """SIGKILL, and what was seen of it. LabError if it is dead already."""
        with self._fault:
            child = self._started()
            if not child.running():
                raise LabError(f"{child.name} is dead already ({child.ending}): restart it first")
            return kill_and_watch(child, self.port, self.instance)

    def restart(self, env: Mapping[str, str] | None = None) -> str:
        """Start again on the same port (killed first if it runs); the new instance, ready.

        `env` is added to its environment, for this life and the next ones.
        """
        with self._fault:
            self._own_env.update(env or {})
            if self._started().running():
                self.kill()
            self.launch()
            await_ready([self])
            return self.instance

    def require_restart(self, env: Mapping[str, str]) -> None:
        """Nothing to object: any environment will do."""

    def relaunch(self, env: Mapping[str, str]) -> None:
        """Start a new life, ending the present one if there is one; wait for it elsewhere.

        `env` is added to its environment, as in `restart`.
        """
        with self._fault:
            self._own_env.update(env)
            self.end()
            self.launch()

    def end(self) -> None:
        """Kill it; nothing happens if it does not run."""
        with self._fault:
            if self._child is not None and self._child.running():
                self.kill()

    def pause(self) -> None:
        """Freeze the process: it keeps its port and its connections, and answers nobody."""
        self._change_pace("pause", "up")

    def resume(self) -> None:
        """Let a frozen process run on. Nothing happens if it is running."""
        self._change_pace("resume", "paused")

    def mend(self) -> None:
        """Nothing to undo: it ends with the lab."""

    def _change_pace(self, how: Literal["pause", "resume"], when: str) -> None:
        with self._fault:
            child = self._started()
            if self.state == "dead":
                raise LabError(f"{child.name} is dead: restart it before you {how} it")
            if self.state == when:
                child.pause() if how == "pause" else child.resume()

    def frozen(self) -> bool:
        """Whether the system says that the process stands still; waits a moment for it."""

        def stands_still() -> bool:
            try:
                return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
            except psutil.NoSuchProcess:
                return False

        expected = self.state == "paused"
        wait_until(lambda: stands_still() == expected, FROZEN_TIMEOUT_S)
        return stands_still()

    def stop(self) -> None:
        """End it gently; nothing happens if it is dead."""
        with self._fault:
            self._started().stop()

    def memory_bytes(self) -> int:
        """Resident set of the process, in bytes."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def last_words(self) -> str:
        """The end of its log."""
        return end_of(self.log_path)

    def _started(self) -> Child:
        if self._child is None:
            raise LabError(f"replica {self.name} has not been started: open the stack first")
        return self._child
