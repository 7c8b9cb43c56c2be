"""A Redis (or Valkey) that answers in time, or is said to be away: 503, within a second.

Imported only by whoever keeps something in one: redis-py doubles the time a server starts in.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.shop.errors import StoreUnavailable
from lab.shop.wire import ConfigError

TIMEOUT_S = 0.3  # an operation on a hung store; a request makes three at most, so under 1 s


def connect(url: str, variable: str) -> Redis:
    """Return a client that has not connected yet; raise ConfigError, naming `variable`.

    With redis-py's own settings a dead store is an error after 3 to 5 s, a hung one never.
    """
    try:
        client = Redis.from_url(
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
