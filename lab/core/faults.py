"""The faults that the lab injects: their names, what each leaves behind, and the evidence."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

STORE: Final = "store"
"""The target that is the session store. Every other target is the name of a server."""


_TARGET = re.compile(
    r"(?:(?P<desk>stateful|stateless)(?:_app)?[/\\_:. -]+)?"
    r"(?:(?:server|replica)[_ -]?)?(?P<name>[a-z])",
    re.IGNORECASE,
)


def target_named(text: str) -> str:
    """Return the target as the lab writes it: "B", "stateful/B" or "store".

    `b`, `stateful-B`, `stateful:b` and `server-b` are ways to write it. Other text comes back
    as it is: what looks for the server says which there are.
    """
    if text.strip().lower() == STORE:
        return STORE
    found = _TARGET.fullmatch(text.strip())
    if found is None:
        return text
    return "/".join(filter(None, ((found["desk"] or "").lower(), found["name"].upper())))


class FaultKind(StrEnum):
    """What can be done to a server; all but `drain` and `add` also to the session store."""

    KILL = "kill"
    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    DRAIN = "drain"
    ADD = "add"

    @property
    def state_after(self) -> str:
        """The target's state afterwards: "up", "paused", "dead", or "gone" from the pool."""
        return STATE_AFTER[self]

    @property
    def brings_up(self) -> bool:
        """True if the target serves afterwards."""
        return self.state_after == "up"

    @property
    def ends_process(self) -> bool:
        """True if a process that ran before is gone afterwards."""
        return self in (FaultKind.KILL, FaultKind.RESTART, FaultKind.DRAIN)

    @property
    def applies_to(self) -> tuple[str, ...]:
        """The states of a target in which it changes something; none for `add`."""
        return _APPLIES_TO[self]


STATE_AFTER: Mapping[str, str] = {
    FaultKind.KILL: "dead",
    FaultKind.RESTART: "up",
    FaultKind.PAUSE: "paused",
    FaultKind.RESUME: "up",
    FaultKind.DRAIN: "gone",
    FaultKind.ADD: "up",
}
_APPLIES_TO: Mapping[str, tuple[str, ...]] = {
    FaultKind.KILL: ("up", "paused", "draining"),
    FaultKind.RESTART: ("up", "paused", "dead"),
    FaultKind.PAUSE: ("up",),
    FaultKind.RESUME: ("paused",),
    FaultKind.DRAIN: ("up", "paused", "dead"),
    FaultKind.ADD: (),
}
STORE_FAULTS = (FaultKind.KILL, FaultKind.RESTART, FaultKind.PAUSE, FaultKind.RESUME)
"""What can be done to the session store."""


class FaultEvidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the lab saw of a fault. A field is None if it does not apply.

    The lab sees no process of a server that it did not start, only what the network shows.
    """

    pid: int | None = None
    instance: str | None = None
    """The life that ended, froze, goes on, or began."""
    was: str | None = None
    """The life before a restart."""
    signal: str | None = None
    """How a process ended: "SIGKILL", "exit 0"; "kill command" where the lab ran one."""
    process_gone: bool | msgspec.UnsetType | None = msgspec.UNSET
    """None if the process cannot be seen, unset if none ended."""
    port_closed: bool | None = None
    instance_gone: bool | None = None
    """True if a server that the lab did not start was silent on a connection that was open
    before; None if no connection could be kept."""
    frozen: bool | None = None
    """True if the system says that the process stands still."""
    routed: bool | None = None
    """True if the new server answered through the balancer."""
    seconds: float | None = None
    """Time from the fault until all of this was seen."""
    for_restart: bool = False
    """True of the kill with which a restart of what runs begins."""

    @property
    def sees_process(self) -> bool:
        """True if there is more evidence than what the network shows."""
        return self.pid is not None and self.process_gone is not None


class FaultEvent(msgspec.Struct, frozen=True):
    """A fault that was injected: `kind` to `target`, when (seconds), and what was seen of it."""

    kind: FaultKind
    target: str
    at_s: float
    confirmed: bool | None
    """See `is_confirmed`."""
    evidence: FaultEvidence = FaultEvidence()


def is_confirmed(kind: FaultKind, seen: FaultEvidence) -> bool | None:
    """Return whether the effect of a fault was seen; None if it cannot be.

    An end is confirmed when nothing of the process is left, as far as the lab can see, and its
    port is closed. Of a server that the lab did not start its instance has to be gone: a closed
    port is not an end where it still answers on an open connection, and another instance may be
    behind that port at once. A restart is confirmed when a new instance answers; an added server
    when the balancer reaches it.
    """
    match kind:
        case FaultKind.KILL | FaultKind.DRAIN:
            lives_on = seen.process_gone is False or seen.instance_gone is False
            return not lives_on and bool(seen.port_closed or seen.instance_gone)
        case FaultKind.RESTART:
            return bool(seen.instance) and seen.instance != seen.was
        case FaultKind.PAUSE:
            return seen.frozen
        case FaultKind.RESUME:
            return None if seen.frozen is None else not seen.frozen
        case FaultKind.ADD:
            return seen.routed
