"""The generator's processes, and the conversation with the one that speaks for them."""

import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path

from lab.core.errors import LabError
from lab.crowd.json_channel import JsonChannel, Message, Switchboard
from lab.crowd.load_profile import LoadProfile
from lab.processes.child import Child
from lab.processes.ports import free_ports
from lab.processes.spawn import Children, clean_environment
from lab.processes.waiting import end_of, wait_until

START_TIMEOUT_S = 60.0
MESSAGE_POLL_S = 0.2
FAREWELL_S = 3.0
WANTS_EXTRA = "pip install 'two-desks[crowd]'"


def has_locust() -> bool:
    """Whether the extra is installed."""
    return find_spec("locust") is not None


class WorkerGroup:
    """Whoever shops for the lab: started once, given one job after another; a `with` block."""

    def __init__(self, plan: LoadProfile, folder: Path, listen: str = "127.0.0.1:0") -> None:
        """`folder` takes logs and records; `listen` is where workers of other machines join."""
        self._plan = plan
        self._folder = folder
        self._listen = listen
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._processes: list[Child] = []
        self._resources = ExitStack()

    def __enter__(self) -> "WorkerGroup":
        try:
            self._start()
        except BaseException:
            self._resources.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def send(self, message: Message) -> None:
        """Say something to who speaks for them."""
        self._line.send(message)

    def next(self, end_s: float | None = None) -> Message:
        """Return the next message; LabError past the deadline, or where a process has ended."""
        while True:
            try:
                message = self._messages.get(timeout=MESSAGE_POLL_S)
            except queue.Empty:
                self._must_run(end_s)
                continue
            if message is None:
                log = self._folder / "generator.log"
                raise LabError(f"the crowd's generator is gone; {end_of(log)}")
            if "error" in message:
                raise LabError(message["error"])
            return message

    def until(self, word: str, say: Callable[[str], None]) -> Message:
        """Return the first message with that word in it; `say` is told who is waited for."""
        by_hand = self._plan.waits_for_others
        end_s = None if by_hand else time.monotonic() + START_TIMEOUT_S
        while word not in (message := self.next(end_s)):
            if "workers" in message:
                say(f"{message['workers']} of {self._plan.workers} workers are here")
        return message

    def _start(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._children = Children()
        self._resources.callback(self._children.close)
        if self._plan.waits_for_others:
            self._resources.callback(self._let_them_go)
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

    def _let_them_go(self) -> None:
        """Give the master the time to tell workers elsewhere that it is over: we hung up."""
        wait_until(lambda: not any(each.running() for each in self._processes), FAREWELL_S)

    def _arguments(self) -> list[str]:
        if self._plan.engine == "threads":
            return ["lab.crowd.thread_worker"]
        if self._plan.workers == 1 and not self._plan.waits_for_others:
            return ["lab.crowd.locust_worker", "local"]
        host, _, port = self._listen.rpartition(":")
        if port == "0":
            port = str(free_ports(1)[0])
        return ["lab.crowd.locust_worker", "master", host, port, str(self._plan.workers)]

    def _spawn(self, name: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        child = self._children.spawn(
            name,
            [sys.executable, "-m", *arguments],
            log_path=self._folder / f"{name}.log",
            env=clean_environment(env),
        )
        self._processes.append(child)

    def _connect(self, switchboard: Switchboard) -> JsonChannel:
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

    def _listen_to(self, line: JsonChannel) -> None:
        for message in line:
            self._messages.put(message)
        self._messages.put(None)
