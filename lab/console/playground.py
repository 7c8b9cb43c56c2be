"""The stack under the page: faults, settings, and a clean stage, each with its evidence."""

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial

import msgspec

from lab.console.event_making import from_fault, setting_changed
from lab.console.events import PageEvent, StackEvent
from lab.console.fault_targets import targets
from lab.console.settings import checked
from lab.console.stack_state import MOST_PAGE_SERVERS, FaultDone, StackState, StoreState
from lab.console.stack_status import StackStatus
from lab.console.stage_settings import StageSettings
from lab.core.errors import LabError
from lab.core.faults import STORE, FaultEvent, FaultKind
from lab.evidence.result import Variant
from lab.experiments.provision import ProvisionedStack
from lab.processes.waiting import at_once
from lab.stack.faults import FaultInjector
from lab.stack.local_pool import Drain, own_pool
from lab.stack.local_store import LocalStore
from lab.stack.session_store import Store

NO_STORE_HERE = "no store runs: switch the stateful desk to redis first"


class Playground:
    """The stack under the page. Orders queue up; a kill waits for a clean stage only.

    Each fault is published as an event, with the stack after it. LabError, which says what to
    do, for what cannot be done.
    """

    def __init__(
        self,
        provisioned: ProvisionedStack,
        variants: tuple[Variant, ...],
        publish: Callable[[PageEvent], object],
        begin: Callable[[StackState, str], object],
        *,
        on_fault: Callable[[Mapping[str, int]], None] = lambda _: None,
        on_reload: Callable[[], None] = lambda: None,
        on_reset: Callable[[], None] = lambda: None,
        most_servers: int = MOST_PAGE_SERVERS,
    ) -> None:
        """`publish` publishes an event, `begin` a new stage of a script ("": of none).

        `on_fault` is called before each fault is published, with the present prices by sku,
        `on_reload` after nginx has taken a new configuration, `on_reset` before a new stage is
        published.
        """
        self._stack = provisioned.stack
        self._pools = {name: own_pool(pool) for name, pool in self._stack.pools.items()}
        self._settings = StageSettings(provisioned, self._pools, variants)
        self._publish_event = publish
        self._begin = begin
        self._on_fault, self._on_reload, self._on_reset = on_fault, on_reload, on_reset
        self._most_servers = most_servers
        self._order = threading.RLock()
        # Held for a change of servers: a kill in the middle would undo a reset.
        self._lives = threading.RLock()
        self._publishing = threading.RLock()  # a later event shows a later stack
        self._drains: list[threading.Thread] = []
        self._closed = False
        self._faults = {
            desk: FaultInjector(pool, self._store) for desk, pool in self._pools.items()
        }
        for desk, faults in self._faults.items():
            faults.subscribe(partial(self._publish_fault, desk))
        draining = {desk: faults.draining for desk, faults in self._faults.items()}
        self.watch = StackStatus(
            self._pools, draining, self.status, self._publish_stack, self._kept_in_store
        )

    def inject(self, kind: FaultKind, target: str) -> list[FaultDone]:
        """Inject a fault into "B" at every desk, "stateful/B" at one, or "store".

        Returns the evidence of each. A drain goes on in the background: its event comes later.
        """
        if kind is FaultKind.DRAIN:
            return self._drain(target)
        if target == STORE:
            self.refresh()  # shows what its servers keep, before that is gone
        with self._lives if kind is FaultKind.KILL else self._order:
            chosen = self._chosen(target, kind)
            done = at_once(lambda at: self._faults[at[0]].inject(at[1], kind), chosen)
        self.watch.touch()
        return [_evidence(desk, each) for (desk, _), each in zip(chosen, done, strict=True)]

    def add(self, desk: str = "") -> list[FaultDone]:
        """Start one more server at each desk (or at one) and put it behind the balancer."""
        if desk not in ("", *self._pools):
            raise LabError(f"no desk {desk[:40]!r}: there are {', '.join(self._pools)}")
        with self._order:
            desks = [name for name in self._pools if desk in ("", name)]
            for name in desks:
                if (count := len(self._pools[name].servers)) >= self._most_servers:
                    raise LabError(
                        f"the {name} desk has {count} servers, and this stage has "
                        f"{self._most_servers} at most: drain one first"
                    )
            try:
                done = at_once(lambda at: self._faults[at].inject("", FaultKind.ADD), desks)
            finally:
                self._on_reload()
        return [_evidence(name, each) for name, each in zip(desks, done, strict=True)]

    def change(self, **settings: str | None) -> StackState:
        """Change settings while it runs; another store restarts the stateful servers."""
        wanted = checked(settings)
        with self._order:
            present = self._settings.present()
            for name, value in wanted.items():
                if value != present[name]:
                    with self._lives if StageSettings.ends_servers(name) else nullcontext():
                        self._settings.change(name, value)
                    if StageSettings.ends_servers(name):
                        self.watch.ask()
                    self._publish(partial(setting_changed, name, present[name], value))
                    self._on_reload()
            return self.status()

    def reset(
        self, servers: int | None = None, script: str = "", **settings: str | None
    ) -> StackState:
        """Set up a clean stage: servers A, B, … at each desk, all up, nothing remembered.

        `script` is the one that begins with it.
        """
        wanted = checked(settings)
        if servers is not None and not 1 <= servers <= self._most_servers:
            raise LabError(f"servers must be 1 to {self._most_servers}")
        with self._order, self._lives:
            changed = self._settings.wanted(servers, wanted)
            for faults in self._faults.values():
                faults.end_drains()
            self._settings.begin_anew(changed)
            self._on_reset()
            self.watch.ask()
            with self._publishing:
                stack = self.watch.shown = self.status()
                self._begin(stack, script)
            self._on_reload()
            return stack

    def status(self, *, ask: bool = False) -> StackState:
        """Return the stack as the page draws it; `ask` every server for its count now."""
        if ask:
            self.watch.ask()
        return StackState(
            self._stack.origin,
            self.watch.servers(),
            self._settings.desks(),
            _described(self._settings.store(), self.watch.sessions),
            self._stack.access.trouble,
        )

    def refresh(self) -> None:
        """Ask servers and store for their counts now, and publish the stack if it has changed."""
        self.watch.ask()
        with self._publishing:
            if self.status() != self.watch.shown:
                self._publish_stack()

    def has_drained(self) -> bool:
        """Return True if no server drains any more, and all events of drains are published."""
        return not any(each.is_alive() for each in self._drains)

    def close(self) -> None:
        """Stop watching and delete the cache; servers that still drain end with the stack."""
        self._closed = True
        self.watch.close()
        for drain in self._drains:
            drain.join()
        self._settings.wipe_cache()

    def _drain(self, target: str) -> list[FaultDone]:
        with self._order:
            chosen = self._chosen(target, FaultKind.DRAIN)
            for desk, name in chosen:
                if len(self._pools[desk].servers) == 1:
                    raise LabError(f"{name} is the last server of {desk}: add one first")
            self._drains = [each for each in self._drains if each.is_alive()]
            for desk, name in chosen:
                going = (desk, self._faults[desk].begin_drain(name))
                thread = threading.Thread(target=self._finish, args=going, name="drain")
                self._drains.append(thread)
                thread.start()
            self._publish_stack()
            self._on_reload()
        return [FaultDone(desk=desk, name=name, state="draining") for desk, name in chosen]

    def _finish(self, desk: str, drain: Drain) -> None:
        self._faults[desk].finish_drain(drain, lambda: self._closed)

    def _chosen(self, target: str, kind: FaultKind) -> list[tuple[str, str]]:
        draining = kind is FaultKind.KILL
        servers = {
            (desk, name): server
            for desk, pool in self._pools.items()
            for name, server in (
                (self._faults[desk].draining if draining else {}) | dict(pool.servers)
            ).items()
        }
        return targets(target, kind, {at: server.state for at, server in servers.items()})

    def _publish_fault(self, desk: str, event: FaultEvent) -> None:
        self._publish(lambda stack: from_fault(desk, event, stack))

    def _publish(self, event_with: Callable[[StackState], PageEvent]) -> None:
        self._on_fault(self._settings.cents())
        with self._publishing:
            stack = self.watch.shown = self.status()
            self._publish_event(event_with(stack))

    def _publish_stack(self) -> None:
        with self._publishing:
            self.watch.shown = self.status()
            self._publish_event(StackEvent(self.watch.shown))

    def _kept_in_store(self) -> tuple[int, int] | None:
        store = self._settings.store()
        if store is None or (isinstance(store, LocalStore) and store.state != "up"):
            return None
        try:
            return _process_of(store), self._settings.sessions_in_store()
        except LabError:
            return None  # the server has just ended, or is paused

    def _store(self) -> Store:
        store = self._settings.store()
        if store is None:
            raise LabError(NO_STORE_HERE)
        return store


def _evidence(desk: str, event: FaultEvent) -> FaultDone:
    at = "" if event.target == STORE else desk
    seen = msgspec.structs.asdict(event.evidence)
    return FaultDone(desk=at, name=event.target, confirmed=event.confirmed, **seen)


def _described(store: Store | None, sessions: Mapping[int, int]) -> StoreState | None:
    if store is None:
        return None
    kept = sessions.get(_process_of(store))
    if not isinstance(store, LocalStore):
        return StoreState("external", None, "the store at the given address", kept)
    state = store.state
    if state == "dead":
        return StoreState(state, None, store.program.title)
    return StoreState(state, store.pid, store.program.title, kept)


def _process_of(store: Store) -> int:
    """Return the process id of the store; 0 where it is not the lab's."""
    return store.pid if isinstance(store, LocalStore) else 0
