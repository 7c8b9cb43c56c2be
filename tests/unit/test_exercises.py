"""Exercises without processes: how checks are declared, run in order, and what a folder keeps."""

import json
import os
import random
import signal
import sys
import threading
import traceback
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from conftest import DEADLINE_S, wait_for
from jsonschema import validate

from lab.cli.exercise import exercise as exercise_command
from lab.cli.grade import _grade_all
from lab.cli.grade import grade as grade_command
from lab.cli.grade_view import closing, first_wrong
from lab.core.errors import STOPPED, LabError
from lab.core.faults import FaultEvent, FaultKind
from lab.core.http import Answer
from lab.evidence.exchange import OpStatus
from lab.evidence.run_document import Message, RecordedExchange, UsedSettings, VariantResult
from lab.exercises import NotMet, Work, after, check, require
from lab.exercises.autograder import requirements, workflow, write_zip
from lab.exercises.checking import Asked, run_checks
from lab.exercises.declare import declared
from lab.exercises.exercise import DESCRIPTION, Exercise, find, ladder
from lab.exercises.folder import (
    EXERCISE_FILE,
    begin,
    exercise_of,
    next_hint,
    own_command,
    recall,
)
from lab.exercises.formats import as_csv, as_junit, classroom50, gradescope
from lab.exercises.grading import (
    GradeLimits,
    Grader,
    Submission,
    common_exercise,
    names_of,
    require_submission,
)
from lab.exercises.result import CheckResult, CheckStatus, WorkResult
from lab.exercises.service import Service, Transcript, copy_work
from lab.exercises.work import SCRIPT_S, LabCall

TOML = """
title = "A door"
kind = "repair"
minutes = 5
teaches = "Doors."
hints = ["one", "two", "three"]
"""
CHECKS = '''
from lab.exercises import Work, after, check, require

@check
def it_opens(work: Work) -> None:
    """The door opens.

    With any key.
    """
    require("open" in work.read("door.txt"), "it is shut", help="Turn the key.", evidence="a door")

@check(points=3, hidden=True)
@after(it_opens)
def it_shuts(work: Work) -> None:
    """The door shuts."""
    require("shut" in work.read("door.txt"), "it stays open")
'''


@pytest.fixture
def door(tmp_path):
    """An exercise of an instructor's own."""
    return make(tmp_path / "door")


def make(folder, toml=TOML, checks=CHECKS):
    (folder / "starter").mkdir(parents=True)
    (folder / DESCRIPTION).write_text(toml, encoding="utf-8")
    (folder / "checks.py").write_text(checks, encoding="utf-8")
    (folder / "starter" / "README.md").write_text("# A door\n")
    (folder / "starter" / "door.txt").write_text("closed")
    return folder


def found(door, folder, hidden=True, seed=1):
    asked = Asked(Exercise(door), folder, seed, hidden=hidden)
    return list(run_checks(asked, asked.checks()))


def written(tmp_path, text):
    (tmp_path / "mine").mkdir(exist_ok=True)
    (tmp_path / "mine" / "door.txt").write_text(text)
    return tmp_path / "mine"


def test_check_that_passes_earns_its_points(door, tmp_path):
    one, two = found(door, written(tmp_path, "open, then shut"))
    assert (one.status, one.earned, two.status, two.earned) == ("passed", 1, "passed", 3)


def test_check_that_fails_says_what_it_saw_and_what_to_try(door, tmp_path):
    one, _ = found(door, written(tmp_path, "shut"))
    assert (one.status, one.earned) == (CheckStatus.FAILED, 0)
    assert (one.rationale, one.help, one.evidence) == ("it is shut", "Turn the key.", "a door")
    assert one.title == "The door opens"


def test_check_after_one_that_failed_could_not_be_checked(door, tmp_path):
    _, two = found(door, written(tmp_path, "shut"))
    assert two.status is CheckStatus.BLOCKED
    assert two.rationale == "“The door opens” did not pass"


