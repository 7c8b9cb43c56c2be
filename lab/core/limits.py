"""Checks the system's limits of open files and processes before a run meets them."""

import errno
import os
from contextlib import suppress

from lab.core.errors import LabError

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

SPARE_FILES = 32  # logs, pipes and listening sockets of one process
_ALL_SEEN_BELOW = 4096  # a higher limit is never met here, and counting processes is slow
_SYMPTOMS = ("can't start new thread", "[Errno 11]", "Resource temporarily unavailable")


def require_open_files(needed: int, what: str) -> None:
    """Let this process and its children have `needed` open files; LabError if they may not."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) or needed <= soft:
        return
    if needed > hard:
        raise LabError(
            f"a program may have {hard} files open here (ulimit -n), and {what} needs {needed}: "
            f"raise the limit (ulimit -n {needed}), or ask for less"
        )
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def require_processes(needed: int, what: str) -> None:
    """Raise LabError if this user may not start `needed` more processes and threads."""
    limit = _most_processes()
    if limit is None:
        return
    used = _processes_in_use()
    if used + needed > limit:
        raise LabError(
            f"you may have {limit} processes and threads here (ulimit -u), {used} are in use, and "
            f"{what} needs {needed} more: raise the limit (ulimit -u {used + needed}), or ask "
            "for less"
        )


def limit_met(error: BaseException) -> str:
    """Return which limit an error comes from and what to do; "" if it comes from none."""
    number = error.errno if isinstance(error, OSError) else None
    if resource is not None and number in (errno.EMFILE, errno.ENFILE):
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return (
            f"a program may have {soft} files open here (ulimit -n), and that was too few: raise "
            f"the limit (ulimit -n {4 * soft}), or ask for less"
        )
    cannot_start = isinstance(error, RuntimeError | BlockingIOError | MemoryError)
    if cannot_start and any(symptom in str(error) for symptom in _SYMPTOMS):
        limit = _most_processes()
        which = f"you may have {limit} here (ulimit -u)" if limit else "the system has no room"
        return f"a process or a thread could not be started, {which}: raise the limit, or end some"
    return ""


def _most_processes() -> int | None:
    """The limit of this user's processes and threads; None if there is none to be met."""
    if resource is None or not hasattr(resource, "RLIMIT_NPROC") or os.getuid() == 0:
        return None  # root has no limit
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    return soft if 0 <= soft < _ALL_SEEN_BELOW else None


def _processes_in_use() -> int:
    import psutil  # only where a limit is near

    used = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                used += process.num_threads()
    return used
