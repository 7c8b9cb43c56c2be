"""The part of a worker process that both engines share: its shoppers, its journal, its end."""

import hashlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import psutil

from lab.core.errors import LabError, reason
from lab.core.neighbours import new_module
from lab.crowd.journal import Journal
from lab.crowd.messages import CrowdJob, WorkerReport
from lab.crowd.virtual_user import Script, VirtualUser
from lab.evidence.transport import Transport

REPORT_EVERY_S = 0.5
SOON_S = 0.3  # pause between `Begin` and the first request: every worker has it by then


class CrowdWorker:
    """The virtual users of one process, with their journal and the process's own resources."""

    def __init__(self, job: CrowdJob, worker: int, transport: Callable[[], Transport]) -> None:
        """Raise LabError if the script does not exist, or is not the one that the job names."""
        path = Path(job.record) / f"exchanges-{worker:d}.jsonl" if job.record else None
        self.job = job
        self.journal = Journal(job.name, path, job.profile.warm_up_s, worker)
        self._script = load_script(job)
        self._transport = transport
        self._arrivals = job.profile.arrivals
        self._users: list[VirtualUser] = []
        self._process = psutil.Process()
        self._last_cpu_s = self._cpu_s()
        self._last_at = time.monotonic()

    def virtual_user(self, number: int) -> VirtualUser:
        """Return a new virtual user, number `number` of the crowd."""
        user = VirtualUser(
            number, self.job, self._script, self.journal, self._transport, self._arrivals
        )
        self._users.append(user)
        return user

    def time_left_s(self) -> float:
        """Return the seconds left of the run; 0 if each shopper iterates once."""
        profile = self.job.profile
        return 0.0 if profile.once else max(0.0, profile.end_s - self.journal.now_s())

    def closing_reads(self) -> Iterable[Callable[[], None]]:
        """End the measured time; return the closing read of each user, still to be done."""
        self.journal.closing = True
        return [partial(user.settle, again=True) for user in self._users]

    def report(self) -> WorkerReport:
        """Return what is new since the last report, with the process's share of a core."""
        now, cpu_s = time.monotonic(), self._cpu_s()
        share = (cpu_s - self._last_cpu_s) / max(1e-6, now - self._last_at)
        self._last_at, self._last_cpu_s = now, cpu_s
        return self.journal.report(round(share, 3), self._process.memory_info().rss)

    def _cpu_s(self) -> float:
        return sum(self._process.cpu_times()[:2])


def load_script(job: CrowdJob) -> Script:
    """Return the function a job names. Its file is run: it is the user's own, and trusted."""
    path = Path(job.profile.script)
    if job.sha256 and digest(path) != job.sha256:
        raise LabError(f"{path} is not the script of the others: copy theirs to this machine")
    module, run_file = new_module(path, "script_of_a_crowd")
    run_file()
    function: Script = getattr(module, job.profile.function)
    return function


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. LabError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise LabError(
            f"cannot read {path}: {reason(error)}; give a script that can be read"
        ) from None
