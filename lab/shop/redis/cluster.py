"""A Redis Cluster whose nodes are looked for beside the requests, never inside one."""

import threading
from collections.abc import Callable
from typing import Any

from redis import ConnectionPool, Redis, RedisCluster, RedisError
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisClusterException

FIND_TIMEOUT_S = 0.6  # how long a request waits while the cluster is not found at all


class PatientCluster(Redis):
    """A `Redis` whose commands, on one key each, are carried out by the cluster `find` returns.

    redis-py asks node after node for the cluster's map when it begins and after each failed
    command, one thread at a time: with three hung nodes, eight requests at once were answered
    after 1.2 to 7.5 s. Here a request fails at once, and a thread of its own renews the map.
    """

    def __init__(self, find: Callable[[], RedisCluster], first_host: ConnectionPool) -> None:
        """Return at once; the search has begun. Pipelines alone would use `first_host`."""
        super().__init__(connection_pool=first_host)
        self._find = find
        self._cluster: RedisCluster | None = None
        self._renew: Callable[[], None] = lambda: None
        self._turn = threading.Lock()
        self._search = threading.Thread()
        self._failure = "no answer"
        self._look_for_nodes()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the answer; raise RedisError or RedisClusterException."""
        if self._cluster is None:
            self._look_for_nodes().join(FIND_TIMEOUT_S)
        if self._cluster is None:
            raise NotConnected(f"no map of the cluster yet: {self._failure}")
        return self._cluster.execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def _look_for_nodes(self, *_args: Any, **_options: Any) -> threading.Thread:
        """Return the thread that is looking, at once."""
        with self._turn:
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
            self._failure = str(error)  # the next request that fails looks again
