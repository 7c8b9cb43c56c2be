"""Runs one bundled experiment or crowd at a time next to the stage, on servers of its own."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from lab.console.events import RunEvent
from lab.console.lesson import questions
from lab.core.errors import LabError, describe_failure
from lab.core.redaction import redact_text
from lab.core.run_folder import new_run_folder
from lab.evidence.record import LiveEvent
from lab.experiments.runner import Run

CROWD_RUN = "crowd"
COUNT_EVERY_S = 0.5
END_DEADLINE_S = 20.0  # longer than any wait of a bundled script between two requests


class Stopped(KeyboardInterrupt):
    """Stops a run as Ctrl-C does: it leaves its `with` blocks and is kept."""


class ExperimentRun:
    """At most one run in the background; `publish` is called with its events."""

    def __init__(self, root: Path, publish: Callable[[RunEvent], object]) -> None:
        self._root = root
        self._publish = publish
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._name: str | None = None

    @property
    def running(self) -> str | None:
        """The name of the running experiment, or None."""
        return self._name

    def start(self, name: str, predicted: int | None = None, confidence: str = "guess") -> str:
        """Run the bundled experiment `name`, quick; return the name of its run's folder.

        `predicted` is the index of a choice of its question, sealed before anything starts.
        Raise LabError if there is no such experiment or choice, or if another one is running.
        """
        experiment = questions.bundled(name)
        if experiment is None:
            raise LabError("no bundled experiment has this name: `lab list` shows all")
        prediction = questions.sealed(experiment, predicted, confidence)
        if predicted is not None and prediction is None:
            raise LabError("no such choice: send its number, from 0, and a confidence")

        def perform(folder: Path, progress: "_Progress") -> int | None:
            run = Run(
                folder, progress.line, progress.event, seed=secrets.randbelow(2**32), quick=True
            )
            with closing(run):
                result = run.perform(experiment, experiment.variants_for(quick=True), prediction)
            return questions.observed(experiment, result)

        return self._begin(experiment.name, perform)

    def start_crowd(self, shoppers: int) -> str:
        """Send a crowd to both desks (see `run_page_crowd`); return the name of its folder.

        Raise LabError if something else is running.
        """
        from lab.console.page_crowd import run_page_crowd  # a crowd takes long to import

        def perform(folder: Path, progress: "_Progress") -> None:
            run_page_crowd(folder, shoppers, progress.counts)

        return self._begin(CROWD_RUN, perform)

    def _begin(self, name: str, perform: "Callable[[Path, _Progress], int | None]") -> str:
        with self._starting:
            if busy := self.running:
                raise LabError(f"{busy} is running: wait until it has ended, then start {name}")
            if self._stop.is_set():
                raise LabError("the lab is being stopped: start it again with `lab up`")
            folder = new_run_folder(self._root, name)
            self._name = name
            progress = _Progress(name, folder.name, self._publish, self._stop)
            progress.line(f"{name}: starting")
            self._thread = threading.Thread(
                target=self._perform,
                args=(partial(perform, folder, progress), progress),
                name=f"run of {name}",
                daemon=True,
            )
            self._thread.start()
        return folder.name

    def close(self) -> None:
        """Stop the current run with its processes, and refuse further ones.

        A script notices at its next request, fault or step. One that does not within the
        deadline is abandoned: its servers end with the lab's process.
        """
        self._stop.set()
        with self._starting:
            if self._thread:
                self._thread.join(END_DEADLINE_S)

    def _perform(self, perform: Callable[[], int | None], progress: "_Progress") -> None:
        try:
            end = partial(progress.end, "done", observed=perform())
        except Stopped:
            end = partial(progress.end, "failed", trouble="stopped before it was done")
        except Exception as error:  # the page waits for an end, whatever went wrong
            end = partial(progress.end, "failed", trouble=redact_text(describe_failure(error)))
        self._name = None  # first: the page may start the next one at once
        end()


class _Progress:
    """Publishes a run's progress; it raises `Stopped` from a report to stop the run."""

    def __init__(
        self, name: str, folder: str, publish: Callable[[RunEvent], object], stop: threading.Event
    ) -> None:
        self._name = name
        self._folder = folder
        self._publish = publish
        self._stop = stop
        self._line = ""
        self._servers: Mapping[str, Mapping[str, int]] = {}
        self._numbers = itertools.count(1)  # scripts act in several threads
        self._counted_at_s = 0.0

    def line(self, line: str) -> None:
        """Publish a step, in words."""
        self._check()
        self._line = line
        self._say("running")

    def counts(self, line: str, servers: Mapping[str, Mapping[str, int]]) -> None:
        """Publish how far a crowd is: a line, and the requests of each server of each desk."""
        self._servers = dict(servers)
        self.line(line)

    def event(self, variant: str, event: LiveEvent) -> None:
        """Count an exchange or a fault; publish the count now and then."""
        self._check()
        number = next(self._numbers)
        now_s = time.monotonic()
        if now_s - self._counted_at_s >= COUNT_EVERY_S:
            self._counted_at_s = now_s
            self._say("running", f" · {number} requests and faults so far")

    def end(self, state: str, trouble: str | None = None, observed: int | None = None) -> None:
        """Publish how the run ended: "done" or "failed"."""
        self._line = ""
        self._say(state, trouble=trouble, observed=observed)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _say(
        self,
        state: str,
        counted: str = "",
        trouble: str | None = None,
        observed: int | None = None,
    ) -> None:
        self._publish(
            RunEvent(
                state=state,
                experiment=self._name,
                line=self._line + counted,
                run=self._folder,
                trouble=trouble,
                observed=observed,
                servers=self._servers,
            )
        )
