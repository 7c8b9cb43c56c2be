"""The list of kept runs: what each was, which one a name means, and what a clean-up deletes."""

import json
import os
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner
from report_documents import as_json, crash, experiment, run, variant

from lab.cli import runs as command
from lab.cli.main import cli
from lab.console.offline import recording
from lab.core.errors import LabError
from lab.core.run_folder import DEFAULT_ROOT
from lab.report import catalog, cleaning, summary

NOW = datetime(2026, 11, 27, 12, 0, 0)
CHECK = {"verdict": "state in the process", "source": "cart.py", "calls": []}
CROWD = {
    "crowds": [
        {"variant": "stateful", "script": "shopping", "carts_as_predicted": True, "doubts": []},
        {"variant": "stateless", "script": "shopping", "carts_as_predicted": True, "doubts": []},
    ]
}
PLAN = {"assumptions": {"users": 2_000_000}, "constants": {}}
CRASH = as_json(crash())


@pytest.fixture
def root(tmp_path):
    return tmp_path / "lab-runs"


def keep(root, minute, name, file="", document=None):
    """Make the folder of a run that began in that minute of the hour before NOW."""
    folder = root / f"20261127-11{minute:02}00-{name}"
    folder.mkdir(parents=True)
    if file:
        text = document if isinstance(document, str) else json.dumps(document)
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def every_kind(root):
    keep(root, 1, "crash", "result.json", CRASH)
    keep(root, 2, "check", "check.json", CHECK)
    keep(root, 3, "crowd", "crowd.json", CROWD)
    keep(root, 4, "plan", "plan.json", PLAN)
    keep(root, 5, "constants", "constants.json", {})
    keep(root, 6, "up")
    keep(root, 7, "logout")
    keep(root, 9, "walkthrough", recording.RECORDING_FILE, {})
    keep(root, 10, "museum-ctfd", "tour.json", {})
    keep(root, 8, "size", "result.json", '{"schema": 2, "experiments": [')


def lines(found):
    return [(each.kind, each.what, each.found) for each in found]


def test_runs_of_every_kind_are_listed_newest_first_with_what_they_were(root):
    every_kind(root)
    assert lines(catalog.kept_runs(root)) == [
        ("museum", "museum-ctfd", "all that was shown is in tour.json"),
        ("recording", "walkthrough", "the page's lesson, for lab play and lab export"),
        ("damaged", "size", "its document cannot be read"),
        ("unfinished", "logout", "no report was left"),
        ("page", "up", "logs of lab up"),
        ("measurement", "constants", "constants for lab plan"),
        ("plan", "2,000,000 users", "computed"),
        ("crowd", "shopping", "losses as predicted"),
        ("check", "cart.py", "state in the process"),
        ("run", "crash", "holds"),
    ]


def test_several_experiments_are_counted_by_their_verdict(root):
    others = [experiment([variant()], name=f"e{n}", verdict="fails") for n in range(2)]
    document = as_json(run(*others, experiment([variant()], verdict="holds")))
    keep(root, 1, "suite", "result.json", document)
    assert catalog.kept_runs(root)[0].found == "2 fails, 1 holds"


def test_script_without_a_claim_is_listed_so(root):
    keep(root, 1, "mine", "result.json", as_json(run(experiment([variant()], verdict=None))))
    assert catalog.kept_runs(root)[0].found == "without a claim"


def failed(said):
    return {"said": said, "line": 9, "before": "", "answer": ""}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (
            {"broken_expectation": "expected otherwise: no cart", "failure": failed("no cart")},
            "failed: assert at line 9: no cart",
        ),
        ({"broken_expectation": "expected", "failure": failed("")}, "failed: assert at line 9"),
        # of an earlier version
        ({"broken_expectation": "expected otherwise: no"}, "failed: expected otherwise: no"),
        (
            {
                "script_failed": True,
                "trouble": "the script stopped with KeyError: 'x'",
                "failure": failed("KeyError: 'x'"),
            },
            "the script failed at line 9: KeyError: 'x'",
        ),
        ({"script_failed": True, "trouble": "\x1b[31m\n"}, "the script failed: "),
    ],
)
def test_script_that_failed_is_listed_and_reported_so(root, changes, found):
    variants = [variant(), variant("stateless", "stateless", **changes)]
    document = as_json(run(experiment(variants, verdict="unknown", claim="")))
    folder = keep(root, 1, "mine", "result.json", document)
    listed = catalog.kept_runs(root)[0].found
    assert listed.startswith(found) and "\x1b" not in listed
    ended = CliRunner().invoke(cli, ["report", str(folder)], prog_name="lab")
    shown = " ".join(ended.output.split())
    assert "✕ script failed" in shown
    assert "✕ stateless: " + found.split(":")[0].split()[0] in shown


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"carts_as_predicted": False, "doubts": [{}]}, "losses not as predicted: stateful"),
        ({"doubts": [{"kind": "retried"}]}, "not reliable: stateful"),
    ],
)
def test_crowd_is_listed_with_what_speaks_against_it(root, changes, found):
    stateful, stateless = CROWD["crowds"]
    keep(root, 1, "crowd", "crowd.json", {"crowds": [stateful | changes, stateless]})
    assert catalog.kept_runs(root)[0].found == found


