"""The environment that processes are given: a whole copy, whatever other threads do meanwhile."""

import ast
import os
from pathlib import Path

import pytest

from lab.core.environment import current_environment
from lab.processes.spawn import clean_environment

ROOT = Path(__file__).parents[2]


class TakenOut(dict):
    """An environment from which another thread takes a name as soon as the names are listed."""

    def __iter__(self):
        names = [*self.keys()]
        self.pop("GONE", None)
        return iter(names)


def test_copy_of_the_environment_has_every_variable(monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    assert current_environment() == {name: os.environ[name] for name in os.environ}


@pytest.mark.parametrize("copy", [current_environment, lambda: clean_environment({})])
def test_variable_that_is_taken_out_meanwhile_is_left_out(monkeypatch, copy):
    monkeypatch.setattr(os, "environ", TakenOut(GONE="1", STAYS="2", EMPTY=""))
    made = copy()
    assert "GONE" not in os.environ
    assert made.items() >= {"STAYS": "2", "EMPTY": ""}.items()
    assert "GONE" not in made


def copies_the_environment(node):
    """True for `{**os.environ}`, `dict(os.environ)`, `os.environ.items()`, `os.environ | …`."""
    match node:
        case ast.Dict(keys=keys, values=values):
            parts = [value for key, value in zip(keys, values, strict=True) if key is None]
        case ast.Call(func=ast.Attribute(value=value, attr="items" | "values" | "copy")):
            parts = [value]
        case ast.Call(func=ast.Name(id="dict"), args=parts):
            pass
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            parts = [left, right]
        case _:
            return False
    return any(ast.unparse(part) == "os.environ" for part in parts)


def test_environment_is_copied_in_one_place():
    # A submission and a service of a test are programs of their own, which have one thread.
    own = ("exercises", "services")
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("lab", "stateful_app", "stateless_app", "tests")
        for path in (ROOT / package).rglob("*.py")
        if not any(each in path.parts for each in own)
        if "os.environ" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if copies_the_environment(node)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        *("{**os.environ, 'A': '1'}", "dict(os.environ)", "os.environ | {'A': '1'}"),
        *("os.environ.copy()", "[name for name, value in os.environ.items()]"),
    ],
)
def test_copy_of_the_environment_is_seen_however_it_is_made(line):
    assert any(map(copies_the_environment, ast.walk(ast.parse(line))))
