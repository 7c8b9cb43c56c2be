"""What a recorded lesson is: the console's own answers and events, script by script."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from lab.console.lesson import plan
from lab.console.lesson.plan import Lesson
from lab.core.components import Components
from lab.core.errors import LabError, reason
from lab.core.run_folder import write_private

RECORDING_FILE = "walkthrough.json"
RECORDING_VERSION = 3


class Answered(msgspec.Struct, frozen=True):
    """What the console answered to GET."""

    type: str
    text: str


class RecordedStep(msgspec.Struct, frozen=True):
    """What the console answered to a step, and the events that came of it."""

    answer: Mapping[str, object]
    events: list[Mapping[str, object]]


class RecordedScript(msgspec.Struct, frozen=True):
    """One run of a script of the lesson, by its name; `settings` are those that were chosen."""

    name: str
    settings: dict[str, str]
    steps: list[RecordedStep]
    answers: dict[str, Answered]
    """What the console answered after the last step, by path: the drawings."""


class Recording(msgspec.Struct, frozen=True):
    """A recorded lesson. `made` is local time: "2026-11-27T10:45:00".

    No seed is in it: a script has no random choice. Session ids, keys and ports differ.
    """

    version: int
    made: str
    lab: str
    lesson: str
    """The digest of the lesson that was recorded."""
    components: Components
    customers: Mapping[str, Mapping[str, object]]
    snapshot: Mapping[str, object]
    answers: dict[str, Answered]
    choices: dict[str, list[str]]
    """The settings that were recorded with each of their values; the first is the usual one."""
    scripts: list[RecordedScript]
    missing: list[str]
    """What could not be recorded here, and why."""


def digest(lesson: Lesson) -> str:
    """Return the start of the SHA-256 of a lesson: whether two recordings are of the same one."""
    return sha256(msgspec.json.encode(lesson)).hexdigest()[:16]


def outdated(recording: Recording) -> str:
    """Return a sentence if the lesson is another one by now, else ""."""
    if recording.lesson == digest(plan.load()):
        return ""
    return f"the lesson has changed since {recording.made[:10]}: `lab record` records it as it is"


def keep(recording: Recording, folder: Path) -> Path:
    """Write the recording into the folder; return the file."""
    path = folder / RECORDING_FILE
    write_private(path, msgspec.json.encode(recording).decode())
    return path


def read(path: Path) -> Recording:
    """Return the recording in a file or folder; LabError if it is not one."""
    file = path / RECORDING_FILE if path.is_dir() else path
    try:
        recording = msgspec.json.decode(file.read_bytes(), type=Recording)
    except OSError as error:
        raise LabError(f"cannot read {file}: {reason(error)}; `lab record` makes one") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LabError(f"{file} is not a recording of a lesson: {error}"[:300]) from None
    if recording.version != RECORDING_VERSION:
        raise LabError(f"{file} was made by another version of the lab: record it again")
    return recording


def newest(root: Path) -> Path | None:
    """Return the newest recording below `root`; None if there is none."""
    found = sorted(root.glob(f"*/{RECORDING_FILE}"), key=lambda path: path.parent.name)
    return found[-1] if found else None
