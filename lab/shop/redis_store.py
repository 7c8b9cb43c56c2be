"""A Redis (or Valkey) that answers in time, or is said to be away: 503, within a second.

Imported only by whoever keeps something in one: redis-py doubles the time a server starts in.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.shop.errors import StoreUnavailable
from lab.shop.wire import ConfigError

TIMEOUT_S = 0.3  # an operation on a hung store; a request makes three at most, so under 1 s


class Tally(threading.local):
    """How many commands the store has carried out for this thread since the count was begun.

    A server of the lab has a thread for each request that is under way, so for a request.
    """

    operations = 0


class _CountedRedis(Redis):
    tally = Tally()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        self.tally.operations += 1  # only now: a store that is away has carried out nothing
        return answer


def tally_of(client: Redis) -> Tally:
    """Return the count of a client that `connect` made: what it does to greet is not in it."""
    if not isinstance(client, _CountedRedis):
        raise TypeError("this client does not count: make it with connect()")
    return client.tally


def connect(url: str, variable: str) -> Redis:
    """Return a client that has not connected yet; raise ConfigError, naming `variable`.

    With redis-py's own settings a dead store is an error after 3 to 5 s, a hung one never.
    """
    try:
        client = _CountedRedis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        client.connection_pool.make_connection()  # connects nothing yet; checks the URL's options
    except (ValueError, TypeError, RedisError):
        # The URL is not quoted back: it may hold a password.
        raise ConfigError(f"{variable} must be a Redis URL: redis://HOST:PORT/0") from None
    return client


@contextmanager
def must_answer() -> Iterator[None]:
    """Turn a store that does not answer into StoreUnavailable."""
    try:
        yield
    except RedisError as error:
        raise StoreUnavailable("try again in a moment", {"Retry-After": "1"}) from error
