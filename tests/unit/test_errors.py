"""Errors of the system reach the user in words, with what to do next."""

import ast
import errno
import re
from pathlib import Path

import pytest

import lab
from lab.core.errors import LabError, reason

HERE = Path(lab.__file__).parent
SOURCES = [
    path
    for path in sorted(HERE.rglob("*.py"))
    if not {"ladder", "pieces"} & {*path.relative_to(HERE).parts}
]
SYSTEM_ERRORS = {"OSError", "PermissionError", "FileNotFoundError", "UnicodeDecodeError"}
# Redis' client has words of its own; a simulated phone's errors are counted by their class.
MAY_SHOW_IT = {
    "shop/redis/cluster.py",
    "console/room/rehearsal.py",
    "console/room/simulated_phone.py",
}


def test_reason_has_neither_number_nor_path():
    with pytest.raises(OSError, match=re.escape("[Errno")) as missing:
        Path("none/such").read_bytes()
    assert reason(missing.value) == "no such file or directory"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "x"), "permission denied"),
        (OSError("timed out"), "timed out"),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            "it is not text in UTF-8",
        ),
        (ValueError("embedded null byte"), "embedded null byte"),
        (LabError("README.md is missing"), "README.md is missing"),
    ],
)
def test_reason_is_in_words(error, words):
    assert reason(error) == words


def handlers():
    """Every `except` of the lab that names an error of the system, with its file."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if not re.search(r"\bexcept\b[^:]*\bas\b", text):
            continue  # to parse all takes half a second of each process that collects
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and node.name and node.type:
                named = {each.id for each in ast.walk(node.type) if isinstance(each, ast.Name)}
                if named & SYSTEM_ERRORS:
                    yield path.relative_to(HERE).as_posix(), node


HANDLERS = list(handlers())


def test_handlers_of_system_errors_are_found():
    assert len(HANDLERS) > 40


def is_printed(node, name):
    """True for `{name}` in an f-string, and for `str(name)`."""
    match node:
        case ast.FormattedValue(value=ast.Name(id=found)):
            return found == name
        case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=found)]):
            return found == name
    return False


def test_no_message_shows_an_error_of_the_system_as_python_prints_it():
    shown = [
        f"{file}:{node.lineno}"
        for file, handler in HANDLERS
        for node in ast.walk(handler)
        if is_printed(node, handler.name)
        if file not in MAY_SHOW_IT
    ]
    assert shown == []


def test_message_about_an_error_of_the_system_goes_on_with_what_to_do():
    ends_with_it = [
        f"{file}:{node.lineno}"
        for file, handler in HANDLERS
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        for text in node.exc.args
        if isinstance(text, ast.JoinedStr) and "reason(" in ast.unparse(text.values[-1])
    ]
    assert ends_with_it == []
