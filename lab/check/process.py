"""One run of a service's command: its processes, its CPU time, and its end."""

import time
from contextlib import suppress

import psutil

from lab.check.address import Address
from lab.check.container import Container
from lab.check.family import TAG, is_another_starts, listeners, tagged, tree
from lab.check.sockets import End
from lab.processes.child import Child

CLOCKS_DIFFER_S = 2.0  # the start of a process is known from a boot time in whole seconds
BACKGROUND_S = 1.0  # a process in the background is seen this soon after its command has ended


class Process:
    """One run of the service's command, ready to answer at `address`.

    `tag` is what its processes carry in their environment. `container` is where it runs, if it
    runs in one.
    """

    def __init__(
        self, child: Child, port: int, tag: str = "", container: Container | None = None
    ) -> None:
        self.child = child
        self.address = Address(port)
        self.killed = False
        self.connects_to: list[End] | None = None
        """What it connects to, a list that grows; None if it does not say before it does."""
        self._tag = tag
        self._container = container
        self._began = time.time() - CLOCKS_DIFFER_S
        self.started = time.monotonic()
        self._background: list[psutil.Process] = []
        self._seen_ended = 0.0

    @property
    def port(self) -> int:
        """The port it was given."""
        return self.address.port

    def kill(self) -> None:
        """Kill the process and everything it started (SIGKILL)."""
        if self.killed:
            return
        self.killed = True
        # Before the kill: orphans cannot be found by their parent.
        family = self.family()
        try:
            if self._container:
                self._container.end(client_lives=self.child.running())
        finally:
            self.child.kill()
            for process in family:
                if process.pid != self.child.pid:
                    with suppress(psutil.Error):  # most died with the group
                        process.kill()

    def worked_s(self) -> float:
        """Seconds of CPU that its processes have used so far."""
        worked = 0.0
        for each in self.family():
            with suppress(psutil.Error):
                used = each.cpu_times()
                worked += used.user + used.system
        return worked

    def ended(self) -> bool:
        """Return True if the process was killed and nothing of it lives (a zombie does not)."""
        return self.killed and self.child.gone() and not any(map(_lives, self._background))

    def family(self) -> list[psutil.Process]:
        """Return the live processes: the command's, its workers, those in the background."""
        if self.child.running():
            return tree(self.child.pid)
        self._background = [each for each in self._background if _lives(each)]
        # One that took its tag away is known by its port, as soon as it listens.
        self._background = self._background or self._listeners()
        return self._background

    def lives(self) -> bool:
        """Return True if the command, or a process that it left behind, may still answer.

        A command that ends well may have sent a process to the background, which takes a moment
        to be seen.
        """
        if self.child.running():
            return True
        if self.child.ending != "exit 0":
            return False
        if self._container and self._container.id:
            return True
        self._background = tagged(TAG, self._tag) or self._listeners()
        self._seen_ended = self._seen_ended or time.monotonic()
        return bool(self._background) or time.monotonic() - self._seen_ended < BACKGROUND_S

    def is_mistaken(self) -> bool:
        """Return True if what answers on its port is the process of another start."""
        inside = self._container is not None  # an engine listens for it
        return not inside and is_another_starts(self.port, self.family(), self._tag)

    def _listeners(self) -> list[psutil.Process]:
        return listeners(self.port, self._began, self._tag)


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
