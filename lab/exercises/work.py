"""What a check is given: a student's work, to be started, asked, checked and run."""

import itertools
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lab.check.launcher import DidNotStart
from lab.check.start import READY_S, Start
from lab.core.errors import LabError, reason
from lab.core.text import one_line
from lab.exercises.declare import CannotCheck, NotMet, Showable
from lab.exercises.service import Caller, Disk, Service, Transcript, as_command, copy_work, running
from lab.processes.spawn import HOME, clean_environment
from lab.processes.waiting import end_of, last_lines

if TYPE_CHECKING:
    from lab.evidence.run_document import RunDocument
    from lab.exercises.found import Found

MOST_SECONDS = 300.0
MOST_READ = 1_000_000
NEVER_STARTS = "the service does not start"
MOST_REASON = 200  # characters
SCRIPT_S = 30.0  # limit at each desk; less than `lab grade` gives a submission
_TRACEBACK_PLACE = re.compile(r'\s*File ".*", line (\d+)')
_RESTORE = Path(__file__).with_name("restore.py")


@dataclass(frozen=True)
class LabCall:
    """One call of the command line of the lab: its exit status and what it wrote."""

    line: str
    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the JSON document on its stdout; NotMet if there is none."""
        try:
            return json.loads(self.out)
        except ValueError:
            ended = f"`{self.line}` ends with status {self.status}"
            said = f"{self.reason} ({ended})" if self.reason else ended
            raise NotMet(said, evidence=self) from None

    @property
    def reason(self) -> str:
        """Why the call failed: the last line on stderr, and the student's line that it is about.

        "" if it wrote nothing there.
        """
        lines = self.err.strip().splitlines()
        places = [found[1] for each in lines if (found := _TRACEBACK_PLACE.match(each))]
        said = one_line(lines[-1].removeprefix("lab: "), MOST_REASON) if lines else ""
        return f"{said}, line {places[-1]}" if said and places else said

    def shown(self) -> str:
        """Return the command and the end of its output on stderr, or else on stdout."""
        text = self.err.strip() or self.out.strip()
        return "\n".join([f"{self.line}   # exit {self.status}", *text.splitlines()[-12:]])


class Work:
    """A student's folder in one round of checks.

    `folder` is what they wrote; read it and leave it as it is. `random` is seeded, anew for each
    check, so that `--seed` repeats its choices. Everything that runs works on copies.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        *,
        command: str = "",
        seed: int = 0,
        exercise: Path | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = folder
        self.exercise = exercise or folder
        self.seed = seed
        self.random = random.Random(seed)
        self._scratch = scratch
        self._command = command
        self._progress = progress
        self._numbers = itertools.count(1)
        self._transcript = Transcript()
        self._disks: list[Disk] = []
        self._has_started = False
        self._never_starts = ""

    def begin(self, name: str) -> None:
        """Begin a check: its random choices, and an empty transcript."""
        self.random = random.Random(f"{self.seed}:{name}")
        self._transcript = Transcript()

    @property
    def evidence(self) -> Showable | None:
        """The last exchange of the check that runs, None before the first."""
        return self._transcript.last

    def read(self, name: str) -> str:
        """Return the text of one of the student's files; NotMet if there is none to be read."""
        path = self.folder / name
        try:
            if path.is_file() and path.stat().st_size > MOST_READ:
                raise NotMet(f"{name} is larger than {MOST_READ // 1000} kB")
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotMet(f"there is no {name}", help=f"Write {name}; see the README.") from None
        except (OSError, UnicodeDecodeError) as error:
            text = f"{name} cannot be read: {reason(error)}"
            raise NotMet(text, help=f"Make {name} readable, as text in UTF-8.") from None

    def new_disk(self) -> Disk:
        """Return a fresh copy of the student's folder, as a machine of its own has it."""

        def volumes() -> list[Path]:
            return sorted(self._scratch.glob("volume-*"))

        disk = Disk(self.folder, self._new_folder("disk"), volumes)
        self._disks.append(disk)
        return disk

    def close(self) -> None:
        """End the processes behind the disks. No service runs any more."""
        for disk in self._disks:
            disk.close()

    def new_volume(self) -> Path:
        """Return an empty folder that machines share which start later, as a network disk."""
        return self._new_folder("volume")

    @contextmanager
    def start(
        self,
        *,
        disk: Disk | None = None,
        env: Mapping[str, str] | None = None,
        ready: str | None = None,
    ) -> Iterator[Service]:
        """Run the student's service for a `with` block, on a disk of its own or on `disk`.

        Several may run at once. NotMet says why it does not start.
        """
        if self._never_starts:
            raise CannotCheck(NEVER_STARTS)
        fresh = disk is None

        service = Service(
            lambda disk: self._start_on(disk, env or {}, ready),
            disk or self.new_disk(),
            self._new_folder("service"),
            self._transcript,
            MOST_SECONDS,
        )
        try:
            with running(service):
                self._has_started = True
                yield service
        except DidNotStart as failure:
            if fresh and not self._has_started:
                self._never_starts = str(failure)
            raise _not_started(failure) from None

    def caller(self, headers: Mapping[str, str] | None = None) -> Caller:
        """Return a client that keeps its cookies, for `shop.get("/", caller=…)`."""
        return Caller(headers)

    def check(
        self,
        conversation: str,
        *,
        env: Mapping[str, str] | None = None,
        reset: str | None = None,
        volume: Path | None = None,
        ready: str | None = None,
        ignore: frozenset[str] = frozenset(),
        max_seconds: float = 60.0,
    ) -> "Found":
        """Run `lab check` on the student's service with a conversation.

        `conversation` is the text of a .http file, or of a Python file with `def script(http)`.
        `ignore` are places such as "/id" or "header:date". A `volume` is what all machines share,
        and it is emptied before each play: state in it counts as a backing service.
        """
        if self._never_starts:
            raise CannotCheck(NEVER_STARTS)
        from lab.exercises.found import check  # it loads much, and most checks need none of it

        disk = self.new_disk()
        start = self._start_on(disk, env or {}, ready)
        shared = (volume,) if volume else ()
        start = replace(start, shared=shared, reset=reset or self._restoring(disk, shared))
        place = self._new_folder("check")
        return check(start, conversation, place, ignore, max_seconds, self._progress)

    def lab(self, *arguments: str, seconds: float = MOST_SECONDS) -> LabCall:
        """Run a command of the lab in a copy of the student's folder; NotMet if it takes too long.

        `work.lab("plan", "--users", "5000", "--json")`. The copy is thrown away.
        """
        folder = self._new_folder("lab")
        copy_work(self.folder, folder / "work")
        return _call(folder, arguments, seconds)

    def run(self, script: str, *options: str, seconds: float = MOST_SECONDS) -> "RunDocument":
        """Run a student's script at both desks (`lab run SCRIPT`), and return what was found.

        At each desk it has SCRIPT_S seconds, unless `options` give it more.
        """
        from lab.evidence.run_document import RunDocument

        self.read(script)
        self._progress(f"running {script} at both desks, for up to {SCRIPT_S:g} s at each")
        given = ("--seed", str(self.random.randrange(2**32)), "--max-seconds", f"{SCRIPT_S:g}")
        called = self.lab("run", f"./{script}", "--json", *given, *options, seconds=seconds)
        called.json()  # says what went wrong where there is no document
        return msgspec.json.decode(called.out, type=RunDocument)

    def _start_on(self, disk: Disk, env: Mapping[str, str], ready: str | None) -> Start:
        if not self._command:
            raise LabError("this exercise has no service: add start to exercise.toml, or --start")
        places = {name: str(disk.temporary) for name in ("TMPDIR", "TEMP", "TMP")}
        command = as_command(self._command)
        return Start(command, {**places, **env}, disk.folder, None, ready, READY_S)

    def _restoring(self, disk: Disk, shared: tuple[Path, ...]) -> str | None:
        """Return the shell line that restores everything before a play; None if nothing changes.

        Where the system gives no process a disk of its own, the disk is put back as well.
        """
        from lab.check.machine import can_isolate

        if can_isolate():
            words = ["empty", *map(str, shared)] if shared else []
        else:
            fresh = self.new_disk().folder
            words = ["copy", *map(str, (fresh, disk.folder, disk.temporary, *shared))]
        command = [sys.executable, "-I", "-S", str(_RESTORE), *words]
        return subprocess.list2cmdline(command) if words else None

    def _new_folder(self, kind: str) -> Path:
        folder = self._scratch / f"{kind}-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder


