"""The code of the two desks: their diff, and the very function that serves a request."""

import ast
import difflib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from lab.core.errors import LabError

_HTTP_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


@dataclass(frozen=True)
class Passage:
    """Some lines of a source: "stateful_app/app.py", the number of the first, their text."""

    file: str
    first_line: int
    text: str


def source_of(package: str, file: str = "app.py") -> Path:
    """Return the path of an app's source. The app is found, not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LabError(f"{package} is not installed: pip install .")
    return Path(spec.submodule_search_locations[0]) / file


def diff(file: str = "app.py") -> list[str]:
    """Return the unified diff of the twins' `file`, line by line."""
    ours, theirs = (source_of(app, file) for app in ("stateful_app", "stateless_app"))
    return list(
        difflib.unified_diff(
            ours.read_text(encoding="utf-8").splitlines(),
            theirs.read_text(encoding="utf-8").splitlines(),
            f"stateful_app/{file}",
            f"stateless_app/{file}",
            lineterm="",
        )
    )


def as_patch(file: str, lines: list[str]) -> str:
    """Return the diff as a patch of the stateful app's `file`, for `git apply` or `patch -p1`."""
    path = f"stateful_app/{file}"  # one name on both sides: git refuses a patch with two
    return "\n".join([f"--- a/{path}", f"+++ b/{path}", *lines[2:], ""])


def changed_lines(lines: list[str]) -> int:
    """Count the lines of a unified diff that stand on one side only."""
    return sum(line.startswith(("+", "-")) for line in lines[2:])


def serving(package: str, method: str, path: str) -> Passage | None:
    """Return the function of the app that serves `GET /api/cart`, its decorators too.

    It is read from the source's route decorators; the app is not imported. None if no
    route fits, as for a 404 or a 405. A query in `path` is not part of the route.
    """
    source = source_of(package).read_text(encoding="utf-8")
    functions: dict[str, ast.FunctionDef] = {}
    rules = []
    for rule, verb, function in _routes(ast.parse(source)):
        functions[function.name] = function
        rules.append(Rule(rule, methods=[verb], endpoint=function.name))
    try:
        name, _ = Map(rules).bind("desk").match(unquote(path.partition("?")[0]), method)
    except HTTPException:
        return None
    return _passage(f"{package}/app.py", source, functions[name])


def behind(package: str, caller: Passage) -> list[Passage]:
    """Return the functions of the app's state.py that `caller` calls, in the order of the calls."""
    source = source_of(package, "state.py").read_text(encoding="utf-8")
    functions = {
        each.name: each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)
    }
    names = dict.fromkeys(re.findall(r"\bstate\.(\w+)\(", caller.text))
    return [_passage(f"{package}/state.py", source, functions[name]) for name in names]


def _passage(file: str, source: str, function: ast.FunctionDef) -> Passage:
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    lines = source.splitlines()[first - 1 : function.end_lineno]
    return Passage(file, first, "\n".join(lines))


def _routes(tree: ast.Module) -> Iterator[tuple[str, str, ast.FunctionDef]]:
    """Yield rule, method and function of every `@desk.get("/cart")` of a module."""
    prefixes = {
        target.id: prefix
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and (prefix := _prefix(node.value)) is not None
    }
    for node in (each for each in tree.body if isinstance(each, ast.FunctionDef)):
        for call in node.decorator_list:
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=blueprint), attr=verb),
                    args=[ast.Constant(value=str(rule)), *_],
                ) if blueprint in prefixes and verb in _HTTP_METHODS:
                    yield prefixes[blueprint] + rule, verb.upper(), node


def _prefix(value: ast.expr) -> str | None:
    """Return the url_prefix of a `Blueprint(…, url_prefix="/api")`; None for anything else."""
    match value:
        case ast.Call(func=ast.Name(id="Blueprint"), keywords=keywords):
            given = [each.value for each in keywords if each.arg == "url_prefix"]
            found = [str(each.value) for each in given if isinstance(each, ast.Constant)]
            return next(iter(found), "")
    return None
