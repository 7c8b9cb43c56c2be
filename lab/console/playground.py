"""What may be done to the running stack, each with the evidence that it happened."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lab.console import events
from lab.console.renewal import renew
from lab.console.settings import MOST_PAGE_SERVERS, STORE_ORDERS, Cache, checked, console_variants
from lab.console.stack_status import StackStatus
from lab.core.errors import LabError
from lab.evidence.result import Settings, Variant
from lab.experiments.provision import ProvisionedStack
from lab.processes.ports import is_open
from lab.processes.waiting import at_once
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import LETTERS
from lab.stack.server import Server
from lab.stack.server_pool import Drain, ServerPool
from lab.stack.session_store import Store

Json = dict[str, Any]
Chosen = list[tuple[ServerPool, Server]]

NO_STORE_HERE = "no store runs: switch the stateful desk to redis first"


class Playground:
    """The stack under the page. Orders follow one another; a kill waits for a clean stage only.

    Each order tells one "fault" for each server that it touched, with the stack after it.
    Raises LabError, which says what to do, for what cannot be done.
    """

    def __init__(
        self,
        bench: ProvisionedStack,
        variants: tuple[Variant, ...],
        tell: Callable[..., object],
        begin: Callable[[Json], object],
        *,
        on_fault: Callable[[], None] = lambda: None,
        on_reload: Callable[[], None] = lambda: None,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        """`tell` publishes an event, `begin` a new stage.

        `on_fault` is called before each fault is told, `on_reload` after nginx has taken a
        new configuration, `on_reset` before a new stage is told.
        """
        self._bench = bench
        self._stack = bench.stack
        self._variants = {each.name: each for each in variants}
        self._cache = Cache()
        self._tell = tell
        self._begin = begin
        self._on_fault, self._on_reload, self._on_reset = on_fault, on_reload, on_reset
        self._order = threading.RLock()
        self._lives = threading.RLock()  # of servers: a kill in the middle would undo a reset
        self._telling = threading.RLock()  # what is told later looked at the stack later
        self._drains: list[threading.Thread] = []
        self._closed = False
        self.watch = StackStatus(self._stack.lanes, self.status, self._tell_stack)

    def kill(self, target: str) -> list[Json]:
        """Kill "B" at every desk, or "stateful/B" at one; return the evidence of each death."""

        def end(lane: ServerPool, replica: Server) -> Json:
            return self._fault("kill", lane, replica, vars(replica.kill()))

        with self._lives:
            chosen = self._chosen(target, leaving=True)
            return self._each(_first(chosen, "up", "paused"), end)

    def restart(self, target: str) -> list[Json]:
        """Start a server again with an empty memory, killing it first if it runs."""

        def again(lane: ServerPool, replica: Server) -> Json:
            was = replica.instance
            evidence = {"was": was, "instance": replica.restart(), "pid": replica.pid}
            return self._fault("restart", lane, replica, evidence, was != evidence["instance"])

        with self._order:
            return self._each(self._chosen(target), again)

    def pause(self, target: str) -> list[Json]:
        """Freeze a server: it keeps its connections and answers nobody."""

        def freeze(lane: ServerPool, replica: Server) -> Json:
            if replica.state == "paused":
                raise LabError(f"{lane.name}/{replica.name} is paused already: resume it")
            replica.pause()
            return self._fault("pause", lane, replica, _who(replica), replica.frozen())

        with self._order:
            return self._each(_first(self._chosen(target), "up"), freeze)

    def resume(self, target: str) -> list[Json]:
        """Let a frozen server go on."""

        def let_go(lane: ServerPool, replica: Server) -> Json:
            if replica.state == "up":
                raise LabError(f"{lane.name}/{replica.name} is not paused: it runs")
            replica.resume()
            return self._fault("resume", lane, replica, _who(replica), not replica.frozen())

        with self._order:
            return self._each(_first(self._chosen(target), "paused"), let_go)

    def drain(self, target: str) -> list[Json]:
        """Take a server out of the balancer: done here. That it has ended is told later."""
        with self._order:
            chosen = self._chosen(target)
            for lane, replica in chosen:
                if len(lane.replicas) == 1:
                    raise LabError(
                        f"{replica.name} is the last server of {lane.name}: add one first"
                    )
            for lane, replica in chosen:
                self._take_out(lane, replica)
            self._tell_stack()
            self._on_reload()
            told = {"state": "draining"}
            return [{"desk": lane.name, "name": replica.name, **told} for lane, replica in chosen]

    def add(self, desk: str = "") -> list[Json]:
        """Start one more server at each desk (or at one) and put it behind the balancer."""
        if desk not in ("", *self._stack.lanes):
            raise LabError(f"no desk {desk[:40]!r}: there are {', '.join(self._stack.lanes)}")

        def one_more(lane: ServerPool) -> Json:
            replica = lane.add()
            return self._fault("add", lane, replica, _who(replica))

        with self._order:
            lanes = [lane for name, lane in self._stack.lanes.items() if desk in ("", name)]
            for lane in lanes:
                if len(lane.replicas) >= MOST_PAGE_SERVERS:
                    raise LabError(f"{lane.name} has {MOST_PAGE_SERVERS} servers: drain one first")
            try:
                return at_once(one_more, lanes)
            finally:
                self._on_reload()

    def store(self, do: str) -> Json:
        """Kill, restart, hang or resume the lab's own session store; return the event of it."""
        if do not in STORE_ORDERS:
            raise LabError(f"a store can be killed, restarted, hung, resumed; not {do[:40]!r}")
        with self._lives if do == "kill" else self._order:
            store = self._store()
            if store is None:
                raise LabError(NO_STORE_HERE)
            death = getattr(store, do)()
            evidence = vars(death) if death else {}
            if not death and isinstance(store, LocalStore):
                evidence = {"pid": store.pid}
            confirmed = death.confirmed if death else None
            return self._publish("", f"{do}-store", "store", confirmed, evidence)

    def change(self, **knobs: str | None) -> Json:
        """Turn knobs while it runs; the store's restarts the stateful servers with it."""
        wanted = checked(knobs)
        with self._order:
            present = vars(self._knobs) | {"cache": self._cache.kind}
            for name, value in wanted.items():
                if value != present[name]:
                    self._turn(name, value)
                    self._publish("", "knob", name, None, {"was": present[name], "value": value})
                    self._on_reload()
            return self.status()

    def reset(self, servers: int | None = None, **knobs: str | None) -> Json:
        """Set up a clean stage: servers A, B, … at each desk, all up, nothing remembered."""
        wanted = checked(knobs)
        if servers is not None and not 1 <= servers <= MOST_PAGE_SERVERS:
            raise LabError(f"servers must be 1 to {MOST_PAGE_SERVERS}")
        with self._order, self._lives:
            cache = self._cache.anew(wanted.pop("cache", self._cache.kind))
            turned = replace(self._knobs, **wanted, servers=servers or self._knobs.servers)
            for lane in self._stack.lanes.values():
                lane.require(turned.affinity)  # type: ignore[arg-type]  # checked
            self._end_drains()
            self._renew(turned, dict.fromkeys(self._stack.lanes, LETTERS[: turned.servers]))
            self._treat(turned, cache)
            self._on_reset()
            self.watch.ask()
            with self._telling:
                stack = self.watch.told = self.status()
                self._begin(stack)
            self._on_reload()
            return stack

    def status(self, *, ask: bool = False) -> Json:
        """Return the stack as the page draws it; `ask` every server for its count now."""
        if ask:
            self.watch.ask()
        return {
            "origin": self._stack.origin,
            "desks": self.watch.servers(),
            "knobs": {
                name: {
                    "store": self._variants[name].keeps,
                    "affinity": lane.affinity,
                    "retry": lane.retry,
                    "cache": self._cache.kind,
                }
                for name, lane in self._stack.lanes.items()
            },
            "store": _told(self._store()),
        }

    def close(self) -> None:
        """Stop watching and drop the cache; what still drains ends with the stack."""
        self._closed = True
        self.watch.close()
        for drain in self._drains:
            drain.join()
        Cache().wipe_others(self._bench.folder)

    @property
    def _knobs(self) -> Settings:
        return self._variants["stateful"].knobs

    def _take_out(self, lane: ServerPool, replica: Server) -> None:
        key = (lane.name, replica.name)
        self.watch.leaving[key] = replica
        try:
            leaving = lane.take_out(replica.name)
        except LabError:
            del self.watch.leaving[key]
            raise
        self._drains = [each for each in self._drains if each.is_alive()]
        drain = threading.Thread(target=self._finish, args=(lane, leaving), name="drain")
        self._drains.append(drain)
        drain.start()

    def _finish(self, lane: ServerPool, leaving: Drain) -> None:
        """Wait until a server that gets no new requests has done the old ones; tell its end."""
        replica, key = leaving.replica, (lane.name, leaving.replica.name)
        evidence = _who(replica)

        def is_off() -> bool:  # a clean stage, or the end of the lab
            return self._closed or self.watch.leaving.get(key) is not replica

        was_dead = replica.state == "dead"
        killed = not leaving.finish(lambda: is_off() or replica.state == "dead") and not was_dead
        with self._telling:
            if is_off():
                return
            del self.watch.leaving[key]
            if killed:
                self._tell_stack()
                return
            ended = replica.state == "dead" and not is_open(replica.port)
            self._fault("drain", lane, replica, evidence, ended)

    def _end_drains(self) -> None:
        with self._telling:
            leaving = list(self.watch.leaving.values())
            self.watch.leaving.clear()
        at_once(lambda replica: replica.end(), leaving)

    def _renew(self, knobs: Settings, names: Mapping[str, Sequence[str]]) -> None:
        before = self._knobs.store
        variants = {each.name: each for each in console_variants(knobs)}
        # First: where no store comes up, nothing has been changed.
        env = self._bench.supply(variants["stateful"])
        self._variants = variants
        renew(self._bench, variants["stateful"], env, names, before)

    def _treat(self, knobs: Settings, cache: Cache) -> None:
        """Have nginx know the servers that there are, these knobs and this cache."""
        self._stack.treat({lane: cache.treatment(knobs, lane) for lane in self._stack.lanes})
        self._variants = {each.name: each for each in console_variants(knobs)}
        self._cache = cache
        cache.wipe_others(self._bench.folder)

    def _turn(self, name: str, value: str) -> None:
        if name == "cache":
            self._treat(self._knobs, self._cache.anew(value))
            return
        turned: dict[str, Any] = {name: value}
        knobs = replace(self._knobs, **turned)
        if name == "store":
            with self._lives:
                self._renew(knobs, {"stateful": list(self._stack.lanes["stateful"].replicas)})
        self._treat(knobs, self._cache)

    def _chosen(self, target: str, *, leaving: bool = False) -> Chosen:
        """Return the servers that are meant; `leaving` those that are being drained, too."""
        desk, _, name = target.rpartition("/")
        there: dict[str, tuple[ServerPool, Server]] = {}
        for at, lane in self._stack.lanes.items():
            there |= {f"{at}/{each}": (lane, r) for each, r in list(lane.replicas.items())}
        if leaving:
            for (at, each), gone in list(self.watch.leaving.items()):
                there.setdefault(f"{at}/{each}", (self._stack.lanes[at], gone))
        meant = [f"{at}/{name}" for at in self._stack.lanes if desk in ("", at)]
        chosen = [there[each] for each in meant if each in there]
        if not chosen:
            raise LabError(
                f"no server {target[:40]!r}: there are {', '.join(sorted(there))}; "
                "a letter alone means both desks"
            )
        return chosen

    def _each(self, chosen: Chosen, act: Callable[[ServerPool, Server], Json]) -> list[Json]:
        """Do it at each desk at the same time; each is told as soon as it is done."""
        done = at_once(lambda pair: act(*pair), chosen)
        self.watch.touch()
        return done

    def _fault(
        self,
        fault: str,
        lane: ServerPool,
        replica: Server,
        evidence: Json,
        confirmed: bool | None = None,
    ) -> Json:
        if fault == "kill":
            confirmed = evidence["process_gone"] and evidence["port_closed"]
        self._publish(lane.name, fault, replica.name, confirmed, evidence)
        told = {"confirmed": confirmed} if confirmed is not None else {}
        return {"desk": lane.name, **evidence, "name": replica.name, **told}

    def _publish(
        self, desk: str, fault: str, target: str, confirmed: bool | None, evidence: Json
    ) -> Json:
        self._on_fault()
        with self._telling:
            stack = self.watch.told = self.status()
            event = events.from_fault(desk, fault, target, confirmed, evidence, stack)
            self._tell(**event)
        return event

    def _tell_stack(self) -> None:
        with self._telling:
            self.watch.told = self.status()
            self._tell("stack", stack=self.watch.told)

    def _store(self) -> Store | None:
        return self._bench.store_of(self._variants["stateful"])


def _first(chosen: Chosen, *states: str) -> Chosen:
    """Leave out those that it cannot be done to, if there are others: desks are equals."""
    return [each for each in chosen if each[1].state in states] or chosen


def _who(replica: Server) -> Json:
    return {"pid": replica.pid, "instance": replica.instance}


def _told(store: Store | None) -> Json | None:
    if store is None:
        return None
    if not isinstance(store, LocalStore):
        return {"state": "external", "pid": None, "program": "the store at the given address"}
    state = store.state
    pid = store.pid if state != "dead" else None
    return {"state": state, "pid": pid, "program": store.program.title}
