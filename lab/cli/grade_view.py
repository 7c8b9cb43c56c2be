"""How `lab grade` looks: a row for each submission, and what was not confined."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table
from rich.text import Text

from lab.cli.check_report import plain_text
from lab.cli.exercise_view import SIGNS
from lab.core.text import one_line
from lab.exercises import confine
from lab.exercises.grading import Submission
from lab.exercises.result import CheckStatus, WorkResult

if TYPE_CHECKING:
    from lab.exercises.grading import Grader

_MOST_MESSAGE_SHOWN = 80
_NOT_CONFINED = {
    confine.NETWORK: "the network: this system gives a process none of its own",
    confine.LIMITS: "CPU time and the size of files: this system has no such limits",
    confine.DEATH: "processes that go to the background and hide",
}
_NEVER_CONFINED = "files of yours, which a submission can read and write as you can"


def table(graded: Sequence[Submission]) -> Table:
    """Return a row for each submission, with a sign for each check."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("submission", "points", "checks", "s", "first problem"):
        right = heading in ("points", "s")
        made.add_column(heading, overflow="fold", justify="right" if right else "left")
    for each in graded:
        result = each.result
        marks = Text.assemble(
            *((SIGNS[check.status].sign, SIGNS[check.status].style) for check in result.checks)
        )
        made.add_row(
            plain_text(each.name, "bold"),
            f"{result.earned}/{result.points}",
            marks,
            f"{result.seconds:.1f}",
            plain_text(first_wrong(result)),
        )
    return made


def first_wrong(result: WorkResult) -> str:
    """Return why not everything passed, on one line; "" if it did."""
    seen = [each for each in result.checks if each.rationale]
    if result.trouble:  # what was to run after it is blocked, and says no more
        seen = [each for each in seen if each.status is not CheckStatus.BLOCKED]
    reasons = [f"{each.name}: {each.rationale}" for each in seen[:1]]
    if result.trouble:
        reasons.insert(0, result.trouble)
    return one_line("; ".join(reasons), _MOST_MESSAGE_SHOWN * (len(reasons) + 1))


def closing(grader: "Grader", graded: Sequence[Submission]) -> Iterator[str]:
    """Yield the lines below the table."""
    yield from legend(graded)
    full = sum(each.result.passed for each in graded)
    yield f"\n{len(graded)} graded, {full} with all points"
    again = f"--seed {grader.seed}"
    yield f"again with the same random choices: {again}"
    yield f"everything about one: lab grade FOLDER {again} --json (it has the evidence)"
    yield f"not confined: {'; '.join(not_confined(graded))}"


def legend(graded: Sequence[Submission]) -> Iterator[str]:
    """Yield what the signs mean, and which check each of them is about, by its place."""
    if graded:
        yield "\nchecks: " + ", ".join(f"{mark.sign} {mark.word}" for mark in SIGNS.values())
        for number, each in enumerate(graded[0].result.checks, start=1):
            yield f"{number:4}  {each.name}: {each.title}"


def not_confined(graded: Sequence[Submission]) -> list[str]:
    """Return what these submissions could do all the same."""
    lacking = [
        text
        for name, text in _NOT_CONFINED.items()
        if any(each.confined and name not in each.confined for each in graded)
    ]
    return [*lacking, _NEVER_CONFINED]


def listed(each: Submission) -> Mapping[str, object]:
    """Return a submission as `--json` has it."""
    return {
        "name": each.name,
        "passed": each.result.passed,
        "earned": each.result.earned,
        "points": each.result.points,
        "confined": sorted(each.confined),
        **msgspec.structs.asdict(each.result),
    }
