"""redis-py's client for each kind of store URL, with one time limit and without retries.

redis-py's defaults report a dead store after 3 to 5 s, and never report a paused one.
"""

from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from lab.shop.redis.store_url import StoreUrl

OTHER_NODES = 3  # how many more nodes are tried if the first does not answer


def one_server(url: StoreUrl, kind: type[Redis], timeout_s: float, **options: Any) -> Redis:
    """Return a client of the server that a URL names, or of its first host; do not connect yet.

    Raise ValueError, TypeError or RedisError for an option that redis-py does not have.
    """
    client = kind.from_url(url.one_server, **_limits(timeout_s), retry=_once(), **options)
    client.connection_pool.make_connection()  # checks the options, does not connect
    return client


def behind_sentinels(url: StoreUrl, kind: type[Redis], timeout_s: float, **options: Any) -> Redis:
    """Return a client of the primary that the sentinels of a URL know; do not connect yet.

    For each new connection it asks the sentinels, one after the other, until one answers:
    `timeout_s` limits all of them together, and then the connection to the primary.
    """
    one_server(url, Redis, timeout_s)  # only checks the options
    options_of_url = parse_url(url.one_server)  # type: ignore[no-untyped-call]
    for name in ("host", "port"):
        options_of_url.pop(name)
    options_of_url["ssl"] = "connection_class" in options_of_url
    options_of_url.pop("connection_class", None)
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        url.hosts,
        sentinel_kwargs={
            **_limits(timeout_s / len(url.hosts)),
            **{name: value for name, value in options_of_url.items() if name.startswith("ssl")},
            **url.sentinel_account,
            "retry": _once(),
        },
    )
    primary: Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
        url.service,
        redis_class=kind,
        **{**_limits(timeout_s), **options, **options_of_url, "retry": _once()},
    )
    return primary


def cluster(url: StoreUrl, timeout_s: float, **options: Any) -> RedisCluster:
    """Return a client of the cluster that the hosts of a URL belong to.

    Connect at once, and ask host after host until one has the map of the cluster. Raise
    RedisClusterException, which is not a RedisError, if none answers.
    """
    client = RedisCluster.from_url(
        url.one_server,
        startup_nodes=[ClusterNode(*host) for host in url.hosts[1:]],  # type: ignore[no-untyped-call]
        **_limits(timeout_s),
        retry=Retry(NoBackoff(), OTHER_NODES),
        **options,
    )
    client.set_retry(_once())
    return client


def _limits(timeout_s: float) -> dict[str, float]:
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}


def _once() -> Retry:
    return Retry(NoBackoff(), 0)
