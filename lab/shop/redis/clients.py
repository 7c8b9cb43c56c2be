"""redis-py's client for each kind of store URL, with one time limit and without retries.

With redis-py's own settings a dead store is an error after 3 to 5 s, a hung one never.
"""

from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from lab.shop.redis.store_url import StoreUrl

OTHER_NODES = 3  # asked for what a cluster can do, where the first node does not answer


def one_server(url: StoreUrl, kind: type[Redis], timeout_s: float, **options: Any) -> Redis:
    """Return a client of the one server that a URL names, or of its first host.

    Connects nothing yet. ValueError, TypeError or RedisError if an option is none of redis-py's.
    """
    client = kind.from_url(url.one_server, **_limits(timeout_s), retry=_once(), **options)
    client.connection_pool.make_connection()  # connects nothing yet; checks the options
    return client


def behind_sentinels(url: StoreUrl, kind: type[Redis], timeout_s: float, **options: Any) -> Redis:
    """Return a client of the server that the sentinels of a URL call the primary by then.

    Connects nothing yet. For each new connection it asks them, one after the other until one
    answers: `timeout_s` is for all of them, and once more for the primary.
    """
    one_server(url, Redis, timeout_s)  # for its checks
    said = parse_url(url.one_server)  # type: ignore[no-untyped-call]
    for name in ("host", "port"):
        said.pop(name)
    said["ssl"] = "connection_class" in said
    said.pop("connection_class", None)
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        url.hosts,
        sentinel_kwargs={
            **_limits(timeout_s / len(url.hosts)),
            **{name: value for name, value in said.items() if name.startswith("ssl")},
            **url.sentinel_account,
            "retry": _once(),
        },
    )
    primary: Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
        url.service, redis_class=kind, **{**_limits(timeout_s), **options, **said, "retry": _once()}
    )
    return primary


def cluster(url: StoreUrl, timeout_s: float, **options: Any) -> RedisCluster:
    """Return a client of the cluster to which the hosts of a URL belong.

    Connects at once, and asks host after host until it has a map of the cluster, even with a
    node away: RedisClusterException, which is no RedisError, if none answers.
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


def _limits(timeout_s: float) -> dict[str, Any]:
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}


def _once() -> Retry:
    return Retry(NoBackoff(), 0)
