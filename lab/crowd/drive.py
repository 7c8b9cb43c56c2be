"""One crowd from beginning to end: what it is to do, the doing, and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path

from lab.crowd.forecast import reckon
from lab.crowd.host import Hit, Host, Progress
from lab.crowd.outcome import Outcome
from lab.crowd.plan import Job, Plan
from lab.stack.access import AccessEntry, AccessLog
from lab.stack.waiting import wait_until

LOG_DEADLINE_S = 5.0


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
    dies_with_process: bool
    """Whether a cart dies with the process that acknowledged it."""
    quick: bool = False


def drive(
    plan: Plan,
    scene: Scene,
    watch: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
    listen: str = "127.0.0.1:0",
) -> Outcome:
    """Carry out a plan; `watch` sees each report, `say` is told what is waited for.

    `listen` is where workers on other machines join. LabError where it cannot be done. After
    Ctrl-C the outcome is of what was known by then, and says so.
    """
    names = (f"{scene.lane}-{number}" for number in count(1))
    lane = next(name for name in names if not (scene.folder / f"crowd-{name}").exists())
    shared = {field.name for field in fields(Job)} & {field.name for field in fields(Plan)}
    job = Job(
        lane=lane,
        url=scene.url,
        servers=scene.servers,
        quick=scene.quick,
        **{name: getattr(plan, name) for name in shared},
    )
    folder = scene.folder / f"crowd-{lane}"
    with _counted(scene.access, f"{lane}-w") as logged, Host(plan, job, folder, listen) as host:
        progress, interrupted = host.progress, False
        try:
            host.run(scene.hit, watch, say)
        except KeyboardInterrupt:  # what is known so far is still worth something
            interrupted = True
        if not interrupted:
            wait_until(lambda: logged() >= progress.tally.answered, LOG_DEADLINE_S)
        ledger = reckon(host.settled(), progress.deaths, scene.dies_with_process)
        return Outcome(scene.lane, plan, progress, ledger, logged(), interrupted)


@contextmanager
def _counted(log: AccessLog, prefix: str) -> Iterator[Callable[[], int]]:
    """Count what the balancer logs of ops that begin like that, without keeping it."""
    seen = [0]

    def note(entry: AccessEntry) -> None:
        seen[0] += entry.op.startswith(prefix)

    stop = log.subscribe(note)
    try:
        yield lambda: seen[0]
    finally:
        stop()
