"""A lane: the replicas of one app, and how the balancer shares requests among them."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from lab.errors import LabError
from lab.stack.balancer import Balancer
from lab.stack.nginx_conf import LaneConfig
from lab.stack.ports import free_ports
from lab.stack.processes import Children
from lab.stack.programs import knows_sticky
from lab.stack.replica import Replica, await_ready
from lab.stack.spec import LETTERS, Affinity, LaneSpec, Retry
from lab.stack.waiting import READY_TIMEOUT_S, server_info, wait_until


class Lane:
    """Made and started by `Stack`; changed while it runs by whoever runs an experiment."""

    def __init__(self, spec: LaneSpec, run_dir: Path, children: Children) -> None:
        self.spec = spec
        self.name = spec.name
        self.affinity: Affinity = spec.affinity
        self.retry: Retry = spec.retry
        self._run_dir = run_dir
        self._children = children
        self._balancer: Balancer | None = None
        self._last_letter = -1
        self._changing = threading.RLock()
        self.replicas: dict[str, Replica] = {}
        """Replicas behind the balancer, by name, in the order they came."""
        for port in free_ports(spec.servers):
            replica = self._new_replica(port)
            self.replicas[replica.name] = replica

    @property
    def url(self) -> str:
        """Where the balancer serves this lane: "http://127.0.0.1:PORT/stateful"."""
        return f"http://127.0.0.1:{self._through().port}/{self.name}"

    def url_of(self, server: str) -> str:
        """One replica's own address, still through nginx and its log: "…/stateful/@B"."""
        self.replica(server)
        return f"{self.url}/@{server}"

    def replica(self, name: str) -> Replica:
        """The replica of that name; LabError that names those there are."""
        if name not in self.replicas:
            there_are = ", ".join(self.replicas)
            raise LabError(f"lane {self.name} has no server {name!r}: it has {there_are}")
        return self.replicas[name]

    def config(self) -> LaneConfig:
        """How nginx is to see this lane now."""
        ports = {name: replica.port for name, replica in self.replicas.items()}
        return LaneConfig(self.spec, self.affinity, self.retry, ports)

    def attach(self, balancer: Balancer) -> None:
        """From now on changes are told to this balancer."""
        self._balancer = balancer

    def add(self) -> Replica:
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

        Takes about 4 s while clients hold idle connections (nginx's old worker serves each
        of them once more), 8 s while one holds a stream open.
        """
        with self._changing:
            replica = self.replica(name)
            if len(self.replicas) == 1:
                raise LabError(f"{name} is the last server of lane {self.name}: add one first")
            self._change(lambda: self.replicas.__delitem__(name), retire_port=replica.port)
            replica.stop()

    def renew(
        self, servers: int, env: Mapping[str, str], may_stay: Callable[[Replica], bool]
    ) -> list[Replica]:
        """Have servers A, B, C, … of that number, and none else; the new lives are launched.

        Whoever `may_stay` lives on. Nothing is waited for and nginx is not told: the caller
        awaits those it is given, and reloads.
        """
        with self._changing:
            before = self.replicas
            self.spec = replace(self.spec, servers=servers, env={**self.spec.env, **env})
            names = LETTERS[:servers]
            new = [name for name in names if name not in before]
            ports = dict(zip(new, free_ports(len(new)), strict=True))
            self.replicas = {
                name: before.get(name) or self._replica_named(name, ports[name]) for name in names
            }
            self._last_letter = servers - 1
            for gone in before.keys() - self.replicas.keys():
                before[gone].stop()
            launched = [each for each in self.replicas.values() if not may_stay(each)]
            with ThreadPoolExecutor(max_workers=max(1, len(launched))) as pool:
                list(pool.map(lambda replica: replica.relaunch(env), launched))
            return launched

    def set_up(
        self,
        affinity: Affinity,
        retry: Retry,
        directives: tuple[str, ...],
        http_directives: tuple[str, ...],
    ) -> None:
        """Say how the balancer is to treat this lane from its next reload on (by the caller)."""
        with self._changing:
            self.affinity, self.retry = affinity, retry
            self.spec = replace(self.spec, directives=directives, http_directives=http_directives)

    def set_directives(self, directives: tuple[str, ...], http_directives: tuple[str, ...]) -> None:
        """More nginx directives for this lane, in place of those it had; see `LaneSpec`."""
        spec = replace(self.spec, directives=directives, http_directives=http_directives)
        self._change(lambda: setattr(self, "spec", spec))

    def set_affinity(self, affinity: Affinity) -> None:
        """Sticky sessions or none: with "cookie" a client stays with who serves it next."""
        if affinity == "cookie" and not knows_sticky(self._through().program):
            raise LabError(
                f"this nginx ({self._through().program.version}) has no sticky sessions: "
                "start the stack with affinity cookie, so that a newer one is chosen"
            )
        self._change(lambda: setattr(self, "affinity", affinity))

    def set_retry(self, retry: Retry) -> None:
        """Retries on or off: with "on" nginx asks the next replica where one fails."""
        self._change(lambda: setattr(self, "retry", retry))

    def _change(self, change: Callable[[], None], retire_port: int | None = None) -> None:
        """Make a change and reload; undo it if nginx refuses."""
        with self._changing:
            before = (dict(self.replicas), self.affinity, self.retry, self.spec)
            change()
            try:
                self._through().reload(retire_port=retire_port)
            except LabError:
                self.replicas, self.affinity, self.retry, self.spec = before
                raise

    def _confirm_route(self, replica: Replica) -> None:
        def routed() -> bool:
            info = server_info(self._through().port, f"/{self.name}/@{replica.name}")
            return info is not None and info.get("instance") == replica.instance

        if not wait_until(routed, READY_TIMEOUT_S):
            raise LabError(f"nginx does not reach {replica.name}: see logs/nginx.log of this run")

    def _new_replica(self, port: int) -> Replica:
        return self._replica_named(self._next_letter(), port)

    def _replica_named(self, name: str, port: int) -> Replica:
        return Replica(self.spec, name, port, self._run_dir, self._children)

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
