"""Doing things at the same time, and waiting: the part of `Lab` that needs no stack."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

UNTIL_POLL_S = 0.02
T = TypeVar("T")


class ScriptTools:
    """Threads and waiting for a script."""

    def together(self, actions: Sequence[Callable[[], T]], at_once: int = 16) -> list[T]:
        """Run actions in threads, at most `at_once` at a time; return their results in order.

        Each shopper can be in one action only. The first exception is raised at the end.
        """
        with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
            return [future.result() for future in [pool.submit(action) for action in actions]]

    def while_(self, busy: Callable[[], object], act: Callable[[], T], every_s: float = 0.0) -> T:
        """Repeat `busy` in the background for as long as `act` takes; return the result of `act`.

        `every_s` is the pause after each `busy`, 0 for none.
        """
        stop = threading.Event()

        def repeat() -> None:
            while not stop.wait(every_s):
                busy()

        with ThreadPoolExecutor(max_workers=1) as pool:
            background = pool.submit(repeat)
            try:
                return act()
            finally:
                stop.set()
                background.result()

    def until(
        self, condition: Callable[[], T], deadline_s: float, every_s: float = UNTIL_POLL_S
    ) -> T | None:
        """Ask until `condition()` is true; return its value, or None past the deadline."""
        end = time.monotonic() + deadline_s
        while not (value := condition()):
            if time.monotonic() > end:
                return None
            time.sleep(every_s)
        return value