def test_hidden_check_runs_only_where_it_is_asked_for(door, tmp_path):
    folder = written(tmp_path, "open")
    assert [each.name for each in found(door, folder, hidden=False)] == ["it_opens"]
    assert [each.name for each in found(door, folder)] == ["it_opens", "it_shuts"]


def checks_of(*functions):
    return declared({each.__name__: each for each in functions})


def run(tmp_path, *functions):
    asked = Asked(Exercise(make(tmp_path / "any")), tmp_path, 7)
    return list(run_checks(asked, checks_of(*functions)))


def test_check_that_breaks_is_not_passed_and_the_next_one_runs(tmp_path):
    @check
    def breaks(work: Work) -> None:
        """It breaks."""
        {}["total"]

    @check
    def passes(work: Work) -> None:
        """It passes."""

    broken, passed = run(tmp_path, breaks, passes)
    assert broken.status is CheckStatus.ERROR
    assert broken.rationale == "KeyError: 'total'"
    assert "the check is wrong: report it" in broken.help
    assert passed.passed


def test_text_of_a_failure_hides_nothing(tmp_path):
    @check
    def hides(work: Work) -> None:
        """It hides."""
        raise NotMet("\x1b[2J\u202egood", evidence="\x07")

    (result,) = run(tmp_path, hides)
    assert result.rationale == r"\u001b[2J\u202egood"
    assert result.evidence == r"\u0007"


def test_random_choices_are_those_of_the_seed_whatever_ran_before(tmp_path):
    drawn = []

    @check
    def draws(work: Work) -> None:
        """It draws."""
        drawn.append(work.random.random())

    @check
    def draws_as_well(work: Work) -> None:
        """It draws."""
        drawn.append(work.random.random())

    run(tmp_path / "1", draws, draws_as_well)
    run(tmp_path / "2", draws_as_well)
    assert drawn[1] == drawn[2] != drawn[0]
    assert drawn[0] == random.Random("7:draws").random()


def no_docstring(work):
    pass


def wrong_points(work):
    """Points."""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (check(no_docstring), "no_docstring has no docstring"),
        (check(points=-1)(wrong_points), "points are a whole number"),
    ],
    ids=["docstring", "points"],
)
def test_check_that_is_declared_wrong_is_refused(function, said):
    with pytest.raises(LabError, match=said):
        checks_of(function)


def test_check_after_a_function_that_is_none_is_refused():
    @check
    @after(no_docstring)
    def later(work: Work) -> None:
        """Later."""

    with pytest.raises(LabError, match="runs after no_docstring, which is not a check: put @check"):
        checks_of(later)


@pytest.mark.parametrize(
    ("toml", "checks", "said"),
    [
        ("title = ", CHECKS, "cannot read .*exercise.toml"),
        (TOML.replace("repair", "play"), CHECKS, "Invalid enum value 'play'"),
        (TOML.replace('"three"', ""), CHECKS, "Expected `array` of length 3"),
        (TOML + 'colour = "red"\n', CHECKS, "unknown field `colour`"),
        (TOML + 'start = "python app.py 80"\n', CHECKS, "start has no {port}"),
        (TOML, "x = 1\n", "there is no check in it"),
        (TOML, "def broken(:\n", r"checks.py:1: SyntaxError"),
        (TOML, "\n\nimport no_such_module\n", r"checks.py:3: ModuleNotFoundError"),
    ],
    ids=["toml", "kind", "hints", "field", "port", "none", "syntax", "import"],
)
def test_exercise_that_is_wrong_says_where(tmp_path, toml, checks, said):
    folder = make(tmp_path / "wrong", toml, checks)
    with pytest.raises(LabError, match=said):
        Exercise(folder).checks()


def test_exercise_that_does_not_exist_is_answered_with_the_nearest():
    with pytest.raises(LabError, match="did you mean 'punch-card'"):
        find("punchcard2")


def test_folder_without_an_exercise_says_what_one_is(tmp_path):
    with pytest.raises(LabError, match="has no exercise: that is a folder with"):
        ladder(tmp_path)


