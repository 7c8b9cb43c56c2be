"""Loads a file of a student's; what is wrong with it is a LabError in their own words."""

import ast
import importlib.util
import inspect
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from lab.core.errors import LabError
from lab.core.nearest import nearest
from lab.core.neighbours import new_module

SCRIPT_MAX_SECONDS = 120.0
MISSPELT = 0.85
SCRIPT_NAMES = (
    *("CLAIM", "EXPECTED", "CUSTOMERS", "QUICK_CUSTOMERS", "QUICK_SERVERS", "ABOUT", "CROWD"),
    *("DRAWBACK", "DEPENDS_ON"),
    *("VARIANTS", "EXPECTATIONS", "QUESTION", "observe", "script"),
)
"""What the lab looks for in a file."""


def load(path: Path, max_seconds: float = SCRIPT_MAX_SECONDS) -> ModuleType:
    """Run the file as Python does, and return its module."""
    # Who runs a bundled experiment need not wait for these.
    from lab.experiments.script_errors import at_length
    from lab.experiments.script_watch import watched

    if not _is_file(path):
        raise LabError(f"no file {path}: write one with `def script(shopper, lab)` in it")
    module, run_file = new_module(path, "script_of_yours")
    try:
        with watched(path.absolute(), max_seconds):
            run_file()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a student's file may raise anything, SystemExit too
        why = f"{path} cannot be loaded; correct it and run it again"
        raise LabError(f"{why}\n{at_length(error, path.absolute())}") from None
    _require_effects(path)
    return module


def why_no_script(module: ModuleType) -> str | None:
    """Return what is wrong with a file's function `script`; None if it can be run."""
    name, found = Path(module.__file__ or "").name, getattr(module, "script", None)
    if found is None:
        functions = [each for each, value in vars(module).items() if inspect.isfunction(value)]
        near = nearest("script", functions) or next(iter(functions), None)
        but = f": it has `{near}`, which needs that name" if near else ""
        return f"{name} needs a function `def script(shopper, lab)`{but}"
    if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found):
        return f"{name} needs a function `def script(shopper, lab)`, without `async`"
    if inspect.isgeneratorfunction(found):
        line = _line_of_yield(found)
        return (
            f"{name}, line {line}: a `yield` makes script() a generator, and Python would run none "
            "of its lines. Take it out: a script simply runs, line after line"
        )
    try:
        signature = inspect.signature(found)
        signature.bind(None, None)
    except (TypeError, ValueError):
        return f"{name} needs a function `def script(shopper, lab)`, with these two arguments"
    if [*signature.parameters] == ["lab", "shopper"]:
        return f"{name}: the shopper comes first, `def script(shopper, lab)`"
    return None


def misspelt(module: ModuleType) -> str | None:
    """Return a sentence about a name in the file that is almost one the lab looks for."""
    unknown = [each for each in vars(module) if each not in SCRIPT_NAMES]
    for name in SCRIPT_NAMES:
        close = [] if hasattr(module, name) else get_close_matches(name, unknown, 1, MISSPELT)
        if close:
            file = Path(module.__file__ or "").name
            return f"{file} has {close[0]}, and the lab looks for {name}: give it that name"
    return None


def _line_of_yield(function: object) -> int:
    code = function.__code__  # type: ignore[attr-defined]
    tree = ast.parse(Path(code.co_filename).read_bytes())
    lines = [each.lineno for each in ast.walk(tree) if isinstance(each, ast.Yield | ast.YieldFrom)]
    return min((line for line in lines if line >= code.co_firstlineno), default=code.co_firstlineno)


def _require_effects(path: Path) -> None:
    """Refuse a line without effect: a verb without (), a comparison without `assert`."""
    source = importlib.util.decode_source(path.read_bytes())
    for each in ast.walk(ast.parse(source)):
        if why := _why_no_effect(each, source):
            raise LabError(f"{path.name}, line {each.lineno}: {why}")  # type: ignore[attr-defined]


def _why_no_effect(node: ast.AST, source: str) -> str | None:
    text = ast.get_source_segment(source, node) or ""
    match node:
        case ast.Expr(value=ast.Attribute()):
            return f"`{text}` does nothing: write {text}() to call it"
        case ast.Expr(value=ast.Compare()):
            return f"`{text}` does nothing: write assert {text}"
        case ast.Assert(test=ast.Tuple(elts=[_, *_])):
            return "an assert of a tuple always holds: write assert CONDITION, MESSAGE without ()"
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or not a path at all
        return False
