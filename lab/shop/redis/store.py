"""A client of Redis (or Valkey), and 503 within a second if the store does not answer.

Import this only if a store is used: redis-py doubles the time that a server takes to start.
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
from lab.shop.redis.tls_errors import tls_trouble

TIMEOUT_S = 0.3  # limit of one operation; a request makes three at most, so it takes under 1 s
RETRY_AFTER = {"Retry-After": "1"}


class CommandCount(threading.local):
    """How many commands the store has executed for this thread since the count was reset.

    A server handles each request in one thread, so this counts the commands of a request.
    """

    operations = 0


class _Counted:
    """Mixin that counts the commands of the client class after it."""

    tally = CommandCount()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = super().execute_command(*args, **options)  # type: ignore[misc]
        self.tally.operations += 1  # after the call: a silent store has executed nothing
        return answer


class _CountedRedis(_Counted, Redis):
    pass


class _CountedCluster(_Counted, PatientCluster):
    pass


def tally_of(client: Redis) -> CommandCount:
    """Return the command count of a client of `connect`, without its handshakes."""
    if not isinstance(client, _Counted):
        raise TypeError("this client does not count its commands: make it with connect()")
    return client.tally


def connect(url: str, variable: str) -> Redis:
    """Return a client without connecting; raise ConfigError, naming `variable`, for a wrong URL."""
    try:
        return _client(store_url.parse(url))
    except (ValueError, TypeError, RedisError):
        # The message does not repeat the URL: it may hold a password.
        raise ConfigError(f"{variable} must be a Redis URL: {store_url.FORMS}") from None


def _client(url: store_url.StoreUrl) -> Redis:
    if url.kind == "sentinel":
        return clients.behind_sentinels(url, _CountedRedis, TIMEOUT_S)
    client = clients.one_server(url, _CountedRedis, TIMEOUT_S)
    if url.kind == "cluster":  # the options are checked, so the search can wait
        return _CountedCluster(lambda: clients.cluster(url, TIMEOUT_S), client.connection_pool)
    return client


@contextmanager
def must_answer() -> Iterator[None]:
    """Turn a store that does not answer into StoreUnavailable."""
    try:
        yield
    except MasterNotFoundError:
        # Its own message is a page long: the settings of every sentinel client.
        cause = NotConnected("no sentinel that answers knows a primary that does")
        raise StoreUnavailable("try again in a moment", RETRY_AFTER) from cause
    except (RedisError, RedisClusterException) as error:
        what = tls_trouble(error) or "try again in a moment"
        raise StoreUnavailable(what, RETRY_AFTER) from error
