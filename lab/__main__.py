"""The entry point of `lab` and `python -m lab`: sets up what every later import needs."""

import os
import sys

_ABOVE_LAB = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _leave_working_folder() -> None:
    """Take the working folder off the search path, unless the lab itself lies there.

    `python -m` and an empty entry of PYTHONPATH put it first, where a student's `random.py`
    would stand in for the library's.
    """
    try:
        here = os.getcwd()
    except OSError:  # it was deleted
        return
    if here != _ABOVE_LAB:
        sys.path[:] = [each for each in sys.path if os.path.abspath(each) != here]


_leave_working_folder()

import signal
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line. Ctrl-C ends it without a traceback, even while it imports."""
    signal.signal(signal.SIGINT, _leave)
    try:
        from lab.cli.main import main as run

        run()
    finally:
        signal.signal(signal.SIGINT, _leave)  # while the interpreter shuts down


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os.write(2, b"lab: stopped; nothing is left running\n")
    os._exit(130)


if __name__ == "__main__":
    main()
