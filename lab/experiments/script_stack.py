"""The stack under a script: what can be asked of its servers, its store and nginx's log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError, NotPossible, ScriptMistake
from lab.core.nearest import nearest, no_attribute
from lab.evidence.exchange import Exchange
from lab.evidence.other_words import LAB, OF_SHOPPER
from lab.evidence.result import Variant

# An experiment's file names `Lab` as a type only, and a list of them loads neither the stack
# nor the crowd: both are imported where they are used.
if TYPE_CHECKING:
    from lab.experiments.footprint import Footprint
    from lab.shop.desks import ServerInfo
    from lab.stack.access_log import AccessEntry
    from lab.stack.server import Server
    from lab.stack.server_pool import ServerPool
    from lab.stack.session_store import Store, StoreStats
    from lab.stack.stack import Stack

LOG_DEADLINE_S = 5.0


@dataclass(frozen=True)
class ScriptContext:
    """The parts of a `Lab`. `keys` are the signing keys of the run (secret).

    They are None if the lab did not start the servers, and so does not know their keys.
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


class ScriptStack:
    """The part of `Lab` that asks the running stack and changes nothing."""

    def __init__(self, context: ScriptContext) -> None:
        self._context = context
        self._pool = context.pool

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of this variant's servers, dead ones too: ("A", "B", "C")."""
        return tuple(self._pool.servers)

    def log_of(self, *ops: str) -> list[AccessEntry]:
        """Return nginx's log entries of these operations (an exchange's `op`)."""
        self._context.stack.access.wait_for(ops, LOG_DEADLINE_S)
        return [entry for entry in self._context.stack.access.entries() if entry.op in ops]

    def server_info(self, server: str | None) -> ServerInfo:
        """Ask a server about itself, directly: `GET /api/server`."""
        return self._server(server).server_info()

    def memory_bytes(self, server: str) -> int:
        """Return the memory a server's process occupies (resident set), in bytes."""
        return self._server(server).look().memory_bytes

    @property
    def url(self) -> str:
        """Where the balancer serves this variant: "http://127.0.0.1:PORT/VARIANT"."""
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
        """True if this variant keeps something in a session store."""
        return self._context.variant.uses_store

    def store_stats(self) -> StoreStats:
        """Return what the session store holds for this variant, and how much it has done."""
        return self._store.stats(self._context.store_prefix)

    def held(self) -> Footprint:
        """Return what the servers and the store hold between two requests, now.

        LabError for servers that the lab did not start, if it has no command to look at them.
        """
        from lab.experiments.footprint import measure_footprint

        return measure_footprint(self._context)

    def store_operations(self, act: Callable[[], object]) -> int:
        """Return how many commands `act` makes the session store carry out; 0 without a store.

        The store's own count, without greetings and questions (see `StoreStats.operations`).
        In a shared store the operations of its other users count too.
        """
        if not self.has_store:
            act()
            return 0
        before = self.store_stats().operations
        act()
        return self.store_stats().operations - before

    def leak_key(self) -> str:
        """Return the signing key of this run, as a thief would have it.

        LabError for servers that the lab did not start, if it was not given their key.
        """
        if self._context.keys is None:
            self._context.fill("{key}")  # says how it is given
        return (self._context.keys or ("",))[0].split(",")[-1]  # the last signs

    if not TYPE_CHECKING:  # to a type checker, what is not there stays unknown

        def __getattr__(self, name):  # noqa: ANN001, ANN204
            """Answer a call that does not exist with the nearest that does."""
            raise no_attribute(self, "the lab", name, LAB | OF_SHOPPER)

    def _address(self, server: str | None) -> str:
        if server is None:
            return self._pool.url
        return self._pool.url_of(server)

    def _server(self, server: str | None) -> Server:
        return self._pool.server(self._name_of(server))

    def _named(self, server: Any) -> str | None:
        """Return the name of the server a shopper asks; None for the load balancer."""
        return None if server is None else self._name_of(server)

    def _name_of(self, server: Any) -> str:
        """Return the name of the server that is meant, in upper or lower case; or ScriptMistake."""
        if server is None:
            raise ScriptMistake(
                "no server named: the answer that should have named one did not come"
            )
        if isinstance(server, Exchange):
            by = f" (here {server.served_by!r})" if server.served_by else ""
            raise ScriptMistake(
                f"a server is named by its name, not by an answer: write .served_by{by}"
            )
        names = {name.upper(): name for name in self.servers}
        if not isinstance(server, str):
            raise ScriptMistake(
                f"a server is named by its name, {' or '.join(map(repr, self.servers))}, "
                f"not by {server!r}"
            )
        if found := names.get(server.strip().upper()):
            return found
        near = nearest(server, self.servers)
        hint = f": did you mean {near!r}?" if near else ":"
        raise ScriptMistake(f"no server {server!r}{hint} there are {', '.join(self.servers)}")

    @property
    def _store(self) -> Store:
        if self._context.store is None and self.has_store:
            raise LabError(
                "the servers' own store cannot be asked: give its URL, --store redis://…"
            )
        if self._context.store is None:
            raise NotPossible("this variant has no session store: run it with --store redis")
        return self._context.store
