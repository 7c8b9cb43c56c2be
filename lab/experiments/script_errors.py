"""A script's mistake in the words of its author: their lines, the error, and what led there."""

import re
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from traceback import FrameSummary
from types import TracebackType

import lab
from lab.core.redaction import redact_text

_NOT_THEIRS = [
    Path(folder).resolve()
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *lab.__path__,
    }
]


def is_theirs(filename: str, script: Path) -> bool:
    """Return True if a file is the script, or one that its author wrote: in its folder or below."""
    if filename.startswith("<"):  # no file: <frozen …>, <string>
        return False
    path, script = Path(filename).resolve(), script.resolve()
    if path == script:
        return True
    libraries = any(path.is_relative_to(folder) for folder in _NOT_THEIRS)
    return path.is_relative_to(script.parent) and not libraries


def their_frames(stack: Iterable[FrameSummary], script: Path) -> list[traceback.FrameSummary]:
    """Return the frames of a stack in files that the script's author wrote."""
    return [frame for frame in stack if is_theirs(frame.filename, script)]


def place(trace: TracebackType | None, script: Path) -> str | None:
    """Return where a script stood: "mine.py, line 7: time.sleep(60)"; None if not in it."""
    return place_in(traceback.extract_tb(trace), script)


def place_in(stack: Iterable[FrameSummary], script: Path) -> str | None:
    """Return the innermost line of the script's author in a stack."""
    theirs = their_frames(stack, script)
    if not theirs:
        return None
    last = theirs[-1]
    return redact_text(f"{Path(last.filename).name}, line {last.lineno}: {last.line}")


def line_of(error: BaseException, script: Path) -> int | None:
    """Return the innermost line of the script's author that an exception passed, None for none."""
    theirs = their_frames(traceback.extract_tb(error.__traceback__), script)
    return theirs[-1].lineno if theirs else None


def at_length(error: BaseException, script: Path) -> str:
    """Format a script's exception for its author: their lines, and what helps."""
    raised = traceback.TracebackException.from_exception(error)
    theirs = their_frames(raised.stack, script)
    lines = ["Traceback (the lines of your script):"] if theirs else []
    lines += [line.rstrip() for line in traceback.StackSummary.from_list(theirs).format()]
    lines += [_without_module(line.rstrip()) for line in raised.format_exception_only()]
    lines += _hints(error)
    return redact_text("\n".join(lines))


def _without_module(line: str) -> str:
    """Drop the lab's module from the name of an error of its own: the author never named it."""
    module = line.partition(": ")[0].rpartition(".")[0]
    return line[len(module) + 1 :] if module.startswith("lab.") else line


def _hints(error: BaseException) -> list[str]:
    """Return hints for common mistakes that Python's own message does not explain."""
    if isinstance(error, SystemExit):
        return ["To end a script, return from it."]
    if isinstance(error, AttributeError) and isinstance(error.obj, dict):
        return [f"It is a dict: write [{error.name!r}] for .{error.name}"]
    if isinstance(error, TypeError) and str(error).startswith("'method' object is not"):
        return ["It is a method: call it first, with ()"]
    if isinstance(error, TypeError) and "multiple values for keyword argument" in str(error):
        return ["The verb gives that one itself. What it does not do, shopper.request() does."]
    if isinstance(error, TypeError) and re.search(r" positional arguments? but ", str(error)):
        return ['Python counts the object itself, too. Give the rest by name, as in server="A"']
    return []