def test_check_whose_own_assertion_failed_is_listed_so(root):
    keep(root, 1, "check", "check.json", CHECK | {"failed_assertion": "line 3"})
    assert catalog.kept_runs(root)[0].found == "an assertion failed"


def test_links_and_folders_of_the_users_own_are_no_runs(root, tmp_path):
    folder = keep(root, 1, "crash", "result.json", CRASH)
    (root / "latest").symlink_to(folder.name)
    (root / "20261127-110200-away").symlink_to(tmp_path)
    (root / "notes").mkdir()
    (root / "file.txt").write_text("x")
    assert [each.folder for each in catalog.kept_runs(root)] == [folder]


def test_folder_with_another_name_is_a_run_if_it_holds_a_document(root):
    folder = keep(root, 1, "crash", "result.json", CRASH).rename(root / "for the lecture")
    (found,) = catalog.kept_runs(root)
    assert (found.folder, found.what) == (folder, "crash")


def test_document_that_is_a_link_away_or_a_pipe_is_none(root, tmp_path):
    (tmp_path / "secret.json").write_text(json.dumps(CRASH))
    (keep(root, 1, "one") / "result.json").symlink_to(tmp_path / "secret.json")
    os.mkfifo(keep(root, 2, "two") / "result.json")
    assert {each.kind for each in catalog.kept_runs(root)} == {"unfinished"}


def test_folder_without_permission_is_listed_without_a_report(root, monkeypatch):
    """As the system answers one who is not root, whom it would refuse nothing."""
    folder = keep(root, 1, "crash", "result.json", CRASH)
    older = keep(root, 0, "crash", "result.json", CRASH)
    is_file = Path.is_file

    def refuse(path):
        if path.parent == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder)
    assert [each.kind for each in catalog.kept_runs(root)] == ["unfinished", "run"]
    assert catalog.find(None, root)[0].parent == older
    with pytest.raises(LabError, match="permission denied"):
        catalog.find(folder.name, root)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "null", "{}", '{"crowds": [3]}', '{"experiments": 3}', "\xff"]
)
def test_document_that_is_damaged_has_no_report_and_says_so(root, text):
    folder = keep(root, 1, "crash", "result.json", text)
    assert catalog.kept_runs(root)[0].kind == "damaged"
    with pytest.raises(LabError, match=r"damaged|not a run"):
        summary.summary(folder / "result.json")


def test_document_that_is_too_large_is_not_read(root, monkeypatch):
    folder = keep(root, 1, "crash", "result.json", CRASH)
    monkeypatch.setattr(summary, "MOST_DOCUMENT_BYTES", 100)
    with pytest.raises(LabError, match="too large"):
        summary.summary(folder / "result.json")


def test_runs_of_the_same_second_are_in_the_order_in_which_they_were_written(root):
    for number, name in enumerate(("crash", "crash-2", "crash-10")):
        folder = keep(root, 1, name, "result.json", CRASH)
        os.utime(folder / "result.json", ns=(number, number))
    names = [each.folder.name for each in catalog.kept_runs(root)]
    assert [name.partition("-crash")[2] for name in names] == ["-10", "-2", ""]


# --- which run a name means


def found_name(run, root):
    document, passed = catalog.find(run, root)
    return document.parent.name[16:], [each.folder.name[16:] for each in passed]


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("crash", "crash"),
        ("check", "check"),
        ("cart.py", "check"),
        ("cart", "check"),
        ("crowd", "crowd"),
        ("shopping", "crowd"),
        ("plan", "plan"),
        ("run", "crash"),
        ("20261127-110300-crowd", "crowd"),
    ],
)
def test_name_means_the_newest_run_of_it_that_has_a_report(root, run, name):
    every_kind(root)
    keep(root, 9, "crash")
    assert found_name(run, root)[0] == name


