"""What follows from the plays: a level for each call and for the service, each with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lab.check.compare import Difference
from lab.check.conversation import Conversation

RATE_LIMITED = "429"
TURNS = "two processes in turn"


class Level(StrEnum):
    """Where the state is that answers depend on, from best to worst; unknown is none of them."""

    SELF_CONTAINED = "self-contained"
    BACKING_SERVICE = "state in a backing service"
    PROCESS = "state in the process"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One call: its level, in which play it differed and how, and which earlier calls it needs.

    `needs` are indices; None where nobody looked. `depends` is whether its answer depends on
    anything that the client was given before.
    """

    index: int
    title: str
    level: Level
    play: str = ""
    differences: tuple[Difference, ...] = ()
    needs: tuple[int, ...] | None = None
    depends: bool | None = None


@dataclass(frozen=True)
class Witness:
    """The shortest script that shows it: these calls, then the last of them after a restart.

    `calls` are indices, the differing one last. `wiped` says that the backing service was
    reset as well; `in_turn` that two processes live and are asked in turn, as in the whole
    conversation (its even calls the one, its odd calls the other). `confirmed` of `tries`
    repetitions showed it again.
    """

    calls: tuple[int, ...]
    wiped: bool
    differences: tuple[Difference, ...]
    confirmed: int
    tries: int
    in_turn: bool = False


@dataclass
class Report:
    """What a check found. Without a conversation it ended before there was one."""

    level: Level
    because: str
    conversation: Conversation | None = None
    findings: list[Finding] = field(default_factory=list)
    witness: Witness | None = None
    masked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    processes: int = 0
    seconds: float = 0.0
    partial: bool = False

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def cut(self, why: str) -> None:
        """Mark it partial; what has been judged already stands."""
        self.partial = True
        self.note(why)

    def doubt(self) -> None:
        """Take the verdict back: what was seen once could not be seen again."""
        said = "; ".join(str(each.differences[0]) for each in self.findings if each.differences)
        self.level = Level.UNKNOWN
        self.because = f"a difference was seen, and could not be seen again: {said}"
        self.findings = [
            replace(each, level=Level.UNKNOWN) if each.differences else each
            for each in self.findings
        ]


def is_rate_limit(found: Sequence[Difference]) -> bool:
    """Whether the only trouble is that one side was told to slow down (RFC 6585, section 4)."""
    status = next((each for each in found if each.where == "status"), None)
    return status is not None and RATE_LIMITED in (status.expected, status.seen)


def level_of(findings: Sequence[Finding]) -> tuple[Level, str]:
    """Return the level of the service, and why, from the levels of its calls."""
    for level, where in (
        (Level.PROCESS, "a fresh process answers differently"),
        (Level.BACKING_SERVICE, "with the backing service emptied the answers change"),
    ):
        differing = [each for each in findings if each.level is level]
        if differing:
            first = differing[0]
            told = f"{len(differing)} of {len(findings)} calls: {where}"
            return level, f"{told}; the first is {first.title}, {first.differences[0]}"
    if any(each.level is Level.UNKNOWN for each in findings):
        return Level.UNKNOWN, "not every call could be compared"
    if not any(each.depends for each in findings):
        return (
            Level.UNKNOWN,
            "no answer in this conversation depends on an earlier request: "
            "add one that should (log in, then ask who you are)",
        )
    return (
        Level.SELF_CONTAINED,
        f"all {len(findings)} calls, each sent alone to a fresh process, were answered as in the "
        "conversation",
    )
