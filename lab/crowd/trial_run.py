"""One iteration before a crowd comes, by one shopper: how many requests it has, and when a cart."""

import msgspec

from lab.crowd.expectation import TrialRun
from lab.crowd.journal import Journal
from lab.crowd.messages import CrowdJob
from lab.crowd.pacer import RunOver
from lab.crowd.virtual_user import VirtualUser
from lab.crowd.worker import load_script
from lab.evidence.cart_tracker import CartTracker
from lab.evidence.exchange import Exchange
from lab.evidence.requests_transport import RequestsTransport

TRIED_REQUESTS = 500  # a script that makes more counts as endless
TRIED_FOR_S = 10.0


def trial_run(job: CrowdJob) -> TrialRun:
    """Send one iteration of the job's script, its looks at the cart included, and count.

    LabError if no crowd can run the script.
    """
    profile = msgspec.structs.replace(
        job.profile,
        shoppers=1,
        rate=None,
        once=False,
        warm_up_s=0.0,
        for_s=TRIED_FOR_S,
        timetable=(),
    )
    journal = _Counting(job.name)
    job = msgspec.structs.replace(job, profile=profile)
    user = VirtualUser(0, job, load_script(job), journal, RequestsTransport, None)
    journal.begin(journal.clock.monotonic())
    try:
        user.iterate_once()
    except RunOver:
        return TrialRun(0, journal.cart_at)
    return TrialRun(journal.requests, journal.cart_at)


class _Counting(Journal):
    """A journal that keeps nothing: it counts the requests up to the first acknowledged cart."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None, 0.0)
        self.requests = 0
        self.cart_at = 0
        self._tracker = CartTracker()

    def append(self, exchange: Exchange, by_the_lab: bool = False) -> None:
        """Count one exchange; RunOver after so many that the script seems to have no end."""
        super().append(exchange, by_the_lab)
        self.requests += 1
        self._tracker.note(exchange)
        if not self.cart_at and self._tracker.owed is not None:
            self.cart_at = self.requests
        if self.requests >= TRIED_REQUESTS:
            raise RunOver
