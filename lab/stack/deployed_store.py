"""The session store of a deployment: broken by commands, judged by what the network shows."""

import time
from collections.abc import Callable, Mapping

from lab.core.errors import LabError, NotPossible
from lab.core.faults import FaultEvidence
from lab.processes.waiting import wait_until
from lab.stack.deployment import Deployment
from lab.stack.fault_commands import ASK_EVERY_S, run
from lab.stack.server import State
from lab.stack.session_store import ExternalStore
from lab.stack.store_client import ask, connect


class DeployedStore(ExternalStore):
    """A store that the lab did not start, with the commands that break it."""

    def __init__(self, url: str, deployment: Deployment) -> None:
        super().__init__(url)
        self._commands = deployment.store_commands
        self._how = deployment.how
        self._broken_by = ""  # the lab's own last fault, while it lasts: "kill" or "pause"
        self._life = ""

    @property
    def state(self) -> State:
        """Its state: what the lab did to it, else whether it answers."""
        if self._broken_by:
            return "dead" if self._broken_by == "kill" else "paused"
        return "up" if self._answering() else "dead"

    def kill(self) -> FaultEvidence:
        """Run the store's kill command, and wait until it does not answer."""
        if self._broken_by != "pause":
            self._life = self._answering()
        start = time.monotonic()
        self._run("kill")
        gone = self._wait(lambda: self._answering() != self._life)
        return FaultEvidence(
            instance=self._life,
            signal="kill command",
            process_gone=None,
            port_closed=gone,
            seconds=time.monotonic() - start,
        )

    def restart(self, env: Mapping[str, str] | None = None) -> FaultEvidence:
        """Run the store's restart command, and wait until a new process answers."""
        self.require_restart(env or {})
        was, start = self._life, time.monotonic()
        if self._broken_by != "kill":
            self.kill()
        self._run("restart")
        self._wait(lambda: self._answering() not in ("", was))
        self._life = self._answering()
        return FaultEvidence(instance=self._life, was=was, seconds=time.monotonic() - start)

    def require_restart(self, env: Mapping[str, str]) -> None:
        """Raise LabError if it has no such command, or would have to take variables."""
        if env:
            raise NotPossible(
                f"the store takes no environment: restart it without {', '.join(env)}"
            )
        self._command("restart")

    def pause(self) -> FaultEvidence:
        """Run the store's pause command, and check that it does not answer."""
        self._life = self._answering()
        self._command("resume")  # raises if there is no such command, before the store is paused
        self._run("pause")
        silent = self._wait(lambda: not self._answering())
        return FaultEvidence(instance=self._life, frozen=silent)

    def resume(self) -> FaultEvidence:
        """Run the store's resume command, and check that it answers again."""
        if self._broken_by == "pause":
            self._run("resume")
            self._wait(self._answering)
        return FaultEvidence(instance=self._life, frozen=not self._answering())

    def undo_faults(self) -> None:
        """Bring the store back if the lab left it dead or paused."""
        if self._broken_by == "kill":
            self.restart()
        elif self._broken_by == "pause":
            self.resume()

    def _answering(self) -> str:
        """Return the id of the store's process that answers now, "" for none."""
        try:
            with connect(self.url) as client:
                return str(ask(lambda: client.info("server"))["run_id"])
        except LabError:
            return ""

    def _command(self, fault: str) -> tuple[str, ...]:
        if fault not in self._commands:
            raise LabError(
                f"the lab did not start this store: say how to {fault} it with "
                f"--store-{fault}-command"
            )
        return self._commands[fault]

    def _run(self, fault: str) -> None:
        words = self._command(fault)
        self._broken_by = fault if fault in ("kill", "pause") else ""
        if trouble := run(words, self._how.wait_s, self._how.env).trouble:
            option = f"--store-{fault}-command"
            raise LabError(f"the {fault} command of the store ({option}) {trouble}")

    def _wait(self, condition: Callable[[], object]) -> bool:
        return wait_until(condition, self._how.wait_s, every_s=ASK_EVERY_S)
