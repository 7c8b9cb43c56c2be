"""A lane: the replicas of one app, and how the balancer shares requests among them."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lab.core.errors import LabError
from lab.processes.ports import free_ports
from lab.processes.spawn import Children
from lab.processes.waiting import READY_TIMEOUT_S, at_once, server_info, wait_until
from lab.stack.balancer import Balancer, Retired
from lab.stack.local_server import LocalServer
from lab.stack.nginx_conf import PoolConfig
from lab.stack.pool_spec import LETTERS, Affinity, PoolSpec, Retry
from lab.stack.programs import knows_sticky
from lab.stack.server import Server, await_ready


@dataclass(frozen=True)
class ProxySettings:
    """How the balancer treats a lane: what of it can be changed while it runs. See `PoolSpec`."""

    affinity: Affinity = "none"
    retry: Retry = "off"
    directives: tuple[str, ...] = ()
    http_directives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drain:
    """A replica that gets no new requests. `finish` lets it end the old ones, then ends it."""

    replica: Server
    _retired: Retired

    def finish(self, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait, and end the process gently; or leave it be, and return False, when `unless()`.

        Takes about 4 s while clients hold idle connections (nginx's old worker serves each
        of them once more), 8 s while one holds a stream open.
        """
        self._retired.wait_until_done_with(self.replica.port, unless)
        if unless():
            return False
        self.replica.stop()
        return True


