"""Finds scripts: those that come with the lab, one file per claim, and a student's own."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from lab.errors import LabError
from lab.evidence.result import Verdict
from lab.experiments.judging import Judge, answers_alike

_HELPERS = {"judging"}


@dataclass(frozen=True)
class Experiment:
    """A claim, the script that puts it to the test, and the judge of what was measured.

    `expected` is the verdict the textbook gives, None for a script without one.
    """

    name: str
    claim: str
    script: Callable[..., Any]
    judge: Judge
    expected: Verdict | None
    customers: int
    doc: str
    path: Path

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return self.doc.partition("\n")[0]


def bundled() -> list[Experiment]:
    """Return the experiments that come with the lab, by name."""
    names = sorted(
        module.name for module in pkgutil.iter_modules(__path__) if module.name not in _HELPERS
    )
    return [_experiment(importlib.import_module(f"{__name__}.{name}")) for name in names]


def find(name: str) -> Experiment:
    """Return a bundled experiment by name, or a script by its file's path; else raise LabError."""
    if name.endswith(".py") or "/" in name or "\\" in name:
        return _from_file(Path(name))
    known = {experiment.name: experiment for experiment in bundled()}
    if name in known:
        return known[name]
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)};"
    raise LabError(f"no script {name!r}: {hint} a file of yours is named by its path, ./mine.py")


def _from_file(path: Path) -> Experiment:
    if not path.is_file():
        raise LabError(f"no file {path}: write one with `def script(shopper, lab)` in it")
    # A name of our own: a file `json.py` must not stand in for the library.
    spec = importlib.util.spec_from_file_location(f"script_of_yours_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise LabError(f"{path} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    folder = str(path.parent.resolve())  # its own helpers, as when Python runs it
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a student's file may raise anything, SystemExit too
        raise LabError(_cannot_load(path, error)) from None
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    return _experiment(module, has_verdict=hasattr(module, "judge"))


def _cannot_load(path: Path, error: BaseException) -> str:
    """Quote the file, the line and the error, as Python would, without the lab's own frames."""
    told = traceback.TracebackException.from_exception(error)
    theirs = [frame for frame in told.stack if Path(frame.filename).name == path.name]
    lines = [
        f"{path} cannot be loaded; correct it and run it again",
        *traceback.StackSummary.from_list(theirs).format(),
        *told.format_exception_only(),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _takes_two(script: object) -> TypeGuard[Callable[..., Any]]:
    """Whether it can be called as `script(shopper, lab)`."""
    try:
        inspect.signature(script).bind(None, None)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return not inspect.iscoroutinefunction(script)


def _experiment(module: ModuleType, has_verdict: bool = True) -> Experiment:
    path = Path(module.__file__ or "")
    script = getattr(module, "script", None)
    if not _takes_two(script):
        raise LabError(f"{path.name} needs a function `def script(shopper, lab)`")
    customers = getattr(module, "CUSTOMERS", 1)
    if type(customers) is not int or not 1 <= customers <= 1000:
        raise LabError(f"{path.name}: CUSTOMERS must be a whole number from 1 to 1000")
    return Experiment(
        name=re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-").lower() or "script",
        claim=str(getattr(module, "CLAIM", "Both desks keep what they acknowledged.")),
        script=script,
        judge=getattr(module, "judge", answers_alike),
        expected=Verdict.HOLDS if has_verdict else None,
        customers=customers,
        doc=inspect.cleandoc(module.__doc__ or "A script without a docstring."),
        path=path,
    )