@pytest.mark.parametrize("name", ["my-script", "my_script", "my_script.py", "./my_script.py"])
def test_script_of_the_users_own_is_named_as_its_file(root, name, tmp_path, monkeypatch):
    keep(
        root, 1, "my-script", "result.json", as_json(run(experiment([variant()], name="my-script")))
    )
    (tmp_path / "my_script.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert found_name(name, root)[0] == "my-script"
    assert len(catalog.newest(name, root, 2)) == 1


def test_newest_report_is_found_without_a_name_and_what_was_passed_over_is_said(root):
    every_kind(root)
    assert found_name(None, root) == ("plan", ["size", "logout"])


def test_newer_run_that_has_no_report_does_not_hide_an_older_one(root):
    keep(root, 1, "crash", "result.json", CRASH)
    keep(root, 2, "crash", "result.json", "{")
    keep(root, 3, "crash")
    (root / "latest").symlink_to("20261127-110300-crash")
    assert catalog.find("crash", root)[0].parent.name == "20261127-110100-crash"
    assert catalog.find(None, root)[0].parent.name == "20261127-110100-crash"


def test_experiment_beats_a_folder_of_that_name_that_is_no_run(root, tmp_path, monkeypatch):
    folder = keep(root, 1, "crash", "result.json", CRASH)
    (tmp_path / "crash").mkdir()
    monkeypatch.chdir(tmp_path)
    assert catalog.find("crash", root)[0].parent == folder


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("20261127-110500-constants", "run lab plan"),
        ("20261127-110600-up", "lab up"),
        ("20261127-110900-walkthrough", "`lab play` plays it"),
        ("20261127-111000-museum-ctfd", "what the museum showed"),
        ("crsh", "did you mean 'crash'"),
        ("shoping", "did you mean 'shopping'"),
        ("cart.yp", "did you mean 'cart.py'"),
        ("20261127-110700-logout", "stopped early"),
        ("logout", "lab runs"),
        ("nothing", "lab runs"),
        ("\0", "lab runs"),
        ("x" * 5000, "lab runs"),
        ("", "lab runs"),
    ],
)
def test_name_without_a_report_is_answered_with_what_to_do(root, name, why):
    every_kind(root)
    with pytest.raises(LabError, match=why) as raised:
        catalog.find(name, root)
    assert len(str(raised.value)) < 400


def test_no_run_yet_says_how_to_make_one(root, tmp_path, monkeypatch):
    with pytest.raises(LabError, match=f"`lab run crash --out {root}`"):
        catalog.find(None, root)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="`lab run crash` makes one"):
        catalog.find(None, DEFAULT_ROOT)


def test_list_says_how_to_see_all_of_it_in_this_folder(root):
    reports(root, 25)
    root.rename(root.parent / "it's")
    said = invoke("--out", str(root.parent / "it's")).output
    typed = shlex.split(said.splitlines()[-1].partition("ones: ")[2])
    assert typed == ["lab", "runs", "--all", "--out", str(root.parent / "it's")]


# --- the clean-up


def reports(root, count):
    return [keep(root, minute, "crash", "result.json", CRASH) for minute in range(count)]


def going(root, keep=10, now=NOW + timedelta(hours=2)):
    found = cleaning.superfluous(catalog.kept_runs(root), keep, now)
    return sorted(each.folder.name[9:] for each in found)


def test_clean_keeps_the_newest_with_a_report_and_what_is_newer(root):
    reports(root, 12)
    keep(root, 30, "crash")
    assert going(root) == ["110000-crash", "110100-crash"]
    assert going(root, 13) == going(root, 12) == []


def test_clean_counts_no_run_without_a_report(root):
    reports(root, 3)
    for minute in range(20, 40):
        keep(root, minute, "up")
    assert going(root, 2) == ["110000-crash"]


def test_clean_keeps_the_newest_measurement_which_lab_plan_uses(root):
    keep(root, 1, "constants", "constants.json", {})
    keep(root, 2, "constants", "constants.json", {})
    for minute in (3, 4):
        keep(root, minute, "crash", "result.json", CRASH)
    assert going(root, 1) == ["110100-constants", "110300-crash"]


def test_clean_keeps_the_newest_recording_which_lab_play_uses(root):
    for minute in (1, 2):
        keep(root, minute, "walkthrough", recording.RECORDING_FILE, {})
    for minute in (3, 4):
        keep(root, minute, "crash", "result.json", CRASH)
    assert going(root, 1) == ["110100-walkthrough", "110300-crash"]


