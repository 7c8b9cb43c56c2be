"""A server that the lab did not start: broken by commands, judged by what the network shows.

The lab cannot see whether a process lives on another machine. A server counts as dead once its
instance no longer answers, neither at its port nor on a connection that was open before: after
a kill, and just as well after its link was cut.
"""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.core.errors import LabError
from lab.core.faults import FaultEvidence
from lab.processes.ports import is_open
from lab.processes.waiting import wait_until
from lab.stack.deployment import ExternalServerSpec
from lab.stack.fault_commands import ASK_EVERY_S, ENV_FILE, filled, run
from lab.stack.kept_connection import KeptConnection
from lab.stack.server import ProcessLook, Server, State, server_info

_OF_PROC = re.compile(r"^(VmRSS|wchar):\s*(\d+)", re.MULTILINE)


class ExternalServer(Server):
    """One server of a deployment: asked over the network, broken and repaired by its commands."""

    def __init__(self, spec: ExternalServerSpec) -> None:
        super().__init__(spec.app, spec.name, spec.port, spec.ip)
        self.spec = spec
        self._pid = 0
        self._broken_by = ""  # the lab's own last fault, while it lasts: "kill" or "pause"
        self._env: dict[str, str] = {}  # variables that it was started with by the lab
        self._wait_s = spec.how.wait_s

    @property
    def pid(self) -> int:
        """The process id that the server reports; 0 if it reports none."""
        return self._pid

    @property
    def state(self) -> State:
        """The state that the network shows; "paused" only says that the lab paused the server."""
        if self._broken_by == "pause":
            return "paused"
        return "up" if is_open(self.port, self.host) else "dead"

    def launch(self) -> None:
        """Start nothing: note which instance answers there. LabError if none does."""
        self._note_who_answers()

    def is_ready(self) -> bool:
        """Return True if the server answered at `launch`."""
        return self.ready

    def kill(self) -> FaultEvidence:
        """Run the server's kill command, wait until its instance is gone; return the evidence."""
        with self._fault, KeptConnection(self.host, self.port) as kept:
            command = self.spec.command("kill")
            if self._broken_by != "pause":  # a paused one is who it was
                self._note_who_answers()
            is_kept = self._broken_by != "pause" and kept.instance() == self.instance
            start = time.monotonic()
            self._broken_by = "kill"
            self._run("kill", command)
            # Seen closed once is enough: a supervisor may start another one at once.
            closed = False

            def has_gone() -> bool:
                nonlocal closed
                closed = closed or not is_open(self.port, self.host)
                lives_on = is_kept and kept.instance() == self.instance
                return not lives_on and (closed or self._answering() not in ("", self.instance))

            gone = wait_until(has_gone, self._wait_s, every_s=ASK_EVERY_S)
            return FaultEvidence(
                pid=self._pid or None,
                instance=self.instance,
                signal="kill command",
                process_gone=None,
                port_closed=closed,
                instance_gone=gone if is_kept else None,
                seconds=time.monotonic() - start,
            )

    def restart(self, env: Mapping[str, str] | None = None) -> FaultEvidence:
        """Run the server's restart command, and wait for a new instance.

        The old instance answers where only the link to it had been cut. LabError if none
        does, and for what `require_restart` refuses.
        """
        self.require_restart(env or {})
        with self._fault:
            start = time.monotonic()
            if self._broken_by != "kill" and self.state != "dead" and "kill" in self.spec.commands:
                self.kill()
            was = self.instance
            self._env |= env or {}
            self._start(was)
            self._note_who_answers()
            self._broken_by = ""
            seconds = time.monotonic() - start
            return FaultEvidence(instance=self.instance, was=was, seconds=seconds)

    def require_restart(self, env: Mapping[str, str]) -> None:
        """Raise LabError if there is no command for a restart, or none that takes `env`."""
        self.spec.command("restart-env" if env or self._env else "restart")

    def pause(self) -> FaultEvidence:
        """Run the server's pause command; the lab does not see whether it stands still."""
        with self._fault:
            command = self.spec.command("pause")
            self._broken_by = "pause"  # set first: an interrupted pause may have worked
            self._run("pause", command)
            return FaultEvidence(instance=self.instance)

    def resume(self) -> FaultEvidence:
        """Run the server's resume command. Nothing happens if the lab has not paused it."""
        with self._fault:
            if self._broken_by == "pause":
                self._run("resume", self.spec.command("resume"))
                self._broken_by = ""
            return FaultEvidence(instance=self.instance)

    def drain(self) -> FaultEvidence:
        """Run the server's drain command, which ends it gently; return what the network shows."""
        with self._fault:
            command, start = self.spec.command("drain"), time.monotonic()
            self._broken_by = "kill"  # the lab starts it again at its end
            self._run("drain", command)
            closed = wait_until(
                lambda: not is_open(self.port, self.host), self._wait_s, every_s=ASK_EVERY_S
            )
            return FaultEvidence(
                pid=self._pid or None,
                instance=self.instance,
                signal="drain command",
                process_gone=None,
                port_closed=closed,
                seconds=time.monotonic() - start,
            )

    def undo_faults(self) -> None:
        """Undo the lab's faults, if they last; LabError, once, if that cannot be done."""
        with self._fault:
            if self._broken_by == "pause":
                self._undo(lambda: self._run("resume", self.spec.command("resume")), "resume")
            if self._env:  # a killed one, too: it must not come back with these variables
                self._env = {}
                self._undo(lambda: self._run_start("restart-env"), "restart")
            # A supervisor may have started it again.
            elif self._broken_by == "kill" and self.state != "up":
                self._undo(lambda: self._run("restart", self.spec.command("restart")), "restart")
            self._broken_by = ""

    def look(self) -> ProcessLook:
        """Run the server's look command, which prints /proc/PID/status and /proc/PID/io."""
        said = self._run("look", self.spec.command("look"))
        found = {name: int(value) for name, value in _OF_PROC.findall(said)}
        if "VmRSS" not in found:
            raise LabError(
                f"the look command of {self.title} printed no VmRSS: let it print /proc/PID/status "
                "and /proc/PID/io of the server's process"
            )
        return ProcessLook(found["VmRSS"] * 1024, found.get("wchar"))

    def log_tail(self) -> str:
        """Return "": its log is where it runs."""
        return ""

    def _undo(self, act: Callable[[], object], how: str) -> None:
        try:
            act()
            if not wait_until(self._answering, self._wait_s, every_s=ASK_EVERY_S):
                raise LabError(f"{self.title} ({self.address}) does not answer after its {how}")
        finally:
            self._broken_by = ""

    def _start(self, was: str) -> None:
        """Run the command that starts it, and wait until it answers as another than `was`."""
        fault = "restart-env" if self._env else "restart"
        # A supervisor may have it back already: with other variables it has to be yet another.
        between = self._answering() if self._env else ""
        self._run_start(fault)
        wait_until(
            lambda: self._answering() not in ("", was, between), self._wait_s, every_s=ASK_EVERY_S
        )

    def _run_start(self, fault: str) -> None:
        with self._variables(self.spec.command(fault)) as command:
            self._run(fault, command)

    @contextmanager
    def _variables(self, command: list[str]) -> Iterator[list[str]]:
        """Put the file with its variables where the command names it."""
        with tempfile.TemporaryDirectory(prefix="lab-env-") as folder:
            file = Path(folder) / "env"
            file.touch(mode=0o600)  # a signing key may be among them
            lines = (f"{name}={value}\n" for name, value in self._env.items())
            file.write_text("".join(lines), encoding="utf-8")
            yield filled(command, {ENV_FILE: str(file)})

    def _note_who_answers(self) -> None:
        info = server_info(self.port, host=self.host)
        if info is None:
            raise LabError(f"{self.title} ({self.address}) does not answer: restart or resume it")
        self.instance, self._pid, self.ready = info["instance"], info["pid"], True

    def _answering(self) -> str:
        """Return the instance that answers now, "" for none."""
        info = server_info(self.port, host=self.host)
        return info["instance"] if info else ""

    def _run(self, fault: str, words: list[str]) -> str:
        ran = run(words, self._wait_s, {**self.spec.how.env, **self._env})
        if ran.trouble:
            option = f"--{fault}-command"
            raise LabError(f"the {fault} command of {self.title} ({option}) {ran.trouble}")
        return ran.said
