"""Signals that stop the lab: Ctrl-C, a plain `kill` and a closed terminal unwind `with` blocks."""

import signal
import threading
import warnings
import weakref
from contextlib import suppress
from time import monotonic as monotonic_s
from types import FrameType

IMPATIENT_S = 3.0  # presses of Ctrl-C closer than this are one
AGAIN_S = 0.02
_SIGNAL_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def install() -> None:
    """Turn each of these signals into KeyboardInterrupt, so that nothing is left running."""
    for name in _SIGNAL_NAMES:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), StopSignal())


def wait_for_stop() -> None:
    """Return after Ctrl-C or another signal that stops the lab."""
    with suppress(KeyboardInterrupt):
        while not threading.Event().wait(1):  # short waits: Windows cannot interrupt a long one
            pass


class StopSignal:
    """Raises KeyboardInterrupt for a signal; an impatient second press counts as the first.

    So the lab can end its processes and write the partial report. A press after IMPATIENT_S
    raises again, in case a student's script caught the first one.
    """

    _last_s = -IMPATIENT_S

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle one signal."""
        if _in_finalizer(frame):  # an exception would be lost there, so it is raised later
            threading.Timer(AGAIN_S, signal.raise_signal, [number]).start()
            return
        now_s = monotonic_s()
        if now_s - StopSignal._last_s > IMPATIENT_S:
            StopSignal._last_s = now_s
            # Raised between any two instructions, it leaves what was just being opened to the
            # collector, which closes it: the process is about to end, nothing leaks.
            warnings.simplefilter("ignore", ResourceWarning)
            raise KeyboardInterrupt


def _in_finalizer(frame: FrameType | None) -> bool:
    """True in a `__del__` or a weak reference's callback: no exception leaves those."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code is weakref.finalize.__call__.__code__:
            return True
        if code.co_filename == "<frozen importlib._bootstrap>" and code.co_name == "cb":
            return True  # the lock of a module that is being imported
        frame = frame.f_back
    return False
