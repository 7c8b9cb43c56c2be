"""Grades submissions one after another, each in a process of its own that can be ended whole."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec
import psutil

from lab.core.errors import STOPPED, LabError, reason
from lab.core.text import one_line, visible
from lab.core.units import format_size
from lab.exercises import confine
from lab.exercises.declare import DeclaredCheck
from lab.exercises.exercise import Exercise
from lab.exercises.folder import own_command, recall
from lab.exercises.grade_one import GradeJob, GradeLine
from lab.exercises.result import CheckResult, CheckStatus, WorkResult
from lab.exercises.service import NOT_COPIED, copy_work, packages_of
from lab.processes.child import DEATH_TIMEOUT_S
from lab.processes.spawn import HOME, clean_environment
from lab.processes.waiting import end_of, wait_until

GRADER_LOOK_S = 0.1
MOST_SUBMITTED = 200_000_000  # bytes of a submission
MOST_FILE = 512_000_000  # bytes of one file that it writes
MOST_PROCESSES = 256
GRADE_TAG = "TWO_DESKS_GRADE"


@dataclass(frozen=True)
class GradeLimits:
    """What one submission may take: seconds in all, bytes of memory of its processes together."""

    seconds: float = 120.0
    memory: int = 1 << 30
    processes: int = MOST_PROCESSES


@dataclass
class Submission:
    """One graded folder: its name, what was found, and what could not be confined.

    `cut_short` is True if the grader was stopped before its checks had ended.
    """

    name: str
    result: WorkResult
    confined: frozenset[str] = frozenset()
    cut_short: bool = False


@dataclass
class Grader:
    """Grades folders against one exercise.

    `command` starts their services; with "" each is started by its own command, if it remembers
    one, or else as the exercise says.
    """

    exercise: Exercise
    seed: int
    command: str = ""
    limits: GradeLimits = field(default_factory=GradeLimits)

    def __post_init__(self) -> None:
        self._checks = self.exercise.checks()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End what is being graded; grade nothing more. Safe to call from any thread."""
        self._stopping.set()

    def grade(self, folder: Path, name: str, progress: Callable[[str], None]) -> Submission:
        """Check one submission; whatever it does ends up in the result."""
        began = time.monotonic()
        made = WorkResult(exercise=self.exercise.name, folder=str(folder), seed=self.seed)
        graded = Submission(name, made)
        with tempfile.TemporaryDirectory(prefix="two-desks-", ignore_cleanup_errors=True) as place:
            try:
                _copy(folder, Path(place) / "work")
                self._run(Path(place), graded, progress)
            except (LabError, OSError) as error:  # such as a folder that cannot be read
                made.trouble = reason(error)
        made.checks = _complete(made, self._checks)
        made.seconds = round(time.monotonic() - began, 3)
        return graded

    def _run(self, place: Path, graded: Submission, progress: Callable[[str], None]) -> None:
        job = GradeJob(
            exercise=str(self.exercise.folder.absolute()),
            folder=str(place / "work"),
            seed=self.seed,
            command=self.command or own_command(place / "work", None),
        )
        with (place / "log").open("wb") as log:
            process = _start(place, log, self.limits)
            trouble = ""
            try:
                assert process.stdin is not None
                process.stdin.write(msgspec.json.encode(job) + b"\n")
                process.stdin.flush()
                reader = _LineReader(process.stdout, graded, progress)
                trouble = self._watch(process, graded)
            except BrokenPipeError:
                pass  # it ended at once: its log says why
            finally:
                _end_whole(process, str(place))
        reader.join()
        if not trouble and process.returncode:
            trouble = f"the checks ended early ({_ending(process)}); {end_of(place / 'log')}"
        graded.result.trouble = graded.result.trouble or trouble

    def _watch(self, process: "subprocess.Popen[bytes]", graded: Submission) -> str:
        """Wait until the process ends or exceeds a limit; return which limit, "" if none."""
        limits, deadline = self.limits, time.monotonic() + self.limits.seconds
        while process.poll() is None:
            family = _family(process.pid)
            if self._stopping.is_set():
                graded.cut_short = True
                return STOPPED
            if _memory_is_over(family, limits.memory):
                return f"stopped: it took more than {format_size(limits.memory)} of memory"
            if len(family) > limits.processes:
                return f"stopped: it started more than {limits.processes} processes"
            if time.monotonic() > deadline:
                return f"stopped after {limits.seconds:g} s"
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRADER_LOOK_S)
        return ""


