"""A pool of a service's processes: each on a port of its own, killed whole, none left behind."""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab.check.address import find
from lab.check.budget import Budget
from lab.check.command import door, uses_folder
from lab.check.container import Container, runs_container
from lab.check.family import MARK, TAG, end_listeners, end_marked, listening
from lab.check.machine import CannotIsolate, Machine
from lab.check.process import BACKGROUND_S, CLOCKS_DIFFER_S, Process
from lab.check.start import Start, run_reset
from lab.core.errors import LabError
from lab.processes.child import DEATH_TIMEOUT_S
from lab.processes.ports import free_ports, is_open
from lab.processes.spawn import Children, prepare_run_dir
from lab.processes.waiting import end_of, wait_until

if TYPE_CHECKING:  # it loads on Linux only
    from lab.check.connections import Connections

RESET_S = 30.0
LAST_RESET_S = 10.0
START_ITSELF = "start the service itself, with --start"
SLOW_START_S, MOST_AHEAD = 2.0, 6  # so many are started at once where a start is mostly waiting
BUSY = 0.25  # of a start's time; with more it works, and more at once would be no quicker
UNREPORTED = "this system does not report each connection of a process (seccomp)"
CONTAINER = "what a container writes and talks to is not seen from here"


class DidNotStart(LabError):
    """The service did not become ready; the text says how, and what it wrote."""


class EndedAtStart(DidNotStart):
    """It ended by itself before it answered."""


class OneAtATime(DidNotStart):
    """It starts only when no other process of it lives."""


def _watch_connections() -> "Connections | None":
    if sys.platform != "linux":
        return None
    from lab.check.connections import Connections

    return Connections()


