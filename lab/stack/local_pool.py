"""A pool of the lab's own servers: it can grow, shrink and begin anew while it runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.core.errors import LabError, NotPossible
from lab.core.faults import FaultEvidence
from lab.processes.ports import HeldPort, hold_ports
from lab.processes.spawn import Children
from lab.processes.waiting import READY_TIMEOUT_S, at_once, wait_until
from lab.shop.desks import at_server
from lab.stack.balancer import Retired
from lab.stack.lives import ServerLife
from lab.stack.local_server import LocalServer
from lab.stack.pool_spec import LETTERS, PoolSpec
from lab.stack.server import await_ready, server_info
from lab.stack.server_pool import ServerPool


@dataclass(frozen=True)
class Drain:
    """A server that gets no new requests: `wait` lets it end the old ones, `end` ends it."""

    server: LocalServer
    was_dead: bool
    """True if it had ended before the drain."""
    _retired: Retired

    def wait(self, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait until the server's requests are done, it is dead, or `unless()` is true.

        Takes about 4 s while clients hold idle connections (nginx's old worker serves each
        of them once more), 8 s while one holds a stream open.
        """
        self._retired.wait_until_done_with(
            self.server.port, lambda: unless() or self.server.state == "dead"
        )

    def end(self) -> FaultEvidence:
        """End the process gently, for good."""
        seen = self.server.stop()
        self.server.release_port()
        return seen


class LocalPool(ServerPool):
    """A pool of processes that the lab starts and ends."""

    servers: dict[str, LocalServer]

    def __init__(self, spec: PoolSpec, run_dir: Path, children: Children) -> None:
        super().__init__(spec)
        self._run_dir = run_dir
        self._children = children
        self._last_letter = -1
        self._made: list[LocalServer] = []
        self.servers = {}
        for port in hold_ports(spec.servers):
            server = self._new(self._next_letter(), port)
            self.servers[server.name] = server

    def lives(self) -> Sequence[ServerLife]:
        """Every process that was started, those of servers that have left included."""
        return [life for server in self._made for life in server.lives]

    def description(self) -> str:
        """One line for the terminal: its servers are up."""
        return (
            f"{self.name}: {', '.join(self.servers)} {'is' if len(self.servers) == 1 else 'are'} up"
        )

    def add(self) -> LocalServer:
        """Add a server under the next letter; return when nginx routes to it."""
        with self._changing:
            server = self._new(self._next_letter(), hold_ports(1)[0])
            try:
                server.launch()
                await_ready([server])
                self._reload_with({**self.servers, server.name: server})
                self._confirm_route(server)
            except LabError:
                self.servers.pop(server.name, None)
                server.stop()
                server.release_port()
                raise
            return server

    def take_out(self, name: str) -> Drain:
        """Send a server no more requests from now on; `Drain` ends it."""
        with self._changing:
            server = self.servers[self.server(name).name]
            if len(self.servers) == 1:
                raise NotPossible(f"{name} is the last server of {self.name}: add one first")
            others = {other: each for other, each in self.servers.items() if other != name}
            return Drain(server, server.state == "dead", self._reload_with(others))

    def clear(
        self, names: Sequence[str], may_stay: Callable[[LocalServer], bool]
    ) -> list[LocalServer]:
        """Change the servers to exactly these names; end, at once, those that may not stay.

        Returns those that do not run, for `launch`. nginx follows at its next reload.
        """
        with self._changing:
            self._release_left()
            before = self.servers
            new = [name for name in names if name not in before]
            ports = dict(zip(new, hold_ports(len(new)), strict=True))
            self.servers = {
                name: before.get(name) or self._new(name, ports[name]) for name in names
            }
            self._last_letter = max(map(LETTERS.index, names))
            stays = dict(zip(before, at_once(may_stay, list(before.values())), strict=True))
            kept = {name for name in names if stays.get(name)}
            at_once(LocalServer.end, [before[name] for name in before if name not in kept])
            return [self.servers[name] for name in names if name not in kept]

    def launch(self, servers: Iterable[LocalServer], env: Mapping[str, str], app: str = "") -> None:
        """Start new lives of these without waiting for them (see `await_ready`).

        `env` is added to the environment of every server of this pool from now on; `app`, if
        given, is the module that they run.
        """
        with self._changing:
            app = app or self.spec.app
            self.spec = replace(self.spec, env={**self.spec.env, **env}, app=app)
            for each in servers:
                each.relaunch(env, app)

    def close(self) -> None:
        """Release the ports: called once no server runs any more."""
        for each in self._made:
            each.release_port()

    def _confirm_route(self, server: LocalServer) -> None:
        def routed() -> bool:
            info = server_info(self.balancer.port, f"/{self.name}{at_server(server.name)}")
            return info is not None and info["instance"] == server.instance

        if not wait_until(routed, READY_TIMEOUT_S):
            raise LabError(f"nginx does not reach {server.name}: see logs/nginx.log of this run")

    def _release_left(self) -> None:
        # Not at once: until its next reload nginx sends requests to the ports of those that left.
        for each in self._made:
            if each not in self.servers.values() and each.state == "dead":
                each.release_port()

    def _new(self, name: str, port: HeldPort) -> LocalServer:
        server = LocalServer(self.spec, name, port, self._run_dir, self._children)
        self._made.append(server)
        return server

    def _next_letter(self) -> str:
        # A letter that has not been used is better: evidence about an old B stays about it.
        unused = LETTERS[self._last_letter + 1 :] or "".join(set(LETTERS) - self.servers.keys())
        if not unused:
            raise NotPossible(f"{self.name} has {len(LETTERS)} servers, A to Z: drain one first")
        letter = min(unused)
        self._last_letter = max(self._last_letter, LETTERS.index(letter))
        return letter


def own_pool(pool: ServerPool) -> LocalPool:
    """Return `pool` as one of the lab's own; LabError if the lab did not start its servers."""
    if not isinstance(pool, LocalPool):
        raise LabError(
            f"the lab did not start the servers of {pool.name}, so it cannot add or drain any: "
            "do it where they run"
        )
    return pool
