"""A Redis Cluster client that looks for nodes in a thread of its own, never within a request."""

import threading
from collections.abc import Callable
from typing import Any

from redis import ConnectionPool, Redis, RedisCluster, RedisError
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisClusterException

FIND_TIMEOUT_S = 0.6  # how long a request waits for the first map of the cluster


class PatientCluster(Redis):
    """A `Redis` client that sends its commands, each on one key, to the cluster of `find()`.

    redis-py asks node after node for the map of the cluster at the start and after each failed
    command, one thread at a time: with three paused nodes, eight concurrent requests took 1.2 to
    7.5 s. Here a request fails at once, and another thread renews the map.
    """

    def __init__(self, find: Callable[[], RedisCluster], first_host: ConnectionPool) -> None:
        """Start the search and return at once. Only pipelines would use `first_host`."""
        super().__init__(connection_pool=first_host)
        self._find = find
        self._cluster: RedisCluster | None = None
        self._renew: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._search = threading.Thread()
        self._failure = "no answer"
        self._look_for_nodes()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the reply; raise RedisError or RedisClusterException."""
        if self._cluster is None:
            self._look_for_nodes().join(FIND_TIMEOUT_S)
        if self._cluster is None:
            raise NotConnected(f"no map of the cluster yet: {self._failure}")
        return self._cluster.execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def _look_for_nodes(self, *_args: Any, **_options: Any) -> threading.Thread:
        """Start the search unless it is running; return its thread at once."""
        with self._lock:
            if not self._search.is_alive():
                self._search = threading.Thread(target=self._look, daemon=True)
                self._search.start()
            return self._search

    def _look(self) -> None:
        try:
            if self._cluster is None:
                cluster = self._find()
                self._renew = cluster.nodes_manager.initialize
                cluster.nodes_manager.initialize = self._look_for_nodes  # type: ignore[method-assign]
                self._cluster = cluster
            else:
                self._renew()
        except (RedisError, RedisClusterException, OSError) as error:
            self._failure = str(error)  # the next failing request starts a new search