def test_need_that_is_not_here_is_named(tmp_path):
    folder = make(tmp_path / "any", TOML + 'needs = ["no-such-program", "json", "python3"]\n')
    assert Exercise(folder).missing() == ["no-such-program"]


def test_started_folder_has_the_starter_and_nothing_hidden(door, tmp_path):
    folder = tmp_path / "mine"
    begin(Exercise(door), folder, door, force=False)
    names = {each.relative_to(folder).as_posix() for each in folder.rglob("*")}
    assert names == {"README.md", "door.txt", EXERCISE_FILE}
    assert "it_shuts" not in (folder / EXERCISE_FILE).read_text()
    assert exercise_of(folder, None, None).folder == door


def test_started_folder_keeps_what_was_there(door, tmp_path):
    folder = written(tmp_path, "mine")
    with pytest.raises(LabError, match=r"has door\.txt already"):
        begin(Exercise(door), folder, None, force=False)
    for _ in range(2):
        begin(Exercise(door), folder, None, force=True)
        (folder / "door.txt").write_text("again")
    begin(Exercise(door), folder, None, force=True)
    kept = sorted(each.read_text() for each in folder.glob("door.txt.old*"))
    assert kept == ["again", "again", "mine"]


def test_hints_come_one_after_another_and_the_last_stays(door, tmp_path):
    begin(Exercise(door), tmp_path / "mine", None, force=False)
    given = [next_hint(tmp_path / "mine", Exercise(door)) for _ in range(4)]
    assert given == [(1, "one"), (2, "two"), (3, "three"), (3, "three")]


def test_command_gives_the_next_hint_and_checks_nothing(door, tmp_path):
    begin(Exercise(door), tmp_path / "mine", door, force=False)
    words = ["check", str(tmp_path / "mine"), "--hint"]
    assert CliRunner().invoke(exercise_command, words).output == "Hint 1 of 3: one\n"
    assert CliRunner().invoke(exercise_command, words).output == "Hint 2 of 3: two\n"


@pytest.mark.parametrize("memory", ["", "[]", '{"exercise": 3}', "\x00", '{"hints": 1}'])
def test_damaged_memory_says_what_to_give(tmp_path, memory):
    (tmp_path / EXERCISE_FILE).write_text(memory)
    with pytest.raises(LabError, match="give --exercise NAME"):
        recall(tmp_path)


def test_command_lists_the_ladder_as_json():
    done = CliRunner().invoke(exercise_command, ["--json"])
    listed = {each["name"]: each for each in json.loads(done.stdout)}
    assert listed["punch-card"]["minutes"] == find("punch-card").described.minutes
    assert [*listed] == [each.name for each in ladder()]


def test_command_checks_a_folder_and_its_status_says_so(door, tmp_path):
    folder = written(tmp_path, "open")
    words = ["check", str(folder), "--exercise", "door", "--from", str(door), "--seed", "3"]
    done = CliRunner().invoke(exercise_command, [*words, "--json"], standalone_mode=False)
    document = json.loads(done.stdout)
    assert (document["seed"], done.return_value) == (3, 0)
    assert [each["name"] for each in document["checks"]] == ["it_opens"]
    (folder / "door.txt").write_text("shut")
    done = CliRunner().invoke(exercise_command, words, standalone_mode=False)
    assert done.return_value == 1
    assert "✕ The door opens  (0 of 1)\n    it is shut" in done.stdout


def test_folder_remembers_the_students_own_command(door, tmp_path):
    folder = tmp_path / "mine"
    begin(Exercise(door), folder, None, force=False)
    assert own_command(folder, None) == ""
    assert own_command(folder, "node a.js {port}") == "node a.js {port}"
    assert own_command(folder, None) == "node a.js {port}"
    with pytest.raises(LabError, match="write it where the port belongs"):
        own_command(folder, "node a.js")
    assert own_command(tmp_path, "node b.js {port}") == "node b.js {port}"


