"""What the checks of repaired services share: names, verdicts, and a volume that is emptied."""

import random
import subprocess
import threading
from pathlib import Path

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
def test_levels_that_count_as_mended_pass_and_no_other(require, more, passing, level):
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


@pytest.fixture
def started(monkeypatch):
    """The starts of services that `lab check` was asked to check."""
    seen = []
    monkeypatch.setattr("lab.exercises.found.check", lambda start, *_: seen.append(start))
    return seen


def work_in(folder):
    (folder / "submitted").mkdir(parents=True)
    (folder / "submitted" / "server.py").write_text("the student's")
    return Work(folder / "submitted", folder / "scratch", command="python server.py {port}")


def reset(start):
    subprocess.run(start.reset, shell=True, check=True, timeout=60)


def litter(folder):
    (folder / "a.db").write_text("x")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "b").write_text("x")


def isolation(monkeypatch, here):
    monkeypatch.setattr("lab.check.machine.can_isolate", lambda: here)


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("name", ["plain", "with space", "it's (one)", "ü"])
def test_volume_is_emptied_before_each_play_and_stays(tmp_path, monkeypatch, started, name, here):
    isolation(monkeypatch, here)
    work = work_in(tmp_path / name)
    volume = work.new_volume()
    work.check("GET /", volume=volume)
    litter(volume)
    assert started[0].shared == (volume,)
    reset(started[0])
    assert volume.is_dir() and [*volume.iterdir()] == []


def test_disk_is_put_back_where_none_can_be_private(tmp_path, monkeypatch, started):
    isolation(monkeypatch, False)
    monkeypatch.delenv("NODE_PATH", raising=False)  # a link to its packages would stand there, too
    work_in(tmp_path).check("GET /")
    (start,) = started
    disk, temporary = start.cwd, Path(start.env["TMPDIR"])
    litter(disk)
    litter(temporary)
    (disk / "server.py").write_text("changed by itself")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("x")
    (disk / "link").symlink_to(tmp_path / "elsewhere")
    reset(start)
    assert [each.name for each in disk.iterdir()] == ["server.py"]
    assert (disk / "server.py").read_text() == "the student's"
    assert [*temporary.iterdir()] == []
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_no_disk_is_reset_where_disks_are_private_and_nothing_is_shared(
    tmp_path, monkeypatch, started
):
    isolation(monkeypatch, True)
    work = work_in(tmp_path)
    work.check("GET /")
    work.check("GET /", volume=work.new_volume(), reset="true")
    assert [each.reset for each in started] == [None, "true"]
    assert started[0].shared == ()
