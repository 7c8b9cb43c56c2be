"""A pool: the servers of one app, and how the balancer shares requests among them."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lab.core.errors import LabError, NotPossible
from lab.shop.desks import at_server
from lab.stack.balancer import Balancer, Retired
from lab.stack.certificate import Tls
from lab.stack.lives import ServerLife
from lab.stack.nginx_conf import PoolConfig
from lab.stack.pool_spec import Affinity, PoolSpec, Retry
from lab.stack.programs import knows_sticky
from lab.stack.server import Server


@dataclass(frozen=True)
class ProxySettings:
    """How the balancer treats a pool: what can be changed while it runs. See `PoolSpec`."""

    affinity: Affinity = "none"
    retry: Retry = "off"
    directives: tuple[str, ...] = ()
    http_directives: tuple[str, ...] = ()


class ServerPool(ABC):
    """Made and started by `Stack`. `LocalPool` has servers of the lab's own."""

    servers: Mapping[str, Server]
    """Servers behind the balancer, by name, in the order in which they were added."""

    def __init__(self, spec: PoolSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.affinity: Affinity = spec.affinity
        self.retry: Retry = spec.retry
        self._balancer: Balancer | None = None
        self._tls: Tls | None = None
        self._changing = threading.RLock()

    @property
    def url(self) -> str:
        """Where the balancer serves this pool: "http://127.0.0.1:PORT/stateful"; or "https://…"."""
        if self.spec.tls and self._tls:
            return f"https://127.0.0.1:{self._tls.port}/{self.name}"
        return f"http://127.0.0.1:{self.balancer.port}/{self.name}"

    @property
    def balancer(self) -> Balancer:
        """The nginx in front of it; LabError before the stack has one."""
        if self._balancer is None:
            raise LabError(f"{self.name} is not served yet: open the stack first")
        return self._balancer

    def url_of(self, server: str) -> str:
        """One server's own address, still through nginx and its log: "…/stateful/@B"."""
        self.server(server)
        return self.url + at_server(server)

    def server(self, name: str) -> Server:
        """The server of that name; LabError that names those there are."""
        if name not in self.servers:
            there_are = ", ".join(self.servers)
            raise NotPossible(f"{self.name} has no server {name!r}: it has {there_are}")
        return self.servers[name]

    def config(self) -> PoolConfig:
        """How nginx is to see this pool now."""
        addresses = {name: server.address for name, server in self.servers.items()}
        return PoolConfig(self.spec, self.affinity, self.retry, addresses)

    def attach(self, balancer: Balancer, tls: Tls | None = None) -> None:
        """Send changes to this balancer from now on; `tls` is where it serves HTTPS."""
        self._balancer, self._tls = balancer, tls

    def undo_faults(self) -> None:
        """Undo faults that would outlive the lab; warn of what cannot be undone."""
        for server in self.servers.values():
            try:
                server.undo_faults()
            except LabError as error:  # no reason to lose a result, or to leave others broken
                logging.getLogger(__name__).warning("%s is left as it is: %s", server.title, error)

    def close(self) -> None:  # noqa: B027
        """Release what the pool holds beside its servers: by default nothing."""

    @abstractmethod
    def lives(self) -> Sequence[ServerLife] | None:
        """Every process that the lab has started for this pool; None if it started none."""

    @abstractmethod
    def add(self) -> Server:
        """Add a server; return when nginx routes to it. LabError if none can be added."""

    @abstractmethod
    def description(self) -> str:
        """One line for the terminal: which servers are there, and who started them."""

    @property
    def proxy_settings(self) -> ProxySettings:
        """How the balancer treats this pool now."""
        own = self.spec
        return ProxySettings(self.affinity, self.retry, own.directives, own.http_directives)

    @contextmanager
    def with_settings(self, wanted: ProxySettings) -> Iterator[None]:
        """Change the settings; the `with` block must reload nginx.

        The old ones return if the block raises LabError.
        """
        with self._changing:
            before = self.proxy_settings
            self.require(wanted.affinity)
            self._set(wanted)
            try:
                yield
            except LabError:
                self._set(before)
                raise

    def set_affinity(self, affinity: Affinity) -> None:
        """Sticky sessions or none: with "cookie" a client stays with the next server it gets."""
        with self.with_settings(replace(self.proxy_settings, affinity=affinity)):
            self.balancer.reload()

    def set_retry(self, retry: Retry) -> None:
        """Retries on or off: with "on" nginx asks the next server where one fails."""
        with self.with_settings(replace(self.proxy_settings, retry=retry)):
            self.balancer.reload()

    def require(self, affinity: Affinity) -> None:
        """Raise LabError if this nginx does not support it."""
        if affinity == "cookie" and not knows_sticky(self.balancer.program):
            raise LabError(
                f"this nginx ({self.balancer.program.version}) has no sticky sessions: "
                "start the stack with affinity cookie, so that a newer one is chosen"
            )

    def _set(self, wanted: ProxySettings) -> None:
        self.spec = replace(
            self.spec, directives=wanted.directives, http_directives=wanted.http_directives
        )
        self.affinity, self.retry = wanted.affinity, wanted.retry

    def _reload_with(self, servers: Mapping[str, Server]) -> Retired:
        """Reload nginx with these servers; return to the former ones if nginx refuses."""
        before = self.servers
        self.servers = servers
        try:
            return self.balancer.reload()
        except LabError:
            self.servers = before
            raise
