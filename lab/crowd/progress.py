"""The progress of a crowd: the sum of its workers' reports."""

import msgspec

from lab.crowd.messages import CrowdJob, WorkerReport
from lab.crowd.tally import Tally
from lab.crowd.timetable import InjectedFaults
from lab.evidence.cart_tracker import Fate


class Progress(msgspec.Struct):
    """The state of one variant's crowd; grows with each report until it is `finished`.

    What concerns one worker is kept by the worker's number.
    """

    variant: str
    job: CrowdJob
    tally: Tally = msgspec.field(default_factory=Tally)
    at_s: float = 0.0
    in_flight: dict[int, int] = {}
    busiest: float = 0.0
    """The largest share of a core that a worker took in the measured time."""
    rss: dict[int, int] = {}
    kept: int = 0
    lost: int = 0
    injected: InjectedFaults = msgspec.field(default_factory=InjectedFaults)
    trouble: str | None = None
    """The error of the first script that raised."""
    finished: bool = False

    def add(self, report: WorkerReport) -> None:
        """Add what one worker reports."""
        self.tally.add(report.tally)
        self.at_s = max(self.at_s, report.at_s)
        self.in_flight[report.worker] = report.in_flight
        self.rss[report.worker] = report.rss
        if self.job.profile.warm_up_s < report.at_s and not report.closing:
            self.busiest = max(self.busiest, report.cpu)
        self.trouble = self.trouble or report.trouble
        fates = [each.fate for each in report.iterations]
        self.kept += fates.count(Fate.KEPT)
        self.lost += fates.count(Fate.LOST)
