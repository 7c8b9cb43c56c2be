"""The stack: real replicas, a real balancer, a real store, and nothing left of them afterwards."""

from lab.stack.access_log import AccessEntry, AccessLog
from lab.stack.balancer import Balancer
from lab.stack.doctor import Finding, diagnose
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import Affinity, LaneSpec, Retry
from lab.stack.programs import Program, find_nginx, find_store
from lab.stack.server import Death, Replica
from lab.stack.server_env import Desk, desk_env
from lab.stack.server_pool import Lane, Leaving, Treatment
from lab.stack.session_store import ExternalStore, Store, StoreStats
from lab.stack.stack import Stack
from lab.stack.upstream import Deployment, Upstream

__all__ = [
    "AccessEntry",
    "AccessLog",
    "Affinity",
    "Balancer",
    "Death",
    "Deployment",
    "Desk",
    "ExternalStore",
    "Finding",
    "Lane",
    "LaneSpec",
    "Leaving",
    "LocalStore",
    "Program",
    "Replica",
    "Retry",
    "Stack",
    "Store",
    "StoreStats",
    "Treatment",
    "Upstream",
    "desk_env",
    "diagnose",
    "find_nginx",
    "find_store",
]
