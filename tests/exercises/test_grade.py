"""`lab grade` on a class: every verdict is right, whatever a submission does."""

import csv
import json
import os
import shutil
import signal
import sys
import tomllib
from pathlib import Path

import psutil
import pytest
from conftest import wait_for

from lab.exercises.exercise import find

HERE = Path(__file__).parent
EXERCISE = find("punch-card")
CHECKS = [each.name for each in EXERCISE.checks()]
POINTS = sum(each.points for each in EXERCISE.checks())
LIMIT_S = 100  # a machine with much to do starts a service within its 20 s, all within this
REFERENCE = (HERE / "punch-card" / "reference" / "app.py").read_text(encoding="utf-8")
STARTER = (EXERCISE.starter / "app.py").read_text(encoding="utf-8")
HIDES = """\
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, ["hides", "-c", "import time; time.sleep(600)", {tag!r}], {{}})
    os._exit(0)
"""


def hand_in(root, name, app):
    """A folder as a student hands it in."""
    folder = root / name
    shutil.copytree(EXERCISE.starter, folder)
    (folder / "app.py").write_text(app, encoding="utf-8")
    return folder


def wrong():
    """Ten wrong submissions by name, each with the check that it fails first."""
    caught = (HERE / "punch-card" / "caught.toml").read_text(encoding="utf-8")
    for name, check in tomllib.loads(caught).items():
        yield name, (HERE / "punch-card" / name / "app.py").read_text(encoding="utf-8"), check
    yield "untouched", STARTER, "any_counter_reads_it"
    yield "any-number", REFERENCE.replace("not 1 <= coffees <= 20", "False"), "a_card_counts"
    yield "other-port", REFERENCE.replace("int(sys.argv[1])", "0"), "a_card_counts"
    yield "no-json", REFERENCE.replace("json.dumps(document)", "str(document)"), "a_card_counts"


def handed_in(root):
    """Thirty folders, and of each what has to come of it: None, or the check that fails first."""
    expected = {}

    def add(name, app, first_failed):
        hand_in(root, name, app)
        expected[name] = first_failed

    for name, app, check in wrong():
        add(name, app, check)
    add("loops", "while True:\n    pass\n", "a_card_counts")
    add("has-no-syntax", REFERENCE.replace("def shown(card):", "def shown(card:"), "a_card_counts")
    delete = "import shutil, os\nshutil.rmtree(os.path.dirname(os.path.abspath(__file__)))\n"
    add("deletes-its-files", REFERENCE.replace("\n\nKEY", f"\n{delete}\nKEY"), None)
    for number in range(30 - len(expected)):
        add(f"right-{number}", f"{REFERENCE}\n# {number}\n", None)
    return expected


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="this deletes files that run")
def test_thirty_folders_get_the_right_verdicts_with_one_command(lab_here):
    handed = lab_here.folder / "handed-in"
    expected = handed_in(handed)
    assert len(expected) == 30 and len([*wrong()]) == 10
    folders = [str(each) for each in sorted(handed.iterdir())]
    before = {each: each.read_bytes() for each in handed.rglob("*") if each.is_file()}
    ended = lab_here.finish(
        lab_here.start(
            *("grade", "--exercise", "punch-card", *folders, "--json", "--csv", "grades.csv"),
            *("--jobs", "3", "--max-seconds", str(LIMIT_S)),
        ),
        deadline_s=280,
    )
    graded = {each["name"]: each for each in json.loads(ended.out)}
    found = {name: first_failed(each) for name, each in graded.items()}
    assert found == expected, ended
    assert {name for name, each in graded.items() if each["passed"]} == {
        name for name, check in expected.items() if check is None
    }
    assert all(each["points"] == POINTS for each in graded.values())
    assert ended.status == 0, "none had to be stopped"
    assert {each: each.read_bytes() for each in handed.rglob("*") if each.is_file()} == before
    rows = [*csv.DictReader((lab_here.folder / "grades.csv").read_text().splitlines())]
    assert {row["name"]: row["passed"] == "yes" for row in rows} == {
        name: check is None for name, check in expected.items()
    }


def first_failed(graded):
    """The name of the first check that did not pass, None if all did."""
    assert [each["name"] for each in graded["checks"]] == CHECKS
    return next((each["name"] for each in graded["checks"] if each["status"] != "passed"), None)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends what hides itself")
def test_submission_that_takes_too_much_or_hides_is_ended_whole(lab_here):
    tag = f"hides-{os.getpid()}"
    apps = {
        "forks": "import os, time\nwhile os.fork():\n    time.sleep(0.002)\ntime.sleep(600)\n",
        "eats": "import time\nx = []\nwhile True:\n    x.append(bytearray(40_000_000))\n"
        "    time.sleep(0.01)\n",
        "hides": HIDES.format(tag=tag) + REFERENCE,
    }
    folders = [str(hand_in(lab_here.folder, name, app)) for name, app in apps.items()]
    limits = ("--max-memory", "400MB", "--max-seconds", "60")
    ended = lab_here.finish(
        lab_here.start("grade", "--exercise", "punch-card", *folders, "--json", *limits), 240
    )
    graded = {each["name"]: each for each in json.loads(ended.out)}
    assert "more than 256 processes" in graded["forks"]["trouble"]
    assert "more than 400MB of memory" in graded["eats"]["trouble"]
    assert graded["hides"]["passed"], graded["hides"]
    assert ended.status == 3
    wait_for(lambda: not [each for each in psutil.process_iter() if tag in arguments_of(each)])


@pytest.mark.long
def test_ctrl_c_keeps_what_was_graded_and_leaves_nothing(lab_here):
    first = hand_in(lab_here.folder, "right", REFERENCE)
    second = hand_in(lab_here.folder, "loops", "while True:\n    pass\n")
    words = ("--exercise", "punch-card", "--csv", "grades.csv")
    process = lab_here.start("grade", *words, str(first), str(second))
    wait_for(lambda: "loops" in process.err_path.read_text("utf-8"), 120)
    process.send_signal(signal.SIGINT)
    ended = lab_here.finish(process)
    assert ended.status == 130
    assert "lab: stopped; 1 of 2 are graded" in ended.err
    rows = (lab_here.folder / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert [row.partition(",")[0] for row in rows] == ["name", "right"]


def arguments_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
