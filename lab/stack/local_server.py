"""A server of the lab's own: a process that can be killed, each of whose lives has a name."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex

import psutil

from lab.core.errors import LabError, NotPossible
from lab.core.faults import FaultEvidence
from lab.processes.child import DEATH_TIMEOUT_S, Child
from lab.processes.ports import START_ATTEMPTS, HeldPort, hold_ports, is_open
from lab.processes.spawn import Children, clean_environment
from lab.processes.waiting import end_of, wait_until
from lab.stack.lives import ServerLife
from lab.stack.pool_spec import PoolSpec
from lab.stack.server import ProcessLook, Server, State, await_ready, server_info

FROZEN_TIMEOUT_S = 1.0
Listens = Callable[[], bool]
"""Asks whether a program listens at the address of a child."""
PORT_TAKEN = ("Address already in use", "Errno 98", "Errno 48", "WinError 10048", "WinError 10013")


def kill_and_watch(child: Child, listens: Listens, instance: str) -> FaultEvidence:
    """Kill a child's process group, and watch until process and port are gone (or a deadline)."""
    start = time.monotonic()
    child.kill()
    wait_until(lambda: child.gone() and not listens(), DEATH_TIMEOUT_S, every_s=0.002)
    return end_seen(child, listens, instance, start)


def end_seen(child: Child, listens: Listens, instance: str, began_s: float) -> FaultEvidence:
    """Return the evidence of a child's end, as of now; `began_s` is on the monotonic clock."""
    return FaultEvidence(
        pid=child.pid,
        instance=instance,
        signal=child.ending,
        process_gone=child.gone(),
        port_closed=not listens(),
        seconds=time.monotonic() - began_s,
    )


