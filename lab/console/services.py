"""The parts of the console that its routes use, passed in so that tests can replace them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lab.console.customers import Customers
from lab.console.events import LessonEvent
from lab.console.experiment_run import ExperimentRun
from lab.console.feed import Feed
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns
from lab.console.lesson.plan import Lesson
from lab.console.playground import Playground
from lab.core.errors import LabError

NOTHING_RUNS = "no servers are running, this page shows kept runs only: start them with `lab up`"


@dataclass(frozen=True)
class LiveConsole:
    """The parts that exist only while servers run."""

    playground: Playground
    feed: Feed
    customers: Customers
    experiment_run: ExperimentRun


class RecordedLesson(Protocol):
    """The newest recording of the lesson that is kept here."""

    def is_at_hand(self) -> bool:
        """Return True if a recording is kept."""

    def page(self) -> str:
        """Return the page that plays the recording; LabError if there is none."""


@dataclass(frozen=True)
class Services:
    """All parts of the console. `running` is None in `lab play`."""

    guard: Guard
    runs: KeptRuns
    lesson: Lesson
    running: LiveConsole | None = None
    own_stages: bool = False
    """True if a browser without rights may have a stage of its own."""
    has_room: bool = False
    """True if phones take part (`lab class`)."""
    on_lesson: Callable[[LessonEvent, str], object] = lambda event, browser: None
    """Gets each place in the lesson, and the browser that presents; "" for a terminal."""
    recorded: RecordedLesson | None = None
    played: str = ""
    """The packed recording that the page plays (`lab play`); "" in a page of live servers."""

    @property
    def live(self) -> LiveConsole:
        """Return the live parts; raise LabError if nothing runs."""
        if self.running is None:
            raise LabError(NOTHING_RUNS)
        return self.running