class Pool:
    """Fresh processes, some started ahead. A `with` block; afterwards none is left."""

    def __init__(self, start: Start, folder: Path, budget: Budget, ahead: int = 2) -> None:
        self.start = start
        self.started = 0
        self._shared = start.reset is not None
        self._on_disk_alone = start.reset is None
        self._due = 1
        self.isolation = CONTAINER if runs_container(start.said()) else ""
        """Why processes here cannot have a disk of their own; "" while they can."""
        self.unreported = ""
        """Why short connections of a process may be missed; "" while none is."""
        self._connections = _watch_connections()
        self._machine: Machine | None = None
        self._others: list[Machine] = []
        self._written: set[str] = set()
        self._folder = prepare_run_dir(folder)
        self._budget = budget
        self._ahead = ahead
        self._children = Children()
        self._spares: dict[Future[Process], float] = {}
        """Each with when it was asked for."""
        self._others_ahead: deque[Future[tuple[Machine, Process]]] = deque()
        self._first: Process | None = None
        self._used: list[Process] = []
        self._starters = ThreadPoolExecutor(MOST_AHEAD, "check-start")
        self._counting = threading.Lock()
        self._containers: list[Container] = []
        self._closing = False
        self._daemons = False
        self._ports: set[int] = set()
        self._began = time.time() - CLOCKS_DIFFER_S

    def __enter__(self) -> Self:
        self._change_machine()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as last:  # each is done, whatever interrupts the one before
            last.callback(self._last_reset)
            if self._connections:
                last.callback(self._connections.close)
            last.callback(self._close_machines)
            last.callback(self._end_daemons)
            last.callback(end_marked, self._mark)
            last.callback(self._children.close)
            last.callback(self._throw_machines_away)
            last.callback(self._throw_away)  # what is in the background has no group to be killed
            last.callback(self._starters.shutdown, wait=True, cancel_futures=True)
            with self._counting:
                self._closing = True
            self._end_containers()  # as long as their clients live and can say which they are
            # What is just being started fails at this, and says so to nobody.
            self._children.close()

    @property
    def mark(self) -> str:
        """What its processes carry in their environment."""
        return self._mark

    @property
    def _mark(self) -> str:
        return str(self._folder.absolute())

    @property
    def written(self) -> list[str]:
        """The files that its processes were seen to write (where they have their own disk)."""
        if self._machine:
            self._written |= {*self._machine.written()}
        return sorted(each for each in self._written if not each.startswith(self._mark + "/"))

    def share(self, *, on_disk_alone: bool) -> None:
        """From now on take it that processes share something, perhaps `on_disk_alone`.

        Then none is started before it is needed: it might read, while it starts, what was there
        before its turn. What they share on disk is not there on another machine.
        """
        self._shared = True
        self._on_disk_alone = on_disk_alone and self.start.reset is None

    def expect(self, processes: int) -> None:
        """Take it that at least so many are going to be asked for: no more are started ahead.

        Those begin at once.
        """
        self._due = max(self._due, processes)
        self._start_ahead(0)

    def fresh(self, *, elsewhere: bool = False, since: float = 0.0) -> Process:
        """Return a process that has served nobody; DidNotStart if there is none to be had.

        All processes of a play are on one machine, or each `elsewhere` on one of its own
        (CannotIsolate where that is not possible). Some are started ahead of their turn, but
        not before `since` (time.monotonic()), unless on a machine of their own.
        """
        process = self._fresh_elsewhere() if elsewhere else self._fresh(since)
        self._used.append(process)
        self._due = max(1, self._due - 1)
        return process

    def _fresh(self, since: float) -> Process:
        if self._first and not since:
            process, self._first = self._first, None
            return process
        if self._shared:
            self._throw_away()
        if self._shared or not self._ahead:
            self._await_ends()  # a new one must not meet one that is still ending
        self._start_ahead(1, since)
        spare = next(each for each, asked_at in self._spares.items() if asked_at >= since)
        del self._spares[spare]
        try:
            return spare.result()
        except EndedAtStart:
            return self._launch_alone()

    def _start_ahead(self, now: int, since: float = 0.0) -> None:
        """Start what is asked for now (0 or 1), and others before their turn where that is safe.

        Those that began before `since` are kept for later plays.
        """
        old = sum(asked_at < since for asked_at in self._spares.values())
        safe = 0 if self._shared else max(0, min(self._ahead, self._due - 1 - old))
        while len(self._spares) - old < now + safe:
            asked_at = time.monotonic()
            self._spares[self._starters.submit(self._launch, self._machine)] = asked_at

    def _launch_alone(self) -> Process:
        """Start one while no other is starting or spare: they may be in each other's way."""
        self._throw_away()
        self._await_ends()
        self._ahead = 0  # a file with a process number, a database for one, a migration
        try:
            return self._launch(self._machine)
        except EndedAtStart as failure:
            if any(not each.ended() for each in self._used):
                raise OneAtATime(str(failure)) from None
            raise

    def reset(self) -> None:
        """Begin a play: the disk is as it was, the backing service is empty again.

        What was killed before has ended. Where a process cannot have a disk of its own, only
        `--reset` makes anything as it was.
        """
        if self.start.reset is not None:
            self._await_ends()
            run_reset(self.start, min(RESET_S, self._budget.left_s), self._mark)
            self._budget.check_time()
        if self._machine is None or self.start.reset is not None or self._machine.written():
            self._change_machine()

    def _change_machine(self) -> None:
        if self.isolation:
            return
        self._throw_away()
        self._close_machines()
        try:
            if self._shared and self._on_disk_alone and self._ahead:
                with suppress(EndedAtStart):  # they may be in each other's way elsewhere, too
                    self._machine, self._first = self._take_machine()
                    return
                self._throw_machines_away()
                self._ahead = 0
            self._machine = Machine(self.start.shared)
        except CannotIsolate as reason:
            self.isolation = str(reason)

    def _close_machines(self) -> None:
        for machine in (*self._others, *([self._machine] if self._machine else [])):
            self._written |= {*machine.written()}
            machine.close()
        self._others, self._machine = [], None

    def _fresh_elsewhere(self) -> Process:
        if self.isolation:
            raise CannotIsolate(self.isolation)
        if self._first:
            process, self._first = self._first, None
            return process
        machine, process = self._take_machine()
        self._others.append(machine)
        return process

    def _take_machine(self) -> tuple[Machine, Process]:
        """Return a machine on which one process has been started, in time where that may be."""
        ahead = min(self._ahead, self._due - 1) if self._on_disk_alone else 0
        while len(self._others_ahead) < 1 + ahead:
            self._others_ahead.append(self._starters.submit(self._launch_elsewhere))
        return self._others_ahead.popleft().result()

    def _launch_elsewhere(self) -> tuple[Machine, Process]:
        machine = Machine(self.start.shared)
        try:
            return machine, self._launch(machine)
        except BaseException:
            machine.close()
            raise

    def _end_daemons(self) -> None:
        """End what went to the background while the check ended, and took its mark away."""
        if not self._daemons:
            return
        began = time.monotonic()
        while time.monotonic() - began < 2 * BACKGROUND_S:
            end_listeners(self._ports, self._began)
            time.sleep(0.1)

    def _end_containers(self) -> None:
        for container in self._containers:
            with suppress(LabError):
                container.end(client_lives=True)

    def _await_ends(self) -> None:
        """Wait for those that were killed: one that is still ending could write once more."""
        killed = [each for each in self._used if each.killed]
        wait_until(lambda: all(each.ended() for each in killed), DEATH_TIMEOUT_S)
        self._used = [each for each in self._used if not each.ended()]

    def _throw_away(self) -> None:
        """Kill what was started ahead on this machine."""
        waiting = [self._first] if self._first else []
        self._first = None
        while self._spares:
            spare, _ = self._spares.popitem()
            if not spare.cancel():
                with suppress(LabError):
                    waiting.append(spare.result())
        for process in waiting:
            process.kill()
            self._used.append(process)

    def _throw_machines_away(self) -> None:
        """Kill what was started ahead on other machines."""
        while self._others_ahead:
            ahead = self._others_ahead.popleft()
            if not ahead.cancel():
                with suppress(LabError):
                    machine, process = ahead.result()
                    self._others.append(machine)
                    process.kill()

    def _last_reset(self) -> None:
        """Leave it empty, as far as that can be done."""
        if self.start.reset is not None and self.started:
            with suppress(LabError):
                run_reset(self.start, LAST_RESET_S, self._mark)

    def _launch(self, machine: Machine | None) -> Process:
        if leads_elsewhere := door(self.start.said()):
            raise DidNotStart(f"{leads_elsewhere}, which a kill here does not end: {START_ITSELF}")
        with self._counting:
            self._budget.process()
            self.started += 1
            number = self.started
        port, folder = free_ports(1)[0], self._scratch(number)
        self._ports.add(port)
        log = self._folder / "logs" / f"service-{number}.log"
        words, tag, container = self.start.words(port, folder), f"{self._mark}/{number}", None
        if runs_container(words):
            container = self._container(words, number)
            words, machine = container.words, None
        asked = self._connections.name if self._connections else ""
        child = self._children.spawn(
            f"service {number}",
            machine.command(words, asked) if machine else words,
            log_path=log,
            env={**self.start.environment(port, folder), MARK: self._mark, TAG: tag},
            cwd=self.start.cwd.absolute(),
        )
        process = Process(child, port, tag, container)
        self._await(process)
        self._learn_pace(time.monotonic() - process.started, process.worked_s)
        if machine and self._connections:
            process.connects_to = self._connections.made_by(child.pid)
        if machine and process.connects_to is None:
            self.unreported = UNREPORTED
        return process

    def _learn_pace(self, took_s: float, worked_s: Callable[[], float]) -> None:
        """Start more at once where a start takes its time without working."""
        if self._ahead and took_s > SLOW_START_S and worked_s() < BUSY * took_s:
            self._ahead = MOST_AHEAD

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
        if uses_folder(self.start.command, self.start.env):
            folder.mkdir(parents=True)
        return folder

    def _await(self, process: Process) -> None:
        child, patience_s = process.child, min(self.start.ready_s, self._budget.left_s)

        def ready() -> bool:
            if not process.lives():
                raise EndedAtStart(
                    f"the service ended before it answered ({child.ending}); "
                    f"{end_of(child.log_path, child.log_start)}"
                )
            self._daemons = self._daemons or not child.running()
            return self._answers(process)

        try:
            if wait_until(ready, patience_s, every_s=0.02):
                return
            self._budget.check_time()
            why = _why_silent(process, self.start)
            raise DidNotStart(f"{why}; {end_of(child.log_path, child.log_start)}")
        except BaseException:
            process.kill()
            raise

    def _answers(self, process: Process) -> bool:
        patience_s = min(2.0, self.start.ready_s / 2)
        found = find(process.port, self.start.host, self.start.ready or "/", patience_s)
        if found is None or (self.start.ready and found[1] >= 500):
            return False
        process.address = found[0]
        return True


def _why_silent(process: Process, start: Start) -> str:
    others = set().union(*map(listening, process.family())) - {process.port}
    waited = f"within {start.ready_s:.0f} s"
    if others:
        ports = ", ".join(map(str, sorted(others)))
        return (
            f"the service listens on port {ports} and not on {process.port}, the one it was given: "
            "is {port} where it reads its port from?"
        )
    longer = f"give it longer with --wait {max(60, 3 * start.ready_s):.0f}s"
    if is_open(process.port):
        return (
            f"the service takes connections and answers nothing {waited}: {longer}, or name a "
            "path that answers with --ready PATH"
        )
    return f"the service did not listen on port {process.port} {waited}: {longer}"
