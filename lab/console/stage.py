"""What may be done to the running stack, each with the evidence that it happened."""

import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from lab.console import events
from lab.console.watching import Watch
from lab.errors import LabError
from lab.evidence.result import Knobs, Variant
from lab.experiments.caching import NAIVE, OBEDIENT
from lab.experiments.matrix import two_desks
from lab.lanes import Bench
from lab.stack import ExternalStore, Lane, LocalStore, Replica, find_store
from lab.stack.replica import await_ready

Json = dict[str, Any]
Act = Callable[[Lane, Replica], Json]

MOST_SERVERS = 8
KNOBS: Mapping[str, tuple[str, ...]] = {
    "affinity": ("none", "cookie"),
    "retry": ("off", "on"),
    "cache": ("off", "obedient", "naive"),
    "store": ("memory", "file", "redis"),
}
CACHES: Mapping[str, tuple[str, ...]] = {"obedient": OBEDIENT, "naive": NAIVE}
PAUSED_SHOWS = "proxy_read_timeout 1s"  # a frozen server is a 504 after this
NO_STORE_HERE = "no store runs: switch the stateful desk to redis first"


def console_variants(knobs: Knobs) -> tuple[Variant, ...]:
    """Return the two desks as the page has them."""
    return tuple(replace(each, directives=(PAUSED_SHOWS,)) for each in two_desks(knobs))