def pace_seen(child: Child, instance: str) -> FaultEvidence:
    """Return whether a child stands still, once the system agrees with its last fault."""

    def stands_still() -> bool:
        try:
            return psutil.Process(child.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    wait_until(lambda: stands_still() == child.paused, FROZEN_TIMEOUT_S)
    return FaultEvidence(pid=child.pid, instance=instance, frozen=stands_still())


class LocalServer(Server):
    """One process of an app on this machine, started and ended by the lab."""

    def __init__(
        self, spec: PoolSpec, name: str, port: HeldPort, run_dir: Path, children: Children
    ) -> None:
        super().__init__(spec.name, name, port.number)
        self.log_path = run_dir / "logs" / f"{spec.name}-{name}.log"
        self._spec = spec
        self._held = port
        self._run_dir = run_dir
        self._children = children
        self._child: Child | None = None
        self._attempts = 0
        self.lives: list[ServerLife] = []
        """Each process that was started under this name, the present one last."""
        self._app = spec.app
        self._own_env = dict(spec.server_env.get(name, {}))

    @property
    def pid(self) -> int:
        """Process id of the present (or last) life."""
        return self._started().pid

    @property
    def state(self) -> State:
        """Its present state, also if it ended by itself."""
        if self._child is None or not self._child.running():
            if self.ready:  # otherwise its last life is still being started
                self._note_end()
            return "dead"
        return "paused" if self._child.paused else "up"

    def launch(self) -> None:
        """Start a new life without waiting for it (see `await_ready`)."""
        self._attempts += 1
        self.ready = False
        self.instance = token_hex(8)
        self.lives.append(ServerLife(self.name, self.instance, self.address))
        env = {
            **self._spec.env,
            **self._own_env,
            "REPLICA": self.name,
            "INSTANCE": self.instance,
            "LAB_RUN_DIR": str(self._run_dir.absolute()),
        }
        self._child = self._children.spawn_module(
            f"{self._spec.name}-{self.name}",
            self._app,
            "--port",
            str(self.port),
            *(["--share-port"] if self._held.is_shared else []),
            log_path=self.log_path,
            env=clean_environment(env),
        )

    def is_ready(self) -> bool:
        """Return True if the present life answers. LabError if it has ended instead.

        A first start whose port was taken in the meantime tries again on another.
        """
        child = self._started()
        # Most polls come too early: a refused connection costs a third of a question, and every
        # poll takes time from the servers that are starting.
        info = server_info(self.port) if is_open(self.port) else None
        if info is not None and info["instance"] == self.instance:
            self._attempts = START_ATTEMPTS  # from now on the balancer knows this port
            self.ready = True
            return True
        if not child.running():
            tail = end_of(child.log_path, child.log_start)
            if self._attempts < START_ATTEMPTS and any(text in tail for text in PORT_TAKEN):
                self.release_port()
                self._held = hold_ports(1)[0]
                self.port = self._held.number
                self.launch()
                return False
            raise LabError(f"{self.title} ended before it was ready ({child.ending}); {tail}")
        return False

    def kill(self) -> FaultEvidence:
        """Kill the server (SIGKILL). LabError if it is dead already."""
        with self._fault:
            child = self._started()
            if not child.running():
                raise NotPossible(
                    f"{self.title} is dead already ({child.ending}): restart it first"
                )
            child.kill()
            # From here on whatever answers at its port is a stranger, who may be there at once
            # and keeps the port open: that its end is seen, or not, comes too late.
            self._note_end()
            evidence = kill_and_watch(child, self._listens, self.instance)
            if not evidence.process_gone:
                self.lives[-1].ended_at = None  # it has survived, so later answers are its own
            return evidence

    def restart(self, env: Mapping[str, str] | None = None) -> FaultEvidence:
        """Restart the server on the same port, killing it first if it runs; wait until ready."""
        with self._fault:
            was, start = self.instance, time.monotonic()
            self.relaunch(env or {})
            await_ready([self])
            seconds = time.monotonic() - start
            return FaultEvidence(pid=self.pid, instance=self.instance, was=was, seconds=seconds)

    def require_restart(self, env: Mapping[str, str]) -> None:
        """Accept any environment."""

    def relaunch(self, env: Mapping[str, str], app: str = "") -> None:
        """Start a new life, ending the present one if it runs; do not wait for it.

        `env` is added to its environment, as in `restart`; `app` is the module it runs, if given.
        """
        with self._fault:
            self._own_env.update(env)
            self._app = app or self._app
            self.end()
            self.launch()

    def end(self) -> None:
        """Kill the server; nothing happens if it does not run."""
        with self._fault:
            if self._child is not None and self._child.running():
                self.kill()

    def stop(self) -> FaultEvidence:
        """End the server gently; nothing happens if it is dead."""
        with self._fault:
            child, start = self._started(), time.monotonic()
            child.stop()
            self._note_end()
            return end_seen(child, self._listens, self.instance, start)

    def pause(self) -> FaultEvidence:
        """Freeze the process: it keeps its port and its connections, and answers nothing."""
        with self._fault:
            child = self._alive("pause")
            if not child.paused:
                child.pause()
            return pace_seen(child, self.instance)

    def resume(self) -> FaultEvidence:
        """Let a paused process run on. Nothing happens if it is running."""
        with self._fault:
            child = self._alive("resume")
            if child.paused:
                child.resume()
            return pace_seen(child, self.instance)

    def undo_faults(self) -> None:
        """Leave the server as it is: it ends with the lab."""

    def look(self) -> ProcessLook:
        """Ask the system about its process; LabError if it is dead."""
        process = psutil.Process(self._alive("look at").pid)
        try:
            written = process.io_counters().write_chars
        except (AttributeError, psutil.Error):  # another system, or one that does not say it
            written = None
        return ProcessLook(process.memory_info().rss, written)

    def log_tail(self) -> str:
        """The end of its log."""
        return end_of(self.log_path)

    def release_port(self) -> None:
        """Release the server's port: it does not come back."""
        self._held.release()

    def _listens(self) -> bool:
        return is_open(self.port)

    def _note_end(self) -> None:
        if self.lives and self.lives[-1].ended_at is None:
            self.lives[-1].ended_at = time.time()

    def _alive(self, what: str) -> Child:
        child = self._started()
        if not child.running():
            raise NotPossible(f"{self.title} is dead: restart it before you {what} it")
        return child

    def _started(self) -> Child:
        if self._child is None:
            raise LabError(f"server {self.name} has not been started: open the stack first")
        return self._child
