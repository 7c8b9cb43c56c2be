"""The stack: real replicas, a real balancer, a real store, and nothing left of them afterwards."""

from lab.stack.access_log import AccessEntry, AccessLog
from lab.stack.balancer import Balancer
from lab.stack.doctor import Diagnosis, diagnose
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import Affinity, PoolSpec, Retry
from lab.stack.programs import Program, find_nginx, find_store
from lab.stack.server import Death, Server
from lab.stack.server_env import Desk, desk_env
from lab.stack.server_pool import Drain, ProxySettings, ServerPool
from lab.stack.session_store import ExternalStore, Store, StoreStats
from lab.stack.stack import Stack
from lab.stack.upstream import Deployment, ExternalServerSpec

__all__ = [
    "AccessEntry",
    "AccessLog",
    "Affinity",
    "Balancer",
    "Death",
    "Deployment",
    "Desk",
    "Diagnosis",
    "Drain",
    "ExternalServerSpec",
    "ExternalStore",
    "LocalStore",
    "PoolSpec",
    "Program",
    "ProxySettings",
    "Retry",
    "Server",
    "ServerPool",
    "Stack",
    "Store",
    "StoreStats",
    "desk_env",
    "diagnose",
    "find_nginx",
    "find_store",
]
