"""A replica: one server of a lane that can be broken and mended, with evidence of each."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.core.errors import LabError
from lab.processes.waiting import READY_TIMEOUT_S, server_info, wait_until

State = Literal["up", "paused", "dead"]


@dataclass(frozen=True)
class Death:
    """What was seen of an end: the evidence that there was one."""

    name: str
    pid: int
    signal: str
    """How it ended: "SIGKILL", "exit 1"; "kill command" where the lab had to ask for it."""
    instance: str
    """The life that ended."""
    process_gone: bool | None
    """None where the lab sees no processes: only the network tells it about this server."""
    port_closed: bool
    seconds: float
    """From the signal until both were seen."""

    @property
    def confirmed(self) -> bool:
        """Nothing of the process is left, as far as can be seen, and nobody answers its port."""
        return self.process_gone is not False and self.port_closed


class Server(ABC):
    """One server of a lane. Methods may be called from any thread; faults come one by one.

    What takes a process of the lab's own is refused here, and granted by `LocalServer`.
    """

    def __init__(self, lane: str, name: str, port: int, host: str = "127.0.0.1") -> None:
        self.name = name
        self.title = f"{lane}-{name}"
        """What it is called in messages: "stateful-B"."""
        self.host = host
        """An IP address: it stands in nginx.conf, which must not look anything up."""
        self.port = port
        self.instance = ""
        """Nonce of the present (or last) life; the app says it in X-Instance."""
        self.ready = False
        """Whether the present life has answered yet, as far as anybody has asked."""
        self._fault = threading.RLock()

    @property
    def address(self) -> str:
        """Where it listens: "127.0.0.1:20001", "[::1]:5001"."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    @abstractmethod
    def state(self) -> State:
        """What the server is doing now, also if it ended by itself."""

    @abstractmethod
    def launch(self) -> None:
        """Start a new life, without waiting for it (see `await_ready`)."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether this very life answers. LabError if it has ended instead."""

    @abstractmethod
    def kill(self) -> Death:
        """End it at once, and what was seen of it. LabError if it is dead already."""

    @abstractmethod
    def restart(self, env: Mapping[str, str] | None = None) -> str:
        """Start again at the same address (killed first if it runs); the new instance, ready.

        `env` is added to its environment, for this life and the next ones.
        """

    @abstractmethod
    def require_restart(self, env: Mapping[str, str]) -> None:
        """LabError where `restart(env)` cannot be done: asked before it is killed for that."""

    @abstractmethod
    def pause(self) -> None:
        """Freeze it: it keeps its port and its connections, and answers nobody."""

    @abstractmethod
    def resume(self) -> None:
        """Let a frozen server run on. Nothing happens if it is running."""

    @abstractmethod
    def mend(self) -> None:
        """Undo what the lab did to it and would outlive the lab; LabError if it cannot."""

    def server_info(self) -> dict[str, Any]:
        """`GET /api/server`, directly. LabError if it does not answer."""
        info = server_info(self.port, host=self.host)
        if info is None:
            raise LabError(f"{self.title} does not answer: it is {self.state}, restart it")
        return info

    @property
    def pid(self) -> int:
        """Process id of the present (or last) life, on this machine."""
        raise self.not_ours("see its process")

    def memory_bytes(self) -> int:
        """Memory its process occupies (resident set), in bytes."""
        raise self.not_ours("see its memory")

    def last_words(self) -> str:
        """The end of what it wrote, where the lab can read that."""
        return ""

    def frozen(self) -> bool:
        """Whether the system says that the process stands still; waits a moment for it."""
        raise self.not_ours("see its process")

    def relaunch(self, env: Mapping[str, str]) -> None:
        """Start a new life, ending the present one if there is one; wait for it elsewhere.

        `env` is added to its environment, as in `restart`.
        """
        raise self.not_ours("start it anew")

    def end(self) -> None:
        """Kill it; nothing happens if it does not run."""
        raise self.not_ours("end it for good")

    def stop(self) -> None:
        """End it gently; nothing happens if it is dead."""
        raise self.not_ours("end it for good")

    def not_ours(self, what: str) -> LabError:
        """Return the error for what cannot be done with a server that somebody else started."""
        return LabError(f"the lab did not start {self.title} ({self.address}) and cannot {what}")


def await_ready(replicas: Iterable[Server]) -> None:
    """Wait until each replica answers with its own instance. LabError as soon as one cannot."""
    waiting = list(replicas)

    def all_ready() -> bool:
        waiting[:] = [replica for replica in waiting if not replica.is_ready()]
        return not waiting

    if not wait_until(all_ready, READY_TIMEOUT_S):
        slow = waiting[0]
        raise LabError(
            f"not ready within {READY_TIMEOUT_S:.0f} s: {', '.join(r.name for r in waiting)}; "
            f"close other programs and try again; {slow.last_words()}"
        )
