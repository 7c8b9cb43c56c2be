"""How `lab exercise` looks: the ladder, each check as it ends, and the points at the end."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lab.cli.check_report import plain_text
from lab.core.page import Mark
from lab.exercises.exercise import Exercise
from lab.exercises.result import CheckResult, CheckStatus, WorkResult

if TYPE_CHECKING:
    from lab.exercises.checking import Asked

SIGNS = {
    CheckStatus.PASSED: Mark("✓", "passed", "good"),
    CheckStatus.FAILED: Mark("✕", "failed", "bad"),
    CheckStatus.BLOCKED: Mark("·", "could not be checked", "doubt"),
    CheckStatus.ERROR: Mark("?", "the check stopped", "doubt"),
}


def ladder_table(found: list[Exercise]) -> Table:
    """Return the exercises as a table."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "exercise", "kind", "min", "what it teaches"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "min" else "left")
    for number, each in enumerate(found, start=1):
        said = each.described
        teaches = said.teaches
        if missing := each.missing():
            teaches += f" (needs {', '.join(missing)})"
        name = Text(each.name, "bold")
        table.add_row(str(number), name, said.kind, str(said.minutes), Text(teaches))
    return table


def listed(each: Exercise) -> Mapping[str, object]:
    """Return an exercise as `--json` lists it."""
    said = each.described
    return {
        "name": each.name,
        "title": said.title,
        "kind": said.kind,
        "minutes": said.minutes,
        "teaches": said.teaches,
        "needs": list(said.needs),
        "missing": each.missing(),
    }


def heading(asked: "Asked", count: int) -> Text:
    """Return the line above the checks."""
    title = asked.exercise.described.title
    return Text.assemble((title, "bold"), f": {count} check{'s' * (count != 1)}\n")


def check_view(result: CheckResult) -> Text:
    """Return how one check ended, with what the student can do about it."""
    mark = SIGNS[result.status]
    points = f"{result.earned} of {result.points}"
    text = Text.assemble((f"{mark.sign} {result.title}", mark.style), (f"  ({points})", "dim"))
    if result.status is CheckStatus.BLOCKED:
        text.append(f"\n    could not be checked: {result.rationale}", "dim")
        return text
    if result.rationale:
        text.append(f"\n    {_indented(result.rationale)}")
    if result.evidence:
        text.append(f"\n\n    {_indented(result.evidence)}\n", "dim")
    if result.help:
        text.append(f"\n    → {_indented(result.help)}")
    return text


def closing(made: WorkResult, count: int) -> Text:
    """Return the lines below the checks: the points, and how to see the same again."""
    text = Text(f"\n{made.earned} of {made.points} points", "bold")
    if made.trouble:
        text.append(f"; {made.trouble} after {len(made.checks)} of {count} checks", "yellow")
    elif made.passed:
        text.append("; every check passed", "bold green")
    text.append(
        f"\nagain with the same random choices: lab exercise check --seed {made.seed}", "dim"
    )
    return text


def _indented(text: str) -> str:
    return plain_text(text).plain.replace("\n", "\n    ")
