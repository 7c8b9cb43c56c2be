"""A student's folder: begun from a starter, and which exercise it is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lab.core.errors import LabError, reason
from lab.core.json_object import json_text
from lab.core.text import one_line
from lab.exercises.exercise import HINTS, Exercise, find

EXERCISE_FILE = "exercise.json"
_NOT_COUNTED = ("__pycache__", "node_modules")


class Memory(msgspec.Struct, kw_only=True):
    """What a student's folder remembers: its exercise, the folder of that, the hints seen.

    `start` is the student's own command, where the exercise's does not fit: another language.
    """

    exercise: str
    source: str | None = None
    hints: int = 0
    start: str = ""


def begin(exercise: Exercise, folder: Path, source: Path | None, *, force: bool) -> list[Path]:
    """Write the starter into a folder; return its files.

    LabError if files of these names are there already; with `force` those are kept as NAME.old.
    """
    files = list(_files(exercise.starter))
    if not files:
        raise LabError(f"{exercise.starter} is empty: an exercise begins with its starter")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = [each for each in (*files, Path(EXERCISE_FILE)) if (folder / each).exists()]
        if present and not force:
            raise LabError(
                f"{folder} has {present[0]} already: choose another folder, or give --force (it "
                "keeps what is there as NAME.old)"
            )
        for each in files:
            _write(exercise.starter / each, folder / each)
    except OSError as error:
        raise LabError(
            f"cannot write into {folder}: {reason(error)}; choose another folder"
        ) from None
    where = str(source.absolute()) if source else None
    remember(folder, Memory(exercise=exercise.name, source=where))
    return [folder / each for each in files]


def recall(folder: Path) -> Memory:
    """Return what a folder remembers; LabError if it is not a folder of an exercise."""
    try:
        return msgspec.json.decode((folder / EXERCISE_FILE).read_bytes(), type=Memory)
    except FileNotFoundError:
        raise LabError(
            f"{folder} has no {EXERCISE_FILE}, which says what exercise it is: go into the folder "
            "that `lab exercise start` made, or give --exercise NAME"
        ) from None
    except (OSError, ValueError) as error:
        raise LabError(
            f"cannot read {folder / EXERCISE_FILE}: {one_line(error, 120)}; give --exercise NAME"
        ) from None


def remember(folder: Path, memory: Memory) -> None:
    """Write what a folder remembers."""
    try:
        (folder / EXERCISE_FILE).write_text(json_text(memory), encoding="utf-8")
    except OSError as error:
        raise LabError(
            f"cannot write {folder / EXERCISE_FILE}: {reason(error)}; make it writable"
        ) from None


def exercise_of(folder: Path, name: str | None, source: Path | None) -> Exercise:
    """Return the exercise of a folder: the one that is named, or else the one it remembers."""
    if not folder.is_dir():
        raise LabError(f"{folder} is not a folder: name the one that `lab exercise start` made")
    if name:
        return find(name, source)
    memory = recall(folder)
    known = Path(memory.source) if memory.source else None
    return find(memory.exercise, source or known)


def own_command(folder: Path, given: str | None) -> str:
    """Return the student's own command: the one given now, or else the one remembered; or "".

    One that is given now is remembered, where the folder remembers anything.
    """
    try:
        memory = recall(folder)
    except LabError:
        return _with_port(given or "")
    if given is not None and _with_port(given) != memory.start:
        memory.start = given
        remember(folder, memory)
    return _with_port(memory.start)


def _with_port(command: str) -> str:
    if command and "{port}" not in command:
        raise LabError(f"--start {command!r} has no {{port}}: write it where the port belongs")
    return command


def next_hint(folder: Path, exercise: Exercise) -> tuple[int, str]:
    """Return the number and the text of the next hint; after the last one, the last again."""
    memory = recall(folder)
    number = min(memory.hints + 1, HINTS)
    memory.hints = number
    remember(folder, memory)
    return number, exercise.described.hints[number - 1]


def _files(root: Path) -> Iterator[Path]:
    for each in sorted(root.rglob("*")):
        below = each.relative_to(root)
        if each.is_file() and not {*below.parts} & {*_NOT_COUNTED}:
            yield below


def _write(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.read_bytes() != source.read_bytes():
        number = 1
        while (
            kept := target.with_name(target.name + ".old" + str(number) * (number > 1))
        ).exists():
            number += 1
        target.rename(kept)
    shutil.copyfile(source, target)
