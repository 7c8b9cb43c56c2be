"""One crowd from beginning to end: what it is to do, the doing, and what came of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from lab.crowd.crowd_run import CrowdRun, Progress
from lab.crowd.load_profile import LoadProfile
from lab.crowd.loss_audit import reckon
from lab.crowd.result import CrowdResult, Logged
from lab.crowd.timetable import Hit
from lab.crowd.worker_group import WorkerGroup
from lab.processes.waiting import wait_until
from lab.stack.access_log import AccessEntry, AccessLog

LOGGED_WITHIN_S = 5.0


@dataclass(frozen=True)
class Scene:
    """Where a crowd goes: a lane, its balancer's log, and how what stands there is broken."""

    lane: str
    url: str
    servers: tuple[str, ...]
    folder: Path
    """Of the run; each crowd gets a new folder in it."""
    access: AccessLog
    hit: Hit
    dies_with: str | None
    """What a cart dies with that the timetable may kill: "process", "store", None for neither."""
    setup: Mapping[str, Any]
    """How the lane is set up, for the report: store, servers, affinity, retry."""
    quick: bool = False


def drive(
    plan: LoadProfile,
    scene: Scene,
    watch: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
    crew: WorkerGroup | None = None,
) -> CrowdResult:
    """Carry out a plan; `watch` sees each report, `say` is told what is waited for.

    `crew` shops for several lanes, one after another (None: a new one for this). LabError
    where it cannot be done. After Ctrl-C the outcome is of what was known by then, and says so.
    """
    names = (f"{scene.lane}-{number}" for number in count(1))
    lane = next(name for name in names if not (scene.folder / f"crowd-{name}").exists())
    job = plan.job(lane, scene.url, scene.servers, scene.quick)
    folder = scene.folder / f"crowd-{lane}"
    with _counted(scene.access, f"{lane}-w") as logged, CrowdRun(plan, job, folder, crew) as host:
        progress, interrupted = host.progress, False
        try:
            host.run(scene.hit, watch, say)
            wait_until(lambda: logged.requests >= progress.tally.answered, LOGGED_WITHIN_S)
        except KeyboardInterrupt:  # what is known so far is still worth something
            interrupted = True
        ledger = reckon(host.settled(), progress.deaths, scene.dies_with)
        return CrowdResult(scene.lane, plan, scene.setup, progress, ledger, logged, interrupted)


@contextmanager
def _counted(log: AccessLog, prefix: str) -> Iterator[Logged]:
    """Count what the balancer logs of ops that begin like that, without keeping it."""
    logged = Logged()

    def note(entry: AccessEntry) -> None:
        if entry.op.startswith(prefix):
            logged.requests += 1
            logged.retried += "," in entry.upstream_addr

    stop = log.subscribe(note)
    try:
        yield logged
    finally:
        stop()
