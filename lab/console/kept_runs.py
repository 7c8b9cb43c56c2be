"""The kept runs as the page shows them: which there are, what was found, and their playback."""

import os
import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from lab.console import playback
from lab.console.lesson import questions
from lab.core.errors import LabError
from lab.report.drawing import sequence_svg
from lab.report.plain import one_line
from lab.report.saved import load

Json = dict[str, Any]
T = TypeVar("T")

MOST_RUNS = 200
_FOLDER = re.compile(r"(\d{8}-\d{6})-(.+)")  # as `lab.core.run_folder` names it
_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


class KeptRuns:
    """The folders of runs below `root`. Nothing outside of it is read, whatever a name says."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reading = threading.Lock()
        self._read: tuple[tuple[Path, int, int], Json] | None = None  # the last one, to be quick

    def list(self) -> Json:
        """Return {"runs": [{"name", "experiments", "began"}]}, newest first, at most 200.

        What ran is taken from the folder's name, "began" too ("2026-11-24T07:55:35", local
        time): no document is opened. A run without a result.json is left out.
        """
        runs = [_listed(self._root / name) for name in self._names()]
        runs.sort(key=lambda run: (run["began"], run["name"]), reverse=True)
        return {"runs": runs[:MOST_RUNS]}

    def outline(self, name: str) -> Json:
        """Return {"name", "experiments"}: what the run found, without its requests.

        An experiment is {"name", "claim", "verdict", "number", "because", "question",
        "lanes": [{"name", "app", "keeps", "outcome"}]}; its question as in result.json, see
        `questions.asked`. LabError if there is no such run, or none that can be read.
        """
        folder, document = self._open(name)
        return {"name": folder, "experiments": _sound(folder, lambda: _outlines(document))}

    def playback(
        self, name: str, index: int, left: str | None = None, right: str | None = None
    ) -> Json:
        """Return one experiment of a run, two of its lanes as the events of a stage.

        {"name", "experiment", "left", "right", "events", "sequence": {desk: SVG}}; `left` and
        `right` name lanes, by default the first of each desk. LabError as in `outline`, and
        for an experiment or a lane that the run does not have.
        """
        folder, document = self._open(name)
        experiments = document["experiments"]
        if not 0 <= index < len(experiments):
            raise LabError(f"the run {folder} has no experiment {index}: it has {len(experiments)}")
        return _sound(
            folder,
            lambda: {"name": folder} | _played(experiments[index], left, right, _store(document)),
        )

    def _names(self) -> set[str]:
        """The names of the folders that hold a result.json of their own."""
        try:
            entries = list(os.scandir(self._root))
        except OSError:  # no run was kept yet
            return set()
        root = self._root.resolve()
        return {
            entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False)
            and _is_plain_file(Path(entry.path) / "result.json", root)
        }

    def _open(self, name: str) -> tuple[str, Json]:
        """Return the folder's name and the document; who asks must not change it."""
        folder = _latest(self._root) if name == "latest" else name
        if folder not in self._names():
            raise LabError(f"no run {one_line(name, 60)!r} is kept here: choose one of the list")
        path = self._root / folder / "result.json"
        with self._reading:
            try:
                found = path.stat()
                key = (path, found.st_mtime_ns, found.st_size)
                if self._read is None or self._read[0] != key:
                    # By its absolute path: a name would be looked for elsewhere first.
                    self._read = (key, load(str(path.absolute()), self._root).document)
            except (LabError, OSError) as error:
                # The page need not know where this machine keeps it.
                told = str(error).replace(str(path.absolute()), f"{folder}/result.json")
                raise LabError(one_line(told, 300)) from None
            return folder, self._read[1]


def _is_plain_file(path: Path, root: Path) -> bool:
    # No pipe, which would be waited for; no link that leads away.
    return path.is_file() and path.resolve().is_relative_to(root)


def _latest(root: Path) -> str:
    """Return the name that `latest` points at: a link, or a text file where links need a right."""
    latest = root / "latest"
    try:
        if latest.is_dir():
            return latest.resolve().relative_to(root.resolve()).as_posix()
        return latest.read_text(encoding="utf-8").strip() if latest.is_file() else "latest"
    except (OSError, ValueError):
        return "latest"


def _listed(folder: Path) -> Json:
    stem = _FOLDER.fullmatch(folder.name)
    try:
        began = datetime.strptime(stem[1], "%Y%m%d-%H%M%S") if stem else None
    except ValueError:
        began = None
    if began is None:  # named by somebody's hand
        try:
            began = datetime.fromtimestamp((folder / "result.json").stat().st_mtime)
        except (OSError, ValueError, OverflowError):
            began = datetime.fromtimestamp(0)
    what = stem[2].split("+") if stem else [folder.name]
    return {
        "name": folder.name,
        "experiments": [one_line(each, 60) for each in what],
        "began": began.isoformat(timespec="seconds"),
    }


def _sound(folder: str, make: Callable[[], T]) -> T:
    """Return what `make()` makes of a document; its checks cannot foresee every damage."""
    try:
        return make()
    except _DAMAGE as error:
        why = one_line(f"{type(error).__name__} {error}", 120)
        raise LabError(f"the run {folder} is damaged ({why}): run the experiment again") from None


def _outlines(document: Json) -> list[Json]:
    return [_outline(each) for each in document["experiments"]]


def _outline(experiment: Json) -> Json:
    told = {name: experiment[name] for name in ("name", "claim", "verdict", "number", "because")}
    return told | {
        "question": questions.asked(experiment),
        "lanes": [_lane(lane) for lane in experiment["variants"]],
    }


def _lane(lane: Json) -> Json:
    return {
        "name": lane["name"],
        "app": lane["app"],
        "keeps": playback.keeps(lane),
        "outcome": lane["outcome"] and {k: lane["outcome"][k] for k in ("verdict", "number")},
    }


def _played(experiment: Json, left: str | None, right: str | None, program: str) -> Json:
    lanes = {
        "stateful": playback.chosen(experiment, left, "stateful"),
        "stateless": playback.chosen(experiment, right, "stateless"),
    }
    names = [lane["name"] if lane else None for lane in lanes.values()]
    return {
        "experiment": _outline(experiment),
        "left": lanes["stateful"] and _lane(lanes["stateful"]),
        "right": lanes["stateless"] and _lane(lanes["stateless"]),
        "events": playback.events(experiment, *names, store_program=program),
        "sequence": {desk: sequence_svg(lane) if lane else "" for desk, lane in lanes.items()},
    }


def _store(document: Json) -> str:
    """Return what the session store was: "8.1.8, from PATH"; "" if the run does not say."""
    store = document["components"].get("store")
    told = store if isinstance(store, dict) else {}
    return one_line(", from ".join(str(told[k]) for k in ("version", "source") if k in told), 60)
