"""The lab's own commands to a store: an answer within 0.5 s, or LabError without its address."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError
from lab.shop.redis import store_url, tls_errors

if TYPE_CHECKING:
    import redis

    Client = redis.Redis | redis.RedisCluster

STORE_TIMEOUT_S = 0.5
_NOT_A_URL = f"this is not the URL of a store: write {store_url.FORMS}"
TEXTS = {"decode_responses": True}


class StoreSilent(LabError):
    """The store gave no answer to a command."""


def connect(url: str) -> "Client":
    """Return a client that gives up after 0.5 s and never retries; a `with` block closes it.

    LabError if the URL is malformed, or if it names a cluster of which no host answers.
    """
    import redis  # here: it takes 0.2 s, and most runs have no store

    from lab.shop.redis import clients

    store = read_url(url)
    kinds: dict[str, Callable[[], Client]] = {
        "": lambda: clients.one_server(store, redis.Redis, STORE_TIMEOUT_S, **TEXTS),
        "sentinel": lambda: clients.behind_sentinels(store, redis.Redis, STORE_TIMEOUT_S, **TEXTS),
        "cluster": lambda: clients.cluster(store, STORE_TIMEOUT_S, **TEXTS),
    }
    client: Client = ask(kinds[store.kind])
    return client


def servers_of(client: "Client") -> "list[redis.Redis]":
    """Return a client for each server that holds keys: a cluster's primaries, or the only one."""
    import redis

    if isinstance(client, redis.RedisCluster):
        primaries = client.get_primaries()  # type: ignore[no-untyped-call]
        return [client.get_redis_connection(node) for node in primaries]
    return [client]


def keys_under(client: "Client", prefix: str) -> list[str]:
    """Return all keys that begin with `prefix`, on any server."""
    pattern = f"{_literal(prefix)}*"
    found: list[str] = ask(
        lambda: [
            key for server in servers_of(client) for key in server.scan_iter(pattern, count=1000)
        ]
    )
    return found


def ask(question: Callable[[], Any]) -> Any:
    """Return the answer to one command; LabError, without the store's address, if there is none."""
    import redis

    try:
        return question()
    except (redis.RedisError, redis.exceptions.RedisClusterException, OSError) as error:
        # In words of our own: redis-py's may quote the address.
        if trouble := tls_errors.tls_trouble(error):
            raise LabError(f"the store does not answer: {trouble}") from None
        if isinstance(error, redis.AuthenticationError):
            raise LabError(
                "the store refuses the user name or the password: correct them in its URL"
            ) from None
        if isinstance(error, redis.ResponseError):
            raise LabError(
                "the store refuses a command of the lab: give it an account that may do all, "
                "and a database that exists"
            ) from None
        raise StoreSilent("the store does not answer: check that it runs, or restart it") from None
    except (ValueError, TypeError):  # redis-py's errors for a wrong port or option
        raise LabError(_NOT_A_URL) from None


def read_url(url: str) -> store_url.StoreUrl:
    """Parse a store's URL; LabError, without quoting it, if it is wrong."""
    try:
        return store_url.parse(url)
    except ValueError:
        raise LabError(_NOT_A_URL) from None


def _literal(prefix: str) -> str:
    """Escape `prefix` for a SCAN pattern."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in prefix)