class Stage:
    """The stack under the page. Orders follow one another; a kill waits for none of them."""

    def __init__(
        self,
        bench: Bench,
        variants: tuple[Variant, ...],
        tell: Callable[..., object],
        begin: Callable[[Json], object],
        *,
        on_fault: Callable[[], None] = lambda: None,
        on_reload: Callable[[], None] = lambda: None,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        """`tell` publishes an event, `begin` a new stage.

        `on_fault` is called after each fault, `on_reload` when nginx has a new configuration,
        `on_reset` before a new stage is told.
        """
        self._bench = bench
        self._stack = bench.stack
        self._variants = {each.name: each for each in variants}
        self._cache = "off"
        self._caches_made = 0
        self._tell = tell
        self._begin = begin
        self._on_fault, self._on_reload, self._on_reset = on_fault, on_reload, on_reset
        self._order = threading.RLock()
        self._hands = ThreadPoolExecutor(max_workers=8, thread_name_prefix="stage")
        self.watch = Watch(self._stack, lambda: self._tell("stack", stack=self.status()))

    def kill(self, target: str) -> list[Json]:
        """Kill "B" at every desk, or "stateful/B" at one; return the evidence of each death."""

        def end(lane: Lane, replica: Replica) -> Json:
            death = replica.kill()
            return {"confirmed": death.confirmed, **vars(death)}

        chosen = self._chosen(target)
        # Already dead at one desk is no reason to spare the other.
        living = [each for each in chosen if each[1].state != "dead"]
        return self._each("kill", living or chosen, end)

    def restart(self, target: str) -> list[Json]:
        """Start a server again with an empty memory, killing it first if it runs."""

        def again(lane: Lane, replica: Replica) -> Json:
            was = replica.instance
            now = replica.restart()
            return {"was": was, "instance": now, "pid": replica.pid, "confirmed": was != now}

        with self._order:
            return self._each("restart", self._chosen(target), again)

    def pause(self, target: str) -> list[Json]:
        """Freeze a server: it keeps its connections and answers nobody."""
        with self._order:
            return self._each("pause", self._chosen(target), _pause)

    def resume(self, target: str) -> list[Json]:
        """Let a frozen server go on."""
        with self._order:
            return self._each("resume", self._chosen(target), _resume)

    def drain(self, target: str) -> list[Json]:
        """Take a server out of the balancer and stop it: begun here, told when it is done."""
        chosen = self._chosen(target)
        for lane, replica in chosen:
            if len(lane.replicas) == 1:
                raise LabError(f"{replica.name} is the last server of {lane.name}: add one first")
        for lane, replica in chosen:
            self.watch.draining(lane.name, replica.name, True)
        self._tell("stack", stack=self.status())
        self._hands.submit(self._drain, chosen)
        return [{"desk": lane.name, "name": replica.name} for lane, replica in chosen]

    def add(self, desk: str = "") -> list[Json]:
        """Start one more server at each desk (or at one) and put it behind the balancer."""
        if desk not in ("", *self._stack.lanes):
            raise LabError(f"no desk {desk!r}: there are {', '.join(self._stack.lanes)}")
        with self._order:
            lanes = [lane for name, lane in self._stack.lanes.items() if desk in ("", name)]
            for lane in lanes:
                if len(lane.replicas) >= MOST_SERVERS:
                    raise LabError(f"{lane.name} has {MOST_SERVERS} servers: drain one first")
            added = list(self._hands.map(lambda lane: (lane, lane.add()), lanes))
            self._on_reload()
            return [
                self._fault("add", lane, replica, {"instance": replica.instance}, None)
                for lane, replica in added
            ]

    def store(self, do: str) -> Json:
        """Kill, restart, hang or resume the lab's own session store."""
        store = self._store()
        if store is None:
            raise LabError(NO_STORE_HERE)
        with self._order:
            evidence: Json = {}
            if do == "kill":
                death = store.kill()
                evidence = {"confirmed": death.confirmed, **vars(death)}
            elif do in ("restart", "hang", "resume"):
                getattr(store, do)()
            else:
                raise LabError(f"a store can be killed, restarted, hung, resumed; not {do!r}")
            confirmed = evidence.pop("confirmed", None)
            return self._publish("", f"{do}-store", "store", confirmed, evidence)

    def change(self, **knobs: str | None) -> Json:
        """Turn knobs while it runs; the store's restarts the stateful servers."""
        wanted = _checked(knobs)
        with self._order:
            for name, value in wanted.items():
                was = self.status()["knobs"]["stateful"][name]
                self._turn(name, value)
                self._publish("", "knob", name, None, {"was": was, "value": value})
            return self.status()

    def reset(self, servers: int | None = None, **knobs: str | None) -> Json:
        """Set up a clean stage: servers A, B, … at each desk, all up, nothing remembered."""
        wanted = _checked(knobs)
        if servers is not None and not 1 <= servers <= MOST_SERVERS:
            raise LabError(f"servers must be 1 to {MOST_SERVERS}")
        with self._order:
            present = self._variants["stateful"].knobs
            self._cache = wanted.pop("cache", self._cache)
            texts: dict[str, Any] = dict(wanted)
            turned = replace(present, **texts, servers=servers or present.servers)
            self._variants = {each.name: each for each in console_variants(turned)}
            self._renew(turned)
            self._stack.balancer.reload()
            self._on_reload()
            self._on_reset()
            stack = self.status(ask=True)
            self._begin(stack)
            return stack

    def status(self, *, ask: bool = False) -> Json:
        """Return the stack as the page draws it; `ask` every server for its count now."""
        return {
            "origin": self._stack.origin,
            "desks": self.watch.servers(ask=ask),
            "knobs": {name: self._knobs(name, lane) for name, lane in self._stack.lanes.items()},
            "store": self._store_told(),
        }

    def close(self) -> None:
        """Watch no more, and finish what was begun."""
        self.watch.close()
        self._hands.shutdown(wait=True)

    def _drain(self, chosen: list[tuple[Lane, Replica]]) -> None:
        with self._order:
            for lane, replica in chosen:
                try:
                    # Streams are ended as soon as nginx has its new configuration: its old
                    # worker would wait for them.
                    self._hands.submit(self._on_reload)
                    lane.drain(replica.name)
                    self._fault("drain", lane, replica, {}, None)
                except LabError as error:
                    self._tell("stack", stack=self.status(), trouble=str(error))
                finally:
                    self.watch.draining(lane.name, replica.name, False)

    def _renew(self, knobs: Knobs) -> None:
        env = self._supply()
        launched = []
        for name, lane in self._stack.lanes.items():
            # A stateless server holds nothing, so one that lives may stay: that is the point.
            stays = _lives if name == "stateless" else _nobody
            own = env if name == "stateful" else {}
            launched += lane.renew(knobs.servers, own, stays)
            lane.set_up(knobs.affinity, knobs.retry, *self._directives(name))  # type: ignore[arg-type]
        self._empty()
        await_ready(launched)

    def _supply(self) -> dict[str, str]:
        """Return what the stateful servers are told, with the store they need up and empty."""
        variant = self._variants["stateful"]
        env = self._bench.supply(variant)
        store = self._bench.store_of(variant)
        if isinstance(store, LocalStore):
            store.restart()  # it keeps nothing on disk
        elif isinstance(store, ExternalStore):
            store.forget(self._bench.prefix_of(variant))
        return env

    def _empty(self) -> None:
        shutil.rmtree(self._bench.folder / "sessions", ignore_errors=True)

    def _turn(self, name: str, value: str) -> None:
        lanes = self._stack.lanes.values()
        if name == "affinity":
            for lane in lanes:
                lane.set_affinity(value)  # type: ignore[arg-type]
        elif name == "retry":
            for lane in lanes:
                lane.set_retry(value)  # type: ignore[arg-type]
        elif name == "cache":
            self._cache = value
            for lane in lanes:
                lane.set_directives(*self._directives(lane.name))
        else:
            self._switch_store(value)
            return
        self._remember(name, value)
        self._on_reload()

    def _switch_store(self, value: str) -> None:
        self._remember("store", value)
        env = self._supply()
        lane = self._stack.lanes["stateful"]
        await_ready(lane.renew(len(lane.replicas), env, _nobody))
        self._stack.balancer.reload()
        self._on_reload()

    def _remember(self, name: str, value: str) -> None:
        if name == "cache":
            return
        for lane, variant in self._variants.items():
            turned: dict[str, Any] = {name: value}
            self._variants[lane] = replace(variant, knobs=replace(variant.knobs, **turned))

    def _directives(self, lane: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._cache == "off":
            return (PAUSED_SHOWS,), ()
        self._caches_made += 1  # a cache of its own each time, so that nothing old is served
        zone = f"cache{self._caches_made}-{lane}"
        own = (f"proxy_cache_path {zone} keys_zone={zone}:1m",)
        return (PAUSED_SHOWS, f"proxy_cache {zone}", *CACHES[self._cache]), own

    def _chosen(self, target: str) -> list[tuple[Lane, Replica]]:
        desk, _, name = target.rpartition("/")
        lanes = self._stack.lanes
        chosen = [lane for lane in lanes if desk in ("", lane) and name in lanes[lane].replicas]
        if not chosen:
            known = ", ".join(
                f"{lane}/{server}" for lane in lanes for server in lanes[lane].replicas
            )
            raise LabError(
                f"no server {target[:40]!r}: there are {known}; a letter alone means both desks"
            )
        return [(lanes[lane], lanes[lane].replicas[name]) for lane in chosen]

    def _each(self, fault: str, chosen: list[tuple[Lane, Replica]], act: Act) -> list[Json]:
        """Do it at each desk at the same time, and tell of each as soon as it is done."""

        def do(pair: tuple[Lane, Replica]) -> Json:
            lane, replica = pair
            evidence = act(lane, replica)
            confirmed = evidence.pop("confirmed", None)
            return self._fault(fault, lane, replica, evidence, confirmed)

        return list(self._hands.map(do, chosen))

    def _fault(
        self, fault: str, lane: Lane, replica: Replica, evidence: Json, confirmed: bool | None
    ) -> Json:
        self._publish(lane.name, fault, replica.name, confirmed, evidence)
        told = {"confirmed": confirmed} if confirmed is not None else {}
        return {"desk": lane.name, **evidence, "name": replica.name, **told}

    def _publish(
        self, desk: str, fault: str, target: str, confirmed: bool | None, evidence: Json
    ) -> Json:
        self._on_fault()
        event = events.from_fault(desk, fault, target, confirmed, evidence, self.status())
        self._tell(**event)
        return event

    def _knobs(self, name: str, lane: Lane) -> Json:
        store = self._variants["stateful"].knobs.store_label if name == "stateful" else "token"
        return {
            "store": store,
            "affinity": lane.affinity,
            "retry": lane.retry,
            "cache": self._cache,
        }

    def _store(self) -> LocalStore | ExternalStore | None:
        store = self._bench.store_of(self._variants["stateful"])
        return store if isinstance(store, LocalStore | ExternalStore) else None

    def _store_told(self) -> Json | None:
        store = self._store()
        if store is None:
            return None
        if isinstance(store, LocalStore):
            alive = store.state != "dead"
            program = f"{store.program.path.stem} {store.program.version}"
            return {
                "state": store.state,
                "pid": store.pid if alive else None,
                "program": program,
            }
        return {"state": "external", "pid": None, "program": "external"}


def _pause(lane: Lane, replica: Replica) -> Json:
    replica.pause()
    return {"pid": replica.pid}


def _resume(lane: Lane, replica: Replica) -> Json:
    replica.resume()
    return {"pid": replica.pid}


def _lives(replica: Replica) -> bool:
    return replica.state == "up"


def _nobody(replica: Replica) -> bool:
    return False


def _checked(knobs: Mapping[str, str | None]) -> dict[str, str]:
    """Return the knobs that are to be turned; raise LabError for what cannot be."""
    wanted = {name: value for name, value in knobs.items() if value is not None}
    for name, value in wanted.items():
        if value not in KNOBS[name]:
            raise LabError(f"{name} is one of {', '.join(KNOBS[name])}")
        if (name, value) == ("store", "redis") and find_store() is None:
            raise LabError("no session store here: `lab doctor` says how to get one")
    return wanted
