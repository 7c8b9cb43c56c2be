"""The plays of a check by name: of which kind one is, and which one of that kind."""

from dataclasses import dataclass
from enum import StrEnum


class PlayKind(StrEnum):
    """How the calls are sent, in words for a reader."""

    NONE = ""
    FRESH = "a fresh process for each call"
    TWO = "two processes"
    ELSEWHERE = "a fresh process for each call, each with a disk of its own"
    EMPTIED = "alone, with nothing behind the service"
    SEPARATE = "one server, its processes"
    USED = "a process that has served other clients"
    CROSSED = "the calls spread over the replicas"
    KEPT_OPEN = "on one replica, over a connection that is kept"
    OTHER = "on another replica alone"
    COUNTED = "on each replica alone, again and again"
    THROUGH = "through the balancer"
    AFTER = "before and after --between"

    @property
    def meaning(self) -> str:
        """Say what a difference in such a play means."""
        return _MEANINGS[self]


_MEANINGS = {
    PlayKind.NONE: "",
    PlayKind.FRESH: "a fresh process answers differently",
    PlayKind.TWO: "a second process, while the first lives, answers differently",
    PlayKind.ELSEWHERE: (
        "a process on another machine, without this one's files, answers differently"
    ),
    PlayKind.EMPTIED: "with the backing service emptied the answers change",
    PlayKind.USED: "a process that has had the same calls from other clients answers differently",
    PlayKind.SEPARATE: "the processes of one server answer differently",
    PlayKind.CROSSED: "another replica answers differently",
    PlayKind.KEPT_OPEN: "over a connection that is kept the answers change",
    PlayKind.OTHER: "another replica, asked alone, answers differently",
    PlayKind.COUNTED: "each replica counts for itself",
    PlayKind.THROUGH: "through the balancer the answers change",
    PlayKind.AFTER: "after --between the answers change",
}


@dataclass(frozen=True)
class PlayName:
    """One play: `which` tells those of a kind apart, such as a replica's name."""

    kind: PlayKind
    which: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.kind, self.which)))


def meaning_of(label: str) -> str:
    """Say what a difference in a play means, by its name in a document; "" for no play."""
    return max((kind for kind in PlayKind if label.startswith(kind)), key=len).meaning


NO_PLAY = PlayName(PlayKind.NONE)
FRESH = PlayName(PlayKind.FRESH)
TURNS = PlayName(PlayKind.TWO, "in turn")
READS_WRITES = PlayName(PlayKind.TWO, "one for reads and one for writes")
ELSEWHERE = PlayName(PlayKind.ELSEWHERE)
EMPTIED = PlayName(PlayKind.EMPTIED)
SEPARATE = PlayName(PlayKind.SEPARATE)
USED = PlayName(PlayKind.USED)
COUNTED = PlayName(PlayKind.COUNTED)
