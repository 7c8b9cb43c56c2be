"""A crowd on Locust: thousands of shoppers in one process, or in several, on several machines.

Locust spawns the users, counts the workers and carries the messages between them; what a
user does is the lab's own `VirtualUser`. Run as a process by `host`; gevent has to patch the
standard library before anything else is imported.
"""

from gevent import monkey

monkey.patch_all()

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from gevent.pool import Pool
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, Runner, WorkerRunner

from lab.core.errors import LabError
from lab.crowd.gevent_transport import GeventTransport, lines_to
from lab.crowd.json_channel import JsonChannel
from lab.crowd.load_profile import Job
from lab.crowd.worker import REPORT_EVERY_S, SOON_S, CrowdWorker

GREENLETS_CLOSING = 64
GREENLET_POLL_S = 0.02
JOB, READY, BEGIN, REPORT, DONE, ERROR = (
    f"lab_{word}" for word in ("job", "ready", "begin", "report", "done", "error")
)


class CrowdUser(User):
    """A Locust user that is one shopper: it waits for the start, and shops until the end."""

    @task
    def shop(self) -> None:
        """Every visit of this shopper."""
        self.environment.two_desks.serve()
        raise StopUser


class Worker:
    """The shoppers of this process, told by Locust messages what to do."""

    def __init__(self, environment: Environment, own: tuple[str, str] | None = None) -> None:
        """`own` are the script and the folder of the record, "" for none, whatever the job says.

        None takes them from the job: only where the job comes from the lab itself.
        """
        self._own = own
        environment.two_desks = self  # type: ignore[attr-defined]  # where its users find it
        self._runner: Runner = environment.runner  # type: ignore[assignment]
        self._begin = Event()
        self._shopping = 0
        self._spawned = 0
        self._runner.register_message(JOB, self._on_job)
        self._runner.register_message(BEGIN, self._on_begin)

    def serve(self) -> None:
        """Be one shopper, the next that nobody has been yet."""
        number = self._worker + self._spawned * self._workers
        self._spawned += 1
        visitor = self._generator.visitor(number)
        self._begin.wait()
        self._shopping += 1
        try:
            with self._told():
                visitor.shop()
        finally:
            self._shopping -= 1

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell the master of whatever goes wrong in the block: Locust would only log it."""
        try:
            yield
        except Exception as error:
            text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
            self._runner.send_message(ERROR, {"text": text})

    def _on_job(self, environment: Environment, msg: Any, **_: Any) -> None:
        with self._told():
            job = msgspec.convert(msg.data["job"], Job)
            if self._own is not None:
                script, record = self._own
                job = replace(job, script=script, record=record)
                if not job.sha256:
                    raise LabError("the master does not say which script it wants")
            self._begin, self._spawned = Event(), 0  # another job may have been done before
            self._worker, self._workers = int(msg.data["worker"]), int(msg.data["workers"])
            self._lines = lines_to(job.url)
            self._generator = CrowdWorker(job, self._worker, lambda: GeventTransport(self._lines))
            self._runner.send_message(READY, {"worker": self._worker})

    def _on_begin(self, environment: Environment, msg: Any, **_: Any) -> None:
        self._generator.journal.begin(time.monotonic() + msg.data["in_s"])
        self._begin.set()
        gevent.spawn(self._watch)

    def _watch(self) -> None:
        """Report while they shop; let everybody have a closing look; report for the last time."""
        generator = self._generator
        with self._told():
            gevent.sleep(REPORT_EVERY_S)
            while self._shopping or generator.time_left_s() > 0:
                self._tell(REPORT)
                gevent.sleep(min(REPORT_EVERY_S, generator.time_left_s() or REPORT_EVERY_S))
            self._tell(REPORT)  # the last of the measured time
            looks = generator.left_to_settle()
            closing = gevent.spawn(Pool(GREENLETS_CLOSING).map, lambda look: look(), looks)
            while not closing.ready():
                self._tell(REPORT)
                closing.join(REPORT_EVERY_S)
            closing.get()
            generator.journal.close()
            self._lines.close()
            self._tell(DONE)

    def _tell(self, kind: str) -> None:
        report = {"worker": self._worker, "report": self._generator.report()}
        self._runner.send_message(kind, report)


class Master:
    """Between the lab and the workers: hands out the job, starts everybody, passes reports on."""

    def __init__(self, environment: Environment, line: JsonChannel, workers: int) -> None:
        self._runner: Runner = environment.runner  # type: ignore[assignment]
        self._line = line
        self._workers = workers
        self._ready: set[int] = set()
        self._done: set[int] = set()
        self._failed: str | None = None
        self._given: Sequence[str | None] = ()
        on: dict[str, Callable[..., None]] = {
            READY: lambda data: self._ready.add(data["worker"]),
            REPORT: lambda data: line.send(data),
            DONE: self._on_done,
            ERROR: self._on_error,
        }
        for kind, act in on.items():
            self._runner.register_message(kind, partial(_with_data, act))

    def run(self) -> None:
        """Do one job after another, until the lab hangs up."""
        while (message := self._line.receive()) is not None:
            self._see_through(message["job"])

    def _see_through(self, job: dict[str, Any]) -> None:
        """See one crowd through, from the job to the last report."""
        self._ready, self._done = set(), set()
        self._wait_for_workers()
        self._given = self._clients()
        for number, client in enumerate(self._given):
            data = {"job": job, "worker": number, "workers": len(self._given)}
            self._runner.send_message(JOB, data, client)
        self._until(lambda: len(self._ready) == len(self._given))
        gevent.spawn(self._runner.start, job["shoppers"], job["shoppers"])
        self._until(lambda: self._runner.user_count >= job["shoppers"])
        self._line.send({"ready": job["shoppers"]})
        if self._line.receive() is None:
            return
        self._line.send({"begun": time.monotonic() + SOON_S})
        self._runner.send_message(BEGIN, {"in_s": SOON_S})
        self._until(lambda: len(self._done) == len(self._given))
        self._runner.stop()  # Locust's own users and counts: ready for another job
        self._line.send({"done": {}})

    def _wait_for_workers(self) -> None:
        told = -1
        while isinstance(self._runner, MasterRunner) and told < self._workers:
            if (here := len(self._runner.clients.ready)) != told:
                told = here
                self._line.send({"workers": here})
            gevent.sleep(GREENLET_POLL_S)

    def _clients(self) -> Sequence[str | None]:
        """Who gets the job: everybody who is here, in the order in which Locust hands out users."""
        if isinstance(self._runner, MasterRunner):
            return sorted(client.id for client in self._runner.clients.ready)
        return [None]

    def _on_done(self, data: dict[str, Any]) -> None:
        self._line.send(data)
        self._done.add(data["worker"])

    def _on_error(self, data: dict[str, Any]) -> None:
        self._failed = self._failed or data["text"]

    def _until(self, condition: Callable[[], object]) -> None:
        while not condition():
            if self._failed:
                raise LabError(self._failed)
            if isinstance(self._runner, MasterRunner):
                if self._runner.clients.missing:
                    raise LabError("a worker is gone: start it again, and then the crowd")
                if {each.id for each in self._runner.clients.all} - set(self._given):
                    raise LabError("a worker came too late: start the crowd when all can join")
            gevent.sleep(GREENLET_POLL_S)


def _with_data(act: Callable[[dict[str, Any]], None], environment: Any, msg: Any, **_: Any) -> None:
    act(msg.data)


def _new_environment() -> Environment:
    return Environment(user_classes=[CrowdUser], catch_exceptions=False)


def join(host: str, port: int, script: str, record: str = "") -> None:
    """Be a worker of the master there, until it says that it is over.

    `script` is what this worker runs, and nothing else; `record` the folder for its record.
    """
    environment = _new_environment()
    runner: WorkerRunner = environment.create_worker_runner(host, port)
    Worker(environment, (script, record))
    runner.greenlet.join()


def allow_connections() -> None:
    """Let this process open as many files as the system lets it: a connection is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS refuses more than it can, though "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> None:
    """`local`, `master HOST PORT WORKERS` or `join HOST PORT SCRIPT [RECORD]`."""
    role, *rest = arguments
    allow_connections()
    if role == "join":
        join(rest[0], int(rest[1]), *rest[2:])
        return
    line = JsonChannel.to_lab()
    environment = _new_environment()
    try:
        if role == "local":
            environment.create_local_runner()
            Worker(environment)
            master = Master(environment, line, 1)
        else:
            environment.create_master_runner(rest[0], int(rest[1]))
            master = Master(environment, line, int(rest[2]))
        master.run()
    except LabError as error:
        line.send({"error": str(error)})
    finally:
        if environment.runner:
            environment.runner.quit()
        line.close()


if __name__ == "__main__":
    main(sys.argv[1:])
