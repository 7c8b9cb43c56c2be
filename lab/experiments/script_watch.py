"""Watches a file of a student's while it runs: its threads, its time, and how it ends."""

import _thread
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from lab.core.errors import ScriptMistake
from lab.experiments.script_errors import is_theirs, place, place_in
from lab.experiments.script_threads import ScriptThreads

INSIST_S = 3.5  # an interrupted script has this long to end
GIVE_UP_S = 30.0
_WATCH_LOOK_S = 0.1
_end = os._exit  # the real one: while a script runs, it is refused
_STOPS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextmanager
def watched(script: Path, max_seconds: float | None) -> Iterator[None]:
    """Run the block as the script: it ends in time, and so do its threads; ScriptMistake if not.

    An exception in a thread it started is raised at the end. Ctrl-C carries as a note the line
    at which the script stood. In another thread than the main one there is no time limit.
    """
    threads = ScriptThreads(script)
    limit = _TimeLimit(script, max_seconds)
    try:
        with threads.watched(), _no_sudden_end(), limit:
            yield
            threads.wait()
    except KeyboardInterrupt as stopped:
        threads.let_go()
        at = "; ".join([*filter(None, [place(stopped.__traceback__, script)]), *threads.places()])
        if not limit.passed:
            if at:
                stopped.add_note(at)
            raise
        raise ScriptMistake(
            f"the script had not ended after {max_seconds:g} s (--max-seconds gives it longer); "
            f"it stood at {at or 'no line of its own'}"
        ).with_traceback(stopped.__traceback__) from None
    threads.raise_first()


class _TimeLimit:
    """Interrupts the main thread, as Ctrl-C does, when the time is over; again if that is caught.

    It ends no script that stands in a debugger: then there is no limit any more.
    """

    def __init__(self, script: Path, seconds: float | None) -> None:
        self.passed = False
        self._script = script
        self._seconds = seconds
        self._over = threading.Event()
        self._signals: list[tuple[signal.Signals, Any]] = []
        self._presses = 0
        self._is_ours = False
        self._tracing: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._tracing = sys.gettrace()
        for number in _STOPS:
            before = signal.getsignal(number)
            if callable(before):
                self._signals.append((number, before))
                signal.signal(number, self._insisting(before))
        if self._seconds is not None:
            threading.Thread(target=self._watch, name="time limit", daemon=True).start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._presses > 1:
            sys.settrace(self._tracing)
        for number, before in self._signals:
            signal.signal(number, before)

    def _watch(self) -> None:
        left = self._seconds or 0.0
        while left > 0:
            if self._over.wait(min(left, _WATCH_LOOK_S)):
                return
            left -= _WATCH_LOOK_S
            if self._is_debugged():
                return
        self.passed = True
        for _ in range(int(GIVE_UP_S / INSIST_S)):
            self._is_ours = True
            _interrupt_main()
            if self._over.wait(INSIST_S):
                return
        self._give_up()

    def _is_debugged(self) -> bool:
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        while frame is not None:
            if frame.f_globals.get("__name__") in ("bdb", "pdb"):
                return True
            frame = frame.f_back
        return False

    def _give_up(self) -> None:
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        at = place_in(traceback.extract_stack(frame), self._script)
        print(f"lab: the script does not end, at {at}: the lab ends without it", file=sys.stderr)
        sys.stderr.flush()
        _end(1)

    def _insisting(self, before: Callable[[int, FrameType | None], Any]) -> Any:
        """Return a signal handler: from the second time on, `except:` does not help a script.

        The end of the time is not a press of Ctrl-C: the time at the next desk may end so soon
        after it that `before` would take both for one.
        """

        def handle(number: int, frame: FrameType | None) -> None:
            self._presses += 1
            if self._presses > 1:
                self._raise_at_next_line(frame)
            if self._is_ours:
                self._is_ours = False
                raise KeyboardInterrupt
            before(number, frame)

        return handle

    def _raise_at_next_line(self, frame: FrameType | None) -> None:
        # An exception in the handler of the first one leaves the `try` that caught that.
        def trace(frame: FrameType, event: str, _: object) -> Any:
            if event == "line" and is_theirs(frame.f_code.co_filename, self._script):
                raise KeyboardInterrupt
            return trace

        while frame is not None:
            if is_theirs(frame.f_code.co_filename, self._script):
                frame.f_trace = trace
            frame = frame.f_back
        sys.settrace(trace)


def _interrupt_main() -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # ends a system call, too
    else:
        _thread.interrupt_main()


@contextmanager
def _no_sudden_end() -> Iterator[None]:
    """Refuse calls that would end the lab at once, without a result, and with status 0."""
    lab, modules = os.getpid(), [os, sys.modules[os.name if os.name == "nt" else "posix"]]
    names = ("_exit", "execv", "execve")
    kept = [(module, name, getattr(module, name)) for module in modules for name in names]

    def refusing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*arguments: Any) -> Any:
            if os.getpid() != lab:  # a child that the script has forked
                return real(*arguments)
            raise ScriptMistake(
                f"os.{name}() would end the lab without a result: to end the script, return from it"
            )

        return refuse

    for module, name, real in kept:
        setattr(module, name, refusing(name, real))
    try:
        yield
    finally:
        for module, name, real in kept:
            setattr(module, name, real)
