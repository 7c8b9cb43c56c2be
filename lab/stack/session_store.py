"""The session store: a real Valkey or Redis, the lab's own or one that it did not start."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from lab.core.components import UsedProgram
from lab.core.errors import LabError
from lab.shop.redis import store_url
from lab.stack.store_client import (
    StoreSilent,
    ask,
    connect,
    keys_under,
    read_url,
    servers_of,
)

# What clients, sentinels, nodes and the lab's own questions ask of a store beside its keys.
_ABOUT_THE_STORE = (
    *("acl", "asking", "auth", "client", "cluster", "command", "config", "dbsize", "hello"),
    *("info", "memory", "ping", "psync", "publish", "readonly", "replconf", "scan", "select"),
    *("slowlog", "subscribe"),
)


@dataclass(frozen=True)
class StoreStats:
    """What a store holds and has done; of a cluster, all its primaries together."""

    keys: int
    """Keys in the URL's database; with a prefix, only the keys under it."""
    commands_processed: int
    """Commands since the store started, this question included."""
    operations: int
    """Commands about keys, without greetings and questions of the lab or a sentinel."""
    used_memory_bytes: int
    connected_clients: int
    evicted_keys: int
    """Keys thrown away for lack of memory: more than 0 and losses may be the store's."""
    expired_keys: int


class Store(AbstractContextManager["Store"]):
    """A session store for the stateful desk, a `with` block; `url` is what STATEFUL_STORE wants."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, password included: to be handed on by environment only."""

    @abstractmethod
    def description(self) -> UsedProgram:
        """Its name, version and source, for a report. No secrets."""

    def forget(self, prefix: str) -> int:
        """Delete the keys under a prefix, which must not be empty; return how many there were."""
        if not prefix:
            raise LabError("a store is never emptied whole: name a prefix")
        with connect(self.url) as client:
            keys = keys_under(client, prefix)
            if keys:
                ask(lambda: client.delete(*keys))
        return len(keys)

    def stats(self, prefix: str = "") -> StoreStats:
        """What it holds and has done. LabError if it does not answer within 0.5 s."""
        with connect(self.url) as client:
            servers = ask(lambda: servers_of(client))
            infos = ask(lambda: [server.info() for server in servers])
            counted = ask(lambda: [server.info("commandstats") for server in servers])
            keys = (
                len(keys_under(client, prefix))
                if prefix
                else ask(lambda: sum(server.dbsize() for server in servers))
            )

        def total(name: str) -> int:
            return sum(int(info[name]) for info in infos)

        return StoreStats(
            keys=int(keys),
            commands_processed=total("total_commands_processed"),
            operations=sum(map(_operations, counted)),
            used_memory_bytes=total("used_memory"),
            connected_clients=total("connected_clients"),
            evicted_keys=total("evicted_keys"),
            expired_keys=total("expired_keys"),
        )


class ExternalStore(Store):
    """A store that the lab did not start: used under this run's prefix, never flushed or broken."""

    def __init__(self, url: str) -> None:
        read_url(url)
        self._url = url

    @property
    def url(self) -> str:
        """Return the URL as it was given."""
        return self._url

    def __enter__(self) -> Self:
        try:
            self.stats()  # fails now, not in the middle of an experiment, if it is not there
        except StoreSilent:
            where = store_url.label(self.url)
            raise LabError(
                f"no answer from {where}: check the URL, and that the store runs"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end: it was there before."""

    def description(self) -> UsedProgram:
        """Its name, version and "external"; not the address, which holds a password."""
        with connect(self.url) as client:
            infos = ask(lambda: [server.info("server") for server in servers_of(client)])
        versions = {
            str(info.get("valkey_version") or info.get("redis_version") or "unknown")
            for info in infos
        }
        valkey = any("valkey_version" in info for info in infos)
        name = "Valkey" if valkey else "Redis"
        return UsedProgram(name, ", ".join(sorted(versions)), "external")


def _operations(commandstats: Mapping[str, Mapping[str, str]]) -> int:
    return sum(
        int(stats["calls"])
        for name, stats in commandstats.items()
        if not name.removeprefix("cmdstat_").startswith(_ABOUT_THE_STORE)
    )
