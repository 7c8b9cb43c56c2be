"""Every exercise of the ladder: the reference passes, the starter fails, wrong work is caught.

tests/exercises/NAME has reference/ and wrong-*/, each only the files that differ from the
starter, and caught.toml: by which check each wrong one is caught. LAB_EXERCISES=name,name takes
some only.
"""

import os
import shutil
import tomllib
from pathlib import Path

import pytest
from conftest import processes_of

from lab.exercises.checking import Asked, run_checks
from lab.exercises.exercise import HINTS, ladder
from lab.exercises.result import CheckStatus

HERE = Path(__file__).parent
ONLY = [each for each in os.environ.get("LAB_EXERCISES", "").split(",") if each]
LADDER = [each for each in ladder() if not ONLY or each.name in ONLY]
LEAST_WRONG = 3


def caught(exercise):
    path = HERE / exercise.name / "caught.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


WRONG = [(each, name) for each in LADDER for name in caught(each)]


def handed_in(exercise, solution, folder):
    """A student's folder: the starter, and over it the files of a solution."""
    shutil.copytree(exercise.starter, folder)
    if solution:
        shutil.copytree(HERE / exercise.name / solution, folder, dirs_exist_ok=True)
    return folder


def leading_to(name, checks):
    """The check of that name, and those that have to pass before it."""
    wanted = {name}
    for each in reversed(checks):
        if each.name in wanted:
            wanted.update(each.after)
    return [each for each in checks if each.name in wanted]


def results(exercise, solution, tmp_path, seed=7, only=None):
    if missing := exercise.missing():
        pytest.skip(f"the exercise {exercise.name} needs {', '.join(missing)}")
    folder = handed_in(exercise, solution, tmp_path / "work")
    before = {each: each.stat().st_mtime_ns for each in folder.rglob("*")}
    asked = Asked(exercise, folder, seed, hidden=True)
    checks = leading_to(only, asked.checks()) if only else asked.checks()
    found = list(run_checks(asked, checks))
    assert {each: each.stat().st_mtime_ns for each in folder.rglob("*")} == before
    assert processes_of(folder) == []
    return found


def text(found):
    return "\n".join(
        f"{each.status} {each.name}: {each.rationale}\n{each.evidence}" for each in found
    )


@pytest.mark.parametrize("exercise", LADDER, ids=lambda each: each.name)
def test_exercise_is_complete(exercise):
    said = exercise.described
    assert len(said.hints) == HINTS and all(said.hints)
    assert said.minutes > 0 and said.teaches and said.title
    assert (exercise.starter / "README.md").is_file()
    assert not [each for each in exercise.starter.rglob("*") if each.name.startswith(".")]
    assert any(not each.hidden for each in exercise.checks())
    folders = {each.name for each in (HERE / exercise.name).glob("wrong-*")}
    assert folders == set(caught(exercise))
    assert len(folders) >= LEAST_WRONG


@pytest.mark.long
@pytest.mark.parametrize("exercise", LADDER, ids=lambda each: each.name)
def test_reference_solution_passes(exercise, tmp_path):
    found = results(exercise, "reference", tmp_path)
    assert all(each.passed for each in found), text(found)


@pytest.mark.long
@pytest.mark.parametrize("exercise", LADDER, ids=lambda each: each.name)
def test_untouched_starter_fails(exercise, tmp_path):
    found = results(exercise, "", tmp_path)
    assert not all(each.passed for each in found), text(found)
    assert not [each for each in found if each.status is CheckStatus.ERROR], text(found)


@pytest.mark.long
@pytest.mark.parametrize(
    ("exercise", "solution"), WRONG, ids=lambda each: getattr(each, "name", each)
)
def test_wrong_solution_is_caught_by_the_check_that_is_about_it(exercise, solution, tmp_path):
    due = caught(exercise)[solution]
    found = {each.name: each for each in results(exercise, solution, tmp_path, only=due)}
    check = found[due]
    assert check.status is CheckStatus.FAILED, text(found.values())
    assert check.rationale
