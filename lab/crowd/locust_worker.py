"""The Locust engine: thousands of shoppers in one or more processes, on one or more machines.

Locust spawns the users, counts the workers and carries the messages between them; what a
user does is the lab's own `VirtualUser`. The lab runs this module as a process: gevent has to
patch the standard library before anything else is imported.
"""

from gevent import monkey

monkey.patch_all()

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from gevent.pool import Pool
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import Runner, WorkerRunner

from lab.core.errors import LabError, describe_failure
from lab.crowd import locust_sockets
from lab.crowd.gevent_transport import ConnectionPool, GeventTransport
from lab.crowd.json_channel import JsonChannel
from lab.crowd.locust_master import (
    LAB_BEGIN,
    LAB_DONE,
    LAB_ERROR,
    LAB_JOB,
    LAB_READY,
    LAB_REPORT,
    JobForWorker,
    LocustMaster,
)
from lab.crowd.messages import CrowdJob, Failed
from lab.crowd.worker import REPORT_EVERY_S, CrowdWorker

GREENLETS_CLOSING = 64


class CrowdUser(User):
    """A Locust user that runs one virtual user from the start to the end."""

    @task
    def run_to_the_end(self) -> None:
        """Run every iteration of this user."""
        self.environment.two_desks.run_next_user()
        raise StopUser


class LocustWorker:
    """The virtual users of this process; the master's messages start them."""

    def __init__(self, environment: Environment, own: tuple[str, str] | None = None) -> None:
        """`own` are the script and the folder of the record, "" for none, whatever the job says.

        None takes them from the job: only where the job comes from the lab itself.
        """
        self._own = own
        environment.two_desks = self  # type: ignore[attr-defined]  # where its users find it
        self._runner: Runner = environment.runner  # type: ignore[assignment]
        self._begin = Event()
        self._running = 0
        self._spawned = 0
        self._runner.register_message(LAB_JOB, self._on_job)
        self._runner.register_message(LAB_BEGIN, self._on_begin)

    def run_next_user(self) -> None:
        """Run the next virtual user of this worker from the start to the end."""
        number = self._given.worker + self._spawned * self._given.workers
        self._spawned += 1
        user = self._worker.virtual_user(number)
        self._begin.wait()
        self._running += 1
        try:
            with self._errors_to_master():
                user.run()
        finally:
            self._running -= 1

    @contextmanager
    def _errors_to_master(self) -> Iterator[None]:
        """Send an error of the block to the master: Locust would only log it."""
        try:
            yield
        except Exception as error:
            self._runner.send_message(LAB_ERROR, describe_failure(error))

    def _on_job(self, environment: Environment, msg: Any, **_: Any) -> None:
        with self._errors_to_master():
            self._given = msgspec.json.decode(msg.data, type=JobForWorker)
            job = self._given.job if self._own is None else _with_own(self._given.job, *self._own)
            self._begin, self._spawned = Event(), 0  # another job may have been done before
            self._pool = ConnectionPool.to(job.url)
            self._worker = CrowdWorker(job, self._given.worker, lambda: GeventTransport(self._pool))
            self._runner.send_message(LAB_READY, self._given.worker)

    def _on_begin(self, environment: Environment, msg: Any, **_: Any) -> None:
        self._worker.journal.begin(time.monotonic() + msg.data)
        self._begin.set()
        gevent.spawn(self._watch)

    def _watch(self) -> None:
        """Report while the users run, then read their carts, and report for the last time."""
        worker = self._worker
        with self._errors_to_master():
            gevent.sleep(REPORT_EVERY_S)
            while self._running or worker.time_left_s() > 0:
                self._report(LAB_REPORT)
                gevent.sleep(min(REPORT_EVERY_S, worker.time_left_s() or REPORT_EVERY_S))
            self._report(LAB_REPORT)  # reports what is left of the measured time
            reads = worker.closing_reads()
            closing = gevent.spawn(Pool(GREENLETS_CLOSING).map, lambda read: read(), reads)
            while not closing.ready():
                self._report(LAB_REPORT)
                closing.join(REPORT_EVERY_S)
            closing.get()
            worker.journal.close()
            self._pool.close()
            self._report(LAB_DONE)

    def _report(self, kind: str) -> None:
        self._runner.send_message(kind, msgspec.json.encode(self._worker.report()))


def _with_own(job: CrowdJob, script: str, record: str) -> CrowdJob:
    """Return the job with this machine's script and record. LabError if it names no script."""
    if not job.sha256:
        raise LabError("the master names no script: install the same version of the lab on both")
    replace = msgspec.structs.replace
    return replace(job, profile=replace(job.profile, script=script), record=record)


def new_environment() -> Environment:
    """Return a Locust environment whose users are the lab's."""
    return Environment(user_classes=[CrowdUser], catch_exceptions=False)


def join(host: str, port: int, script: str, record: str = "") -> None:
    """Work for the master at this address until it ends.

    `script` is what this worker runs, and nothing else; `record` the folder for its record.
    """
    environment = new_environment()
    runner: WorkerRunner = environment.create_worker_runner(host, port)
    LocustWorker(environment, (script, record))
    runner.greenlet.join()


def allow_connections() -> None:
    """Let this process open as many files as the system allows: a connection is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS refuses more than it can, though "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> None:
    """Run as `local`, `master HOST PORT WORKERS` or `join HOST PORT SCRIPT [RECORD]`."""
    role, *rest = arguments
    gc.freeze()  # what was imported stays: no collection has to look at it again
    allow_connections()
    locust_sockets.secure()
    if role == "join":
        join(rest[0], int(rest[1]), *rest[2:])
        return
    channel = JsonChannel.to_lab()
    environment = new_environment()
    try:
        if role == "local":
            environment.create_local_runner()
            LocustWorker(environment)
            master = LocustMaster(environment, channel, 1)
        else:
            environment.create_master_runner(rest[0], int(rest[1]))
            master = LocustMaster(environment, channel, int(rest[2]))
        master.run()
    except LabError as error:
        channel.send(Failed(str(error)))
    finally:
        if environment.runner:
            environment.runner.quit()
        channel.close()


if __name__ == "__main__":
    main(sys.argv[1:])