@pytest.mark.skipif(os.name != "posix", reason="these are files of POSIX")
def test_copy_of_a_folder_takes_what_can_be_copied(tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    for name in ("node_modules/a", ".git", "__pycache__", "sub", "my-venv/bin"):
        (mine / name).mkdir(parents=True)
    (mine / "my-venv" / "pyvenv.cfg").write_text("")
    (mine / "sub" / "a.txt").write_text("a")
    os.mkfifo(mine / "pipe")
    (mine / "loop").symlink_to(mine)
    (mine / "gone").symlink_to("no-such-file")
    copy_work(mine, tmp_path / "copy")
    names = {each.name for each in (tmp_path / "copy").iterdir()}
    assert names == {"sub", "loop", "gone", "node_modules", "my-venv"}
    assert (tmp_path / "copy" / "my-venv").is_symlink()
    assert (tmp_path / "copy" / "node_modules").resolve() == mine / "node_modules"
    assert (tmp_path / "copy" / "sub" / "a.txt").read_text() == "a"
    monkeypatch.setenv("NODE_PATH", str(mine / "node_modules"))
    copy_work(mine / "sub", tmp_path / "other")
    assert (tmp_path / "other" / "node_modules" / "a").is_dir()


def test_command_with_a_start_without_a_port_is_refused(door, tmp_path):
    words = ["check", str(written(tmp_path, "")), "--exercise", "door", "--from", str(door)]
    done = CliRunner().invoke(exercise_command, [*words, "--start", "node app.js"])
    assert "has no {port}" in str(done.exception)


MADE = WorkResult(
    exercise="door",
    folder="/x",
    seed=5,
    seconds=2.4,
    checks=[
        CheckResult(name="it_opens", title="The door opens", status=CheckStatus.PASSED, points=1),
        CheckResult(
            name="it_shuts",
            title="The door shuts",
            status=CheckStatus.FAILED,
            points=3,
            hidden=True,
            rationale="it stays open",
        ),
        CheckResult(
            name="extra",
            title="Extra",
            status=CheckStatus.BLOCKED,
            points=0,
            hidden=True,
            rationale="“The door shuts” did not pass",
        ),
    ],
)


def test_gradescope_gets_points_outputs_and_who_may_see_them():
    made = gradescope(MADE)
    assert (made.score, made.execution_time) == (1, 2)
    assert [(each.score, each.max_score, each.status, each.visibility) for each in made.tests] == [
        (1, 1, "passed", "visible"),
        (0, 3, "failed", "after_published"),
        (0, 0, "failed", "hidden"),
    ]
    assert made.tests[1].output == "failed: it stays open"


RUNNER = {
    "CLASSROOM": "web",
    "ASSIGNMENT": "door",
    "SUBMISSION_TAG": "submit/2026-11-27T10-00-00Z-abc1234",
    "COMMIT_URL": "https://example.org/commit/abc",
    "RELEASE_URL": "https://example.org/releases/1",
    "OWNER": "ada",
    "ASSIGNMENT_TYPE": "individual",
}
UTC_TIME = r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"
TEXT, NUMBER = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}
# The contract of classroom50/result/v1, from the schema that its makers publish.
RESULT_V1 = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("classroom", "assignment", "owner", "commit", "release", "review"), TEXT),
        "schema": {"const": "classroom50/result/v1"},
        "assignment_type": {"enum": ["individual", "group"]},
        "submission": {"type": "string", "pattern": "^submit/"},
        "datetime": {"type": "string", "pattern": UTC_TIME},
        **dict.fromkeys(("score", "max-score"), NUMBER),
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["test-name", "passed", "score", "max-score"],
                "properties": {
                    "test-name": TEXT,
                    "passed": {"type": "boolean"},
                    **dict.fromkeys(("score", "max-score"), NUMBER),
                },
            },
        },
    },
}


