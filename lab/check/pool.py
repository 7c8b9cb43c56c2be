"""A pool of a service's processes: each has its own port, and none outlives the pool."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from lab.check.budget import Budget
from lab.check.container import runs_container
from lab.check.launcher import EndedAtStart, Launcher, OneAtATime
from lab.check.machine import CannotIsolate, Machine
from lab.check.process import Process
from lab.check.start import Start, run_reset
from lab.core.errors import LabError
from lab.processes.child import DEATH_TIMEOUT_S
from lab.processes.waiting import wait_until

RESET_S = 30.0
LAST_RESET_S = 10.0
# A start that takes longer, and mostly waits, is made 6 at a time.
SLOW_START_S, MOST_AHEAD = 2.0, 6
BUSY = 0.25  # a start that computes for more than this share of its time is slower beside others
CONTAINER_UNSEEN = "what a container writes and talks to is not seen from here"


class Pool:
    """Fresh processes, some started ahead. A `with` block; afterwards none is left."""

    def __init__(self, start: Start, folder: Path, budget: Budget, ahead: int = 2) -> None:
        self.start = start
        self.isolation = CONTAINER_UNSEEN if runs_container(start.said()) else ""
        """Why processes here cannot have a disk of their own; "" while they can."""
        self._launcher = Launcher(start, folder, budget)
        self._budget = budget
        self._ahead = ahead
        self._shared = start.reset is not None
        self._on_disk_alone = start.reset is None
        self._due = 1
        self._machine: Machine | None = None
        self._others: list[Machine] = []
        self._written: set[str] = set()
        self._spares: dict[Future[Process], float] = {}
        """Each with when it was asked for."""
        self._others_ahead: deque[Future[tuple[Machine, Process]]] = deque()
        self._first: Process | None = None
        self._used: list[Process] = []
        self._starters = ThreadPoolExecutor(MOST_AHEAD, "check-start")

    def __enter__(self) -> Self:
        self._change_machine()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as last:  # all are called, even if one is interrupted
            last.callback(self._last_reset)
            last.callback(self._close_machines)
            last.callback(self._launcher.close)
            last.callback(self._throw_machines_away)
            # Ends what runs in the background, outside of every group.
            last.callback(self._throw_away)
            last.callback(self._starters.shutdown, wait=True, cancel_futures=True)
            self._launcher.refuse()

    @property
    def started(self) -> int:
        """How many processes were started."""
        return self._launcher.started

    @property
    def mark(self) -> str:
        """What its processes carry in their environment."""
        return self._launcher.mark

    @property
    def unreported(self) -> str:
        """Why short connections of a process may be missed; "" while none is."""
        return self._launcher.unreported

    @property
    def written(self) -> list[str]:
        """The files that its processes were seen to write (where they have their own disk)."""
        if self._machine:
            self._written |= {*self._machine.written()}
        return sorted(each for each in self._written if not each.startswith(self.mark + "/"))

    def share(self, *, on_disk_alone: bool) -> None:
        """From now on, assume that processes share state, perhaps `on_disk_alone`.

        Then none is started before it is needed: it might read, while it starts, what was there
        before its turn. What they share on disk is not there on another machine.
        """
        self._shared = True
        self._on_disk_alone = on_disk_alone and self.start.reset is None

    def expect(self, processes: int) -> None:
        """Expect at least this many more processes, and start no more than these ahead.

        Those begin at once.
        """
        self._due = max(self._due, processes)
        self._start_ahead(0)

    def fresh(self, *, elsewhere: bool = False, since: float = 0.0) -> Process:
        """Return a process that has served no client; DidNotStart if there is none to be had.

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
            self._await_ends()  # a new process could collide with one that is still ending
        self._start_ahead(1, since)
        spare = next(each for each, asked_at in self._spares.items() if asked_at >= since)
        del self._spares[spare]
        try:
            return spare.result()
        except EndedAtStart:
            return self._launch_alone()

    def _start_ahead(self, now: int, since: float = 0.0) -> None:
        """Start the processes needed now (0 or 1), and others ahead of their turn if that is safe.

        Those that began before `since` are kept for later plays.
        """
        old = sum(asked_at < since for asked_at in self._spares.values())
        safe = 0 if self._shared else max(0, min(self._ahead, self._due - 1 - old))
        while len(self._spares) - old < now + safe:
            asked_at = time.monotonic()
            self._spares[self._starters.submit(self._launch, self._machine)] = asked_at

    def _launch_alone(self) -> Process:
        """Start a process while no other is starting or spare: two could disturb each other."""
        self._throw_away()
        self._await_ends()
        self._ahead = 0  # starts collide, over a process-number file, a database or a migration
        try:
            return self._launch(self._machine)
        except EndedAtStart as failure:
            if any(not each.ended() for each in self._used):
                raise OneAtATime(failure.why, failure.advice, failure.log, failure.start) from None
            raise

    def reset(self) -> None:
        """Begin a play: restore the disk, and empty the backing service.

        What was killed before has ended. Where a process cannot have a disk of its own, only
        `--reset` makes anything as it was.
        """
        if self.start.reset is not None:
            self._await_ends()
            run_reset(self.start, min(RESET_S, self._budget.left_s), self.mark)
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
                with suppress(EndedAtStart):  # they may collide elsewhere, too
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
        """Return a machine with one started process: one started ahead, if that is allowed."""
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

    def _await_ends(self) -> None:
        """Wait for killed processes to end: one that is still ending could write once more."""
        killed = [each for each in self._used if each.killed]
        wait_until(lambda: all(each.ended() for each in killed), DEATH_TIMEOUT_S)
        self._used = [each for each in self._used if not each.ended()]

    def _throw_away(self) -> None:
        """Kill the processes started ahead on this machine."""
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
        """Kill the processes started ahead on other machines."""
        while self._others_ahead:
            ahead = self._others_ahead.popleft()
            if not ahead.cancel():
                with suppress(LabError):
                    machine, process = ahead.result()
                    self._others.append(machine)
                    process.kill()

    def _last_reset(self) -> None:
        """Empty the backing service one last time; a failure is ignored."""
        if self.start.reset is not None and self.started:
            with suppress(LabError):
                run_reset(self.start, LAST_RESET_S, self.mark)

    def _launch(self, machine: Machine | None) -> Process:
        process = self._launcher.launch(machine)
        self._learn_pace(time.monotonic() - process.started, process.worked_s)
        return process

    def _learn_pace(self, took_s: float, worked_s: Callable[[], float]) -> None:
        """Allow more starts at a time if a start takes long but uses little CPU."""
        if self._ahead and took_s > SLOW_START_S and worked_s() < BUSY * took_s:
            self._ahead = MOST_AHEAD
