"""Which limit of the machine a server ran into, as the end of its log names it."""

import re

_NAMED_ERROR = re.compile(
    r"^(?:\w+\.)*(?:(?:OSError|BlockingIOError): \[Errno \d+\] .*|MemoryError.*|"
    r"RuntimeError: can't start new thread.*)$",
    re.MULTILINE,
)
MOST_CHARACTERS = 120


def limit_in(log: str) -> str:
    """Return the last error of the operating system in a log, "" if it has none."""
    found = _NAMED_ERROR.findall(log)
    return found[-1].strip()[:MOST_CHARACTERS] if found else ""


def with_limit(cause: str, log: str) -> str:
    """Return why a server was silent with the limit that its log names, if it names one."""
    limit = limit_in(log)
    return f"{cause} (its log: {limit})" if limit and limit not in cause else cause
