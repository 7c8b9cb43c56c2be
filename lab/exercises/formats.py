"""What was graded, in the form that other programs read: Gradescope, Classroom 50, CSV, JUnit."""

import csv
import io
import os
from collections.abc import Mapping, Sequence

import msgspec

from lab.core import junit
from lab.core.errors import LabError
from lab.core.text import no_formula, visible
from lab.exercises.grading import Submission
from lab.exercises.result import CheckResult, CheckStatus, WorkResult

RESULT_SCHEMA = "classroom50/result/v1"
# What the runner of Classroom 50 hands to an autograder, and the field that it becomes.
_FROM_RUNNER = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
}


def feedback(result: CheckResult) -> str:
    """Return what a student reads of one check, as plain text."""
    parts = [] if result.passed else [f"{result.status}: {result.rationale}"]
    return "\n\n".join(filter(None, [*parts, result.evidence, result.help]))


class GradescopeTest(msgspec.Struct, kw_only=True):
    """One test of results.json."""

    name: str
    score: int
    max_score: int
    status: str
    output: str
    visibility: str


class GradescopeResults(msgspec.Struct, kw_only=True):
    """The results.json of a Gradescope autograder."""

    score: int
    execution_time: int
    output: str
    tests: list[GradescopeTest]


def gradescope(made: WorkResult) -> GradescopeResults:
    """Return a result as Gradescope's autograder format has it (gradescope-autograders docs).

    A hidden check with points is shown when grades are published: Gradescope wants `hidden` only
    for tests without points.
    """

    def visibility(each: CheckResult) -> str:
        if not each.hidden:
            return "visible"
        return "after_published" if each.points else "hidden"

    return GradescopeResults(
        score=made.earned,
        execution_time=round(made.seconds),
        output="\n".join(filter(None, [made.trouble, f"seed {made.seed}"])),
        tests=[
            GradescopeTest(
                name=each.title,
                score=each.earned,
                max_score=each.points,
                status="passed" if each.passed else "failed",
                output=feedback(each),
                visibility=visibility(each),
            )
            for each in made.checks
        ],
    )


_HYPHENED = {"name": "test-name", "most": "max-score"}


class Classroom50Test(msgspec.Struct, kw_only=True, rename=_HYPHENED):
    """One test of result.json; `output` is a field of our own, which the format allows."""

    name: str
    passed: bool
    score: int
    most: int
    output: str


class Classroom50Result(msgspec.Struct, kw_only=True, rename=_HYPHENED):
    """The result.json that an autograder of Classroom 50 writes: schema classroom50/result/v1."""

    schema: str = RESULT_SCHEMA
    classroom: str
    assignment: str
    assignment_type: str
    owner: str
    submission: str
    commit: str
    release: str
    review: str
    datetime: str
    score: int
    most: int
    tests: list[Classroom50Test]


def classroom50(
    made: WorkResult, now: str, environ: Mapping[str, str] = os.environ
) -> Classroom50Result:
    """Return a result as Classroom 50 reads it; `now` is YYYY-MM-DDTHH:MM:SSZ.

    Its runner says in the environment whose submission it is; LabError if it does not. A hidden
    check has a number for a name, and no output: students read this file.
    """
    require_runner(environ)
    return Classroom50Result(
        **{field: environ[name] for field, name in _FROM_RUNNER.items()},
        assignment_type=environ.get("ASSIGNMENT_TYPE") or "individual",
        owner=environ.get("OWNER") or environ.get("USERNAME") or "unknown",
        review=environ.get("REVIEW_URL") or environ["COMMIT_URL"],
        datetime=now,
        score=made.earned,
        most=made.points,
        tests=[
            Classroom50Test(
                name=f"hidden check {number}" if each.hidden else each.title,
                passed=each.passed,
                score=each.earned,
                most=each.points,
                output="" if each.hidden else feedback(each),
            )
            for number, each in enumerate(made.checks, start=1)
        ],
    )


def require_runner(environ: Mapping[str, str] = os.environ) -> None:
    """Raise LabError unless the environment is that of Classroom 50's runner."""
    missing = [name for name in _FROM_RUNNER.values() if not environ.get(name)]
    if missing:
        raise LabError(
            f"--classroom50 needs {', '.join(missing)} in the environment: the runner of "
            "Classroom 50 sets them (`lab docs grading` has an autograder.py)"
        )


def as_csv(graded: Sequence[Submission]) -> str:
    """Return a table for a spreadsheet: a row for each submission, a column for each check."""
    checks = [each.name for each in graded[0].result.checks] if graded else []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "points", "of", "passed", "seconds", "seed", "trouble", *checks])
    for each in graded:
        made = each.result
        row = [each.name, made.earned, made.points, made.passed, made.seconds, made.seed]
        found = {check.name: str(check.status) for check in made.checks}
        cells = [*row, made.trouble, *(found.get(name, "") for name in checks)]
        writer.writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return no_formula(visible(value).replace("\n", " "))


def as_junit(graded: Sequence[Submission]) -> str:
    """Return JUnit XML: a suite for each submission."""
    return junit.junit_xml(
        "lab grade",
        [
            junit.Suite(
                each.name,
                [_case(each, check) for check in each.result.checks],
                each.result.seconds,
                {"seed": each.result.seed},
            )
            for each in graded
        ],
    )


def _case(graded: Submission, check: CheckResult) -> junit.Case:
    problem = None
    if check.status is CheckStatus.BLOCKED:
        problem = junit.Problem("skipped", check.rationale)
        if graded.result.trouble:  # no other text says that it was stopped
            problem = junit.Problem("error", graded.result.trouble)
    elif not check.passed:
        problem = junit.Problem("failure", check.rationale, feedback(check))
    return junit.Case(f"{graded.result.exercise}.{graded.name}", check.name, problem, check.seconds)
