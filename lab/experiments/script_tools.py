"""Doing things at the same time, and waiting: the part of `Lab` that needs no stack."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from lab.core.errors import ScriptMistake

UNTIL_POLL_S = 0.02
JOIN_S = 0.5  # Windows cannot interrupt a wait without an end
T = TypeVar("T")


class ScriptTools:
    """Threads and waiting for a script."""

    def together(self, actions: Sequence[Callable[[], T]], at_once: int = 16) -> list[T]:
        """Run actions in threads, at most `at_once` at a time; return their results in order.

        Each shopper can be in one action only. The first exception is raised at the end.
        """
        jobs = [_Action(action) for action in _callables(actions)]
        if type(at_once) is not int or at_once < 1:
            raise ScriptMistake(f"together(…, at_once): a whole number from 1, not {at_once!r}")
        left = iter(jobs)
        lock = threading.Lock()
        workers = [_Action(lambda: _work(left, lock)) for _ in jobs[:at_once]]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.finish()
        return [job.result() for job in jobs]

    def while_(self, busy: Callable[[], object], act: Callable[[], T], every_s: float = 0.0) -> T:
        """Repeat `busy` in the background for as long as `act` takes; return the result of `act`.

        `every_s` is the pause after each `busy`, 0 for none.
        """
        _require_callable("while_", busy)
        _require_callable("while_", act)
        stop = threading.Event()

        def repeat() -> None:
            while not stop.wait(every_s):
                busy()

        background = _Action(repeat)
        background.start()
        try:
            acted = act()
        finally:
            stop.set()
        background.finish()
        return acted

    def until(
        self, condition: Callable[[], T], deadline_s: float, every_s: float = UNTIL_POLL_S
    ) -> T | None:
        """Ask until `condition()` is true; return its value, or None past the deadline."""
        _require_callable("until", condition)
        end = time.monotonic() + deadline_s
        while not (value := condition()):
            if time.monotonic() > end:
                return None
            time.sleep(every_s)
        return value


class _Action(Generic[T]):
    """An action, in a thread of its own if it is started.

    The thread is a daemon: Ctrl-C and a time limit need not wait for an action without an end.
    """

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._done: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def run(self) -> None:
        try:
            self._done.append(self._act())
        except BaseException as error:  # raised where the result is asked for
            self._error = error

    def finish(self) -> T:
        while self._thread.is_alive():
            self._thread.join(JOIN_S)
        return self.result()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._done[0]


def _work(jobs: Iterator[_Action[T]], lock: threading.Lock) -> None:
    while True:
        with lock:
            job = next(jobs, None)
        if job is None:
            return
        job.run()


def _callables(actions: Sequence[Callable[[], T]]) -> list[Callable[[], T]]:
    if callable(actions) or not hasattr(actions, "__iter__"):
        raise ScriptMistake("together() takes a list of functions: together([one, other])")
    for action in (listed := list(actions)):
        _require_callable("together", action)
    return listed


def _require_callable(verb: str, action: object) -> None:
    if not callable(action):
        raise ScriptMistake(
            f"{verb}() takes functions, and was given a result, {action}: it has happened before "
            f"{verb}() began. Put lambda: before the call, as in lambda: alice.add('pen')"
        )
