"""The threads that a script starts: waited for at its end, and no exception in one is lost."""

import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import thread as pools
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.experiments.script_errors import is_theirs, place_in
from lab.experiments.script_tools import JOIN_S

_STDLIB = Path(sysconfig.get_path("stdlib")).resolve()


@dataclass
class _Started:
    """A thread of the script's: where it was started, and whether its end is waited for."""

    thread: threading.Thread
    at: str | None
    is_waited_for: bool


class ScriptThreads:
    """Follows the threads that files of the script's author start; one script at a time."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._started: list[_Started] = []
        self._errors: list[BaseException] = []
        self._failed: dict[futures.Future[Any], BaseException] = {}
        self._asked: set[futures.Future[Any]] = set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notice each thread that is started, and each exception in one."""
        thread, future = threading.Thread, futures.Future
        kept = (thread.start, threading.excepthook)
        kept_of_future = (future.set_exception, future.result, future.exception)
        start, hook = kept
        failed, result, exception = kept_of_future

        def noticed_start(started: threading.Thread) -> None:
            self._note(started)
            start(started)

        def noticed_error(seen: threading.ExceptHookArgs) -> None:
            if not self._note_error(seen):
                hook(seen)

        def noticed_failure(future: futures.Future[Any], error: BaseException | None) -> None:
            if error is not None and self._is_started(threading.current_thread()):
                self._failed[future] = error
            failed(future, error)

        def asked(future: futures.Future[Any], timeout: float | None = None) -> Any:
            self._asked.add(future)
            return result(future, timeout)

        def asked_why(future: futures.Future[Any], timeout: float | None = None) -> Any:
            self._asked.add(future)
            return exception(future, timeout)

        thread.start = noticed_start  # type: ignore[method-assign, assignment]
        threading.excepthook = noticed_error
        future.set_exception = noticed_failure  # type: ignore[method-assign, assignment]
        future.result, future.exception = asked, asked_why  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            thread.start, threading.excepthook = kept  # type: ignore[method-assign]
            (future.set_exception, future.result, future.exception) = kept_of_future  # type: ignore[method-assign]

    def wait(self) -> None:
        """Wait for the threads that Python would wait for at the end of the script."""
        for each in self._started:
            while each.is_waited_for and each.thread.is_alive():
                each.thread.join(JOIN_S)

    def let_go(self) -> None:
        """Let the lab's process end without waiting for threads that still run."""
        for each in self._started:
            pools._threads_queues.pop(each.thread, None)  # type: ignore[attr-defined]

    def raise_first(self) -> None:
        """Raise the first exception that ended a thread, or that no one has asked a future for."""
        unasked = [error for each, error in self._failed.items() if each not in self._asked]
        for error in [*self._errors, *unasked]:
            raise error

    def places(self) -> list[str]:
        """Return where the threads that still run stand in the script."""
        frames = sys._current_frames()
        running = [frames.get(each.thread.ident or 0) for each in self._started]
        places = [
            place_in(traceback.extract_stack(frame), self._script) for frame in running if frame
        ]
        return [place for place in places if place]

    def _note(self, thread: threading.Thread) -> None:
        frames = traceback.extract_stack(sys._getframe(2))
        while frames and _is_stdlib(frames[-1].filename):
            frames.pop()
        if frames and is_theirs(frames[-1].filename, self._script):
            at = place_in(frames[-1:], self._script)
            self._started.append(_Started(thread, at, not thread.daemon))
            thread.daemon = True  # `wait` waits for it, and a time limit can end that

    def _is_started(self, thread: threading.Thread | None) -> bool:
        return any(each.thread is thread for each in self._started)

    def _note_error(self, seen: threading.ExceptHookArgs) -> bool:
        for each in self._started:
            if each.thread is seen.thread:
                if seen.exc_value and not isinstance(seen.exc_value, SystemExit):
                    seen.exc_value.add_note(f"in a thread that was started at {each.at}")
                    self._errors.append(seen.exc_value)
                return True
        return False


@cache
def _is_stdlib(filename: str) -> bool:
    path = Path(filename).resolve()
    return path.is_relative_to(_STDLIB) and "site-packages" not in path.parts
