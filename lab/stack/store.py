"""The session store: a real Valkey or Redis, the lab's own to break, or somebody else's."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lab.errors import LabError
from lab.shop import store_url
from lab.stack.replica import Death

if TYPE_CHECKING:
    import redis

    Client = redis.Redis | redis.RedisCluster

TIMEOUT_S = 0.5
TEXT = {"decode_responses": True}
URL_IS_WRONG = f"a store URL looks like {store_url.FORMS}"
NOT_OURS = (
    "the lab did not start this store and will not break it: use the lab's own to see it fail"
)


@dataclass(frozen=True)
class StoreStats:
    """What a store holds and has done; of a cluster, all its primaries together."""

    keys: int
    """In the URL's database, or of them those under the prefix that was asked for."""
    commands_processed: int
    """Since it started; this question counts too."""
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
    def kill(self) -> Death:
        """SIGKILL, and what was seen of it."""

    @abstractmethod
    def restart(self) -> None:
        """Start again on the same port with the same password; returns when it answers."""

    @abstractmethod
    def hang(self) -> None:
        """Freeze it: connections stay open and nothing is answered."""

    @abstractmethod
    def resume(self) -> None:
        """Let a frozen store run on."""

    @abstractmethod
    def description(self) -> dict[str, str]:
        """Version and source, for a report. No secrets."""

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
            told = ask(lambda: [server.info() for server in servers_of(client)])
            keys = (
                len(keys_under(client, prefix))
                if prefix
                else ask(lambda: sum(server.dbsize() for server in servers_of(client)))
            )

        def total(name: str) -> int:
            return sum(int(info[name]) for info in told)

        return StoreStats(
            keys=int(keys),
            commands_processed=total("total_commands_processed"),
            used_memory_bytes=total("used_memory"),
            connected_clients=total("connected_clients"),
            evicted_keys=total("evicted_keys"),
            expired_keys=total("expired_keys"),
        )


class ExternalStore(Store):
    """A store somebody else runs: used under this run's own key prefix, never flushed or broken."""

    def __init__(self, url: str) -> None:
        _read(url)
        self._url = url

    @property
    def url(self) -> str:
        """As it was given."""
        return self._url

    def __enter__(self) -> Self:
        self.stats()  # says now, not in the middle of an experiment, if it is not there
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to end: it was there before."""

    def kill(self) -> Death:
        """LabError: not ours to kill."""
        raise LabError(NOT_OURS)

    def restart(self) -> None:
        """LabError: not ours to restart."""
        raise LabError(NOT_OURS)

    def hang(self) -> None:
        """LabError: not ours to freeze."""
        raise LabError(NOT_OURS)

    def resume(self) -> None:
        """LabError: not ours, and so never frozen by us."""
        raise LabError(NOT_OURS)

    def description(self) -> dict[str, str]:
        """Version and "external"; not the address, which holds a password."""
        with connect(self.url) as client:
            told = ask(lambda: [server.info("server") for server in servers_of(client)])
        versions = {
            str(info.get("valkey_version") or info.get("redis_version") or "unknown")
            for info in told
        }
        return {"version": ", ".join(sorted(versions)), "source": "external"}


def connect(url: str) -> "Client":
    """A client that gives up after 0.5 s and never tries twice; a `with` block closes it.

    LabError if the URL is none, or if it names a cluster of which no host answers.
    """
    import redis  # here: it takes 0.2 s, and most runs have no store

    from lab.shop import redis_clients

    store = _read(url)
    kinds: dict[str, Callable[[], Client]] = {
        "": lambda: redis_clients.one_server(store, redis.Redis, TIMEOUT_S, **TEXT),
        "sentinel": lambda: redis_clients.behind_sentinels(store, redis.Redis, TIMEOUT_S, **TEXT),
        "cluster": lambda: redis_clients.cluster(store, TIMEOUT_S, **TEXT),
    }
    client: Client = ask(kinds[store.kind])
    return client


def servers_of(client: "Client") -> "list[redis.Redis]":
    """A client for each server that holds keys: a cluster's primaries, or the one there is."""
    import redis

    if isinstance(client, redis.RedisCluster):
        primaries = client.get_primaries()  # type: ignore[no-untyped-call]
        return [client.get_redis_connection(node) for node in primaries]
    return [client]


def keys_under(client: "Client", prefix: str) -> list[str]:
    """All keys that begin with `prefix`, on whichever server."""
    pattern = f"{_literal(prefix)}*"
    found: list[str] = ask(
        lambda: [
            key for server in servers_of(client) for key in server.scan_iter(pattern, count=1000)
        ]
    )
    return found


def ask(question: Callable[[], Any]) -> Any:
    """The answer to one question to a store; LabError, without its address, if there is none."""
    import redis

    try:
        return question()
    except (redis.RedisError, redis.exceptions.RedisClusterException, OSError) as error:
        # The class only: redis-py's messages may quote the address.
        raise LabError(
            f"the store does not answer ({type(error).__name__}): "
            "check that it runs and that the URL is right; the lab's own can be restarted"
        ) from None
    except (ValueError, TypeError):  # redis-py's word for a port or an option that is none
        raise LabError(URL_IS_WRONG) from None


def _read(url: str) -> store_url.StoreUrl:
    try:
        return store_url.parse(url)
    except ValueError:
        raise LabError(URL_IS_WRONG) from None


def _literal(prefix: str) -> str:
    """`prefix` for a SCAN pattern, its special characters taken as they are."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in prefix)
