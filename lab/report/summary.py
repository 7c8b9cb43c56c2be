"""A kept document in a line: which kind of run it is, what was run, and what was found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lab.core.errors import LabError, reason
from lab.core.text import one_line
from lab.evidence.result import ScriptFailure
from lab.report.wording import own_failure

MOST_DOCUMENT_BYTES = 512 * 1024 * 1024
SEE_RUNS = "`lab runs` lists the runs"
NO_CLAIM = "without a claim"


class _Variant(msgspec.Struct):
    broken_expectation: str | None = None
    script_failed: bool = False
    trouble: str | None = None
    failure: ScriptFailure | None = None


class _Experiment(msgspec.Struct):
    name: str
    verdict: str | None = None  # None for a script without a claim
    variants: list[_Variant] = []

    @property
    def found(self) -> str:
        """The verdict; before it, what went wrong in the script itself."""
        failed = next(filter(None, map(own_failure, self.variants)), None)
        return failed or self.verdict or NO_CLAIM


class _Crowd(msgspec.Struct, kw_only=True):
    variant: str = ""
    lane: str = ""  # what earlier versions call the variant
    script: str
    carts_as_predicted: bool
    doubts: list[msgspec.Raw]


class _Assumptions(msgspec.Struct):
    users: int


class _Document(msgspec.Struct):
    """What the documents of all kinds have to say in a line; every field belongs to one kind."""

    experiments: list[_Experiment] | None = None
    crowds: list[_Crowd] | None = None
    calls: list[msgspec.Raw] | None = None
    verdict: str = ""
    source: str | None = None
    failed_assertion: str | None = None
    assumptions: _Assumptions | None = None


@dataclass(frozen=True)
class Summary:
    """A document in a line: its kind, what was run or checked, and what was found."""

    kind: str
    what: tuple[str, ...]
    found: str


def summary(document: Path) -> Summary:
    """Return a document in a line; LabError if it cannot be read or is of another program."""
    try:
        if document.stat().st_size > MOST_DOCUMENT_BYTES:
            raise LabError(f"{document} is too large for a run of the lab: {SEE_RUNS}")
        text = document.read_bytes()
    except OSError as error:
        raise LabError(f"cannot read {document}: {reason(error)}; {SEE_RUNS}") from None
    try:
        head = msgspec.json.decode(text, type=_Document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        if isinstance(error, msgspec.ValidationError) and not text.lstrip().startswith(b"{"):
            raise LabError(f"{document} is not a run of this lab: {SEE_RUNS}") from None
        why = one_line(error, 120)
        raise LabError(f"{document} is damaged: {why}; run it again") from None
    if head.experiments is not None:
        return Summary("run", tuple(each.name for each in head.experiments), _verdicts(head))
    if head.crowds is not None:
        scripts = tuple(dict.fromkeys(each.script for each in head.crowds))
        return Summary("crowd", scripts, _crowds(head.crowds))
    if head.calls is not None:
        found = "an assertion failed" if head.failed_assertion else head.verdict
        return Summary("check", (head.source or "no conversation",), found)
    if head.assumptions is not None:
        users = f"{head.assumptions.users:,} users"
        return Summary("plan", (users,), "computed")
    raise LabError(f"{document} is not a run of this lab: {SEE_RUNS}")


def _verdicts(head: _Document) -> str:
    experiments = head.experiments or []
    if len(experiments) == 1:
        return experiments[0].found
    counted = Counter(each.found for each in experiments)
    return ", ".join(f"{number} {verdict}" for verdict, number in counted.items()) or "nothing"


def _crowds(crowds: Sequence[_Crowd]) -> str:
    if differ := [each.variant or each.lane for each in crowds if not each.carts_as_predicted]:
        return f"losses not as predicted: {', '.join(dict.fromkeys(differ))}"
    if doubted := [each.variant or each.lane for each in crowds if each.doubts]:
        return f"not reliable: {', '.join(dict.fromkeys(doubted))}"
    return "losses as predicted" if crowds else "nothing"
