"""The `lab` of a script: customers, faults, and questions to the servers."""

from __future__ import annotations

import inspect
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.core.errors import LabError
from lab.core.faults import STORE, FaultEvent, FaultKind
from lab.crowd.load_profile import LoadProfile
from lab.evidence.exchange import Exchange
from lab.evidence.record import Record
from lab.evidence.result import Variant
from lab.evidence.shopper import Shopper

# An experiment's file names `Lab` as a type only, and a list of them loads neither the stack
# nor the crowd: both are imported where they are used.
if TYPE_CHECKING:
    from lab.crowd.crowd_run import CrowdTarget
    from lab.crowd.loss_audit import DiesWith
    from lab.crowd.progress import Progress
    from lab.crowd.result import CrowdResult
    from lab.crowd.timetable import PlannedFault
    from lab.crowd.worker_group import WorkerGroup
    from lab.stack.access_log import AccessEntry
    from lab.stack.faults import FaultInjector
    from lab.stack.local_server import LocalServer
    from lab.stack.server import Server
    from lab.stack.server_pool import ServerPool
    from lab.stack.session_store import Store, StoreStats
    from lab.stack.stack import Stack

_NAMES = ("John", "Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan")


UNTIL_POLL_S = 0.02
LOG_DEADLINE_S = 5.0
T = TypeVar("T")


@dataclass(frozen=True)
class ScriptContext:
    """The parts of a `Lab`. `keys` are the signing keys of the run (secret).

    They are None where the lab did not start the servers, and so does not know their keys.
    """

    stack: Stack
    pool: ServerPool
    variant: Variant
    store: Store | None
    store_prefix: str
    fill: Callable[[str], str]
    keys: tuple[str, str] | None
    customers: int = 1
    seed: int = 0
    quick: bool = False
    crowd: int = 0


@dataclass(frozen=True)
class Footprint:
    """What a lane holds between two requests, in each place there is for it.

    Counts are of sessions. `process_bytes` is the whole resident set of the servers, and so
    coarse; `store_bytes` what the store says this lane's keys take up (MEMORY USAGE).
    """

    in_processes: int
    in_files: int
    in_store: int
    process_bytes: int
    file_bytes: int
    store_bytes: int

    @property
    def sessions(self) -> int:
        """Sessions held on the server, wherever."""
        return self.in_processes + self.in_files + self.in_store


