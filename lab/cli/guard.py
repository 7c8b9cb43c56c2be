"""Ends a command that is cut short: prints why, and chooses the exit status.

Status 1 is a finding ("an expectation was not met", "state was found"), so no failure of the
lab's own may end with it.
"""

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from rich.text import Text

from lab.cli import plain_stream
from lab.cli.output import EXIT_INTERRUPTED, err
from lab.core import run_folder
from lab.core.errors import LabError, reason
from lab.core.limits import limit_met
from lab.core.redaction import redact_text

EXIT_FAILED = 2
_DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def end(error: BaseException) -> int:
    """Say why a command ended early; return the exit status. No empty run folder is left."""
    run_folder.discard_empty()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else EXIT_FAILED if error.code else 0
    if isinstance(error, KeyboardInterrupt | click.Abort):
        at = "".join(f" at {line}" for line in getattr(error, "__notes__", []))
        _say(f"lab: stopped{at}; nothing is left running", "")
        return EXIT_INTERRUPTED
    if isinstance(error, click.ClickException):
        with suppress(OSError):  # the terminal is gone
            error.show()
        return EXIT_FAILED
    _say(f"lab: {explanation(error)}")
    return EXIT_FAILED


@contextmanager
def broken_pipes_are_errors() -> Iterator[None]:
    """Take the error number off a BrokenPipeError: click would end with status 1 for it.

    The error comes from a pipe or connection inside the lab: output that is not read raises none.
    """
    try:
        yield
    except BrokenPipeError as error:
        raise BrokenPipeError(str(error)) from error


def status_after_output(status: int) -> int:
    """Write what waits on stdout; return the exit status, 2 in place of 0 if output was lost."""
    with suppress(OSError, ValueError):  # ValueError: a script has closed it
        sys.stdout.flush()
    if (lost := plain_stream.failure()) is None:
        return status
    folder = run_folder.newest()
    kept = f"; the run is kept in {folder}" if folder else ""
    why = "the disk is full" if lost.errno in _DISK_FULL else reason(lost)
    _say(f"lab: the output could not be written: {why}{kept}")
    return status or EXIT_FAILED


def explanation(error: BaseException) -> str:
    """Return what happened and what to do next; keep the traceback of the unexpected."""
    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return _disk_full(error)
    if limit := limit_met(error):
        return limit
    kept = keep_traceback(error)
    what = " ".join(redact_text(f"{type(error).__name__}: {error}").split())
    return f"a fault of the lab, not a result: {what}; {kept}"


def keep_traceback(error: BaseException) -> str:
    """Write the traceback beside the run that it ended; return what to do with it."""
    text = redact_text("".join(traceback.format_exception(error)))
    with suppress(OSError):
        folder = run_folder.newest()
        path = folder / "traceback.txt" if folder and folder.is_dir() else _temporary()
        path.write_text(text, encoding="utf-8")
        return f"try again, and if it comes again report it with {path}"
    _say(text.rstrip(), "")  # no file can be written
    return "try again, and if it comes again report it with the lines above"


def _temporary() -> Path:
    number, name = tempfile.mkstemp(prefix="two-desks-", suffix="-traceback.txt")  # mode 0600
    os.close(number)
    return Path(name)


def _disk_full(error: OSError) -> str:
    where = f"of {error.filename}" if error.filename else "that is written to"
    folder = run_folder.newest()
    kept = f"what was written before is kept in {folder}" if folder else "nothing was kept"
    return f"the disk {where} is full; {kept}: make room, or write to another disk"


def _say(text: str, style: str = "red") -> None:
    with suppress(OSError, ValueError):  # stderr is gone too: the status is all that is left
        err.print(Text(text, style), soft_wrap=True)  # a path stays in one piece
