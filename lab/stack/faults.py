"""The one place that breaks things, and brings them back: servers, and the session store."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from lab.core.errors import LabError
from lab.core.faults import (
    STORE,
    STORE_FAULTS,
    FaultEvent,
    FaultEvidence,
    FaultKind,
    is_confirmed,
)
from lab.stack.local_pool import Drain, own_pool
from lab.stack.local_store import LocalStore
from lab.stack.server import Server
from lab.stack.server_pool import ServerPool
from lab.stack.session_store import Store

Hear = Callable[[FaultEvent], object]
NOT_OUR_STORE = (
    "the lab did not start this store and will not break it: use the lab's own to see it fail"
)


class FaultInjector:
    """Injects faults into one pool and the session store; faults of one target queue up.

    Subscribers hear of each fault once it has happened, with what was seen of it.
    """

    def __init__(
        self,
        pool: ServerPool,
        store: Callable[[], Store],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`store` returns the session store as it is now, or raises LabError if there is none.

        `now_s` is the clock of the events.
        """
        self._pool = pool
        self._store = store
        self._now_s = now_s
        self._hearing: list[Hear] = []
        self._turns: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def subscribe(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` with each fault from now on; return what ends that."""
        self._hearing.append(hear)
        return lambda: self._hearing.remove(hear)

    def inject(
        self, target: str, kind: FaultKind, env: Mapping[str, str] | None = None
    ) -> FaultEvent:
        """Do it to a server, or to the session store (`STORE`), and return what was seen.

        A restart of a target that runs begins with a kill, an event of its own; `env` is added
        to a restarted server's environment. For `add`, which has no target, "". LabError for
        what cannot be done, such as a kill of what is dead.
        """
        if kind is FaultKind.ADD:
            server = own_pool(self._pool).add()
            seen = FaultEvidence(pid=server.pid, instance=server.instance, routed=True)
            return self._publish(kind, server.name, seen)
        if kind is FaultKind.DRAIN:
            drain = self.begin_drain(target)
            drain.wait()
            return self._publish(kind, target, drain.end())
        with self._turns[target]:
            broken = self._breakable(target, kind)
            match kind:
                case FaultKind.KILL:
                    seen = broken.kill()
                case FaultKind.RESTART:
                    broken.require_restart(env or {})
                    if broken.state != "dead":
                        self.inject(target, FaultKind.KILL)
                    seen = broken.restart(env)
                case FaultKind.PAUSE:
                    seen = broken.pause()
                case FaultKind.RESUME:
                    seen = broken.resume()
            return self._publish(kind, target, seen)

    def begin_drain(self, name: str) -> Drain:
        """Send a server no more requests; `finish_drain` makes a fault of it."""
        self._pool.server(name)
        return own_pool(self._pool).take_out(name)

    def finish_drain(self, drain: Drain, unless: Callable[[], bool]) -> FaultEvent | None:
        """Wait until its last requests are done and end it; return None when `unless()`."""
        drain.wait(unless)
        if unless():
            return None
        return self._publish(FaultKind.DRAIN, drain.server.name, drain.end())

    def _breakable(self, target: str, kind: FaultKind) -> Server | LocalStore:
        if target != STORE:
            return self._pool.server(target)
        store = self._store()
        if kind not in STORE_FAULTS:
            raise LabError(f"a store cannot be {kind}ed: {', '.join(STORE_FAULTS)}")
        if not isinstance(store, LocalStore):
            raise LabError(NOT_OUR_STORE)
        return store

    def _publish(self, kind: FaultKind, target: str, seen: FaultEvidence) -> FaultEvent:
        event = FaultEvent(kind, target, self._now_s(), is_confirmed(kind, seen), seen)
        for hear in tuple(self._hearing):
            hear(event)
        return event
