"""Runs one variant's crowd from the job to the result, with the timetable beside it."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock

import msgspec

from lab.core.faults import STORE
from lab.core.limits import SPARE_FILES, require_open_files, require_processes
from lab.core.text import counted
from lab.crowd.load_profile import LoadProfile
from lab.crowd.loss_audit import DiesWith, audit_losses
from lab.crowd.messages import (
    Begin,
    Begun,
    CrowdJob,
    Done,
    IterationResult,
    NewReport,
    Ready,
    StartJob,
)
from lab.crowd.progress import Progress
from lab.crowd.result import CrowdResult, CrowdSetup, LoggedRequests, crowd_result
from lab.crowd.timetable import Inject, ended_since, run_timetable
from lab.crowd.worker import digest
from lab.crowd.worker_group import WorkerGroup
from lab.evidence.closing import Silence
from lab.processes.waiting import wait_until
from lab.stack.access_log import AccessEntry, AccessLog
from lab.stack.limits import with_limit

RESULTS = "iterations.jsonl"
BALANCER_LOG = "balancer.jsonl"
LOGGED_WITHIN_S = 5.0
Watch = Callable[[Progress], object]
Log = Callable[[str], object]


@dataclass(frozen=True)
class CrowdTarget:
    """The variant that a crowd goes to: its address, its log, and how to inject a fault."""

    variant: str
    url: str
    servers: tuple[str, ...]
    has_store: bool
    folder: Path
    """The folder of the run; each crowd gets a new folder in it."""
    access: AccessLog
    inject: Inject
    dies_with: DiesWith | None
    setup: CrowdSetup
    quick: bool = False
    dead: tuple[str, ...] = ()
    """Servers that were dead before the crowd came."""
    log_of: Callable[[str], str] = lambda server: ""
    """The end of a server's log, "" if the lab cannot read it."""
    is_strange: Callable[[AccessEntry], bool] = lambda entry: False
    """True if an answer in the log came from a process that the lab did not start."""
    breakage: Callable[[], str | None] = lambda: None
    """What is wrong with the balancer itself, if anything, since the target was made."""


class CrowdRun:
    """One crowd, from the job to the last report; a `with` block."""

    def __init__(
        self, progress: Progress, folder: Path, workers: WorkerGroup | None = None
    ) -> None:
        """`folder` takes the record; it must be new. Without `workers` it starts its own."""
        self.progress = progress
        self._folder = folder
        self._given = workers

    def __enter__(self) -> "CrowdRun":
        self._folder.mkdir(mode=0o700, parents=True)
        with ExitStack() as resources:  # closed again if the start fails
            self._results = resources.enter_context((self._folder / RESULTS).open("xb"))
            self._workers = self._given or resources.enter_context(
                WorkerGroup(self.progress.job.profile, self._folder)
            )
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def run(self, inject: Inject, watch: Watch, log: Log) -> None:
        """Run the crowd to its end. `inject` carries out the timetable; `watch` sees each report.

        LabError if the script cannot be run or a worker has ended.
        """
        now, profile = self.progress, self.progress.job.profile
        self._workers.send(StartJob(self._job()))
        self._workers.wait_for(Ready, log)
        self._workers.send(Begin())
        begun = self._workers.wait_for(Begun, log)
        with run_timetable(profile.timetable, inject, begun.at_s, profile.warm_up_s) as injected:
            now.injected = injected
            for report in self._reports():
                self._take(report)
                watch(now)
        now.finished = True

    def results(self) -> Iterator[IterationResult]:
        """Yield what became of each iteration so far, in the order in which it was reported."""
        self._results.flush()
        decode = msgspec.json.Decoder(IterationResult).decode
        with (self._folder / RESULTS).open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):  # Ctrl-C may have come in the middle of the last one
                    yield decode(line)

    def _job(self) -> CrowdJob:
        job = self.progress.job
        return msgspec.structs.replace(
            job, record=str(self._folder.absolute()), sha256=digest(Path(job.profile.script))
        )

    def _reports(self) -> Iterator[NewReport]:
        while not isinstance(message := self._workers.next(), Done):
            if isinstance(message, NewReport):
                yield message

    def _take(self, message: NewReport) -> None:
        self.progress.add(message.report)
        for each in message.report.iterations:
            self._results.write(msgspec.json.encode(each) + b"\n")
        self._results.flush()