class _LineReader(threading.Thread):
    """Reads the lines of one process into its submission."""

    def __init__(
        self, stream: IO[bytes] | None, graded: Submission, progress: Callable[[str], None]
    ) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._stream = stream
        self._graded = graded
        self._progress = progress
        self.start()

    def run(self) -> None:
        for text in self._stream:
            with suppress(msgspec.MsgspecError):  # the last line may be cut
                line = msgspec.json.decode(text, type=GradeLine)
                if line.confined is not None:
                    self._graded.confined = frozenset(line.confined)
                if line.check is not None:
                    self._graded.result.checks.append(line.check)
                    self._progress(f"{self._graded.name}: {line.check.title}")
                self._graded.result.trouble = line.trouble or self._graded.result.trouble
        self._stream.close()


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return a name for each folder: its own, or the end of its path if names are equal."""
    paths = [each.resolve().parts for each in folders]
    length = 1
    while True:
        names = [visible("/".join(each[-length:])) for each in paths]
        if len({*names}) == len({*paths}) or length > max(map(len, paths), default=0):
            return names
        length += 1


def common_exercise(folders: Sequence[Path]) -> str:
    """Return the name of the exercise that all of these folders name.

    Nothing else of what they say is believed: the checks come from the lab, or from --from.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        with suppress(LabError):
            found.setdefault(recall(folder).exercise, folder)
    if len(found) == 1:
        return next(iter(found))
    if not found:
        raise LabError("none of these folders says which exercise it is: give --exercise NAME")
    said = ", ".join(f"{folder.name} is {one_line(name, 40)}" for name, folder in found.items())
    raise LabError(f"these are different exercises ({said}): give --exercise NAME")


def require_submission(folder: Path, files: Sequence[str]) -> None:
    """Raise LabError for a folder that holds submissions and is not itself one.

    A submission is known by one of these files in it.
    """

    def has_one(place: Path) -> bool:
        return any((place / each).exists() for each in files)

    if not has_one(folder) and any(has_one(each) for each in folder.iterdir() if each.is_dir()):
        raise LabError(
            f"{folder} is not a submission, but contains some: did you mean {folder / '*'}?"
        )


def _copy(folder: Path, target: Path) -> None:
    if not folder.is_dir():
        raise LabError(f"{folder} is not a folder")
    size, linked = 0, packages_of(folder)
    for root, folders, files in os.walk(folder):
        left_out = {*NOT_COPIED, *(linked if Path(root) == folder else ())}
        folders[:] = [each for each in folders if each not in left_out]
        size += sum((Path(root) / each).lstat().st_size for each in files)
        if size > MOST_SUBMITTED:
            raise LabError(f"it is larger than {format_size(MOST_SUBMITTED)}")
    copy_work(folder, target)


def _start(place: Path, log: IO[bytes], limits: GradeLimits) -> "subprocess.Popen[bytes]":
    (place / "tmp").mkdir()
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place / "tmp"))
    environment = clean_environment({**temporary, "PYTHONPATH": str(HOME), GRADE_TAG: str(place)})
    bounds = (str(int(limits.seconds) + 1), str(MOST_FILE), str(os.getpid()))
    confined = [sys.executable, "-I", "-S", str(Path(confine.__file__)), *bounds, "--"]
    return subprocess.Popen(
        # `-P`: no file of the student's stands in for a module.
        [*confined, sys.executable, "-P", "-m", "lab.exercises.grade_one"],
        cwd=place,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=sys.platform != "win32",
    )


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def _memory_is_over(family: Sequence[psutil.Process], most: int) -> bool:
    """Return True if processes hold more memory; shared memory counts once, where that is known."""
    return _sum(family, "rss") > most and _sum(family, "pss") > most


def _sum(family: Sequence[psutil.Process], kind: str) -> int:
    total = 0
    for each in family:
        with suppress(psutil.Error):
            info = each.memory_info() if kind == "rss" else each.memory_full_info()
            total += int(getattr(info, kind, info.rss))
    return total


def _end_whole(process: "subprocess.Popen[bytes]", tag: str) -> None:
    """End everything of one submission: its tree, and what carries its mark elsewhere."""
    if process.poll() is None:
        process.terminate()  # on Linux `confine` ends all processes under it
        wait_until(lambda: process.poll() is not None, DEATH_TIMEOUT_S)

    def none_left() -> bool:
        left = [*(_family(process.pid) if process.poll() is None else ()), *_marked(tag)]
        for each in left:
            with suppress(psutil.Error):
                each.kill()
        return not left

    try:
        wait_until(none_left, DEATH_TIMEOUT_S)
    finally:
        process.wait()
        if process.stdin:
            with suppress(OSError):
                process.stdin.close()


def _marked(tag: str) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if each.environ().get(GRADE_TAG) == tag and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def _ending(process: "subprocess.Popen[bytes]") -> str:
    status = process.returncode
    return f"signal {-status}" if status < 0 else f"exit {status}"


def _complete(made: WorkResult, checks: Sequence[DeclaredCheck]) -> list[CheckResult]:
    """Return all checks in their order; those that did not run could not be checked."""
    found = {each.name: each for each in made.checks}
    return [
        found.get(each.name)
        or CheckResult(
            name=each.name,
            title=each.title,
            status=CheckStatus.BLOCKED,
            points=each.points,
            hidden=each.hidden,
            rationale=made.trouble.splitlines()[0] if made.trouble else "it did not run",
        )
        for each in checks
    ]
