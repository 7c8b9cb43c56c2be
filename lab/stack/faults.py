"""The one place that breaks things, and brings them back: servers, and the session store."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

import msgspec

from lab.core.errors import LabError
from lab.core.faults import (
    STORE,
    FaultEvent,
    FaultEvidence,
    FaultKind,
    is_confirmed,
)
from lab.processes.waiting import at_once
from lab.stack.deployed_store import DeployedStore
from lab.stack.external_pool import ExternalPool
from lab.stack.local_pool import Drain, own_pool
from lab.stack.local_server import LocalServer
from lab.stack.local_store import LocalStore
from lab.stack.server import Server
from lab.stack.server_pool import ServerPool
from lab.stack.session_store import Store

Hear = Callable[[FaultEvent], object]
NOT_OUR_STORE = (
    "the lab did not start this store and will not break it: use the lab's own to see it fail, or "
    "say how a deployment's store is broken with --store-kill-command"
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
        self.draining: dict[str, LocalServer] = {}
        """Servers that get no new requests and have not ended yet, by name."""
        self._hearing: list[Hear] = []
        self._turns: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def subscribe(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` with each fault from now on; return what ends that."""
        self._hearing.append(hear)
        return lambda: self._hearing.remove(hear)

    def inject(
        self, target: str, kind: FaultKind, env: Mapping[str, str] | None = None
    ) -> FaultEvent:
        """Inject a fault into a server, or the session store (`STORE`); return what was seen.

        A restart of a target that runs begins with a kill, an event of its own that says so;
        `env` is added to a restarted server's environment. For `add`, which has no target, "".
        LabError for what cannot be done, such as a kill of what is dead.
        """
        if kind is FaultKind.ADD:
            server = self._pool.add()
            seen = FaultEvidence(pid=server.pid or None, instance=server.instance, routed=True)
            return self._publish(kind, server.name, seen)
        if kind is FaultKind.DRAIN:
            if isinstance(self._pool, ExternalPool):
                taken_out = self._pool.take_out(target)
                taken_out.wait()
                return self._publish(kind, taken_out.server.name, taken_out.end())
            drain = self.begin_drain(target)
            drain.wait()
            return self._end_drain(drain)
        with self._turns[target]:
            broken = self._breakable(target, kind)
            match kind:
                case FaultKind.KILL:
                    seen = broken.kill()
                case FaultKind.RESTART:
                    broken.require_restart(env or {})
                    if broken.state != "dead":
                        begun = msgspec.structs.replace(broken.kill(), for_restart=True)
                        self._publish(FaultKind.KILL, target, begun)
                    seen = broken.restart(env)
                case FaultKind.PAUSE:
                    seen = broken.pause()
                case FaultKind.RESUME:
                    seen = broken.resume()
            return self._publish(kind, target, seen)

    def begin_drain(self, name: str) -> Drain:
        """Send a server no more requests; `finish_drain` waits for its last ones and ends it."""
        pool = own_pool(self._pool)
        self.draining[name] = pool.servers[self._pool.server(name).name]
        try:
            return pool.take_out(name)
        except LabError:
            del self.draining[name]
            raise

    def finish_drain(self, drain: Drain, unless: Callable[[], bool]) -> FaultEvent | None:
        """Wait until its last requests are done and end it.

        Returns None if the server was killed meanwhile. Also returns None, and does not touch
        the server, if `unless()` is true or `end_drains` was called.
        """

        def is_off() -> bool:
            return unless() or self.draining.get(drain.server.name) is not drain.server

        drain.wait(is_off)
        with self._turns[drain.server.name]:
            if is_off():
                return None
            if drain.server.state == "dead" and not drain.was_dead:
                del self.draining[drain.server.name]
                return None
            return self._end_drain(drain)

    def end_drains(self) -> None:
        """End the servers that are being drained, at once and without an event."""
        drained = []
        for name in list(self.draining):
            with self._turns[name]:
                drained += [self.draining.pop(name)] if name in self.draining else []
        at_once(LocalServer.end, drained)

    def _end_drain(self, drain: Drain) -> FaultEvent:
        seen = drain.end()
        del self.draining[drain.server.name]
        return self._publish(FaultKind.DRAIN, drain.server.name, seen)

    def _breakable(self, target: str, kind: FaultKind) -> Server | LocalStore | DeployedStore:
        if kind is FaultKind.KILL and target in self.draining:
            return self.draining[target]
        if target != STORE:
            return self._pool.server(target)
        store = self._store()
        if not isinstance(store, LocalStore | DeployedStore):
            raise LabError(NOT_OUR_STORE)
        return store

    def _publish(self, kind: FaultKind, target: str, seen: FaultEvidence) -> FaultEvent:
        event = FaultEvent(kind, target, self._now_s(), is_confirmed(kind, seen), seen)
        for hear in tuple(self._hearing):
            hear(event)
        return event
