"""The part of the Locust engine between the lab and the workers; `locust_worker` starts it."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gevent
import msgspec
from locust.env import Environment
from locust.runners import MasterRunner, Runner

from lab.core.errors import LabError
from lab.crowd.json_channel import JsonChannel
from lab.crowd.messages import (
    Begun,
    CrowdJob,
    Done,
    NewReport,
    Ready,
    StartJob,
    WorkerReport,
    WorkersHere,
)
from lab.crowd.worker import SOON_S

GREENLET_POLL_S = 0.02
# Locust's own messages carry them. JOB has a `JobForWorker`, REPORT and DONE a `WorkerReport`,
# both as JSON; READY the worker's number, BEGIN the seconds until the start, ERROR a text.
LAB_JOB, LAB_READY, LAB_BEGIN, LAB_REPORT, LAB_DONE, LAB_ERROR = (
    f"lab_{word}" for word in ("job", "ready", "begin", "report", "done", "error")
)


class JobForWorker(msgspec.Struct, frozen=True):
    """A job for one of several workers: it runs every `workers`-th user, from `worker` on."""

    job: CrowdJob
    worker: int
    workers: int


class LocustMaster:
    """Hands out jobs, starts all workers at once, and passes their reports on to the lab."""

    def __init__(self, environment: Environment, channel: JsonChannel, workers: int) -> None:
        self._runner: Runner = environment.runner  # type: ignore[assignment]
        self._channel = channel
        self._workers = workers
        self._ready: set[int] = set()
        self._done: set[int] = set()
        self._error: str | None = None
        self._clients: Sequence[str | None] = ()
        on: dict[str, Callable[[Any], object]] = {
            LAB_READY: lambda worker: self._ready.add(int(worker)),
            LAB_REPORT: self._on_report,
            LAB_DONE: lambda data: self._done.add(self._on_report(data)),
            LAB_ERROR: self._on_error,
        }
        for kind, act in on.items():
            self._runner.register_message(kind, partial(_with_data, act))

    def run(self) -> None:
        """Do one job after another, until the lab closes the channel."""
        while (message := self._channel.receive()) is not None:
            if isinstance(message, StartJob):
                self._do(message.job)

    def _do(self, job: CrowdJob) -> None:
        """Do one job, from handing it out to the last report."""
        self._ready, self._done = set(), set()
        self._wait_for_workers()
        self._clients = self._present_clients()
        for number, client in enumerate(self._clients):
            given = JobForWorker(job, number, len(self._clients))
            self._runner.send_message(LAB_JOB, msgspec.json.encode(given), client)
        self._wait_until(lambda: len(self._ready) == len(self._clients))
        shoppers = job.profile.shoppers
        gevent.spawn(self._runner.start, shoppers, shoppers)
        self._wait_until(lambda: self._runner.user_count >= shoppers)
        self._channel.send(Ready())
        if self._channel.receive() is None:
            return
        self._channel.send(Begun(time.monotonic() + SOON_S))
        self._runner.send_message(LAB_BEGIN, SOON_S)
        self._wait_until(lambda: len(self._done) == len(self._clients))
        self._runner.stop()  # Locust's own users and counts: ready for another job
        self._channel.send(Done())

    def _wait_for_workers(self) -> None:
        reported = -1
        while isinstance(self._runner, MasterRunner) and reported < self._workers:
            if (here := len(self._runner.clients.ready)) != reported:
                reported = here
                self._channel.send(WorkersHere(here))
            gevent.sleep(GREENLET_POLL_S)

    def _present_clients(self) -> Sequence[str | None]:
        """Return the workers that are here, in the order in which Locust hands out users."""
        if isinstance(self._runner, MasterRunner):
            return sorted(client.id for client in self._runner.clients.ready)
        return [None]

    def _on_report(self, data: bytes) -> int:
        """Pass a report on; return the worker's number."""
        report = msgspec.json.decode(data, type=WorkerReport)
        self._channel.send(NewReport(report))
        return report.worker

    def _on_error(self, error: str) -> None:
        self._error = self._error or error

    def _wait_until(self, condition: Callable[[], object]) -> None:
        while not condition():
            if self._error:
                raise LabError(self._error)
            if isinstance(self._runner, MasterRunner):
                if self._runner.clients.missing:
                    raise LabError("a worker has ended: start it again, and then the crowd")
                if {each.id for each in self._runner.clients.all} - set(self._clients):
                    raise LabError("a worker came too late: start the crowd when all can join")
            gevent.sleep(GREENLET_POLL_S)


def _with_data(act: Callable[[Any], object], environment: Any, msg: Any, **_: Any) -> None:
    act(msg.data)
