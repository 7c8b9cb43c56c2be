"""The lab's own questions to a store: an answer within 0.5 s, or a LabError without its address."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError
from lab.shop.redis import store_url

if TYPE_CHECKING:
    import redis

    Client = redis.Redis | redis.RedisCluster

STORE_TIMEOUT_S = 0.5
TEXT = {"decode_responses": True}


def connect(url: str) -> "Client":
    """A client that gives up after 0.5 s and never tries twice; a `with` block closes it.

    LabError if the URL is none, or if it names a cluster of which no host answers.
    """
    import redis  # here: it takes 0.2 s, and most runs have no store

    from lab.shop.redis import clients

    store = read_url(url)
    kinds: dict[str, Callable[[], Client]] = {
        "": lambda: clients.one_server(store, redis.Redis, STORE_TIMEOUT_S, **TEXT),
        "sentinel": lambda: clients.behind_sentinels(store, redis.Redis, STORE_TIMEOUT_S, **TEXT),
        "cluster": lambda: clients.cluster(store, STORE_TIMEOUT_S, **TEXT),
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
        raise LabError(f"a store URL looks like {store_url.FORMS}") from None


def read_url(url: str) -> store_url.StoreUrl:
    """What a store's URL says; LabError, without quoting it, if it is none."""
    try:
        return store_url.parse(url)
    except ValueError:
        raise LabError(f"a store URL looks like {store_url.FORMS}") from None


def _literal(prefix: str) -> str:
    """`prefix` for a SCAN pattern, its special characters taken as they are."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in prefix)