def test_classroom50_gets_its_result_and_students_read_nothing_hidden():
    import msgspec

    made = msgspec.to_builtins(classroom50(MADE, "2026-11-27T10:01:00Z", RUNNER))
    validate(made, {**RESULT_V1, "required": [*RESULT_V1["properties"]]})
    assert (made["score"], made["max-score"]) == (1, 4)
    assert [each["test-name"] for each in made["tests"]] == [
        "The door opens",
        "hidden check 2",
        "hidden check 3",
    ]
    assert "stays open" not in json.dumps(made)
    assert made["review"] == RUNNER["COMMIT_URL"]


def test_classroom50_outside_its_runner_says_what_is_missing():
    with pytest.raises(LabError, match="needs COMMIT_URL in the environment"):
        classroom50(MADE, "2026-11-27T10:01:00Z", {**RUNNER, "COMMIT_URL": ""})


def test_csv_has_a_row_for_each_and_no_formula():
    rows = as_csv([Submission("=cmd()", MADE), Submission("b,c", MADE)]).splitlines()
    assert rows[0] == "name,points,of,passed,seconds,seed,trouble,it_opens,it_shuts,extra"
    assert rows[1].startswith("'=cmd(),1,4,no,2.4,5,,passed,failed,could not be checked")
    assert rows[2].startswith('"b,c",1,4,')


def test_junit_counts_what_failed_and_what_did_not_run():
    text = as_junit([Submission("ada", MADE)])
    assert 'tests="3" failures="1" errors="0" skipped="1"' in text
    stopped = WorkResult(exercise="x", folder="", seed=1, trouble="stopped", checks=MADE.checks[2:])
    assert 'errors="1"' in as_junit([Submission("ada", stopped)])


def test_names_are_the_folders_own_or_as_much_of_the_path_as_differs(tmp_path):
    assert names_of([tmp_path / "ada", tmp_path / "bob"]) == ["ada", "bob"]
    assert names_of([tmp_path / "ada" / "work", tmp_path / "bob" / "work"]) == [
        "ada/work",
        "bob/work",
    ]
    assert names_of([tmp_path / "ada", tmp_path / "ada"]) == ["ada", "ada"]


def test_folders_of_different_exercises_are_not_graded_together(tmp_path):
    for name in ("ada", "bob"):
        (tmp_path / name).mkdir()
        (tmp_path / name / EXERCISE_FILE).write_text(json.dumps({"exercise": name}))
    folders = [tmp_path / "ada", tmp_path / "bob"]
    assert common_exercise(folders[:1]) == "ada"
    with pytest.raises(LabError, match="different exercises"):
        common_exercise(folders)
    with pytest.raises(LabError, match="give --exercise NAME"):
        common_exercise([tmp_path])


def test_gradescope_zip_has_what_gradescope_runs(door, tmp_path):
    (door / "starter" / "package.json").write_text("{}")
    write_zip(Exercise(door), tmp_path / "a.zip", "node 'a b.js' {port}")
    with zipfile.ZipFile(tmp_path / "a.zip") as made:
        names = set(made.namelist())
        setup, script, needed = (
            made.read(name).decode() for name in ("setup.sh", "run_autograder", "requirements.txt")
        )
        mode = made.getinfo("run_autograder").external_attr >> 16
    assert {"setup.sh", "packages/lab/__main__.py", "exercises/door/checks.py"} <= names
    assert "packages/stateless_app/app.py" in names
    assert mode & 0o111 and script.startswith("#!/usr/bin/env bash\n")
    assert "--exercise door --start 'node '\"'\"'a b.js'\"'\"' {port}'" in script
    assert "cp /autograder/source/exercises/door/starter/package.json" in setup
    assert "@" not in script + setup
    assert needed.splitlines() == requirements()
    assert any(each.startswith("msgspec") for each in requirements())


def test_workflow_is_yaml_that_checks_the_exercise():
    import yaml

    text = workflow(find("punch-card"))
    steps = yaml.safe_load(text)["jobs"]["check"]["steps"]
    assert "lab exercise check . --exercise punch-card" in [each.get("run") for each in steps]
    assert not set(text) & {"\t"} and "@NAME" not in text


