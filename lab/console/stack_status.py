"""What the stack looks like now, cheaply: states at once, counts as they were last asked for."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from lab.processes.waiting import server_info
from lab.stack.server import Server
from lab.stack.server_pool import ServerPool

Json = dict[str, Any]

PERIOD_S = 0.5  # a server that ends by itself is noticed within this; asked at most this often
SETTLE_S = 0.12  # after a request: a moment, so that a burst is asked about once
ASK_TIMEOUT_S = 0.5


class StackStatus:
    """Keeps the newest counts of carts, and tells when anything looks other than last told."""

    def __init__(
        self, lanes: Mapping[str, ServerPool], look: Callable[[], Json], tell: Callable[[], object]
    ) -> None:
        """`look` gives the whole stack as it is; `tell` is called when that has changed."""
        self._lanes = lanes
        self._look = look
        self._tell = tell
        self.told: Json | None = None
        """The stack as it was last told, by whomever."""
        self.leaving: dict[tuple[str, str], Server] = {}
        """Servers that are being drained, by desk and name."""
        self._carts: dict[str, int] = {}  # by instance: a count is of one life
        self._asking = threading.Lock()
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stage-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self.told = self.told or self._look()
        self._thread.start()

    def close(self) -> None:
        """StackStatus no more."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def touch(self) -> None:
        """Something has happened: counts may have changed."""
        self._woken.set()

    def servers(self) -> Json:
        """Return every server of every desk, in order of their names; asks nobody."""
        return {desk: self._at(desk, lane) for desk, lane in self._lanes.items()}

    def ask(self) -> None:
        """Ask every server that is up how many carts it remembers."""
        with self._asking:  # else an older answer might overwrite a newer one
            counts = {}
            for lane in list(self._lanes.values()):
                for replica in list(lane.replicas.values()):
                    instance = replica.instance
                    # A paused one would keep us waiting, one that starts is asked by others.
                    up = replica.state == "up" and replica.ready
                    info = server_info(replica.port, timeout_s=ASK_TIMEOUT_S) if up else None
                    if info is not None and info.get("instance") == instance:
                        counts[instance] = int(info["carts_remembered"])
                    elif instance in self._carts:
                        counts[instance] = self._carts[instance]
            self._carts = counts

    def _at(self, desk: str, lane: ServerPool) -> list[Json]:
        leaving = {name: each for (at, name), each in list(self.leaving.items()) if at == desk}
        here = dict(lane.replicas) | leaving
        return [self._told(here[name], name in leaving) for name in sorted(here)]

    def _told(self, replica: Server, leaves: bool) -> Json:
        state: str = replica.state
        if state == "up" and (leaves or not replica.ready):
            state = "draining" if leaves else "starting"
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
            asked = self._woken.wait(PERIOD_S) and not self._ended.wait(SETTLE_S)
            if asked:
                self._woken.clear()
                self.ask()
            if self._look() != self.told and not self._ended.is_set():
                self._tell()
            if asked:
                self._ended.wait(PERIOD_S - SETTLE_S)
