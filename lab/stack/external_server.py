"""A replica the lab did not start: broken by commands, judged by what the network shows.

Whether a process lives on another machine the lab cannot see. A server counts as dead once
nobody answers at its port any more: after a kill, and just as well after its link was cut.
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
from lab.processes.ports import is_open
from lab.processes.waiting import READY_TIMEOUT_S, server_info, wait_until
from lab.stack.server import Death, Server, State
from lab.stack.upstream import ExternalServerSpec

COMMAND_TIMEOUT_S = 30.0
EXTERNAL_DEATH_TIMEOUT_S = 15.0  # a container or a link may take its time to go
ASK_EVERY_S = 0.05
QUOTED_BYTES = 2000


class ExternalServer(Server):
    """One server of a deployment: asked over the network, broken and mended by its commands."""

    def __init__(self, upstream: ExternalServerSpec) -> None:
        super().__init__(upstream.app, upstream.name, upstream.port, upstream.ip)
        self.upstream = upstream
        self._pid = 0
        self._broken_by = ""  # the lab's own last fault, while it lasts: "kill" or "pause"

    @property
    def state(self) -> State:
        """What can be seen of it; "paused" is what the lab had done to it, not seen."""
        if self._broken_by == "pause":
            return "paused"
        return "up" if is_open(self.port, self.host) else "dead"

    def launch(self) -> None:
        """Start nothing: take note of who answers there now. LabError if nobody does."""
        info = self.server_info()
        self.instance, self.ready = str(info.get("instance", "")), True
        self._pid = info["pid"] if type(info.get("pid")) is int else 0

    def is_ready(self) -> bool:
        """Whether somebody was there at `launch`."""
        return self.ready

    def kill(self) -> Death:
        """Run its kill command, and tell what the network shows of it then."""
        with self._fault:
            command = self.upstream.command("kill")
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
            return Death(
                name=self.title,
                pid=self._pid,
                signal="kill command",
                instance=self.instance,
                process_gone=None,
                port_closed=closed,
                seconds=time.monotonic() - start,
            )

    def _note_who_answers(self) -> None:
        try:
            self.launch()
        except LabError:
            raise LabError(
                f"{self.title} ({self.address}) answers nobody: restart or resume it"
            ) from None

    def restart(self, env: Mapping[str, str] | None = None) -> str:
        """Run its restart command, and wait for a new instance (20 s at most).

        Returns the instance that answers then: the old one, where only the way to it had
        been cut. LabError if none does, and for what `require_restart` refuses.
        """
        self.require_restart(env or {})
        with self._fault:
            command, was = self.upstream.command("restart"), self.instance
            if self.state != "dead" and "kill" in self.upstream.commands:
                self.kill()
            self._run("restart", command)
            wait_until(
                lambda: self._answering() not in ("", was), READY_TIMEOUT_S, every_s=ASK_EVERY_S
            )
            self.launch()
            self._broken_by = ""
            return self.instance

    def require_restart(self, env: Mapping[str, str]) -> None:
        """LabError where no restart command was given, or `env` would have to be changed."""
        if env:
            raise self.not_ours(f"change its environment ({', '.join(env)})")
        self.upstream.command("restart")

    def pause(self) -> None:
        """Run its pause command; that it stands still is not seen."""
        with self._fault:
            command = self.upstream.command("pause")
            self._broken_by = "pause"  # before: if this is cut short, it may be frozen all the same
            self._run("pause", command)

    def resume(self) -> None:
        """Run its resume command. Nothing happens if the lab has not paused it."""
        with self._fault:
            if self._broken_by == "pause":
                self._run("resume", self.upstream.command("resume"))
                self._broken_by = ""

    def mend(self) -> None:
        """Undo what the lab did to it, if that lasts; LabError, once, if it cannot be undone."""
        with self._fault:
            how = {"kill": "restart", "pause": "resume"}.get(self._broken_by)
            if how is None or (how == "restart" and self.state == "up"):
                return  # whole, or a supervisor was quicker
            try:
                self._run(how, self.upstream.command(how))
                if not wait_until(self._answering, READY_TIMEOUT_S, every_s=ASK_EVERY_S):
                    raise LabError(f"{self.title} ({self.address}) does not answer after its {how}")
            finally:
                self._broken_by = ""

    def _answering(self) -> str:
        """Return the instance that answers now, "" for none."""
        info = server_info(self.port, host=self.host)
        return str(info.get("instance", "")) if info else ""

    def _run(self, fault: str, words: Sequence[str]) -> None:
        if trouble := run(words):
            raise LabError(f"the {fault} command of {self.title} {trouble}")


def run(words: Sequence[str], timeout_s: float = COMMAND_TIMEOUT_S) -> str | None:
    """Run a command without a shell, to its end; say how it failed, with its last words, or None.

    Its words are not repeated: there may be a secret among them. What it leaves running in the
    background, such as a server that it started, is left alone unless it failed to end itself.
    """
    with tempfile.TemporaryFile() as output:  # not a pipe: that would wait for the background too
        how: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        try:
            process = subprocess.Popen(words, start_new_session=True, **how)
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
