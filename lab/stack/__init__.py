"""The stack: real replicas, a real balancer, a real store, and nothing left of them afterwards."""

from lab.stack.access import AccessEntry, AccessLog
from lab.stack.balancer import Balancer
from lab.stack.desks import Desk, desk_env
from lab.stack.doctor import Finding, diagnose
from lab.stack.lane import Lane, Leaving, Treatment
from lab.stack.local_store import LocalStore
from lab.stack.programs import Program, find_nginx, find_store
from lab.stack.replica import Death, Replica
from lab.stack.spec import Affinity, LaneSpec, Retry
from lab.stack.stack import Stack
from lab.stack.store import ExternalStore, Store, StoreStats
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
