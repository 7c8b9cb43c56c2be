"""Where no process can have a disk of its own, `lab check` judges a student's work alike."""

import shutil
from pathlib import Path

import pytest

from lab.check.judge import Level
from lab.check.machine import CannotIsolate, Machine
from lab.exercises.checking import Asked, run_checks
from lab.exercises.exercise import find
from lab.exercises.work import Work

HERE = Path(__file__).parent
TALK = """
def script(http):
    http.post("/login", json={"name": "ada", "city": "turin"})
    http.get("/me")
"""


@pytest.fixture(autouse=True)
def no_private_disk(monkeypatch):
    def refuse(self, shared=()):
        raise CannotIsolate("a test")

    monkeypatch.setattr(Machine, "__init__", refuse)


def handed_in(name, solution, folder):
    shutil.copytree(find(name).starter, folder)
    shutil.copytree(HERE / name / solution, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.long
def test_reference_passes(tmp_path):
    folder = handed_in("sign-in-again", "reference", tmp_path / "work")
    asked = Asked(find("sign-in-again"), folder, 7, hidden=True)
    found = [*run_checks(asked, asked.checks())]
    assert all(each.passed for each in found), [(e.name, e.rationale) for e in found]


@pytest.mark.long
def test_state_on_the_own_disk_is_found(tmp_path):
    folder = handed_in("sign-in-again", "wrong-file", tmp_path / "work")
    work = Work(folder, tmp_path / "scratch", command="python server.py {port}")
    assert work.check(TALK, max_seconds=240).level is Level.DISK
