"""The session store: a real Valkey or Redis, the lab's own to break, or somebody else's."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from lab.errors import LabError
from lab.stack.replica import Death

if TYPE_CHECKING:
    import redis

TIMEOUT_S = 0.5
NOT_OURS = (
    "the lab did not start this store and will not break it: use the lab's own to see it fail"
)


@dataclass(frozen=True)
class StoreStats:
    """What a store holds and has done."""

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
            keys = ask(lambda: list(client.scan_iter(f"{_literal(prefix)}*", 1000)))
            if keys:
                ask(lambda: client.delete(*keys))
        return len(keys)

    def stats(self, prefix: str = "") -> StoreStats:
        """What it holds and has done. LabError if it does not answer within 0.5 s."""
        with connect(self.url) as client:
            info = ask(lambda: client.info())
            keys = ask(
                lambda: (
                    sum(1 for _ in client.scan_iter(f"{_literal(prefix)}*", 1000))
                    if prefix
                    else client.dbsize()
                )
            )
        return StoreStats(
            keys=int(keys),
            commands_processed=int(info["total_commands_processed"]),
            used_memory_bytes=int(info["used_memory"]),
            connected_clients=int(info["connected_clients"]),
            evicted_keys=int(info["evicted_keys"]),
            expired_keys=int(info["expired_keys"]),
        )


class ExternalStore(Store):
    """A store somebody else runs: used under this run's own key prefix, never flushed or broken."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            raise LabError("a store URL looks like redis://:password@host:6379/0")
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
            info = ask(lambda: client.info("server"))
        version = info.get("valkey_version") or info.get("redis_version") or "unknown"
        return {"version": str(version), "source": "external"}


def connect(url: str) -> "redis.Redis":
    """A client that gives up after 0.5 s and never tries twice; a `with` block closes it."""
    import redis  # here: it takes 0.2 s, and most runs have no store
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def ask(question: Callable[[], Any]) -> Any:
    """The answer to one question to a store; LabError, without its address, if there is none."""
    import redis

    try:
        return question()
    except (redis.RedisError, OSError) as error:
        # The class only: redis-py's messages may quote the address.
        raise LabError(
            f"the store does not answer ({type(error).__name__}): "
            "check that it runs and that the URL is right; the lab's own can be restarted"
        ) from None


def _literal(prefix: str) -> str:
    """`prefix` for a SCAN pattern, its special characters taken as they are."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in prefix)