class ServerPool:
    """Made and started by `Stack`; changed while it runs by whoever runs an experiment."""

    def __init__(self, spec: PoolSpec, run_dir: Path, children: Children) -> None:
        self.spec = spec
        self.name = spec.name
        self.affinity: Affinity = spec.affinity
        self.retry: Retry = spec.retry
        self._run_dir = run_dir
        self._children = children
        self._balancer: Balancer | None = None
        self._last_letter = -1
        self._changing = threading.RLock()
        self.replicas: dict[str, Server] = {each.name: each for each in self._first_replicas()}
        """Replicas behind the balancer, by name, in the order they came."""

    @property
    def url(self) -> str:
        """Where the balancer serves this lane: "http://127.0.0.1:PORT/stateful"."""
        return f"http://127.0.0.1:{self._through().port}/{self.name}"

    def url_of(self, server: str) -> str:
        """One replica's own address, still through nginx and its log: "…/stateful/@B"."""
        self.replica(server)
        return f"{self.url}/@{server}"

    def replica(self, name: str) -> Server:
        """The replica of that name; LabError that names those there are."""
        if name not in self.replicas:
            there_are = ", ".join(self.replicas)
            raise LabError(f"lane {self.name} has no server {name!r}: it has {there_are}")
        return self.replicas[name]

    def config(self) -> PoolConfig:
        """How nginx is to see this lane now."""
        addresses = {name: replica.address for name, replica in self.replicas.items()}
        return PoolConfig(self.spec, self.affinity, self.retry, addresses)

    def attach(self, balancer: Balancer) -> None:
        """From now on changes are told to this balancer."""
        self._balancer = balancer

    def add(self) -> Server:
        """One replica more, under the next letter; returns when nginx routes to it."""
        with self._changing:
            replica = self._new_replica(free_ports(1)[0])
            try:
                replica.launch()
                await_ready([replica])
                self._change(lambda: self.replicas.__setitem__(replica.name, replica))
                self._confirm_route(replica)
            except LabError:
                self.replicas.pop(replica.name, None)
                replica.stop()
                raise
            return replica

    def drain(self, name: str) -> None:
        """Take a replica out: no new requests, the old ones finished, then the process ended.

        Takes as long as `Drain.finish`.
        """
        self.take_out(name).finish()

    def take_out(self, name: str) -> Drain:
        """Send a replica no more requests from now on; what it still has, and its end, is left."""
        with self._changing:
            replica = self.replica(name)
            if len(self.replicas) == 1:
                raise LabError(f"{name} is the last server of lane {self.name}: add one first")
            return Drain(replica, self._change(lambda: self.replicas.__delitem__(name)))

    def clear(self, names: Sequence[str], may_stay: Callable[[Server], bool]) -> list[Server]:
        """Have the servers of these names, and none else; end, at once, who may not stay.

        Returns those that do not run, for `launch`. nginx is told at its next reload.
        """
        with self._changing:
            before = self.replicas
            new = [name for name in names if name not in before]
            ports = dict(zip(new, free_ports(len(new)), strict=True))
            self.replicas = {
                name: before.get(name) or self._replica_named(name, ports[name]) for name in names
            }
            self._last_letter = max(map(LETTERS.index, names))
            stays = dict(zip(before, at_once(may_stay, list(before.values())), strict=True))
            kept = {name for name in names if stays.get(name)}
            at_once(lambda each: each.end(), [before[name] for name in before if name not in kept])
            return [self.replicas[name] for name in names if name not in kept]

    def launch(self, replicas: Iterable[Server], env: Mapping[str, str]) -> None:
        """Start new lives of these, without waiting for them (see `await_ready`).

        `env` is added to the environment of every server of this lane from now on.
        """
        with self._changing:
            self.spec = replace(self.spec, env={**self.spec.env, **env})
            for each in replicas:
                each.relaunch(env)

    def mend(self) -> None:
        """Undo faults that would outlive the lab; warn of what cannot be undone."""
        for replica in self.replicas.values():
            try:
                replica.mend()
            except LabError as error:  # no reason to lose a result, or to leave others broken
                logging.getLogger(__name__).warning("%s is left as it is: %s", replica.title, error)

    def told(self) -> str:
        """Say, for whoever waits, that its servers are there."""
        return f"{self.name}: {', '.join(self.replicas)} are up"

    @property
    def treatment(self) -> ProxySettings:
        """How the balancer treats this lane now."""
        own = self.spec
        return ProxySettings(self.affinity, self.retry, own.directives, own.http_directives)

    @contextmanager
    def treated(self, how: ProxySettings) -> Iterator[None]:
        """Be treated like this from the next reload on, which the block is to make.

        All is as before where the block raises LabError.
        """
        with self._changing:
            before = self.treatment
            self.require(how.affinity)
            self._set(how)
            try:
                yield
            except LabError:
                self._set(before)
                raise

    def set_affinity(self, affinity: Affinity) -> None:
        """Sticky sessions or none: with "cookie" a client stays with who serves it next."""
        with self.treated(replace(self.treatment, affinity=affinity)):
            self._through().reload()

    def set_retry(self, retry: Retry) -> None:
        """Retries on or off: with "on" nginx asks the next replica where one fails."""
        with self.treated(replace(self.treatment, retry=retry)):
            self._through().reload()

    def require(self, affinity: Affinity) -> None:
        """LabError where this nginx cannot do that."""
        if affinity == "cookie" and not knows_sticky(self._through().program):
            raise LabError(
                f"this nginx ({self._through().program.version}) has no sticky sessions: "
                "start the stack with affinity cookie, so that a newer one is chosen"
            )

    def _set(self, how: ProxySettings) -> None:
        self.spec = replace(
            self.spec, directives=how.directives, http_directives=how.http_directives
        )
        self.affinity, self.retry = how.affinity, how.retry

    def _change(self, change: Callable[[], None]) -> Retired:
        """Make a change to the replicas and reload; undo it if nginx refuses."""
        with self._changing:
            before = dict(self.replicas)
            change()
            try:
                return self._through().reload()
            except LabError:
                self.replicas = before
                raise

    def _confirm_route(self, replica: Server) -> None:
        def routed() -> bool:
            info = server_info(self._through().port, f"/{self.name}/@{replica.name}")
            return info is not None and info.get("instance") == replica.instance

        if not wait_until(routed, READY_TIMEOUT_S):
            raise LabError(f"nginx does not reach {replica.name}: see logs/nginx.log of this run")

    def _first_replicas(self) -> list[Server]:
        return [self._new_replica(port) for port in free_ports(self.spec.servers)]

    def _new_replica(self, port: int) -> Server:
        return self._replica_named(self._next_letter(), port)

    def _replica_named(self, name: str, port: int) -> Server:
        return LocalServer(self.spec, name, port, self._run_dir, self._children)

    def _next_letter(self) -> str:
        # A letter that has not been used is better: evidence about an old B stays about it.
        unused = LETTERS[self._last_letter + 1 :] or "".join(set(LETTERS) - self.replicas.keys())
        if not unused:
            raise LabError(f"lane {self.name} has 26 servers, A to Z: drain one first")
        letter = min(unused)
        self._last_letter = max(self._last_letter, LETTERS.index(letter))
        return letter

    def _through(self) -> Balancer:
        if self._balancer is None:
            raise LabError(f"lane {self.name} is not served yet: open the stack first")
        return self._balancer
