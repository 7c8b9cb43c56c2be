"""The verdict of the plays: a level for each call and for the service, each with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.check.conversation import Conversation
from lab.check.differences import Difference
from lab.check.play_name import NO_PLAY, SEPARATE, PlayName
from lab.core.page import Mark

if TYPE_CHECKING:
    from lab.check.replicas.spread import Spread

UNSEEN = "no store was seen, and none was emptied: --reset proves it"


class Level(StrEnum):
    """Where the state that answers depend on is kept, from best to worst; `unknown` is no level.

    The two of replicas are weaker: these run already, and none of them is started or emptied.
    """

    SELF_CONTAINED = "self-contained"
    BACKING_SERVICE = "state in a backing service"
    DISK = "state on this machine's disk"
    PROCESS = "state in the process"
    ALIKE = "alike on these replicas"
    REPLICA = "state in one replica"
    UNKNOWN = "unknown"


LEVEL_SIGNS = {
    Level.SELF_CONTAINED: Mark("✓", str(Level.SELF_CONTAINED), "good"),
    Level.BACKING_SERVICE: Mark("~", str(Level.BACKING_SERVICE), "doubt"),
    Level.DISK: Mark("✕", str(Level.DISK), "bad"),
    Level.PROCESS: Mark("✕", str(Level.PROCESS), "bad"),
    Level.ALIKE: Mark("≈", str(Level.ALIKE), "good"),
    Level.REPLICA: Mark("✕", str(Level.REPLICA), "bad"),
    Level.UNKNOWN: Mark("?", str(Level.UNKNOWN), "doubt"),
}
ASSERTION_FAILED = Mark("✕", "a check of yours failed", "bad")


STATE = (Level.PROCESS, Level.DISK, Level.BACKING_SERVICE, Level.REPLICA)


@dataclass(frozen=True)
class Finding:
    """One call: its level, in which play it differed and how, and which earlier calls it needs.

    `status` is that of the conversation itself, None if it got no answer; `carries` says that
    the call brought something that an earlier answer gave. `needs` are indices;
    None if that was not searched for, perhaps since it was for `like`, a call of the same
    route. `depends` is whether its answer depends on anything
    that the client was given before; None if that was not tried. `why` says of an unknown one
    why it is; one that does not count is left out of the service's level.
    """

    index: int
    title: str
    level: Level
    play: PlayName = NO_PLAY
    differences: tuple[Difference, ...] = ()
    needs: tuple[int, ...] | None = None
    depends: bool | None = None
    why: str = ""
    counts: bool = True
    status: int | None = 200
    carries: bool = False
    like: int | None = None
    known: str = ""
    """Why it is accepted, and until when; "" if it is not."""

    @property
    def verdict(self) -> str:
        """The level in words; of a failed call that was answered alike, only that."""
        alike = self.level in (Level.SELF_CONTAINED, Level.ALIKE)
        if alike and (self.status is None or self.status >= 400):
            return "answered alike"
        return str(self.level)


@dataclass(frozen=True)
class Reproducer:
    """The minimal reproducer: these calls, then the last of them after a restart.

    `calls` are indices, the differing one last. `wiped` says that the backing service was
    reset as well, `elsewhere` that the files were; `sides`, where there are any, that two
    processes live (or replicas run) and which of them is asked each of the calls. `confirmed` of
    `tries` repetitions showed it again. A `young` process was started in a later second than the
    calls before. The last call of one that is `repeated` is sent so many times to one server, and
    `confirmed` of `tries` answers were not as the others. `unprintable` says why the printed
    lines would not show it. So many of the first calls are its `opening`: they are sent to each
    process before any other.
    """

    calls: tuple[int, ...]
    wiped: bool
    differences: tuple[Difference, ...]
    confirmed: int
    tries: int
    sides: tuple[int, ...] = ()
    elsewhere: bool = False
    young: bool = False
    repeated: int = 0
    unprintable: str = ""
    opening: int = 0
    control: int = 0
    """The replica that all calls go to, to compare with, if replicas already run."""


@dataclass
class Report:
    """What a check found. Without a conversation it ended before there was one.

    `failed` is an assertion of the conversation that did not hold, with its line. `url` is
    where the service is reached, with {port}. `proofs` has the reproducer of each call that has
    one, `parts` are verdicts of their own.
    """

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
    started: bool = True
    """False if the service did not start, so that nothing was asked."""
    interrupted: bool = False
    failed: str = ""
    url: str = "http://127.0.0.1:{port}"
    proofs: dict[int, Reproducer] = field(default_factory=dict)
    parts: list["PartVerdict"] = field(default_factory=list)
    spread: "Spread | None" = None
    """How the calls were spread over replicas that run already; None if none were."""

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def cut(self, why: str) -> None:
        """Mark the report as partial: proven findings stand, those seen only once do not."""
        self.partial = True
        self.note(why)
        if self.level is Level.ALIKE:  # only some plays agreed: the others were not run
            self.level, self.because = Level.UNKNOWN, why
        seen = [each for each in self.findings if each.differences]
        if self.level in STATE and self.reproducer is None and seen:
            self.level = Level.UNKNOWN
            first = f"{seen[0].title}, {seen[0].differences[0]}"
            self.because = f"a difference was seen once, and was not yet seen again: {first}"
            self.findings = [doubted(each) if each in seen else each for each in self.findings]

    def passes(self, allowed: frozenset[Level]) -> bool:
        """Return True if the level is one of these, and no call that counts is unknown."""
        unknown = any(each.counts and each.level is Level.UNKNOWN for each in self.findings)
        return self.level in allowed and not unknown and not self.failed


@dataclass(frozen=True)
class PartVerdict:
    """A verdict on one part of a service, and the usual remedy where it has state."""

    name: str
    report: Report
    remedy: str = ""


def doubted(finding: Finding) -> Finding:
    """Return the finding as unknown: its difference was seen only once."""
    why = f"a difference was seen, and could not be seen again: {finding.differences[0]}"
    return replace(finding, level=Level.UNKNOWN, why=why)


def not_emptied(finding: Finding, counts: bool = False) -> Finding:
    """Return the finding as unknown if the backing service was not emptied."""
    if finding.level is not Level.SELF_CONTAINED:
        return finding
    why = "fresh processes answer it alike, and what is kept outside of them was not emptied"
    return replace(finding, level=Level.UNKNOWN, why=why, counts=counts)


def level_of(
    findings: Sequence[Finding], unseen: str = "", require_dependency: bool = False
) -> tuple[Level, str]:
    """Return the level of the service, and why, from the levels of its calls that count.

    `unseen` says what was not emptied; "" if everything behind the service was.
    """
    for level in STATE:
        differing = [each for each in findings if each.level is level]
        if differing:
            first = min(differing, key=rank)
            where = first.play.kind.meaning or "the answers change"
            said = f"{len(differing)} of {len(findings)} calls: {where}"
            return level, f"{said}; {first.title}, {shown_change(first)}"
    counted = [each for each in findings if each.counts]
    if unknown := [each for each in counted if each.level is Level.UNKNOWN]:
        why = f"; the first is {unknown[0].title}: {unknown[0].why}" if unknown[0].why else ""
        return Level.UNKNOWN, f"not every call could be compared{why}"
    if not any(each.depends for each in counted):
        return _nothing_depends(counted, require_dependency, unseen)
    return Level.SELF_CONTAINED, _contained(len(counted), len(findings), unseen)


def rank(finding: Finding) -> tuple[bool, int, int]:
    """Return the sort key of findings: reproduced ones first, then the most telling difference."""
    first = finding.differences[0].where if finding.differences else "~"
    kind = 0 if first in ("status", "script") else 1 if first.startswith(("/", "body")) else 2
    return finding.needs is None, kind, finding.index


def shown_change(finding: Finding) -> str:
    """Return the first difference of a finding, with its meaning where that is certain."""
    change = finding.differences[0]
    if change.where != "status" or finding.play == SEPARATE:
        return str(change)
    return f"{change}{_meaning(change.expected, change.seen)}"


def _meaning(before: str, after: str) -> str:
    """Say what a change of status means to a user, where that is certain."""
    if before == "429":
        return " (the limit was forgotten)"
    if before in ("401", "403", "404", "409", "410") and after.startswith("2"):
        return " (what refused it was forgotten)"
    if before.startswith(("2", "3")) and after in ("401", "403"):
        return " (who the client is was forgotten)"
    if before.startswith(("2", "3")) and after in ("404", "410"):
        return " (what was there is not)"
    return ""


def _nothing_depends(
    counted: Sequence[Finding], require_dependency: bool, unseen: str
) -> tuple[Level, str]:
    # Other errors may be what a conversation without state asks for; these rarely are.
    # Nor does a service refuse what it has just given, unless another of its processes is asked.
    failed = [
        each
        for each in counted
        if each.status in (None, 401, 403)
        or each.status >= 500
        or (each.status >= 400 and each.carries)
    ]
    if failed:
        return Level.UNKNOWN, (
            f"{len(failed)} of {len(counted)} calls failed in the conversation itself (the first "
            f"is {failed[0].title}: {failed[0].status or 'no answer'}), and no answer depends on "
            "an earlier request: correct the conversation"
        )
    if require_dependency or not counted:
        return Level.UNKNOWN, (
            "no answer in this conversation depends on an earlier request: add one that should "
            "(log in, then ask who you are)"
        )
    said = "nothing here needed a memory: no answer was seen to depend on an earlier request"
    return Level.SELF_CONTAINED, f"{said}; {unseen}" if unseen else said


def _contained(count: int, of: int, unseen: str) -> str:
    calls = f"all {count} calls" if count == of else f"{count} of {of} calls"
    if unseen:
        return f"{calls} were answered by fresh processes as in the conversation; {unseen}"
    return (
        f"{calls}, each sent alone to a fresh process with nothing behind it, were answered as in "
        "the conversation"
    )
