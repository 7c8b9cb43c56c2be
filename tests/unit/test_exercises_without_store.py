"""Exercises that need a session store, on a machine that has none."""

import pytest

from lab.exercises.checking import Asked, run_checks
from lab.exercises.exercise import find
from lab.exercises.result import CheckStatus


@pytest.mark.parametrize(
    ("name", "check"),
    [("three-weaknesses", "the_store_shows_its_weakness"), ("sell-once", "serves_its_customers")],
)
def test_check_that_needs_a_store_is_not_failed_and_says_what_to_install(name, check, monkeypatch):
    monkeypatch.setattr("lab.stack.programs.find_store", lambda: None)
    exercise = find(name)
    asked = Asked(exercise, exercise.starter, seed=1)
    (found,) = run_checks(asked, [each for each in asked.checks() if each.name == check])
    assert found.status is CheckStatus.BLOCKED
    assert "lab doctor" in found.rationale