def _not_started(failure: DidNotStart) -> NotMet:
    """Return the failure for a student, who gives no options, and whose log is a copy's."""
    log = failure.log and (last_lines(failure.log, failure.start) or ["(nothing)"])
    return NotMet(
        f"{NEVER_STARTS}: {failure.why}",
        help="Start it yourself, with the command in the README, and see what it says.",
        evidence="\n    ".join(["what it wrote:", *log]) if log else "",
    )


def _call(folder: Path, arguments: tuple[str, ...], seconds: float) -> LabCall:
    """Run the lab in `folder`/work; its output goes to files, so it never blocks."""
    line = " ".join(["lab", *arguments])
    out, log = folder / "out", folder / "err"
    # `-P`: no file of the student's stands in for a module of the lab.
    command = [sys.executable, "-P", "-m", "lab", *arguments]
    with out.open("wb") as stdout, log.open("wb") as stderr:
        try:
            ended = subprocess.run(
                command,
                cwd=folder / "work",
                env=clean_environment({"PYTHONPATH": str(HOME)}),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                timeout=seconds,
                check=False,
                start_new_session=sys.platform != "win32",  # Ctrl-C: we end it, by its process id
            )
        except subprocess.TimeoutExpired:
            raise NotMet(f"`{line}` does not end within {seconds:.0f} s; {end_of(log)}") from None
    return LabCall(
        line,
        ended.returncode,
        out.read_text(encoding="utf-8", errors="replace"),
        log.read_text(encoding="utf-8", errors="replace"),
    )
