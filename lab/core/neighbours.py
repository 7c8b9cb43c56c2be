"""Loads a user's script as a module, with the files beside it, which it may import."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from lab.core.errors import LabError


def new_module(path: Path, prefix: str) -> tuple[ModuleType, Callable[[], None]]:
    """Return the empty module of a script, and a function that runs the script's file in it.

    `prefix` makes its name one of our own: a file `json.py` must not stand in for the library.
    """
    spec = importlib.util.spec_from_file_location(f"{prefix}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise LabError(f"{path} is not a Python file: its name must end in .py")
    module, loader = importlib.util.module_from_spec(spec), spec.loader
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    reach_neighbours(path)
    return module, lambda: loader.exec_module(module)


def reach_neighbours(script: Path) -> None:
    """Let `script` import the files beside it, now and while it runs.

    Its folder comes last on the search path, and not first as in `python script.py`: a file
    `random.py` there must not stand in for what the lab imports.
    """
    folder = str(script.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