def test_command_that_makes_a_workflow_grades_nothing(tmp_path):
    words = ["--workflow", str(tmp_path / "checks.yml")]
    assert "need --exercise, and take no folder" in CliRunner().invoke(grade_command, words).output
    words = [*words, "--exercise", "punch-card"]
    assert CliRunner().invoke(grade_command, words, standalone_mode=False).return_value == 0
    assert (tmp_path / "checks.yml").read_text() == workflow(find("punch-card"))


def test_command_gives_two_folders_no_single_result(tmp_path):
    (tmp_path / "a").mkdir()
    words = ["--gradescope", str(tmp_path / "r.json"), str(tmp_path / "a"), str(tmp_path)]
    assert "one folder at a time" in CliRunner().invoke(grade_command, words).output


def test_requirement_that_holds_says_nothing():
    require(Path, "never")
    with pytest.raises(NotMet, match="seen"):
        require([], "seen")


def test_request_that_is_repeated_stands_once_in_the_evidence():
    transcript = Transcript()
    transcript.add("server 1 is started")
    transcript.lines += ["curl …\n  # 200"] * 21
    transcript.lines += ["curl …\n  # 401"]
    seen = transcript.until(object())
    assert seen.splitlines() == [
        "# server 1 is started",
        "curl …",
        "  # 200",
        "  # 21 times in a row",
        "curl …",
        "  # 401",
    ]


def test_log_in_the_evidence_is_text_without_the_codes_of_a_terminal(tmp_path):
    class Loud(Service):
        log = "\x1b[31m\x1b[1mTraceback\x1b[0m\n"

    service = Loud(None, None, tmp_path, Transcript(), 1.0)
    failed = SimpleNamespace(answer=Answer(500))
    assert service._shown(failed) == "\n  | Traceback"


def desk_with(looks, faults=()):
    """A desk of three servers, those that the lab saw alive at the end, and its faults."""
    nothing = Message({})
    return VariantResult(
        name="stateful",
        app="stateful",
        settings=UsedSettings(servers=3),
        measurements={},
        exchanges=[],
        faults=[FaultEvent(kind, name, at, True) for at, (kind, name) in enumerate(faults)],
        closing_looks=[
            RecordedExchange("op", "GET", "/", 200, OpStatus.OK, 9.0, nothing, nothing, target=name)
            for name in looks
        ],
    )


@pytest.mark.parametrize(
    ("looks", "faults", "gone"),
    [
        ("ABC", [], []),
        ("BC", [], ["A"]),
        ("BC", [(FaultKind.DRAIN, "A")], []),
        ("AC", [(FaultKind.DRAIN, "A")], ["B"]),
        ("ABC", [(FaultKind.KILL, "A"), (FaultKind.RESTART, "A")], []),
        ("BC", [(FaultKind.KILL, "A"), (FaultKind.RESTART, "A")], ["A"]),
        ("ABC", [(FaultKind.ADD, "D")], ["D"]),
        ("", [], []),  # nothing was bought: the lab looked nowhere
    ],
)
def test_server_that_nothing_in_the_lab_has_ended_counts_as_killed(looks, faults, gone):
    (vanished,) = (
        each.function.__globals__["vanished"]
        for each in find("lose-a-cart").checks()
        if each.name == "kills_nothing"
    )
    assert vanished(desk_with(looks, faults)) == gone


SYNTAX = """lab: lose.py cannot be loaded; correct it and run it again
  File "/tmp/x/lose.py", line 9
    def script(shopper, lab:
              ^
SyntaxError: '(' was never closed
"""


@pytest.mark.parametrize(
    ("err", "said"),
    [
        (SYNTAX, "SyntaxError: '(' was never closed, line 9 (`lab run` ends with status 2)"),
        ("lab: no such file\n", "no such file (`lab run` ends with status 2)"),
        ("", "`lab run` ends with status 2"),
    ],
)
def test_script_that_cannot_be_run_is_answered_with_its_own_error(err, said):
    with pytest.raises(NotMet) as failure:
        LabCall("lab run", 2, "", err).json()
    assert failure.value.rationale == said


