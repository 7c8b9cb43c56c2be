"""The processes of a service that a suite is run on: all start at once, in the background."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from lab.check.address import Address
from lab.check.budget import Budget
from lab.check.launcher import Launcher
from lab.check.process import Process
from lab.check.start import Start, run_reset

SUITE_RESET_S = 60.0
A_DAY_S = 86_400.0  # a suite takes as long as it takes


class Fleet:
    """A number of fresh processes of a service on the real disk. Close it to end them."""

    def __init__(self, start: Start, folder: Path, count: int) -> None:
        self.count = count
        self._start = start
        self._launcher = Launcher(start, folder, Budget(max_seconds=A_DAY_S))
        self._starters = ThreadPoolExecutor(count, "suite-start")
        self._starting: list[Future[Process]] = []
        self._beginning = threading.Lock()

    def begin(self) -> None:
        """Empty what is behind the service, then start the processes; does not wait for them.

        Does nothing the second time.
        """
        with self._beginning:
            if self._starting:
                return
            if self._start.reset is not None:
                run_reset(self._start, SUITE_RESET_S, self._launcher.mark)
            launch = self._launcher.launch
            self._starting = [self._starters.submit(launch, None) for _ in range(self.count)]

    def address_of(self, number: int) -> Address:
        """Return where a process answers, as soon as it does; LabError if it does not start."""
        self.begin()  # a suite may ask while it is imported
        return self._starting[number].result().address

    def await_all(self) -> None:
        """Wait until all processes answer; LabError if one does not start.

        A suite that began with fewer would find other things, depending on how long they take.
        """
        for number in range(self.count):
            self.address_of(number)

    def close(self) -> None:
        """End every process. Safe to repeat."""
        with ExitStack() as last:  # all are called, even if one is interrupted
            last.callback(self._launcher.close)
            last.callback(self._kill)
            last.callback(self._starters.shutdown, wait=True, cancel_futures=True)
            self._launcher.refuse()

    def _kill(self) -> None:
        for each in self._starting:
            if not each.cancelled() and each.exception() is None:
                each.result().kill()
