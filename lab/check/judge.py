"""What follows from the plays: a level for each call and for the service, each with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lab.check.differences import Difference
from lab.check.conversation import Conversation

TURNS = "two processes in turn"
READS_WRITES = "two processes, one for reads and one for writes"
UNSEEN = "no store was seen, and none was emptied: --reset proves it"


class Level(StrEnum):
    """Where the state is that answers depend on, from best to worst; unknown is none of them."""

    SELF_CONTAINED = "self-contained"
    BACKING_SERVICE = "state in a backing service"
    DISK = "state on this machine's disk"
    PROCESS = "state in the process"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One call: its level, in which play it differed and how, and which earlier calls it needs.

    `needs` are indices; None where nobody looked. `depends` is whether its answer depends on
    anything that the client was given before; None where nobody looked. `why` says of an
    unknown one why it is; one that does not count is left out of the service's level.
    """

    index: int
    title: str
    level: Level
    play: str = ""
    differences: tuple[Difference, ...] = ()
    needs: tuple[int, ...] | None = None
    depends: bool | None = None
    why: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Reproducer:
    """The shortest script that shows it: these calls, then the last of them after a restart.

    `calls` are indices, the differing one last. `wiped` says that the backing service was
    reset as well; `sides`, where there are any, that two processes live and which of them
    (0 or 1) is asked each of the calls. `confirmed` of `tries` repetitions showed it again.
    """

    calls: tuple[int, ...]
    wiped: bool
    differences: tuple[Difference, ...]
    confirmed: int
    tries: int
    sides: tuple[int, ...] = ()


@dataclass
class Report:
    """What a check found. Without a conversation it ended before there was one."""

    level: Level
    because: str
    conversation: Conversation | None = None
    findings: list[Finding] = field(default_factory=list)
    reproducer: Reproducer | None = None
    masked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    plays: list[str] = field(default_factory=list)
    requests: int = 0
    processes: int = 0
    seconds: float = 0.0
    partial: bool = False

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def cut(self, why: str) -> None:
        """Mark it partial; what has been proven stands, and what was seen only once does not."""
        self.partial = True
        self.note(why)
        seen = [each for each in self.findings if each.differences]
        if (
            self.level in (Level.PROCESS, Level.BACKING_SERVICE)
            and self.reproducer is None
            and seen
        ):
            self.level = Level.UNKNOWN
            first = f"{seen[0].title}, {seen[0].differences[0]}"
            self.because = f"a difference was seen once, and was not yet seen again: {first}"
            self.findings = [doubted(each) if each in seen else each for each in self.findings]

    def passes(self, allowed: frozenset[Level]) -> bool:
        """Whether the level is one of these, and no call that counts is unknown."""
        unknown = any(each.counts and each.level is Level.UNKNOWN for each in self.findings)
        return self.level in allowed and not unknown


def doubted(finding: Finding) -> Finding:
    """Return it without its verdict: what was seen once was not seen again."""
    why = f"a difference was seen, and could not be seen again: {finding.differences[0]}"
    return replace(finding, level=Level.UNKNOWN, why=why)


def level_of(findings: Sequence[Finding], unseen: str = "") -> tuple[Level, str]:
    """Return the level of the service, and why, from the levels of its calls that count.

    `unseen` says what was not emptied; "" if everything behind the service was.
    """
    for level, where in (
        (Level.PROCESS, "a fresh process answers differently"),
        (Level.BACKING_SERVICE, "with the backing service emptied the answers change"),
    ):
        differing = [each for each in findings if each.level is level]
        if differing:
            first = differing[0]
            told = f"{len(differing)} of {len(findings)} calls: {where}"
            return level, f"{told}; the first is {first.title}, {first.differences[0]}"
    counted = [each for each in findings if each.counts]
    if unknown := [each for each in counted if each.level is Level.UNKNOWN]:
        why = f"; the first is {unknown[0].title}: {unknown[0].why}" if unknown[0].why else ""
        return Level.UNKNOWN, f"not every call could be compared{why}"
    if not any(each.depends for each in counted):
        return Level.UNKNOWN, _nothing_depends(len(findings) - len(counted))
    return Level.SELF_CONTAINED, _contained(len(counted), len(findings), unseen)


def _nothing_depends(left_out: int) -> str:
    of_those = f" that could be compared ({left_out} could not)" if left_out else ""
    return (
        f"no answer in this conversation{of_those} depends on an earlier request: "
        "add one that should (log in, then ask who you are)"
    )


def _contained(count: int, of: int, unseen: str) -> str:
    calls = f"all {count} calls" if count == of else f"{count} of {of} calls"
    if unseen:
        return f"{calls} were answered by fresh processes as in the conversation; {unseen}"
    return (
        f"{calls}, each sent alone to a fresh process with nothing behind it, were answered as in "
        "the conversation"
    )
