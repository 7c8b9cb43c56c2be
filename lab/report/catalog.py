"""The kept runs of a folder: what each one was, what it found, and which one a name means."""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path

from lab.core.errors import LabError
from lab.core.nearest import nearest
from lab.core.run_folder import RUN_FOLDER_NAME, entries_of
from lab.core.shell import typed
from lab.core.text import one_line
from lab.report.summary import Summary, summary

DOCUMENTS = {
    "result.json": "run",
    "check.json": "check",
    "crowd.json": "crowd",
    "plan.json": "plan",
}
"""The file that holds what a command found, and the kind of run that it makes."""
_WITHOUT_REPORT = {
    "walkthrough.json": "recording",
    "constants.json": "measurement",
    "tour.json": "museum",
}
"""The file that holds what is no finding, and the kind of run that it makes."""


@dataclass(frozen=True)
class KeptRun:
    """A folder that a command left; `document` is None if it ended before it wrote one."""

    folder: Path
    document: Path | None
    began: datetime

    @cached_property
    def summary(self) -> Summary | None:
        """What the document says; None if there is none, or none that can be read."""
        try:
            return summary(self.document) if self.document else None
        except LabError:
            return None

    @property
    def kind(self) -> str:
        """run, check, crowd or plan; what has no report is a recording, a page and so on."""
        if self.summary:
            return self.summary.kind
        if self.document:
            return "damaged"
        for name, kind in _WITHOUT_REPORT.items():
            if _is_plain_file(self.folder / name):
                return kind
        return "page" if re.fullmatch(r"[\d-]{15}-up(-\d+)?", self.folder.name) else "unfinished"

    @property
    def what(self) -> str:
        """What was run or checked, on one line."""
        if self.summary:
            return one_line(", ".join(self.summary.what), 200)
        stem = RUN_FOLDER_NAME.fullmatch(self.folder.name)
        return one_line(stem[2] if stem else self.folder.name, 200)

    @property
    def found(self) -> str:
        """The verdict on one line; what the folder is where it has none."""
        without = {
            "recording": "the page's lesson, for lab play and lab export",
            "measurement": "constants for lab plan",
            "museum": "all that was shown is in tour.json",
            "page": "logs of lab up",
            "damaged": "its document cannot be read",
            "unfinished": "no report was left",
        }
        return one_line(self.summary.found if self.summary else without[self.kind], 200)

    @property
    def names(self) -> list[str]:
        """The names that it answers to, if it has a report."""
        known = [self.kind, *self.summary.what] if self.summary else []
        return [*known, *(Path(each).stem for each in known)]

    def answers_to(self, name: str) -> bool:
        """True if NAME is its kind, or one of the things it ran: "crash", "crowd", "mine.py"."""
        if self.summary:
            as_file = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem).strip("-").lower()
            names = {name, as_file} if name.endswith(".py") else {name, name.replace("_", "-")}
            return bool(names & set(self.names))
        return name in re.sub(r"-\d+$", "", self.what).split("+")


def kept_runs(root: Path) -> list[KeptRun]:
    """Return the runs below `root`, the newest first. Links and foreign folders are left out.

    LabError if the folder cannot be read; where there is none yet, there are no runs.
    """
    found = [run for entry in entries_of(root) if (run := _kept(entry))]
    return sorted(found, key=lambda run: (run.began, _written_ns(run), run.folder), reverse=True)


def find(run: str | None, root: Path) -> tuple[Path, list[KeptRun]]:
    """Return the document that RUN means, and the newer runs that were passed over.

    RUN is a document, the folder that holds one, its name in `root`, or what was run (`crash`,
    `crowd`): then the newest run of it that has a report. None is the newest of all.
    """
    named = _at(run, root) if run is not None else None
    if named:
        return named, []
    passed: list[KeptRun] = []
    runs = kept_runs(root)
    for each in runs:
        if run is not None and not each.answers_to(run):
            continue
        if each.summary and each.document:
            return each.document, passed
        if each.kind in ("damaged", "unfinished"):
            passed.append(each)
    see_runs = f"`{typed('lab runs', root)}` lists them"
    if run is not None:
        near = nearest(run, [name for each in runs for name in each.names])
        meant = f"did you mean {near!r}?" if near else "give a folder, a document, or what was run;"
        raise LabError(
            f"no run {one_line(run, 80)!r}, neither here nor in {root}: {meant} {see_runs}"
        )
    if passed:
        raise LabError(f"no run in {root} has a report: {_why(passed[0])}; {see_runs}")
    raise LabError(f"no run in {root} yet: `{typed('lab run crash', root)}` makes one")


