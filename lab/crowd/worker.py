"""The part of a generator process that is the same whatever drives it: shoppers, journal, end."""

import hashlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from lab.core.errors import LabError
from lab.crowd.journal import Journal
from lab.crowd.load_profile import Job
from lab.crowd.virtual_user import Script, VirtualUser
from lab.evidence.transport import Transport

REPORT_EVERY_S = 0.5
SOON_S = 0.3  # from the word "begin" to the first turn: everybody has heard it by then


class CrowdWorker:
    """The shoppers of one process, with their journal and an eye on the process itself."""

    def __init__(self, job: Job, worker: int, transport: Callable[[], Transport]) -> None:
        """LabError if the script is not there, or not the one that the job names."""
        path = Path(job.record) / f"exchanges-{worker:d}.jsonl" if job.record else None
        self.job = job
        self.journal = Journal(job.lane, path, job.warm_up_s, worker)
        self._script = load_script(job)
        self._transport = transport
        self._visitors: list[VirtualUser] = []
        self._process = psutil.Process()
        self._last_cpu_s = self._cpu_s()
        self._last_at = time.monotonic()

    def visitor(self, number: int) -> VirtualUser:
        """Return the shopper of that number."""
        visitor = VirtualUser(number, self.job, self._script, self.journal, self._transport)
        self._visitors.append(visitor)
        return visitor

    def time_left_s(self) -> float:
        """Return how long the doors stay open: to the end, or until everybody came once."""
        return 0.0 if self.job.once else max(0.0, self.job.end_s - self.journal.now_s())

    def left_to_settle(self) -> Iterable[Callable[[], None]]:
        """Close the doors; return what is still to be done: everybody's closing look."""
        self.journal.closing = True
        return [lambda each=each: each.settle(again=True) for each in self._visitors]  # type: ignore[misc]

    def report(self) -> dict[str, Any]:
        """Return what is new since the last report, and how this process is doing.

        `cpu` is its share of one core since then, `rss` its memory in bytes.
        """
        now, cpu_s = time.monotonic(), self._cpu_s()
        share = (cpu_s - self._last_cpu_s) / max(1e-6, now - self._last_at)
        self._last_at, self._last_cpu_s = now, cpu_s
        rss = self._process.memory_info().rss
        return self.journal.report() | {"cpu": round(share, 3), "rss": rss}

    def _cpu_s(self) -> float:
        return sum(self._process.cpu_times()[:2])


def load_script(job: Job) -> Script:
    """Return the function a job names. Its file is run: it is the user's own, and trusted."""
    path = Path(job.script)
    if job.sha256 and digest(path) != job.sha256:
        raise LabError(f"{path} is not the script of the others: copy theirs to this machine")
    spec = importlib.util.spec_from_file_location(f"script_of_a_crowd_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise LabError(f"{path} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    function: Script = getattr(module, job.function)
    return function


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. LabError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise LabError(f"cannot read {path}: {error.strerror}") from None
