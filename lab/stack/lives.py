"""Which processes the lab started, and whether an answer in nginx's log came from one of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.core.http import UNANSWERED
from lab.stack.access_log import BETWEEN_SERVERS, AccessEntry

_CLOCK_S = 0.001  # nginx writes both times in whole milliseconds, rounded down
_NONE_ANSWERED = {"", "-", "499", *map(str, UNANSWERED)}
_OF_WAITRESS = ("400", "413", "431", "500", "501")
"""What waitress refuses before the app sees it: without the app's headers."""


@dataclass
class ServerLife:
    """One process of a server: its name, its instance, where it listens, and when it ended."""

    name: str
    instance: str
    address: str
    ended_at: float | None = None
    """Seconds since the epoch, when the lab ended it, or saw that it had; None while it may run."""


def strangers(entries: Iterable[AccessEntry], lives: Sequence[ServerLife]) -> list[AccessEntry]:
    """Return the entries whose answer came from a process that is none of `lives`.

    Name, instance and address must all be those of one life that had not ended when the request
    came: who asks a server learns them, and can repeat them at its port once it is dead. An
    answer without name and instance is one of waitress itself if it is such a refusal.
    """
    return [entry for entry in entries if _answered(entry) and not _is_known(entry, lives)]


def describe(strange: Sequence[AccessEntry]) -> str:
    """Say in a sentence what answered instead of a server of the lab."""
    first = strange[0]
    name = f" as {first.served_by}" if first.served_by else " without a name"
    some = f"{len(strange)} answer{'s' if len(strange) != 1 else ''}"
    return (
        f"answered by a process the lab did not start: {some}, the first ({first.op}) from "
        f"{_last(first.upstream_addr)}{name}; end what uses the ports of this run, or servers "
        "that hide who they are, and run it again"
    )


def _answered(entry: AccessEntry) -> bool:
    if not entry.upstream_addr:  # nginx itself, or its cache
        return False
    is_named = bool(entry.served_by or entry.instance)
    return is_named or _last(entry.upstream_status) not in _NONE_ANSWERED


def _is_known(entry: AccessEntry, lives: Sequence[ServerLife]) -> bool:
    address = _last(entry.upstream_addr)
    asked_at = entry.ended_at - entry.request_time - _CLOCK_S
    there = [
        life
        for life in lives
        if life.address == address and (life.ended_at is None or asked_at <= life.ended_at)
    ]
    if entry.served_by or entry.instance:
        return (entry.served_by, entry.instance) in {(each.name, each.instance) for each in there}
    return bool(there) and _last(entry.upstream_status) in _OF_WAITRESS


def _last(listed: str) -> str:
    return BETWEEN_SERVERS.split(listed)[-1]
