"""What the stack looks like now, cheaply: states at once, counts as they were last asked for."""

import threading
from collections.abc import Callable
from typing import Any

from lab.errors import LabError
from lab.stack import Lane, Replica, Stack

Json = dict[str, Any]

PERIOD_S = 0.5  # a server that ends by itself is noticed within this
SETTLE_S = 0.12  # after a request: a moment, so that a burst is asked about once


class Watch:
    """Keeps the newest counts of carts, and calls `changed` when anything looks different."""

    def __init__(self, stack: Stack, changed: Callable[[], object]) -> None:
        self._stack = stack
        self._changed = changed
        self._carts: dict[str, int] = {}  # by instance: a count is of one life
        self._draining: set[tuple[str, str]] = set()
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._last: Json | None = None
        self._thread = threading.Thread(target=self._run, name="stage-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def touch(self) -> None:
        """A request has passed: counts may have changed."""
        self._woken.set()

    def draining(self, lane: str, name: str, begins: bool) -> None:
        """A server begins (or has ended) to be taken out."""
        (self._draining.add if begins else self._draining.discard)((lane, name))

    def servers(self, *, ask: bool = False) -> Json:
        """Return every server of every desk; `ask` for counts now, else as they were last."""
        if ask:
            self._ask()
        return {
            name: [self._told(lane, replica) for replica in list(lane.replicas.values())]
            for name, lane in self._stack.lanes.items()
        }

    def _told(self, lane: Lane, replica: Replica) -> Json:
        state: str = replica.state
        if state == "up" and (lane.name, replica.name) in self._draining:
            state = "draining"
        lives = state != "dead"
        return {
            "name": replica.name,
            "state": state,
            "port": replica.port,
            "pid": replica.pid if lives else None,
            "instance": replica.instance if lives else None,
            "carts_remembered": self._carts.get(replica.instance) if lives else None,
        }

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._woken.wait(PERIOD_S) and not self._ended.wait(SETTLE_S):
                self._woken.clear()
                self._ask()
            now = self.servers()
            if now != self._last and self._last is not None and not self._ended.is_set():
                self._changed()
            self._last = now

    def _ask(self) -> None:
        counts = {}
        for lane in list(self._stack.lanes.values()):
            for replica in list(lane.replicas.values()):
                if replica.state != "up":  # a paused one would keep us waiting
                    if replica.instance in self._carts:
                        counts[replica.instance] = self._carts[replica.instance]
                    continue
                try:
                    info = replica.server_info()
                except LabError:  # it has just gone
                    continue
                counts[str(info["instance"])] = int(info["carts_remembered"])
        self._carts = counts
