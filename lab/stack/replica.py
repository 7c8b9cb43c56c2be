"""A replica: one killable process of an app, whose every life has a name of its own."""

import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

import psutil

from lab.errors import LabError
from lab.stack.child import DEATH_TIMEOUT_S, Child
from lab.stack.ports import free_ports, is_open
from lab.stack.processes import Children, clean_environment
from lab.stack.spec import LaneSpec
from lab.stack.waiting import READY_TIMEOUT_S, end_of, server_info, wait_until

START_ATTEMPTS = 3
FROZEN_TIMEOUT_S = 1.0
PORT_TAKEN = ("Address already in use", "Errno 98", "Errno 48", "WinError 10048", "WinError 10013")


@dataclass(frozen=True)
class Death:
    """What was seen of an end: the evidence that there was one."""

    name: str
    pid: int
    signal: str
    """How it ended: "SIGKILL", or "exit 1"."""
    instance: str
    """The life that ended."""
    process_gone: bool
    port_closed: bool
    seconds: float
    """From the signal until both were seen."""

    @property
    def confirmed(self) -> bool:
        """Nothing of the process is left and nobody listens on its port."""
        return self.process_gone and self.port_closed


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


class Replica:
    """One server of a lane. Methods may be called from any thread; faults come one by one."""

    def __init__(
        self, spec: LaneSpec, name: str, port: int, run_dir: Path, children: Children
    ) -> None:
        self.name = name
        self.port = port
        self.instance = ""
        """Nonce of the present (or last) life; the app says it in X-Instance."""
        self.ready = False
        """Whether the present life has answered yet, as far as anybody has asked."""
        self.log_path = run_dir / "logs" / f"{spec.name}-{name}.log"
        self._spec = spec
        self._run_dir = run_dir
        self._children = children
        self._child: Child | None = None
        self._attempts = 0
        self._own_env = dict(spec.replica_env.get(name, {}))
        self._fault = threading.RLock()

    @property
    def pid(self) -> int:
        """Process id of the present (or last) life."""
        return self._started().pid

    @property
    def state(self) -> Literal["up", "paused", "dead"]:
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
            f"{self._spec.name}-{self.name}",
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

    def server_info(self) -> dict[str, Any]:
        """`GET /api/server`, directly. LabError if it does not answer."""
        info = server_info(self.port)
        if info is None:
            raise LabError(
                f"{self._started().name} does not answer: it is {self.state}, restart it"
            )
        return info

    def _started(self) -> Child:
        if self._child is None:
            raise LabError(f"replica {self.name} has not been started: open the stack first")
        return self._child


def await_ready(replicas: Iterable[Replica]) -> None:
    """Wait until each replica answers with its own instance. LabError as soon as one cannot."""
    waiting = list(replicas)

    def all_ready() -> bool:
        waiting[:] = [replica for replica in waiting if not replica.is_ready()]
        return not waiting

    if not wait_until(all_ready, READY_TIMEOUT_S):
        slow = waiting[0]
        raise LabError(
            f"not ready within {READY_TIMEOUT_S:.0f} s: {', '.join(r.name for r in waiting)}; "
            f"close other programs and try again; {end_of(slow.log_path)}"
        )
