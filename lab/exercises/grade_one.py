"""Checks one submission in a process of its own: a job on stdin, a line of JSON for each result.

`python -m lab.exercises.grade_one`, started by `lab.exercises.grading`. When its standard input
ends, the grader is gone, and so is this process.
"""

import os
import sys
import threading
from pathlib import Path

import msgspec

from lab.core.errors import LabError
from lab.exercises.checking import Asked, run_checks
from lab.exercises.exercise import Exercise
from lab.exercises.result import CheckResult


class GradeJob(msgspec.Struct, kw_only=True):
    """One submission to be checked: folders, the seed, and the command that starts it."""

    exercise: str
    folder: str
    seed: int
    command: str = ""


class GradeLine(msgspec.Struct, kw_only=True):
    """One line of what a process says: how it is confined, how a check ended, or why it gave up."""

    confined: list[str] | None = None
    check: CheckResult | None = None
    trouble: str = ""


def main() -> None:
    """Check the submission that stdin names."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a check prints is not a result

    def say(line: GradeLine) -> None:
        results.write(msgspec.json.encode(line) + b"\n")
        results.flush()

    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=GradeJob)
    threading.Thread(target=_end_with_grader, daemon=True).start()
    say(GradeLine(confined=os.environ.pop("LAB_CONFINED", "").split()))
    try:
        asked = Asked(
            Exercise(Path(job.exercise)), Path(job.folder), job.seed, job.command, hidden=True
        )
        for result in run_checks(asked, asked.checks()):
            say(GradeLine(check=result))
    except LabError as error:
        say(GradeLine(trouble=str(error)))


def _end_with_grader() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
