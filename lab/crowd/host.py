"""Starts a crowd's generator, and collects what it reports while the timetable is carried out."""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab.crowd.generator import digest
from lab.crowd.line import Line, Message, Switchboard
from lab.crowd.plan import Job, Plan
from lab.crowd.tally import Tally
from lab.crowd.timetable import Ended, Hit, Struck, timetable
from lab.crowd.visit import Settled
from lab.errors import LabError
from lab.stack.child import Child
from lab.stack.ports import free_ports
from lab.stack.processes import Children, clean_environment
from lab.stack.waiting import end_of

START_TIMEOUT_S = 60.0
POLL_S = 0.2
SETTLED = "visits.jsonl"
WANTS_EXTRA = "pip install 'two-desks[crowd]'"


def has_locust() -> bool:
    """Whether the extra is installed."""
    return find_spec("locust") is not None


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
    struck: list[Struck] = field(default_factory=list)
    deaths: list[Ended] = field(default_factory=list)
    """Of processes, by the timetable; in seconds after the start."""
    trouble: str | None = None
    """What the first visit that broke has said."""
    finished: bool = False


Watch = Callable[[Progress], None]


class Host:
    """One lane's crowd, from the start of its generator to the last report; a `with` block."""

    def __init__(self, plan: Plan, job: Job, folder: Path, listen: str = "127.0.0.1:0") -> None:
        """`folder` takes the record and the generators' logs; it must be new."""
        self._plan = plan
        self.progress = Progress(job)
        self._folder = folder
        self._listen = listen
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._processes: list[Child] = []
        self._resources = ExitStack()

    def __enter__(self) -> "Host":
        try:
            self._start()
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
        self._line.send({"job": self._as_sent()})
        self._until("ready", say)
        self._line.send({"begin": True})
        begun_s = float(self._until("begun", say)["begun"])
        now = self.progress
        with timetable(self._plan.timetable, hit, begun_s, now.job.warm_up_s) as happened:
            now.struck, now.deaths = happened.struck, happened.deaths
            for message in self._reports():
                self._take(message)
                watch(now)
        now.finished = True

    def settled(self) -> Iterator[Settled]:
        """Yield what became of each visit, in the order in which it was noted."""
        self._ledger.flush()
        with (self._folder / SETTLED).open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # Ctrl-C may have come in the middle of the last one
                    yield Settled(*json.loads(line))

    def _start(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True)
        self._ledger = self._resources.enter_context(
            (self._folder / SETTLED).open("w", encoding="utf-8")
        )
        self._children = Children()
        self._resources.callback(self._children.close)
        switchboard = self._resources.enter_context(closing(Switchboard()))
        arguments = self._arguments()
        self._spawn("generator", arguments, switchboard.environment)
        if arguments[1:2] == ["master"] and not self._plan.waits_for_others:
            for number in range(self._plan.workers):
                # Its script and its record are told it here: it takes neither from the master.
                own = [self._plan.script, str(self._folder.absolute())]
                self._spawn(f"worker-{number}", [arguments[0], "join", *arguments[2:4], *own], {})
        self._line = self._resources.enter_context(closing(self._connect(switchboard)))
        threading.Thread(target=self._listen_to, args=(self._line,), daemon=True).start()

    def _arguments(self) -> list[str]:
        if self._plan.engine == "threads":
            return ["lab.crowd.threads"]
        if self._plan.workers == 1 and not self._plan.waits_for_others:
            return ["lab.crowd.swarm", "local"]
        host, _, port = self._listen.rpartition(":")
        if port == "0":
            port = str(free_ports(1)[0])
        return ["lab.crowd.swarm", "master", host, port, str(self._plan.workers)]

    def _spawn(self, name: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        child = self._children.spawn(
            name,
            [sys.executable, "-m", *arguments],
            log_path=self._folder / f"{name}.log",
            env=clean_environment(env),
        )
        self._processes.append(child)

    def _connect(self, switchboard: Switchboard) -> Line:
        end_s = time.monotonic() + START_TIMEOUT_S
        while (line := switchboard.answer()) is None:
            self._must_run(end_s)
        return line

    def _must_run(self, end_s: float | None) -> None:
        """LabError where a generator has ended, or nothing was heard until the deadline."""
        for each in self._processes:
            if not each.running():
                raise LabError(f"the crowd's {each.name} has ended; {end_of(each.log_path)}")
        if end_s is not None and time.monotonic() > end_s:
            log = self._folder / "generator.log"
            raise LabError(f"the crowd does not get under way: try fewer shoppers; {end_of(log)}")

    def _listen_to(self, line: Line) -> None:
        for message in line:
            self._messages.put(message)
        self._messages.put(None)

    def _as_sent(self) -> dict[str, Any]:
        job = asdict(self.progress.job)
        folder = str(self._folder.absolute())
        return job | {"record": folder, "sha256": digest(Path(job["script"]))}

    def _next(self, end_s: float | None = None) -> Message:
        """Return the next message; LabError past the deadline, or where a process has ended."""
        while True:
            try:
                message = self._messages.get(timeout=POLL_S)
            except queue.Empty:
                self._must_run(end_s)
                continue
            if message is None:
                log = self._folder / "generator.log"
                raise LabError(f"the crowd's generator is gone; {end_of(log)}")
            if "error" in message:
                raise LabError(message["error"])
            return message

    def _until(self, word: str, say: Callable[[str], None]) -> Message:
        by_hand = self._plan.waits_for_others
        end_s = None if by_hand else time.monotonic() + START_TIMEOUT_S
        while word not in (message := self._next(end_s)):
            if "workers" in message:
                say(f"{message['workers']} of {self._plan.workers} workers are here")
        return message

    def _reports(self) -> Iterator[Message]:
        while "done" not in (message := self._next()):
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
            fate = Settled(*line).fate or "nothing owed"
            now.fates[fate] = now.fates.get(fate, 0) + 1
        self._ledger.flush()