def newest(run: str, root: Path, number: int) -> list[Path]:
    """Return the documents of the newest runs of what RUN names; none where RUN is a path."""
    if _at(run, root):
        return []
    of_it = (each for each in kept_runs(root) if each.answers_to(run) and each.summary)
    return list(islice((each.document for each in of_it if each.document), number))


def size_bytes(run: KeptRun) -> int:
    """Return how much space a run takes; what cannot be read is not counted."""
    total = 0
    for folder, _, files in os.walk(run.folder):
        for name in files:
            try:
                total += Path(folder, name).lstat().st_size
            except OSError:
                continue
    return total


def _kept(entry: os.DirEntry[str]) -> KeptRun | None:
    if not entry.is_dir(follow_symlinks=False):
        return None
    folder, stem = Path(entry.path), RUN_FOLDER_NAME.fullmatch(entry.name)
    document = _document_in(folder)
    if stem is None and document is None:
        return None  # a folder of the user's own
    return KeptRun(folder, document, _began(stem[1] if stem else "", document or folder))


def _document_in(folder: Path) -> Path | None:
    """Return the document of a folder, None if there is none that can be reached."""
    return next((folder / name for name in DOCUMENTS if _is_plain_file(folder / name)), None)


def _is_plain_file(path: Path) -> bool:
    """Return True if a path is a regular file: not a pipe, not a link that leads away."""
    try:
        return path.is_file() and path.resolve().parent == path.parent.resolve()
    except OSError:  # no permission to look inside
        return False


def _began(stamp: str, path: Path) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%d-%H%M%S")
    except ValueError:
        pass
    try:  # named by hand
        return datetime.fromtimestamp(path.stat().st_mtime)
    except (OSError, ValueError, OverflowError):
        return datetime.fromtimestamp(0)


def _written_ns(run: KeptRun) -> int:
    try:
        return (run.document or run.folder).stat().st_mtime_ns
    except OSError:
        return 0


def _at(run: str, root: Path) -> Path | None:
    """Return the document at a path or at a name below `root`; None if there is neither."""
    empty: Path | None = None
    for path in (Path(run), root / run):
        try:
            if path.is_file() and path.name == "latest":  # a text file on Windows, see run_folder
                name = path.read_text(encoding="utf-8", errors="replace").strip()
                path = path.parent / Path(name).name if name else path
            if path.is_file() and path.name != "latest" and path.suffix != ".py":
                return path
            if path.is_dir():
                if found := _document_in(path):
                    return found
                empty = empty or path
        except (OSError, ValueError):  # too long, not permitted, or no path at all
            continue
    if empty and (empty.parent == root or RUN_FOLDER_NAME.fullmatch(empty.name)):
        folder = empty.resolve()
        raise LabError(_why(KeptRun(folder, None, datetime.fromtimestamp(0))))
    return None


def _why(run: KeptRun) -> str:
    name = run.folder.name
    if not os.access(run.folder, os.R_OK | os.X_OK):
        return f"cannot read {run.folder}: permission denied"
    return {
        "recording": f"{name} holds the page's lesson, and no report: `lab play` plays it",
        "museum": f"{name} holds what the museum showed (tour.json), and no report",
        "measurement": f"{name} holds constants that `lab plan` uses, and no report: run lab plan",
        "page": f"{name} holds the logs of lab up, and no report; its experiments have their own",
        "damaged": f"{name} has a document that cannot be read",
    }.get(run.kind, f"{name} has no report: it was stopped early; run it again")