MOST_NGINX_FILES = 16384  # nginx's own limit: see worker_rlimit_nofile in its configuration


def require_room(profile: LoadProfile) -> None:
    """Raise LabError if this terminal's limit of open files or processes is too low for a crowd."""
    what = f"a crowd of {counted(profile.shoppers, 'shopper')}"
    # nginx has a connection to each shopper and one to a server for it.
    require_open_files(min(2 * profile.shoppers, MOST_NGINX_FILES) + SPARE_FILES, what)
    if profile.engine == "threads":
        require_processes(profile.shoppers, what)


def run_crowd(
    profile: LoadProfile,
    target: CrowdTarget,
    watch: Watch = lambda progress: None,
    log: Log = lambda line: None,
    workers: WorkerGroup | None = None,
) -> CrowdResult:
    """Run a crowd; `watch` sees each report, `log` gets a line about what is waited for.

    `workers` can serve several crowds, one after another; without them it starts its own. Faults
    that this variant cannot have are left out. LabError if it cannot be done. After Ctrl-C
    the result is of what was known by then, and is marked as interrupted.
    """
    require_room(profile)
    known = (*target.servers, STORE) if target.has_store else target.servers
    possible = tuple(each for each in profile.timetable if each.target in known)
    profile = msgspec.structs.replace(profile, timetable=possible)
    names = (f"{target.variant}-{number}" for number in count(1))
    name = next(each for each in names if not (target.folder / f"crowd-{each}").exists())
    job = CrowdJob(
        name=name, url=target.url, servers=target.servers, profile=profile, quick=target.quick
    )
    progress, interrupted = Progress(target.variant, job), False
    folder = target.folder / f"crowd-{name}"
    with (
        CrowdRun(progress, folder, workers) as crowd,
        _logged_requests(target, f"{name}-w", folder / BALANCER_LOG) as logged,
    ):
        try:
            crowd.run(target.inject, watch, log)
            wait_until(lambda: logged.requests >= progress.tally.responses, LOGGED_WITHIN_S)
        except KeyboardInterrupt:  # what is known so far is still worth something
            interrupted = True
        injected = progress.injected
        logged.breakage = target.breakage()
        ended = ended_since(injected) | dict.fromkeys(target.dead, -math.inf)
        explain = _explainer(target)
        audit = audit_losses(crowd.results(), injected.deaths, target.dies_with, ended, explain)
        return crowd_result(progress, target.setup, audit, logged, interrupted)


def _explainer(target: CrowdTarget) -> Callable[[Silence], str]:
    """Return a function that explains a server's silence, by the limit that its log names."""

    @cache
    def explain(silence: Silence) -> str:
        log = target.log_of(silence.server) if silence.server in target.servers else ""
        return with_limit(str(silence), log)

    return explain


@contextmanager
def _logged_requests(target: CrowdTarget, prefix: str, file: Path) -> Iterator[LoggedRequests]:
    """Count the log entries whose op begins with `prefix`, and write them to a new file."""
    logged, encode, lock = LoggedRequests(), msgspec.json.Encoder().encode, Lock()

    def count_entry(entry: AccessEntry) -> None:
        if entry.op.startswith(prefix):
            logged.requests += 1
            logged.retried += "," in entry.upstream_addr
            logged.strange += target.is_strange(entry)
            with lock:  # an entry may be on its way here when the file is closed
                if not lines.closed:
                    lines.write(encode(entry) + b"\n")

    with file.open("xb") as lines:
        stop = target.access.subscribe(count_entry)
        try:
            yield logged
        finally:
            stop()
            with lock:
                lines.close()
