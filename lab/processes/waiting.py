"""Waiting, in one place: on a condition, with a monotonic deadline."""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lab.core.text import without_codes

S = TypeVar("S")
T = TypeVar("T")
READY_TIMEOUT_S = 20.0
POLL_S = 0.01
MOST_ANSWER_BYTES = 1 << 20


def wait_until(
    condition: Callable[[], object], timeout_s: float, *, every_s: float = POLL_S
) -> bool:
    """Ask `condition` until it holds (True) or `timeout_s` seconds have passed (False).

    It is asked at least once, and once more after the deadline, so a slow machine that
    slept through the deadline still gets the true answer.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return bool(condition())
        time.sleep(every_s)
    return True


def at_once(act: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """Call `act` on all items at the same time; return the results, or raise the first error."""
    with ThreadPoolExecutor(len(items) or 1, thread_name_prefix="at-once") as hands:
        doing = [hands.submit(act, item) for item in items]
    return [each.result() for each in doing]


def get(
    port: int,
    path: str,
    timeout_s: float = 2.0,
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> tuple[int, bytes] | None:
    """Send a GET to `host`:`port`; return status and body, or None if nothing answers.

    `http.client` and a new connection each time: a readiness poll must be cheap, and must
    not be answered over a connection that belongs to an earlier process.
    """
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read(MOST_ANSWER_BYTES)  # an answer may never end
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def last_lines(log_path: Path, start: int = 0, most: int = 12) -> list[str]:
    """Return the last lines of a log from byte `start` on, as text; none where there is no log."""
    try:
        with log_path.open("rb") as log:
            log.seek(start)
            text = log.read().decode(errors="replace")
    except OSError:
        text = ""
    return without_codes(text).strip().splitlines()[-most:]


def end_of(log_path: Path, start: int = 0, lines: int = 12) -> str:
    """Return the last lines of a log from byte `start` on, indented for an error message."""
    tail = last_lines(log_path, start, lines) or ["(it wrote nothing)"]
    return f"the end of {log_path}:\n" + "\n".join(f"    {line}" for line in tail)
