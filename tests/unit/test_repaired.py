"""What the checks of repaired services share: names, verdicts, and a volume that is emptied."""

import random
import subprocess
import threading

import pytest

from lab.check.judge import Level, Report
from lab.check.start import Start
from lab.exercises import repaired
from lab.exercises.declare import NotMet
from lab.exercises.found import Found
from lab.exercises.work import Work

SHARED, NONE = repaired.require_state_is_shared, repaired.require_self_contained


class Checked:
    """Stands for a student's work of which `lab check` finds this."""

    def __init__(self, level, failed=""):
        self.found = Found(Report(level, "the reason", failed=failed), Start("python x {port}"))
        self.asked = {}

    def check(self, talk, **how):
        self.asked = how
        return self.found


@pytest.mark.parametrize(
    ("require", "more", "passing"),
    [
        (NONE, (), {Level.SELF_CONTAINED}),
        (SHARED, ("volume",), {Level.SELF_CONTAINED, Level.BACKING_SERVICE}),
    ],
)
@pytest.mark.parametrize("level", Level)
def test_only_the_levels_that_count_as_mended_pass(require, more, passing, level):
    work = Checked(level)
    if level in passing:
        require(work, "talk", {}, *more)
    else:
        with pytest.raises(NotMet) as failure:
            require(work, "talk", {}, *more)
        assert f"{level}: the reason" in failure.value.rationale
        assert failure.value.evidence is work.found
    assert work.asked["max_seconds"] > 200


def test_conversation_that_fails_is_not_mended():
    with pytest.raises(NotMet):
        NONE(Checked(Level.SELF_CONTAINED, failed="line 3: assert"), "talk", {})


def test_name_is_new_each_time_and_can_stand_anywhere():
    chance = random.Random(1)
    names = {repaired.some_name(chance) for _ in range(100)}
    assert len(names) == 100
    assert all(each.isascii() and each.isalpha() and each.islower() for each in names)


def test_misspelt_value_differs_in_one_letter_and_keeps_its_alphabet():
    value = "eyJ1c2Vy.Zm9v-42_x"
    found = [*repaired.misspelt(random.Random(3), value)]
    assert len(found) == 15
    for each in found:
        assert sum(a != b for a, b in zip(each, value, strict=True)) == 1
        assert {*each} <= {*value} and each[8] == "." and each[13] == "-"


@pytest.mark.parametrize("value", ["", "...", "aaaa"])
def test_value_that_cannot_be_misspelt_is_left(value):
    assert [*repaired.misspelt(random.Random(3), value)] == []


def test_calls_at_the_same_time_overlap():
    gate = threading.Barrier(5, timeout=60)
    assert repaired.at_the_same_time(lambda number: gate.wait() >= 0 and number, 5) == [*range(5)]


def test_error_of_a_call_at_the_same_time_is_raised():
    def act(number):
        if number == 2:
            raise NotMet("no answer")

    with pytest.raises(NotMet, match="no answer"):
        repaired.at_the_same_time(act, 4)


@pytest.mark.parametrize("name", ["plain", "with space", "it's (one)", "ü"])
def test_volume_is_emptied_and_stays(tmp_path, monkeypatch, name):
    seen = {}

    def check(start, *_):
        seen["start"] = start
        return Found(Report(Level.UNKNOWN, ""), start)

    monkeypatch.setattr("lab.exercises.found.check", check)
    (tmp_path / "work").mkdir()
    work = Work(tmp_path / "work", tmp_path / name, command="python server.py {port}")
    volume = work.new_volume()
    work.check("GET /", volume=volume)
    (volume / "a.db").write_text("x")
    (volume / "folder").mkdir()
    (volume / "folder" / "b").write_text("x")
    start = seen["start"]
    assert start.shared == (volume,)
    subprocess.run(start.reset, shell=True, check=True, timeout=60)
    assert volume.is_dir() and [*volume.iterdir()] == []


def test_reset_of_its_own_is_kept(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("lab.exercises.found.check", lambda start, *_: seen.append(start))
    (tmp_path / "work").mkdir()
    work = Work(tmp_path / "work", tmp_path / "scratch", command="python server.py {port}")
    work.check("GET /", volume=work.new_volume(), reset="true")
    work.check("GET /")
    assert [each.reset for each in seen] == ["true", None]
    assert seen[1].shared == ()
