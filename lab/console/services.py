"""What the console's routes work with, handed to them so that each can be tried alone."""

from dataclasses import dataclass
from typing import Any

from lab.console.customers import Customers
from lab.console.experiment_run import ExperimentRun
from lab.console.feed import Feed
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns
from lab.console.playground import Playground
from lab.core.errors import LabError

Json = dict[str, Any]

NOTHING_RUNS = (
    "nothing runs here, this page shows kept runs only: start `lab up` for servers that do"
)


@dataclass(frozen=True)
class LiveConsole:
    """What there is only while servers run."""

    stage: Playground
    feed: Feed
    customers: Customers
    rehearsal: ExperimentRun


@dataclass(frozen=True)
class Services:
    """Everything behind the page. `running` is None in `lab play`."""

    guard: Guard
    runs: KeptRuns
    lesson: Json
    running: LiveConsole | None = None

    @property
    def live(self) -> LiveConsole:
        """What runs; LabError that says how to have it where nothing does."""
        if self.running is None:
            raise LabError(NOTHING_RUNS)
        return self.running
