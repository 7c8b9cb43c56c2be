"""The stack of a running lab: its settings, its state, and what an order did to it."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from lab.core.faults import FaultEvidence

STATE_SIGNS = {
    "up": "●",
    "paused": "‖",
    "dead": "✕",
    "draining": "↓",
    "starting": "…",
    "external": "●",
}
"""The sign of each state, in the terminal and on the page: colour is never alone."""
CHANGE_WORDS = {
    "token": "parcels hold prices",
    "prices": "new price list",
    "key": "new signing key",
}
"""What a chapter has changed in the servers, in words. The token and its key are one desk's."""
MOST_PAGE_SERVERS = 8
"""Servers at one desk of the page: more are too small to see."""
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "affinity": ("none", "cookie"),
    "retry": ("off", "on"),
    "cache": ("off", "obedient", "naive"),
    "store": ("memory", "file", "redis"),
}
"""The settings of each desk, and their values."""


class ServerState(msgspec.Struct, frozen=True):
    """A server of a desk; None for what is not known, or has ended with its process."""

    name: str
    state: str
    port: int | None = None
    pid: int | None = None
    instance: str | None = None
    carts_remembered: int | None = None


class StoreState(msgspec.Struct, frozen=True):
    """The session store; `state` is "external" where the lab did not start it.

    `sessions` is how many it keeps, None where it has not said so.
    """

    state: str
    pid: int | None = None
    program: str = ""
    sessions: int | None = None


class DeskSettings(msgspec.Struct, frozen=True):
    """The settings of a desk; `cache` is None if a record does not say."""

    store: str
    affinity: str
    retry: str
    cache: str | None = None
    changed: dict[str, str] = {}
    """What a chapter has changed in the servers of both desks: {"prices": "reduced"}."""

    def changes_of(self, desk: str) -> list[str]:
        """Return in words what a chapter has changed in the servers of this desk."""
        ours = [name for name in self.changed if desk == "stateless" or name == "prices"]
        return [CHANGE_WORDS[name] for name in ours]


class StackState(msgspec.Struct, frozen=True):
    """The stack as the page draws it: servers and settings by desk, and the store if there is one.

    `origin` is the address of the load balancer; "" for a recording.
    """

    origin: str
    desks: dict[str, list[ServerState]]
    settings: dict[str, DeskSettings] = msgspec.field(default_factory=dict)
    store: StoreState | None = None
    trouble: str = ""
    """Why the page is incomplete: its source of events has ended. "" while all is well."""


class FaultDone(FaultEvidence, frozen=True, kw_only=True):
    """The effect of an order at one desk ("" for the store), with its evidence."""

    desk: str
    name: str
    state: str | UnsetType = UNSET
    """"draining" where a drain has begun."""
    confirmed: bool | None = None


class FaultsDone(msgspec.Struct, frozen=True):
    """The answer to an order: what was done at each desk."""

    done: list[FaultDone]
