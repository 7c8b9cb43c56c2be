"""An exercise: its description, its starter and its checks, found by name or by folder."""

import importlib.util
import shutil
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from lab.core.errors import LabError, reason
from lab.core.nearest import nearest
from lab.core.neighbours import new_module
from lab.core.text import one_line
from lab.exercises.declare import DeclaredCheck, declared

LADDER = Path(__file__).with_name("ladder")
DESCRIPTION, CHECKS, STARTER = "exercise.toml", "checks.py", "starter"
HINTS = 3
LAST_STEP = 99
ExerciseKind = Literal["observe", "repair", "build", "decide"]


class Described(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What exercise.toml says. `step` is its place on the ladder, `start` has {port}."""

    title: str
    kind: Literal["observe", "repair", "build", "decide"]
    minutes: int
    teaches: str
    hints: tuple[str, str, str]
    start: str = ""
    needs: tuple[str, ...] = ()
    step: int = LAST_STEP


class Exercise:
    """One exercise. `described` and `checks` are read when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.resolve().name
        self.described = _described(folder / DESCRIPTION)

    @property
    def starter(self) -> Path:
        """The folder that a student begins with."""
        return self.folder / STARTER

    def checks(self) -> list[DeclaredCheck]:
        """Import the exercise's checks; LabError says what is wrong with them."""
        path = self.folder / CHECKS
        module, run = new_module(path, f"two_desks_{self.name}")
        try:
            run()
            return declared(vars(module))
        except LabError as error:
            raise LabError(f"{path}: {error}") from None
        except FileNotFoundError:
            raise LabError(f"{path} is not there: an exercise has its checks in it") from None
        except Exception as error:
            raise LabError(f"{path}{_line_of(error, path)}: {one_line(repr(error))}") from None

    def missing(self) -> list[str]:
        """Return the programs and modules that the exercise needs and that are missing."""
        return [each for each in self.described.needs if not _is_here(each)]


def ladder(source: Path | None = None) -> list[Exercise]:
    """Return the exercises that come with the lab, or those of a folder, in their order.

    The folder may be one exercise itself.
    """
    root = LADDER if source is None else source
    if (root / DESCRIPTION).is_file():
        return [Exercise(root)]
    try:
        folders = [each for each in root.iterdir() if (each / DESCRIPTION).is_file()]
    except OSError as error:
        raise LabError(f"cannot read {root}: {reason(error)}; --from takes a folder") from None
    if not folders:
        raise LabError(
            f"{root} has no exercise: that is a folder with {DESCRIPTION}, {STARTER}/ and {CHECKS}"
        )
    found = [Exercise(each) for each in folders]
    return sorted(found, key=lambda each: (each.described.step, each.name))


def find(name: str, source: Path | None = None) -> Exercise:
    """Return the exercise of that name; LabError names the nearest one."""
    found = {each.name: each for each in ladder(source)}
    if name in found:
        return found[name]
    near = nearest(name, found)
    guess = f"did you mean {near!r}?" if near else f"there are {', '.join(found)}"
    raise LabError(
        f"there is no exercise {one_line(name, 60)!r}: {guess} (`lab exercise` lists them)"
    )


def _described(path: Path) -> Described:
    try:
        made = msgspec.toml.decode(path.read_bytes(), type=Described)
    except (OSError, UnicodeDecodeError, ValueError) as error:  # msgspec's errors are ValueErrors
        raise LabError(f"cannot read {path}: {one_line(error, 200)}") from None
    if made.start and "{port}" not in made.start:
        raise LabError(f"{path}: start has no {{port}}: write it where the port belongs")
    return made


def _line_of(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    lines = [each.lineno for each in frames if each.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def _is_here(need: str) -> bool:
    """Return True if a program is on PATH, or a module of that name can be imported."""
    if shutil.which(need):
        return True
    try:
        return importlib.util.find_spec(need) is not None
    except (ImportError, ValueError):
        return False
