"""A server that the lab did not start: broken by commands, judged by what the network shows.

The lab cannot see whether a process lives on another machine. A server counts as dead once
its port no longer answers: after a kill, and just as well after its link was cut.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from lab.core.errors import LabError
from lab.core.faults import FaultEvidence
from lab.processes.ports import is_open
from lab.processes.waiting import READY_TIMEOUT_S, server_info, wait_until
from lab.stack.deployment import ExternalServerSpec
from lab.stack.server import Server, State

COMMAND_TIMEOUT_S = 30.0
EXTERNAL_DEATH_TIMEOUT_S = 15.0  # a container or a link may take its time to go
ASK_EVERY_S = 0.05
QUOTED_BYTES = 2000


class ExternalServer(Server):
    """One server of a deployment: asked over the network, broken and repaired by its commands."""

    def __init__(self, spec: ExternalServerSpec) -> None:
        super().__init__(spec.app, spec.name, spec.port, spec.ip)
        self.spec = spec
        self._pid = 0
        self._broken_by = ""  # the lab's own last fault, while it lasts: "kill" or "pause"

    @property
    def state(self) -> State:
        """What the network shows; "paused" is what the lab did to it, not seen."""
        if self._broken_by == "pause":
            return "paused"
        return "up" if is_open(self.port, self.host) else "dead"

    def launch(self) -> None:
        """Start nothing: note which instance answers there. LabError if none does."""
        info = self.server_info()
        self.instance, self.ready = str(info.get("instance", "")), True
        self._pid = info["pid"] if type(info.get("pid")) is int else 0

    def is_ready(self) -> bool:
        """Whether it answered at `launch`."""
        return self.ready

    def kill(self) -> FaultEvidence:
        """Run its kill command, and return what the network shows then."""
        with self._fault:
            command = self.spec.command("kill")
            if self._broken_by != "pause":  # a frozen one is who it was
                self._note_who_answers()
            start = time.monotonic()
            self._broken_by = "kill"
            self._run("kill", command)
            # Seen closed once is enough: a supervisor may start another one at once.
            closed = wait_until(
                lambda: not is_open(self.port, self.host),
                EXTERNAL_DEATH_TIMEOUT_S,
                every_s=ASK_EVERY_S,
            )
            return FaultEvidence(
                pid=self._pid or None,
                instance=self.instance,
                signal="kill command",
                process_gone=None,
                port_closed=closed,
                seconds=time.monotonic() - start,
            )

    def _note_who_answers(self) -> None:
        try:
            self.launch()
        except LabError:
            raise LabError(
                f"{self.title} ({self.address}) does not answer: restart or resume it"
            ) from None

    def restart(self, env: Mapping[str, str] | None = None) -> FaultEvidence:
        """Run its restart command, and wait for a new instance (20 s at most).

        The old instance answers where only the link to it had been cut. LabError if none
        does, and for what `require_restart` refuses.
        """
        self.require_restart(env or {})
        with self._fault:
            command, was, start = self.spec.command("restart"), self.instance, time.monotonic()
            if self.state != "dead" and "kill" in self.spec.commands:
                self.kill()
            self._run("restart", command)
            wait_until(
                lambda: self._answering() not in ("", was), READY_TIMEOUT_S, every_s=ASK_EVERY_S
            )
            self.launch()
            self._broken_by = ""
            seconds = time.monotonic() - start
            return FaultEvidence(instance=self.instance, was=was, seconds=seconds)

    def require_restart(self, env: Mapping[str, str]) -> None:
        """Raise LabError where no restart command was given, or `env` would be changed."""
        if env:
            raise LabError(
                f"the lab did not start {self.title} ({self.address}) and cannot change its "
                f"environment ({', '.join(env)}): do it where it runs"
            )
        self.spec.command("restart")

    def pause(self) -> FaultEvidence:
        """Run its pause command; whether it stands still is not seen."""
        with self._fault:
            command = self.spec.command("pause")
            self._broken_by = "pause"  # before: if this is cut short, it may be frozen all the same
            self._run("pause", command)
            return FaultEvidence(instance=self.instance)

    def resume(self) -> FaultEvidence:
        """Run its resume command. Nothing happens if the lab has not paused it."""
        with self._fault:
            if self._broken_by == "pause":
                self._run("resume", self.spec.command("resume"))
                self._broken_by = ""
            return FaultEvidence(instance=self.instance)

    def undo_faults(self) -> None:
        """Undo the lab's fault, if it lasts; LabError, once, if it cannot be undone."""
        with self._fault:
            how = {"kill": "restart", "pause": "resume"}.get(self._broken_by)
            if how is None or (how == "restart" and self.state == "up"):
                return  # nothing to undo, or a supervisor was quicker
            try:
                self._run(how, self.spec.command(how))
                if not wait_until(self._answering, READY_TIMEOUT_S, every_s=ASK_EVERY_S):
                    raise LabError(f"{self.title} ({self.address}) does not answer after its {how}")
            finally:
                self._broken_by = ""

    def log_tail(self) -> str:
        """Nothing: its log is where it runs."""
        return ""

    def _answering(self) -> str:
        """Return the instance that answers now, "" for none."""
        info = server_info(self.port, host=self.host)
        return str(info.get("instance", "")) if info else ""

    def _run(self, fault: str, words: Sequence[str]) -> None:
        if trouble := run(words):
            raise LabError(f"the {fault} command of {self.title} {trouble}")


def run(words: Sequence[str], timeout_s: float = COMMAND_TIMEOUT_S) -> str | None:
    """Run a command without a shell; return how it failed, with the end of its output, or None.

    Its words are not repeated: there may be a secret among them. What it leaves running in the
    background, such as a server that it started, is left alone unless it failed to end itself.
    """
    with tempfile.TemporaryFile() as output:  # not a pipe: that would wait for the background too
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"cannot be run: {error.strerror if isinstance(error, OSError) else error}"
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return f"did not end within {timeout_s:.0f} s{_quoted(output)}"
        finally:
            if process.poll() is None:
                _end(process)
        return f"failed (exit {status}){_quoted(output)}" if status else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _quoted(output: Any) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - QUOTED_BYTES))
    text = output.read().decode(errors="replace").strip()
    return f"; it wrote: {text}" if text else "; it wrote nothing"
