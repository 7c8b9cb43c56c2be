"""One server of a pool: its state, its faults, its environment, and what it says of itself."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from lab.core.errors import LabError
from lab.core.faults import FaultEvidence
from lab.core.op_key import signed
from lab.processes.ports import in_url
from lab.processes.waiting import READY_TIMEOUT_S, get, wait_until
from lab.shop.desks import Desk, ServerInfo

State = Literal["up", "paused", "dead"]
PROBE_OP = "lab-probe"
"""The X-Op of the lab's own questions to a server through nginx."""
SIGNING_KEYS = "STATELESS_SIGNING_KEYS"


@dataclass(frozen=True)
class ProcessLook:
    """What a server's process takes up, and what it has done, now."""

    memory_bytes: int
    """The process's resident set."""
    written_bytes: int | None
    """Bytes of all its `write` calls, as Linux counts them: to files and pipes, not to sockets."""


class Server(ABC):
    """A server behind the balancer. Methods are thread-safe; faults of one server queue up.

    `LocalServer` is a process of the lab's own, `ExternalServer` one that it did not start.
    """

    def __init__(self, pool: str, name: str, port: int, host: str = "127.0.0.1") -> None:
        self.name = name
        self.title = f"{pool}/{name}"
        """Its name in messages, as commands take it: "stateful/B"."""
        self.host = host
        """An IP address: it stands in nginx.conf, where no name is resolved."""
        self.port = port
        self.instance = ""
        """Nonce of the present (or last) life; the app sends it as X-Instance."""
        self.ready = False
        """True if the present life is known to have answered."""
        self._fault = threading.RLock()

    @property
    def address(self) -> str:
        """Where it listens: "127.0.0.1:20001", "[::1]:5001"."""
        return f"{in_url(self.host)}:{self.port}"

    @property
    @abstractmethod
    def pid(self) -> int:
        """Process id of the present (or last) life; 0 if it is not known."""

    @property
    @abstractmethod
    def state(self) -> State:
        """Its present state, also if it ended by itself."""

    @abstractmethod
    def launch(self) -> None:
        """Start a new life without waiting for it (see `await_ready`)."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return True if the present life answers. LabError if it has ended instead."""

    @abstractmethod
    def kill(self) -> FaultEvidence:
        """Kill the server. LabError if it is dead already."""

    @abstractmethod
    def restart(self, env: Mapping[str, str] | None = None) -> FaultEvidence:
        """Restart the server at the same address, killing it first if it runs; wait until ready.

        `env` is added to its environment, for this life and the next ones.
        """

    @abstractmethod
    def require_restart(self, env: Mapping[str, str]) -> None:
        """Raise LabError if `restart(env)` is impossible: called before the kill."""

    @abstractmethod
    def pause(self) -> FaultEvidence:
        """Freeze the server: it keeps its port and its connections, and answers nothing."""

    @abstractmethod
    def resume(self) -> FaultEvidence:
        """Let a paused server run on. Nothing happens if it is running."""

    @abstractmethod
    def undo_faults(self) -> None:
        """Undo the lab's faults that would outlive the lab; LabError if it cannot."""

    @abstractmethod
    def look(self) -> ProcessLook:
        """Look at the server's process. LabError if that cannot be done."""

    @abstractmethod
    def log_tail(self) -> str:
        """The end of its log, "" if the lab cannot read it."""

    def server_info(self) -> ServerInfo:
        """`GET /api/server`, sent to it directly. LabError if it does not answer."""
        info = server_info(self.port, host=self.host)
        if info is None:
            raise LabError(f"{self.title} does not answer: it is {self.state}, restart it")
        return info


def server_info(
    port: int, prefix: str = "", timeout_s: float = 2.0, host: str = "127.0.0.1"
) -> ServerInfo | None:
    """Return the answer to `GET /api/server`, or None if there is none, or none of a desk.

    With a `prefix` it is nginx that is asked, and its log names the question.
    """
    own = signed(PROBE_OP) if prefix else None  # another program may answer at a server's port
    answer = get(port, f"{prefix}/api/server", timeout_s, own, host)
    if answer is None or answer[0] != 200:
        return None
    try:
        return msgspec.json.decode(answer[1], type=ServerInfo)
    except (msgspec.MsgspecError, RecursionError):  # the program there may be no desk
        return None


def await_ready(servers: Iterable[Server]) -> None:
    """Wait until each server answers with its own instance. LabError as soon as one cannot."""
    waiting = list(servers)

    def all_ready() -> bool:
        waiting[:] = [server for server in waiting if not server.is_ready()]
        return not waiting

    if not wait_until(all_ready, READY_TIMEOUT_S):
        raise LabError(
            f"not ready within {READY_TIMEOUT_S:.0f} s: {', '.join(s.name for s in waiting)}; "
            f"close other programs and try again; {waiting[0].log_tail()}"
        )


def desk_env(desk: Desk, store: str, key_prefix: str, signing_keys: str) -> dict[str, str]:
    """Return the variables that all servers of a desk share.

    `store` is "memory", "file:DIR" or a Redis URL, and its keys begin with `key_prefix`.
    The stateless desk needs no store, but its variants (`lab.variants`) do.
    """
    is_url = "://" in store
    if desk == "stateless":
        shared = {"VARIANT_STORE": store, "VARIANT_KEY_PREFIX": key_prefix} if is_url else {}
        return {SIGNING_KEYS: signing_keys} | shared
    return {"STATEFUL_STORE": store} | ({"STATEFUL_KEY_PREFIX": key_prefix} if is_url else {})