def test_scripts_time_at_both_desks_is_over_before_that_of_grading():
    assert GradeLimits().seconds > 2 * SCRIPT_S + 20


def test_check_shows_each_check_as_it_begins_also_without_a_terminal(door, tmp_path):
    words = ["check", str(written(tmp_path, "open")), "--exercise", "door", "--from", str(door)]
    assert "\u00b7 The door opens" in CliRunner().invoke(exercise_command, words).stderr


def test_stray_file_is_left_out_of_the_grading_with_a_warning(door, tmp_path):
    (tmp_path / "notes.zip").write_bytes(b"")
    words = ["--exercise", "door", "--from", str(door), str(tmp_path / "notes.zip")]
    done = CliRunner().invoke(grade_command, words)
    assert "notes.zip is not a folder, so it is not graded" in done.stderr
    assert "name the folders" in done.stderr and done.exit_code == 2
    missing = CliRunner().invoke(grade_command, [*words[:-1], str(tmp_path / "nowhere")])
    assert "does not exist" in missing.stderr


def test_folder_that_holds_the_submissions_is_taken_for_none(door, tmp_path):
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / EXERCISE_FILE).write_text('{"exercise": "door"}')
    words = ["--exercise", "door", "--from", str(door), str(tmp_path / "in")]
    done = CliRunner().invoke(grade_command, words)
    assert f"did you mean {tmp_path / 'in' / '*'}?" in str(done.exception)
    require_submission(tmp_path / "in" / "ada", [EXERCISE_FILE])
    (tmp_path / "in" / EXERCISE_FILE).write_text("{}")
    require_submission(tmp_path / "in", [EXERCISE_FILE])


def test_table_names_its_checks_and_how_to_see_more(door):
    lines = "\n".join(closing(Grader(Exercise(door), 5), [Submission("ada", MADE)]))
    assert "   2  it_shuts: The door shuts" in lines
    assert "\u2715 failed" in lines
    assert "lab grade FOLDER --seed 5 --json" in lines


def test_row_of_a_submission_that_was_stopped_also_says_what_failed_before():
    made = WorkResult(exercise="door", folder="", seed=1, checks=MADE.checks, trouble="stopped")
    assert first_wrong(made) == "stopped; it_shuts: it stays open"
    made.checks = MADE.checks[2:]
    assert first_wrong(made) == "stopped"


class InterruptedGrader:
    """Ctrl-C comes while it grades bob, in its own thread: that ends no wait of the main one."""

    made = WorkResult(exercise="door", folder="", seed=1, trouble=STOPPED)  # ada's own words

    def __init__(self):
        self._stopping = threading.Event()

    def stop(self):
        self._stopping.set()

    def grade(self, folder, name, progress):
        if name == "ada":
            return Submission(name, self.made)
        wait_for(main_thread_waits)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        return Submission(name, self.made, cut_short=self._stopping.wait(DEADLINE_S))


def main_thread_waits():
    """Return whether the main thread waits for results: it has no more to submit."""
    frame = sys._current_frames()[threading.main_thread().ident]
    functions = [each.f_code.co_name for each, _ in traceback.walk_stack(frame)]
    return functions[0] == "wait" and "submit" not in functions


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads here")
def test_submission_that_ctrl_c_cut_short_is_left_out_whatever_its_troubles_say():
    graded, status = _grade_all(InterruptedGrader(), [Path("ada"), Path("bob")], 1, quiet=True)
    assert ([each.name for each in graded], status) == (["ada"], 130)


def test_grader_that_was_stopped_says_of_what_it_cut_short(door, tmp_path):
    grader = Grader(Exercise(door), 5)
    grader.stop()
    graded = grader.grade(written(tmp_path, "open"), "ada", lambda line: None)
    assert graded.cut_short and graded.result.trouble == STOPPED
