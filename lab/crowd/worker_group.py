"""The worker processes of a crowd, and the channel to the one that speaks for them."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from lab.core.errors import LabError
from lab.core.op_key import KEY_VARIABLE, OP_KEY
from lab.crowd.json_channel import ChannelListener, JsonChannel
from lab.crowd.load_profile import LoadProfile
from lab.crowd.messages import CrowdMessage, Failed, WorkersHere
from lab.processes.child import Child
from lab.processes.ports import free_ports
from lab.processes.spawn import Children, clean_environment, module_command
from lab.processes.waiting import end_of, wait_until

START_TIMEOUT_S = 60.0
MESSAGE_POLL_S = 0.2
FAREWELL_S = 3.0
M = TypeVar("M")


def has_locust() -> bool:
    """Return True if the extra is installed."""
    return find_spec("locust") is not None


class WorkerGroup:
    """The workers: started once, given one job after another; a `with` block."""

    def __init__(self, profile: LoadProfile, folder: Path, listen: str = "127.0.0.1:0") -> None:
        """`folder` takes logs and records; `listen` is where workers of other machines join."""
        self._profile = profile
        self._folder = folder
        self._listen = listen
        self._messages: queue.SimpleQueue[CrowdMessage | None] = queue.SimpleQueue()
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

    def send(self, message: CrowdMessage) -> None:
        """Send a message to the process that speaks for the workers."""
        self._channel.send(message)

    def next(self, end_s: float | None = None) -> CrowdMessage:
        """Return the next message; LabError past the deadline, or where a process has ended."""
        while True:
            try:
                message = self._messages.get(timeout=MESSAGE_POLL_S)
            except queue.Empty:
                self._require_running(end_s)
                continue
            if message is None:
                log = self._folder / "generator.log"
                raise LabError(f"the crowd's generator has ended; {end_of(log)}")
            if isinstance(message, Failed):
                raise LabError(message.reason)
            return message

    def wait_for(self, kind: type[M], log: Callable[[str], object]) -> M:
        """Return the first message of that kind; `log` gets a line for each worker that joins."""
        by_hand = self._profile.waits_for_others
        end_s = None if by_hand else time.monotonic() + START_TIMEOUT_S
        while not isinstance(message := self.next(end_s), kind):
            if isinstance(message, WorkersHere):
                log(f"{message.number} of {self._profile.workers} workers are here")
        return message

    def _start(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._children = Children()
        self._resources.callback(self._children.close)
        if self._profile.waits_for_others:
            self._resources.callback(self._wait_for_farewell)
        listener = self._resources.enter_context(closing(ChannelListener()))
        arguments = self._arguments()
        self._spawn("generator", arguments, listener.environment)
        if arguments[1:2] == ["master"] and not self._profile.waits_for_others:
            for number in range(self._profile.workers):
                # Its script and its record are arguments: it takes neither from the master.
                own = [self._profile.script, str(self._folder.absolute())]
                self._spawn(f"worker-{number}", [arguments[0], "join", *arguments[2:4], *own], {})
        self._channel = self._resources.enter_context(closing(self._connect(listener)))
        threading.Thread(target=self._receive, args=(self._channel,), daemon=True).start()

    def _wait_for_farewell(self) -> None:
        """Give the master time to end remote workers: our channel to it is already closed."""
        wait_until(lambda: not any(each.running() for each in self._processes), FAREWELL_S)

    def _arguments(self) -> list[str]:
        if self._profile.engine == "threads":
            return ["lab.crowd.thread_worker"]
        if self._profile.workers == 1 and not self._profile.waits_for_others:
            return ["lab.crowd.locust_worker", "local"]
        host, _, port = self._listen.rpartition(":")
        if port == "0":
            port = str(free_ports(1)[0])
        return ["lab.crowd.locust_worker", "master", host, port, str(self._profile.workers)]

    def _spawn(self, name: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        child = self._children.spawn(
            name,
            module_command(*arguments),
            log_path=self._folder / f"{name}.log",
            env=clean_environment({KEY_VARIABLE: OP_KEY, **env}),
        )
        self._processes.append(child)

    def _connect(self, listener: ChannelListener) -> JsonChannel:
        end_s = time.monotonic() + START_TIMEOUT_S
        while (channel := listener.accept()) is None:
            self._require_running(end_s)
        return channel

    def _require_running(self, end_s: float | None) -> None:
        """Raise LabError if a process has ended, or no message came before the deadline."""
        for each in self._processes:
            if not each.running():
                raise LabError(f"the crowd's {each.name} has ended; {end_of(each.log_path)}")
        if end_s is not None and time.monotonic() > end_s:
            log = self._folder / "generator.log"
            raise LabError(f"the crowd does not start: try fewer shoppers; {end_of(log)}")

    def _receive(self, channel: JsonChannel) -> None:
        try:
            for message in channel:
                self._messages.put(message)
        except LabError as error:
            self._messages.put(Failed(str(error)))
        self._messages.put(None)
