"""What a script can do to the lane it runs on: meet customers, break things, look around."""

from __future__ import annotations

import inspect
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.core.errors import LabError
from lab.core.faults import STORE, FaultEvent, FaultEvidence, FaultKind
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
    from lab.stack.server import Death, Server
    from lab.stack.server_pool import ServerPool
    from lab.stack.session_store import Store, StoreStats
    from lab.stack.stack import Stack

_NAMES = ("John", "Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan")


UNTIL_POLL_S = 0.02
LOG_DEADLINE_S = 5.0
T = TypeVar("T")


@dataclass(frozen=True)
class ScriptContext:
    """What a lane's `Lab` is made from. `keys` are the signing keys of the run (secret).

    None where the servers were not started by the lab, which then does not know their keys.
    """

    stack: Stack
    lane: ServerPool
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

    def __init__(self, setting: ScriptContext, record: Record) -> None:
        self._setting = setting
        self._lane = setting.lane
        self._record = record
        self.customers: list[Shopper] = []
        self.extra: dict[str, Any] = {}
        self.quick = setting.quick
        self.crowd_shoppers = setting.crowd
        self.random = random.Random(setting.seed)
        for _ in range(setting.customers):
            self.shopper()

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of this lane's servers, dead ones too: ("A", "B", "C")."""
        return tuple(self._lane.replicas)

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
            seed=self._setting.seed,
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

        variant = self._setting.variant
        return CrowdTarget(
            variant=self._lane.name,
            url=self.url,
            servers=self.servers,
            has_store=self.has_store,
            folder=self.folder,
            access=self._setting.stack.access,
            inject=self._inject,
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

        variant = self._setting.variant
        if variant.app == "stateful" and variant.uses_store and not variant.persistence:
            return STORE if isinstance(self._setting.store, LocalStore) else None
        return "process" if variant.keeps == "memory" else None

    def _inject(self, strike: PlannedFault) -> str | None:
        """Inject a fault of a timetable; return the instance that ended by it, if one did."""
        if strike.target == STORE:
            return self._inject_into_store(strike.kind)
        replica = self._replica(strike.target)
        instance = replica.instance if replica.state != "dead" else None
        if strike.kind == "kill":
            if not self.kill(strike.target).confirmed:
                raise LabError("its death was not confirmed")
            return instance
        if strike.kind == "restart":
            self.restart(strike.target)
            return instance
        (self.pause if strike.kind == "pause" else self.resume)(strike.target)
        return None

    def _inject_into_store(self, kind: str) -> str | None:
        on_store: dict[str, Callable[[], object]] = {
            "kill": self.kill_store,
            "restart": self.restart_store,
            "pause": self.hang_store,
            "resume": self.resume_store,
        }
        on_store[kind]()
        return STORE if kind == "kill" else None

    def log_of(self, *ops: str) -> list[AccessEntry]:
        """Return what nginx wrote in its log about these operations (an exchange's `op`)."""
        self._setting.stack.access.wait_for(ops, LOG_DEADLINE_S)
        return [entry for entry in self._setting.stack.access.entries() if entry.op in ops]

    def server_info(self, server: str | None) -> dict[str, Any]:
        """Ask a server about itself, directly: `GET /api/server`."""
        return self._replica(server).server_info()

    def memory_bytes(self, server: str) -> int:
        """Return the memory a server's process occupies (resident set), in bytes."""
        return self._replica(server).memory_bytes()

    @property
    def url(self) -> str:
        """Where the balancer serves this lane: "http://127.0.0.1:PORT/LANE"."""
        return self._lane.url

    @property
    def folder(self) -> Path:
        """Where this experiment's nginx and servers keep their files: logs, caches."""
        return Path(self._setting.fill("{folder}"))

    def address_of(self, server: str) -> str:
        """Return a server's own "host:port", for a request past the balancer and the record."""
        return self._replica(server).address

    @property
    def has_store(self) -> bool:
        """Whether this lane keeps something in a session store."""
        return self._setting.variant.uses_store

    def store_stats(self) -> StoreStats:
        """Return what the session store holds for this lane, and how much it has done."""
        return self._store.stats(self._setting.store_prefix)

    def held(self) -> Footprint:
        """Return what this lane's servers and its store hold between two requests, now.

        LabError for servers that the lab did not start: their memory and files it cannot see.
        """
        folder = self.folder / "sessions" / self._setting.variant.name
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
        if self._setting.keys is None:
            raise LabError("the lab did not start these servers and has no signing key of theirs")
        return self._setting.keys[0]

    def kill(self, server: str | None) -> Death:
        """End a server's process at once, as a crash does: SIGKILL, or its kill command."""
        replica = self._replica(server)
        death = replica.kill()
        self._note("kill", replica.name, death.confirmed, vars(death))
        return death

    def restart(self, server: str, env: Mapping[str, str] | None = None) -> str:
        """Start a server again (killing it first if it runs); return its new instance.

        `env` changes its environment from now on, with the placeholders of a variant.
        """
        replica = self._replica(server)
        before = replica.instance
        filled = {name: self._setting.fill(value) for name, value in (env or {}).items()}
        replica.require_restart(filled)
        if replica.state != "dead":
            self.kill(server)
        after = replica.restart(filled)
        self._note("restart", server, before != after, {"was": before, "instance": after})
        return after

    def pause(self, server: str) -> None:
        """Freeze a server (SIGSTOP): it holds its connections and answers nothing."""
        self._fault("pause", server, self._replica(server).pause)

    def resume(self, server: str) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._fault("resume", server, self._replica(server).resume)

    def add_server(self) -> str:
        """Start one more server and put it behind the balancer; return its name."""
        name = self._lane.add().name
        self._note("add", name, None, {})
        return name

    def drain(self, server: str) -> None:
        """Take a server out of the balancer, let it finish, then stop it."""
        self._replica(server)
        self._fault("drain", server, lambda: self._lane.drain(server))

    def kill_store(self) -> Death:
        """End the session store's process at once."""
        death = self._store.kill()
        self._note("kill", "store", death.confirmed, vars(death))
        return death

    def restart_store(self) -> None:
        """Start the session store again."""
        self._fault("restart", "store", self._store.restart)

    def hang_store(self) -> None:
        """Freeze the session store: it accepts connections and answers nothing."""
        self._fault("pause", "store", self._store.hang)

    def resume_store(self) -> None:
        """Let a frozen session store go on."""
        self._fault("resume", "store", self._store.resume)

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
            return self._lane.url
        self._replica(server)
        return self._lane.url_of(server)

    def _replica(self, server: str | None) -> Server:
        replicas = self._lane.replicas
        if server is None:
            raise LabError("no server named: the exchange that should have named one got no answer")
        if server not in replicas:
            raise LabError(f"no server {server!r} here: there are {', '.join(replicas)}")
        return replicas[server]

    def _store_bytes(self) -> int:
        from lab.stack.store_client import ask, connect, keys_under

        # Key by key: a store's memory as a whole moves by more than a few sessions take up.
        with connect(self._store.url) as client:
            keys = keys_under(client, self._setting.store_prefix)
            return sum(ask(lambda: [client.memory_usage(key) or 0 for key in keys]))

    @property
    def _store(self) -> Store:
        if self._setting.store is None and self.has_store:
            raise LabError(
                "the servers' own store cannot be asked: give its URL, --store redis://…"
            )
        if self._setting.store is None:
            raise LabError("this lane has no session store: run it with --store redis")
        return self._setting.store

    def _fault(self, kind: str, target: str, act: Callable[[], object]) -> None:
        act()
        self._note(kind, target, None, {})

    def _note(
        self, kind: str, target: str, confirmed: bool | None, evidence: dict[str, Any]
    ) -> None:
        seen = FaultEvidence(**{name: each for name, each in evidence.items() if name != "name"})
        event = FaultEvent(FaultKind(kind), target, self._record.now_s(), confirmed, seen)
        self._record.append(event)
        for customer in self.customers:
            customer.ledger.doubt()


def _name(number: int) -> str:
    first = _NAMES[number % len(_NAMES)]
    return first if number < len(_NAMES) else f"{first} {number // len(_NAMES) + 1}"