class Lab:
    """The `lab` of a script. Every fault is recorded with the evidence that it happened.

    `customers` are the shoppers of this run, the script's `shopper` first. `random` gives the
    same numbers in every lane of a run with the same --seed; `quick` is whether a small run
    was asked for, and `crowd_shoppers` how many shoppers of a crowd, 0 for none. The same
    object is offered whichever desk the lane runs.
    """

    def __init__(self, context: ScriptContext, record: Record) -> None:
        self._context = context
        self._pool = context.pool
        self._record = record
        self.customers: list[Shopper] = []
        self.extra: dict[str, Any] = {}
        self.quick = context.quick
        self.crowd_shoppers = context.crowd
        self.random = random.Random(context.seed)
        for _ in range(context.customers):
            self.shopper()

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of this lane's servers, dead ones too: ("A", "B", "C")."""
        return tuple(self._pool.servers)

    def shopper(self, name: str | None = None, user_id: str | None = None) -> Shopper:
        """Return one more customer, with cookies and a token of their own."""
        number = len(self.customers)
        customer = Shopper(
            self._address,
            self._record,
            user_id=user_id or str(123 + number),
            name=name or _name(number),
        )
        self.customers.append(customer)
        return customer

    def measure(self, **values: Any) -> None:
        """Add measurements of your own to the result; a repeated name is overwritten."""
        self.extra.update(values)

    def curve(
        self, title: str, x: str, y: str, points: Sequence[tuple[float | str, float]]
    ) -> None:
        """Add a curve to the result; lanes with a curve of the same title share a chart.

        `x` and `y` label the axes with their units; a text as x makes a bar.
        """
        self.extra[title] = {"x": x, "y": y, "points": [list(point) for point in points]}

    def n(self, full: int, quick: int) -> int:
        """Return how many to try: `full`, or `quick` with --quick."""
        return quick if self.quick else full

    def together(self, actions: Sequence[Callable[[], T]], at_once: int = 16) -> list[T]:
        """Run actions in threads, at most `at_once` at a time; return their results in order.

        Each shopper can be in one action only. The first exception is raised at the end.
        """
        with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
            return [future.result() for future in [pool.submit(action) for action in actions]]

    def while_(self, busy: Callable[[], object], act: Callable[[], T], every_s: float = 0.0) -> T:
        """Repeat `busy` in the background for as long as `act` takes; return what `act` does.

        `every_s` is the pause after each `busy`, 0 for none.
        """
        stop = threading.Event()

        def repeat() -> None:
            while not stop.wait(every_s):
                busy()

        with ThreadPoolExecutor(max_workers=1) as pool:
            background = pool.submit(repeat)
            try:
                return act()
            finally:
                stop.set()
                background.result()

    def until(
        self, condition: Callable[[], T], deadline_s: float, every_s: float = UNTIL_POLL_S
    ) -> T | None:
        """Ask until `condition()` is true; return what it said, or None past the deadline."""
        end = time.monotonic() + deadline_s
        while not (said := condition()):
            if time.monotonic() > end:
                return None
            time.sleep(every_s)
        return said

    def crowd(
        self,
        visit: Callable[[Shopper, Any], Any],
        shoppers: int,
        rate: float | None,
        for_s: float,
        **more: Any,
    ) -> CrowdResult:
        """Let many shoppers do `visit(shopper, lab)` at once, in a process of their own.

        `visit` is a function at the top level of a file; `rate` is in requests per second over
        all of them, None for as fast as they are answered (`more`: see `LoadProfile`). On Locust
        where the extra is installed, else in threads, and then 200 shoppers at most. Their
        exchanges are written down in `folder`, and are not in this run's record.
        """
        from lab.crowd.worker_group import has_locust

        profile = LoadProfile(
            script=inspect.getfile(visit),
            function=visit.__name__,
            shoppers=shoppers,
            rate=rate,
            for_s=for_s,
            seed=self._context.seed,
            **{"engine": "locust" if has_locust() else "threads", **more},
        )
        result = self.crowd_of(profile)
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    def crowd_of(
        self,
        profile: LoadProfile,
        watch: Callable[[Progress], object] = lambda progress: None,
        log: Callable[[str], object] = lambda line: None,
        workers: WorkerGroup | None = None,
    ) -> CrowdResult:
        """Run a crowd of this profile here (see `run_crowd`)."""
        from lab.crowd.crowd_run import run_crowd

        return run_crowd(profile, self._crowd_target(), watch, log, workers)

    def _crowd_target(self) -> CrowdTarget:
        from lab.crowd.crowd_run import CrowdTarget
        from lab.crowd.result import CrowdSetup

        variant = self._context.variant
        return CrowdTarget(
            variant=self._pool.name,
            url=self.url,
            servers=self.servers,
            has_store=self.has_store,
            folder=self.folder,
            access=self._context.stack.access,
            inject=self._inject_planned,
            dies_with=self._carts_die_with(),
            setup=CrowdSetup(
                desk=variant.app,
                store=variant.keeps,
                servers=variant.knobs.servers,
                affinity=variant.knobs.affinity,
                retry=variant.knobs.retry,
            ),
            quick=self.quick,
        )

    def _carts_die_with(self) -> DiesWith | None:
        from lab.stack.local_store import LocalStore

        variant = self._context.variant
        if variant.app == "stateful" and variant.uses_store and not variant.persistence:
            return STORE if isinstance(self._context.store, LocalStore) else None
        return "process" if variant.keeps == "memory" else None

    def _inject_planned(self, planned: PlannedFault) -> str | None:
        """Inject a planned fault; return the instance that ended by it, if one did."""
        heard: list[FaultEvent] = []
        stop = self._faults.subscribe(heard.append)
        try:
            event = self.inject(planned.target, planned.kind)
        finally:
            stop()
        if event.confirmed is False:
            raise LabError(f"the {event.kind} was not confirmed")
        ended = [each for each in heard if each.kind is FaultKind.KILL]
        if not ended:
            return None
        return STORE if planned.target == STORE else ended[0].evidence.instance

    def log_of(self, *ops: str) -> list[AccessEntry]:
        """Return what nginx wrote in its log about these operations (an exchange's `op`)."""
        self._context.stack.access.wait_for(ops, LOG_DEADLINE_S)
        return [entry for entry in self._context.stack.access.entries() if entry.op in ops]

    def server_info(self, server: str | None) -> dict[str, Any]:
        """Ask a server about itself, directly: `GET /api/server`."""
        return self._server(server).server_info()

    def memory_bytes(self, server: str) -> int:
        """Return the memory a server's process occupies (resident set), in bytes."""
        return self._own(server).memory_bytes()

    @property
    def url(self) -> str:
        """Where the balancer serves this lane: "http://127.0.0.1:PORT/LANE"."""
        return self._pool.url

    @property
    def folder(self) -> Path:
        """Where this experiment's nginx and servers keep their files: logs, caches."""
        return Path(self._context.fill("{folder}"))

    def address_of(self, server: str) -> str:
        """Return a server's own "host:port", for a request past the balancer and the record."""
        return self._server(server).address

    @property
    def has_store(self) -> bool:
        """Whether this lane keeps something in a session store."""
        return self._context.variant.uses_store

    def store_stats(self) -> StoreStats:
        """Return what the session store holds for this lane, and how much it has done."""
        return self._store.stats(self._context.store_prefix)

    def held(self) -> Footprint:
        """Return what this lane's servers and its store hold between two requests, now.

        LabError for servers that the lab did not start: their memory and files it cannot see.
        """
        folder = self.folder / "sessions" / self._context.variant.name
        files = [path for path in folder.glob("*") if path.is_file()]
        return Footprint(
            in_processes=sum(self.server_info(name)["carts_remembered"] for name in self.servers),
            in_files=len(files),
            in_store=self.store_stats().keys if self.has_store else 0,
            process_bytes=sum(map(self.memory_bytes, self.servers)),
            file_bytes=sum(path.stat().st_size for path in files),
            store_bytes=self._store_bytes() if self.has_store else 0,
        )

    def store_operations(self, act: Callable[[], object]) -> int:
        """Return how many commands `act` makes the session store carry out; 0 without a store.

        The store's own count, without greetings and questions (see `StoreStats.operations`).
        Of a store that others use as well, theirs are in it.
        """
        if not self.has_store:
            act()
            return 0
        before = self.store_stats().operations
        act()
        return self.store_stats().operations - before

    def leak_key(self) -> str:
        """Return the signing key of this run, as somebody who stole it would have it.

        LabError for servers that the lab did not start: their key is not known here.
        """
        if self._context.keys is None:
            raise LabError("the lab did not start these servers and has no signing key of theirs")
        return self._context.keys[0]

    def inject(
        self, target: str, kind: FaultKind, env: Mapping[str, str] | None = None
    ) -> FaultEvent:
        """Inject a fault into a server or the session store ("store"); return what was seen.

        The verbs below are this, one for each kind of fault. `env` is for a restart.
        """
        return self._faults.inject(target, kind, env)

    def kill(self, server: str | None) -> FaultEvent:
        """End a server's process at once, as a crash does: SIGKILL, or its kill command."""
        return self.inject(self._server(server).name, FaultKind.KILL)

    def restart(self, server: str, env: Mapping[str, str] | None = None) -> str:
        """Start a server again (killing it first if it runs); return its new instance.

        `env` changes its environment from now on, with the placeholders of a variant.
        """
        filled = {name: self._context.fill(value) for name, value in (env or {}).items()}
        return self.inject(server, FaultKind.RESTART, filled).evidence.instance or ""

    def pause(self, server: str) -> FaultEvent:
        """Freeze a server (SIGSTOP): it holds its connections and answers nothing."""
        return self.inject(server, FaultKind.PAUSE)

    def resume(self, server: str) -> FaultEvent:
        """Let a frozen server go on (SIGCONT)."""
        return self.inject(server, FaultKind.RESUME)

    def add_server(self) -> str:
        """Start one more server and put it behind the balancer; return its name."""
        return self.inject("", FaultKind.ADD).target

    def drain(self, server: str) -> FaultEvent:
        """Take a server out of the balancer, let it finish its requests, then stop it."""
        return self.inject(server, FaultKind.DRAIN)

    def kill_store(self) -> FaultEvent:
        """End the session store's process at once."""
        return self.inject(STORE, FaultKind.KILL)

    def restart_store(self) -> FaultEvent:
        """Start the session store again."""
        return self.inject(STORE, FaultKind.RESTART)

    def pause_store(self) -> FaultEvent:
        """Freeze the session store: it accepts connections and answers nothing."""
        return self.inject(STORE, FaultKind.PAUSE)

    def resume_store(self) -> FaultEvent:
        """Let a frozen session store go on."""
        return self.inject(STORE, FaultKind.RESUME)

    def look_for_cart(self, customer: Shopper) -> Exchange:
        """Ask for a cart as somebody who presses reload, then at each server by name.

        The second part no customer could do: with affinity a balancer may go on sending
        them to a dead server, and whether the cart still exists is another question.
        """
        seen = customer.view_cart(tries=len(self.servers))
        for server in self.servers:
            if seen.answered:
                break
            seen = customer.view_cart(server=server)
        return seen

    def settle(self) -> None:
        """Ask once more for every cart of which nothing is known yet: the closing read."""
        for customer in self.customers:
            if customer.ledger.needs_read:
                self.look_for_cart(customer)

    def _address(self, server: str | None) -> str:
        if server is None:
            return self._pool.url
        return self._pool.url_of(server)

    def _server(self, server: str | None) -> Server:
        if server is None:
            raise LabError("no server named: the exchange that should have named one got no answer")
        return self._pool.server(server)

    def _own(self, server: str) -> LocalServer:
        from lab.stack.local_server import own_process

        return own_process(self._server(server))

    @cached_property
    def _faults(self) -> FaultInjector:
        from lab.stack.faults import FaultInjector

        faults = FaultInjector(self._pool, lambda: self._store, self._record.now_s)
        faults.subscribe(self._note)
        return faults

    def _store_bytes(self) -> int:
        from lab.stack.store_client import ask, connect, keys_under

        # Key by key: a store's memory as a whole moves by more than a few sessions take up.
        with connect(self._store.url) as client:
            keys = keys_under(client, self._context.store_prefix)
            return sum(ask(lambda: [client.memory_usage(key) or 0 for key in keys]))

    @property
    def _store(self) -> Store:
        if self._context.store is None and self.has_store:
            raise LabError(
                "the servers' own store cannot be asked: give its URL, --store redis://…"
            )
        if self._context.store is None:
            raise LabError("this lane has no session store: run it with --store redis")
        return self._context.store

    def _note(self, event: FaultEvent) -> None:
        self._record.append(event)
        for customer in self.customers:
            customer.ledger.doubt()


def _name(number: int) -> str:
    first = _NAMES[number % len(_NAMES)]
    return first if number < len(_NAMES) else f"{first} {number // len(_NAMES) + 1}"
