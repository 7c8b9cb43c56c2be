"""Sees one lane's crowd through: collects what is reported while the timetable is carried out."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.crowd.json_channel import Message
from lab.crowd.load_profile import Job, LoadProfile
from lab.crowd.tally import Tally
from lab.crowd.timetable import Ended, Hit, InjectedFault, timetable
from lab.crowd.virtual_user import IterationResult
from lab.crowd.worker import digest
from lab.crowd.worker_group import WorkerGroup

SETTLED = "visits.jsonl"


@dataclass
class Progress:
    """How far a lane's crowd is: what a view shows, and what is left at the end."""

    job: Job
    tally: Tally = field(default_factory=Tally)
    at_s: float = 0.0
    in_flight: dict[int, int] = field(default_factory=dict)
    cpu: dict[int, float] = field(default_factory=dict)
    """Each generator's share of one core, since its last report."""
    busiest: float = 0.0
    """The largest share of a core that a generator took in the measured time."""
    rss: dict[int, int] = field(default_factory=dict)
    fates: dict[str, int] = field(default_factory=dict)
    struck: list[InjectedFault] = field(default_factory=list)
    deaths: list[Ended] = field(default_factory=list)
    """Of processes, by the timetable; in seconds after the start."""
    trouble: str | None = None
    """What the first visit that broke has said."""
    finished: bool = False


Watch = Callable[[Progress], None]


class CrowdRun:
    """One lane's crowd, from the job to the last report; a `with` block."""

    def __init__(
        self, plan: LoadProfile, job: Job, folder: Path, crew: WorkerGroup | None = None
    ) -> None:
        """`folder` takes the record; it must be new. `crew` is there already (None: its own)."""
        self._plan = plan
        self.progress = Progress(job)
        self._folder = folder
        self._theirs = crew
        self._resources = ExitStack()

    def __enter__(self) -> "CrowdRun":
        try:
            self._folder.mkdir(mode=0o700, parents=True)
            ledger = (self._folder / SETTLED).open("w", encoding="utf-8")
            self._ledger = self._resources.enter_context(ledger)
            own = None if self._theirs else WorkerGroup(self._plan, self._folder)
            self._crew = self._theirs or self._resources.enter_context(own)  # type: ignore[arg-type]
        except BaseException:
            self._resources.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def run(self, hit: Hit, watch: Watch, say: Callable[[str], None]) -> None:
        """Shop until it is over. `hit` does what the timetable says; `watch` sees each report.

        LabError where the script cannot be run or a generator is gone.
        """
        self._crew.send({"job": self._as_sent()})
        self._crew.until("ready", say)
        self._crew.send({"begin": True})
        begun_s = float(self._crew.until("begun", say)["begun"])
        now = self.progress
        with timetable(self._plan.timetable, hit, begun_s, now.job.warm_up_s) as happened:
            now.struck, now.deaths = happened.struck, happened.deaths
            for message in self._reports():
                self._take(message)
                watch(now)
        now.finished = True

    def settled(self) -> Iterator[IterationResult]:
        """Yield what became of each visit, in the order in which it was noted."""
        self._ledger.flush()
        with (self._folder / SETTLED).open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # Ctrl-C may have come in the middle of the last one
                    yield IterationResult(*json.loads(line))

    def _as_sent(self) -> dict[str, Any]:
        job = asdict(self.progress.job)
        folder = str(self._folder.absolute())
        return job | {"record": folder, "sha256": digest(Path(job["script"]))}

    def _reports(self) -> Iterator[Message]:
        while "done" not in (message := self._crew.next()):
            yield message
        if message["done"]:
            yield {"report": message["done"], "worker": 0}

    def _take(self, message: Message) -> None:
        report, worker, now = message["report"], message["worker"], self.progress
        now.tally.add(Tally.unpacked(report["tally"]))
        now.at_s = max(now.at_s, report["at_s"])
        now.in_flight[worker] = report["in_flight"]
        now.cpu[worker], now.rss[worker] = report["cpu"], report["rss"]
        if now.job.warm_up_s < report["at_s"] and not report["closing"]:
            now.busiest = max(now.busiest, report["cpu"])
        now.trouble = now.trouble or report["trouble"]
        for line in report["settled"]:
            self._ledger.write(json.dumps(line) + "\n")
            fate = IterationResult(*line).fate or "nothing owed"
            now.fates[fate] = now.fates.get(fate, 0) + 1
        self._ledger.flush()
