"""The present state of the stack, cheaply: states at once, counts as last asked for."""

import threading
from collections.abc import Callable, Mapping

from lab.console.stack_state import ServerState, StackState
from lab.stack.local_pool import LocalPool
from lab.stack.local_server import LocalServer
from lab.stack.server import server_info

PERIOD_S = 0.5  # a server that ends by itself is noticed within this time, and asked no more often
SETTLE_S = 0.12  # pause after a request, so that a burst causes one look
ASK_TIMEOUT_S = 0.5


class StackStatus:
    """Keeps the newest counts of carts, and reports when the stack has changed since last shown."""

    def __init__(
        self,
        pools: Mapping[str, LocalPool],
        draining: Mapping[str, Mapping[str, LocalServer]],
        look: Callable[[], StackState],
        report: Callable[[], object],
        store: Callable[[], tuple[int, int] | None] = lambda: None,
    ) -> None:
        """`draining` are the servers that are being drained, by desk.

        `store` returns the session store's process and the sessions it keeps, None if it does
        not say.
        `look` returns the whole stack as it is; `report` is called when that has changed.
        """
        self._pools = pools
        self._draining = draining
        self._look = look
        self._report = report
        self._store = store
        self.shown: StackState | None = None
        """The stack as it was last published."""
        self.sessions: dict[int, int] = {}
        """Sessions in the store by its process: a count is of one life."""
        self._carts: dict[str, int] = {}  # how many carts each instance has
        self._asking = threading.Lock()
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stack-status", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self.shown = self.shown or self._look()
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def touch(self) -> None:
        """Mark the counts as outdated: something has happened."""
        self._woken.set()

    def servers(self) -> dict[str, list[ServerState]]:
        """Return every server of every desk in order of name, without a request to any."""
        return {desk: self._at(desk, pool) for desk, pool in self._pools.items()}

    def ask(self) -> None:
        """Ask every server that is up how many carts it remembers, and the store for its own."""
        with self._asking:  # otherwise an older answer might overwrite a newer one
            counts = {}
            for pool in list(self._pools.values()):
                for server in list(pool.servers.values()):
                    instance = server.instance
                    # A paused one would keep us waiting; one that starts is asked by others.
                    up = server.state == "up" and server.ready
                    info = server_info(server.port, timeout_s=ASK_TIMEOUT_S) if up else None
                    if info is not None and info["instance"] == instance:
                        counts[instance] = info["carts_remembered"]
                    elif instance in self._carts:
                        counts[instance] = self._carts[instance]
            self._carts = counts
            if kept := self._store():
                self.sessions = dict([kept])

    def _at(self, desk: str, pool: LocalPool) -> list[ServerState]:
        draining = dict(self._draining[desk])
        here = dict(pool.servers) | draining
        return [self._described(here[name], name in draining) for name in sorted(here)]

    def _described(self, server: LocalServer, drains: bool) -> ServerState:
        state: str = server.state
        if state == "up" and (drains or not server.ready):
            state = "draining" if drains else "starting"
        lives = state != "dead"
        if not lives:
            return ServerState(server.name, state, server.port)
        carts = self._carts.get(server.instance)
        return ServerState(server.name, state, server.port, server.pid, server.instance, carts)

    def _run(self) -> None:
        while not self._ended.is_set():
            asked = self._woken.wait(PERIOD_S) and not self._ended.wait(SETTLE_S)
            if asked:
                self._woken.clear()
                self.ask()
            if self._look() != self.shown and not self._ended.is_set():
                self._report()
            if asked:
                self._ended.wait(PERIOD_S - SETTLE_S)
