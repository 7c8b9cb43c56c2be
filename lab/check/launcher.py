"""Starts processes of a service, each on a port of its own, and waits until they answer."""

import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lab.check.address import find
from lab.check.budget import Budget
from lab.check.command import relay, uses_folder
from lab.check.container import Container, runs_container
from lab.check.family import MARK, TAG, end_listeners, end_marked, is_a_strangers, listening
from lab.check.machine import Machine
from lab.check.process import BACKGROUND_S, CLOCKS_DIFFER_S, Process
from lab.check.start import Start
from lab.core.errors import LabError
from lab.processes.ports import free_ports, is_open
from lab.processes.spawn import Children, prepare_run_dir
from lab.processes.waiting import end_of, wait_until

if TYPE_CHECKING:  # it loads on Linux only
    from lab.check.connections import Connections

START_ITSELF = "start the service itself, with --start"
TAKEN = (
    "another user's program has taken port {port}, which the service was to listen on, and answers "
    "there: end it, or check on a machine of your own"
)
UNREPORTED = "this system does not report each connection of a process (seccomp)"


class DidNotStart(LabError):
    """The service did not become ready: why, what helps, and the log that it wrote from `start`."""

    def __init__(self, why: str, advice: str = "", log: Path | None = None, start: int = 0) -> None:
        text = why + (f": {advice}" if advice else "")
        super().__init__(f"{text}; {end_of(log, start)}" if log else text)
        self.why, self.advice, self.log, self.start = why, advice, log, start


class EndedAtStart(DidNotStart):
    """The service ended by itself before it answered."""


class OneAtATime(DidNotStart):
    """The service starts only when no other process of it lives."""


class Launcher:
    """Starts processes and ends them; safe to use from several threads at once.

    `unreported` says why short connections of a process may be missed; "" while none is.
    """

    def __init__(self, start: Start, folder: Path, budget: Budget) -> None:
        self.started = 0
        self.unreported = ""
        self._start = start
        self._folder = prepare_run_dir(folder)
        self._budget = budget
        self._children = Children()
        self._connections = _watch_connections()
        self._counting = threading.Lock()
        self._containers: list[Container] = []
        self._closing = False
        self._daemons = False
        self._ports: set[int] = set()
        self._began = time.time() - CLOCKS_DIFFER_S

    @property
    def mark(self) -> str:
        """What the processes carry in their environment."""
        return str(self._folder.absolute())

    def refuse(self) -> None:
        """Start no more: what is just being started fails at this."""
        with self._counting:
            self._closing = True
        self._end_containers()  # before their clients, which know the ids of the containers
        self._children.close()

    def close(self) -> None:
        """End every process, also those that went to the background."""
        with ExitStack() as last:  # all are called, even if one is interrupted
            if self._connections:
                last.callback(self._connections.close)
            last.callback(self._end_daemons)
            last.callback(end_marked, self.mark)
            last.callback(self._children.close)

    def launch(self, machine: Machine | None) -> Process:
        """Return a process that answers; DidNotStart if there is none to be had."""
        if leads_elsewhere := relay(self._start.said()):
            raise DidNotStart(f"{leads_elsewhere}, which a kill here does not end: {START_ITSELF}")
        with self._counting:
            self._budget.process()
            self.started += 1
            number = self.started
        port, folder = free_ports(1)[0], self._scratch(number)
        self._ports.add(port)
        log = self._folder / "logs" / f"service-{number}.log"
        words, tag, container = self._start.words(port, folder), f"{self.mark}/{number}", None
        if runs_container(words):
            container = self._container(words, number)
            words, machine = container.words, None
        asked = self._connections.name if self._connections else ""
        child = self._children.spawn(
            f"service {number}",
            machine.command(words, asked) if machine else words,
            log_path=log,
            env={**self._start.environment(port, folder), MARK: self.mark, TAG: tag},
            cwd=self._start.cwd.absolute(),
        )
        process = Process(child, port, tag, container)
        self._await(process)
        if machine and self._connections:
            process.connects_to = self._connections.made_by(child.pid)
        if machine and process.connects_to is None:
            self.unreported = UNREPORTED
        return process

    def _container(self, words: list[str], number: int) -> Container:
        container = Container(words, self._folder.absolute() / f"container-{number}")
        with self._counting:
            if self._closing:
                raise DidNotStart("it was not started: the check is ending")
            self._containers.append(container)
        return container

    def _scratch(self, number: int) -> Path:
        """Return the scratch folder of one process, made if the command asks for it."""
        folder = self._folder.absolute() / "scratch" / str(number)
        if uses_folder(self._start.command, self._start.env):
            folder.mkdir(parents=True)
        return folder

    def _await(self, process: Process) -> None:
        child, patience_s = process.child, min(self._start.ready_s, self._budget.left_s)

        def ready() -> bool:
            if not process.lives():
                why = f"the service ended before it answered ({child.ending})"
                raise EndedAtStart(why, "", child.log_path, child.log_start)
            self._daemons = self._daemons or not child.running()
            if not self._answers(process):
                return False
            if is_a_strangers(process.port, process.family()):
                raise DidNotStart(TAKEN.format(port=process.port))
            return not process.is_mistaken()  # it ends in a moment: its port is taken

        try:
            if wait_until(ready, patience_s, every_s=0.02):
                return
            self._budget.check_time()
            silent = _why_silent(process, self._start)
            raise DidNotStart(*silent, child.log_path, child.log_start)
        except BaseException:
            process.kill()
            raise

    def _answers(self, process: Process) -> bool:
        patience_s = min(2.0, self._start.ready_s / 2)
        found = find(process.port, self._start.host, self._start.ready or "/", patience_s)
        if found is None or (self._start.ready and found[1] >= 500):
            return False
        process.address = found[0]
        return True

    def _end_daemons(self) -> None:
        """Kill processes that went to the background, without the mark, while the check ended."""
        if not self._daemons:
            return
        began = time.monotonic()
        while time.monotonic() - began < 2 * BACKGROUND_S:
            end_listeners(self._ports, self._began, self.mark)
            time.sleep(0.1)

    def _end_containers(self) -> None:
        for container in self._containers:
            with suppress(LabError):
                container.end(client_lives=True)


def _watch_connections() -> "Connections | None":
    if sys.platform != "linux":
        return None
    from lab.check.connections import Connections

    return Connections()


def _why_silent(process: Process, start: Start) -> tuple[str, str]:
    """Return why a service does not answer, and what helps."""
    others = set().union(*map(listening, process.family())) - {process.port}
    waited = f"within {start.ready_s:g} s"
    if others:
        ports = ", ".join(map(str, sorted(others)))
        why = f"the service listens on port {ports} and not on {process.port}, the one it was given"
        return why, "is {port} where it reads its port from?"
    longer = f"give it longer with --wait {max(60, 3 * start.ready_s):.0f}s"
    if is_open(process.port):
        why = f"the service takes connections and answers nothing {waited}"
        return why, f"{longer}, or name a path that answers with --ready PATH"
    return f"the service did not listen on port {process.port} {waited}", longer
