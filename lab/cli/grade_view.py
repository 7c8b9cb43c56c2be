"""How `lab grade` looks: a row for each submission, and what was not confined."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table
from rich.text import Text

from lab.cli.check_report import plain_text
from lab.cli.exercise_view import SIGNS
from lab.core.json_object import JsonObject
from lab.core.text import one_line
from lab.exercises import confine
from lab.exercises.grading import Submission
from lab.exercises.result import WorkResult

if TYPE_CHECKING:
    from lab.exercises.grading import Grader

_MOST_SHOWN = 60
_NOT_CONFINED = {
    confine.NETWORK: "the network: this system gives a process none of its own",
    confine.LIMITS: "CPU time and the size of files: this system has no such limits",
    confine.DEATH: "processes that go to the background and hide",
}
_NEVER_CONFINED = "files of yours, which a submission can read and write as you can"


def table(graded: Sequence[Submission]) -> Table:
    """Return a row for each submission, with a sign for each check."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("submission", "points", "checks", "s", "what is first wrong"):
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
    failed = next((each for each in result.checks if each.rationale), None)
    if result.trouble:
        return one_line(result.trouble, _MOST_SHOWN * 2)
    return one_line(f"{failed.name}: {failed.rationale}", _MOST_SHOWN * 2) if failed else ""


def closing(grader: "Grader", graded: Sequence[Submission]) -> Iterator[str]:
    """Yield the lines below the table."""
    full = sum(each.result.passed for each in graded)
    yield f"\n{len(graded)} graded, {full} with all points; seed {grader.seed}"
    yield f"not confined: {'; '.join(not_confined(graded))}"


def not_confined(graded: Sequence[Submission]) -> list[str]:
    """Return what these submissions could do all the same."""
    lacking = [
        text
        for name, text in _NOT_CONFINED.items()
        if any(each.confined and name not in each.confined for each in graded)
    ]
    return [*lacking, _NEVER_CONFINED]


def listed(each: Submission) -> JsonObject:
    """Return a submission as `--json` has it."""
    plain: JsonObject = msgspec.to_builtins(each.result)
    return {
        "name": each.name,
        "passed": each.result.passed,
        "earned": each.result.earned,
        "points": each.result.points,
        "confined": sorted(each.confined),
        **plain,
    }