def test_clean_keeps_a_folder_that_the_user_has_named(root):
    keep(root, 1, "crash", "result.json", CRASH).rename(root / "for the lecture")
    os.utime(root / "for the lecture" / "result.json", (1, 1))
    reports(root, 2)
    assert going(root, 1) == ["110000-crash"]


def test_clean_keeps_a_run_that_may_still_be_going_on(root):
    reports(root, 3)
    young = keep(root, 0, "check")
    (keep(root, 0, "up") / "nginx.pid").write_text(str(os.getpid()))
    (keep(root, 0, "old") / "nginx.pid").write_text("no number")
    assert going(root, 1, now=NOW - timedelta(minutes=5)) == ["110000-crash", "110100-crash"]
    assert going(root, 1) == ["110000-check", "110000-crash", "110000-old", "110100-crash"]
    assert young.is_dir()


class Ended(NamedTuple):
    output: str
    exit_code: int


def invoke(*words, answer=None):
    """Return what was printed, and the status that `lab` would exit with."""
    ended = CliRunner().invoke(
        cli, ["runs", *words], input=answer, prog_name="lab", standalone_mode=False
    )
    usage = isinstance(ended.exception, click.UsageError)
    return Ended(
        ended.output + (ended.exception.message if usage else ""),
        2 if usage else ended.return_value or 0,
    )


@pytest.fixture
def old(root):
    reports(root, 3)
    (root / "latest").symlink_to("20261127-110000-crash")
    return root


def test_clean_deletes_nothing_without_yes_where_no_user_can_be_asked(old):
    ended = invoke("--clean", "--keep", "1", "--out", str(old))
    assert ended.exit_code == 2
    assert "--yes" in ended.output
    assert len(catalog.kept_runs(old)) == 3


@pytest.mark.parametrize(("answer", "left", "status"), [("y\n", 1, 0), ("n\n", 3, 2), ("\n", 3, 2)])
def test_clean_asks_at_a_terminal_and_says_what_would_go(old, monkeypatch, answer, left, status):
    monkeypatch.setattr(command, "can_be_asked", lambda: True)
    ended = invoke("--clean", "--keep", "1", "--out", str(old), answer=answer)
    assert "Delete 2 runs of 3" in ended.output
    assert "20261127-110000-crash" in ended.output
    assert ended.exit_code == status
    assert len(catalog.kept_runs(old)) == left
    assert (old / "latest").is_symlink() == (left == 3)


def test_clean_deletes_what_a_link_leads_to_never(old, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("x")
    (old / "20261127-110000-crash" / "away").symlink_to(tmp_path / "mine")
    ended = invoke("--clean", "--keep", "1", "--yes", "--out", str(old))
    assert (ended.exit_code, "deleted 2 runs of 3 in" in ended.output) == (0, True)
    assert len(catalog.kept_runs(old)) == 1
    assert (tmp_path / "mine" / "precious.txt").read_text() == "x"


def test_clean_says_what_could_not_be_deleted_and_exits_1(old, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(cleaning.shutil, "rmtree", refuse)
    ended = invoke("--clean", "--keep", "1", "--yes", "--out", str(old))
    assert ended.exit_code == 1
    assert "deleted 0 of 2 runs" in ended.output


@pytest.mark.parametrize("words", [("--keep", "3"), ("--yes",), ("--clean", "--json")])
def test_options_of_clean_that_do_not_fit_are_refused(old, words):
    assert invoke(*words, "--out", str(old)).exit_code == 2


def test_runs_are_a_table_that_fits_80_columns_and_json(root, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    every_kind(root)
    keep(root, 9, "x" * 150, "check.json", CHECK | {"source": "y" * 300})
    shown = invoke("--out", str(root))
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80
    assert "state in the process" in shown.output
    listed = json.loads(invoke("--json", "--out", str(root)).output)["runs"]
    assert [each["kind"] for each in listed][-1] == "run"
    assert listed[-1]["what"] == ["crash"]
    assert listed[-1]["bytes"] > 1000


def test_long_list_is_cut_and_says_how_to_see_the_rest(root):
    reports(root, 25)
    assert "5 older ones: lab runs --all" in invoke("--out", str(root)).output
    assert len(invoke("--all", "--out", str(root)).output.splitlines()) == 26


def test_name_with_markup_or_escapes_is_shown_as_text(root):
    document = as_json(crash())
    document["experiments"][0]["name"] = "[red]\x1b[31m<b>\u202e"
    keep(root, 1, "crash", "result.json", document)
    shown = invoke("--out", str(root)).output
    assert "[red]" in shown
    assert "\x1b" not in shown and "\u202e" not in shown
