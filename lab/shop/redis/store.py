"""A Redis (or Valkey) that answers in time, or is said to be away: 503, within a second.

Imported only by whoever keeps something in one: redis-py doubles the time a server starts in.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis, RedisError
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisClusterException
from redis.sentinel import MasterNotFoundError

from lab.shop.errors import StoreUnavailable
from lab.shop.http import ConfigError
from lab.shop.redis import clients, store_url
from lab.shop.redis.cluster import PatientCluster

TIMEOUT_S = 0.3  # an operation on a hung store; a request makes three at most, so under 1 s
RETRY_AFTER = {"Retry-After": "1"}


class CommandCount(threading.local):
    """How many commands the store has carried out for this thread since the count was begun.

    A server of the lab has a thread for each request that is under way, so for a request.
    """

    operations = 0


class _Counted:
    """Counts the commands of the client that comes after it in a class's bases."""

    tally = CommandCount()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = super().execute_command(*args, **options)  # type: ignore[misc]
        self.tally.operations += 1  # only now: a store that is away has carried out nothing
        return answer


class _CountedRedis(_Counted, Redis):
    pass


class _CountedCluster(_Counted, PatientCluster):
    pass


def tally_of(client: Redis) -> CommandCount:
    """Return the count of a client that `connect` made: what it does to greet is not in it."""
    if not isinstance(client, _Counted):
        raise TypeError("this client does not count: make it with connect()")
    return client.tally


def connect(url: str, variable: str) -> Redis:
    """Return a client, without waiting for its store; raise ConfigError, naming `variable`."""
    try:
        return _client(store_url.parse(url))
    except (ValueError, TypeError, RedisError):
        # The URL is not quoted back: it may hold a password.
        raise ConfigError(f"{variable} must be a Redis URL: {store_url.FORMS}") from None


def _client(url: store_url.StoreUrl) -> Redis:
    if url.kind == "sentinel":
        return clients.behind_sentinels(url, _CountedRedis, TIMEOUT_S)
    client = clients.one_server(url, _CountedRedis, TIMEOUT_S)
    if url.kind == "cluster":  # the options are right by now, so it can be looked for later
        return _CountedCluster(lambda: clients.cluster(url, TIMEOUT_S), client.connection_pool)
    return client


@contextmanager
def must_answer() -> Iterator[None]:
    """Turn a store that does not answer into StoreUnavailable."""
    try:
        yield
    except MasterNotFoundError:
        # Its own message is a page: the settings of each client that has asked a sentinel.
        cause = NotConnected("no sentinel that answers knows a primary that does")
        raise StoreUnavailable("try again in a moment", RETRY_AFTER) from cause
    except (RedisError, RedisClusterException) as error:
        raise StoreUnavailable("try again in a moment", RETRY_AFTER) from error
