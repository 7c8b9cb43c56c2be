"""`lab compare`: two kept runs of each kind, what it prints, and with which status it ends."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from report_documents import (
    HOSTILE,
    as_json,
    crash,
    exchange,
    experiment,
    fault,
    outcome,
    run,
    variant,
)
from run_samples import a_check, a_crowd, a_plan, journal

from lab.capacity import document as plans
from lab.cli import kept
from lab.cli.main import cli
from lab.cli.output import screen
from lab.core.errors import LabError
from lab.crowd.document import CrowdDocument


class Ended(NamedTuple):
    status: int
    out: str
    error: str


@pytest.fixture
def compare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")  # a row of the table stays one line
    monkeypatch.setattr(screen, "_width", 400)  # which is read when the module is loaded

    def invoke(*words):
        ended = CliRunner().invoke(cli, ["compare", *words], prog_name="lab", standalone_mode=False)
        assert ended.exception is None or isinstance(ended.exception, LabError), ended.exception
        if ended.exception:
            return Ended(2, ended.output, str(ended.exception))
        return Ended(ended.return_value, ended.output, "")

    return invoke


def folder(name):
    path = Path("lab-runs") / f"20261127-110000-{name}"
    path.mkdir(parents=True)
    return path


def keep_run(name, kept_carts=60, of=60, slower=1.0, **changes):
    exchanges = [exchange(f"x-{n}", at_s=n, elapsed_ms=slower * (3 + n % 3)) for n in range(60)]
    variants = [variant(exchanges=exchanges, outcome=outcome("holds", kept_carts, of), **changes)]
    document = as_json(run(experiment(variants)))
    (folder(name) / "result.json").write_text(json.dumps(document), encoding="utf-8")


def test_run_compared_with_itself_has_no_difference(compare):
    keep_run("a")
    ended = compare("20261127-110000-a", "20261127-110000-a")
    assert ended.status == 0
    assert "no difference beyond chance" in ended.out


def keep_script(name, kept_carts, text="0123456789ab", faults=(), **changes):
    variants = [
        variant(desk, desk, [exchange(desk)], faults, outcome=outcome("holds", kept_carts, 1))
        for desk in ("stateful", "stateless")
    ]
    document = as_json(run(experiment(variants, script_hash=text, **changes)))
    (folder(name) / "result.json").write_text(json.dumps(document), encoding="utf-8")


def test_different_settings_come_first_and_too_few_is_said(compare):
    keep_script("a", 1)
    keep_script("b", 0, "ba9876543210", [fault("kill", "A")], quick=True)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 3
    lines = ended.out.splitlines()
    assert lines[:2] == ["left:  20261127-110000-a", "right: 20261127-110000-b"]
    assert lines[2] == (
        "set differently: text of the script (0123456789ab / ba9876543210) of crash; "
        "quick (no / yes) of crash; "
        "faults (none / 1 × kill) of crash: stateful, crash: stateless"
    )
    assert lines[-1].startswith("too few to tell: acknowledged carts kept of crash: stateful")
    assert "no difference" not in ended.out


def test_equal_small_counts_are_not_called_compared(compare):
    keep_script("a", 1)
    keep_script("b", 1)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 3
    assert "too few to tell" in ended.out and "set differently" not in ended.out


def test_different_result_of_equal_small_counts_is_no_equality(compare):
    keep_script("a", 1)
    keep_script("b", 1, verdict="unknown")
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 3
    assert "too few to tell" in ended.out and "no difference" not in ended.out


def test_sentence_names_the_counts_and_not_the_times(compare):
    keep_script("a", 1)
    keep_script("b", 1)
    last = compare("20261127-110000-a", "20261127-110000-b").out.splitlines()[-1]
    assert "carts kept" in last and "time of a request" not in last


def test_name_given_twice_means_its_two_newest_runs(compare):
    for number, minute in enumerate((1, 2, 3)):
        keep_script(f"{minute}", 1)
        old = Path("lab-runs") / f"20261127-110000-{minute}"
        old.rename(f"lab-runs/20261127-11{number:02}00-crash")
    ended = compare("crash", "crash")
    assert "the two newest runs of crash: 20261127-110100-crash, then 20261127-1102" in ended.out
    assert "left:  20261127-110100-crash\nright: 20261127-110200-crash\n" in ended.out


def test_run_given_twice_says_so_and_how_to_name_two(compare):
    keep_script("a", 1)
    for names in (("crash", "crash"), ("crash", "20261127-110000-a")):
        out = compare(*names).out
        assert "both names are the same run, 20261127-110000-a" in out and "`lab runs`" in out


def test_run_ids_stay_whole_in_a_narrow_terminal(compare, monkeypatch):
    monkeypatch.setattr(screen, "_width", 60)
    keep_script("a-script-with-a-long-name", 1)
    keep_script("b", 0)
    out = compare("20261127-110000-a-script-with-a-long-name", "20261127-110000-b").out
    assert "20261127-110000-a-script-with-a-long-name\n" in out


def test_counts_that_differ_are_found_and_named(compare):
    keep_run("a")
    keep_run("b", kept_carts=20)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 1
    line = next(line for line in ended.out.splitlines() if line.startswith("≠"))
    assert "60 of 60" in line and "20 of 60" in line and "percentage points" in line
    assert "1 of 3 differs beyond chance" in ended.out


def test_small_counts_that_differ_may_be_chance(compare):
    keep_run("a", kept_carts=20, of=20)
    keep_run("b", kept_carts=18, of=20)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 0
    assert "may be chance" in ended.out


def test_counts_so_few_that_none_could_differ_are_too_few_to_decide(compare):
    keep_run("a", kept_carts=3, of=3)
    keep_run("b", kept_carts=0, of=3)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 3
    assert "too few to tell" in ended.out and "no difference" not in ended.out


def test_variation_of_times_is_learned_from_other_kept_runs(compare):
    keep_run("a")
    keep_run("b", slower=3.0)
    assert "no other runs" in compare("20261127-110000-a", "20261127-110000-b").out
    for number in range(8):
        keep_run(f"other-{number}", slower=1 + 0.01 * number)
    keep_run(
        "elsewhere", slower=90.0, settings={"store": "redis", "affinity": "none", "servers": 3}
    )
    (folder("damaged") / "result.json").write_text("{")
    ended = compare("20261127-110000-a", "20261127-110000-other-3")
    assert ended.status == 0
    assert "(10 runs)" in compare("20261127-110000-a", "20261127-110000-b").out


def test_json_has_both_sides_the_answer_and_what_it_rests_on(compare):
    keep_run("a")
    keep_run("b", kept_carts=20)
    document = json.loads(compare("20261127-110000-a", "20261127-110000-b", "--json").out)
    assert (document["kind"], document["differs"]) == ("run", True)
    carts = next(each for each in document["comparisons"] if "carts" in each["what"])
    assert (carts["left"]["k"], carts["right"]["k"], carts["answer"]) == (60, 20, "differs")
    times = next(each for each in document["comparisons"] if "time" in each["what"])
    assert times["left"] == {"median_ms": 4, "n": 60}


def keep_crowd(name, failed, lines=()):
    path = folder(name)
    kept.leave_crowd(path, CrowdDocument([a_crowd(failed=failed, unknown=0, ok=400 - failed)]))
    if lines:
        journal(path / "crowd-stateful-1", lines)


def test_crowds_are_compared_with_and_without_their_record(compare):
    keep_crowd("a", 0)
    keep_crowd("b", 390)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 1
    assert "390 of 400" in ended.out and "latency" not in ended.out
    rows = [["o", "c-1", "GET", "/", None, 1 + n / 100, 0, 3.0, 200, "ok"] for n in range(300)]
    record = [json.dumps(row).encode() + b"\n" for row in rows]
    keep_crowd("c", 0, record)
    keep_crowd("d", 0, record)
    ended = compare("20261127-110000-c", "20261127-110000-d", "--all")
    assert ended.status == 0
    assert "3 ms (n 300)" in ended.out


def keep_plan(name, plan):
    kept.leave_plan(folder(name), plans.text(plan, [], Path("x.svg")), plan)


def test_plans_with_other_assumptions_are_set_differently(compare):
    keep_plan("a", a_plan(users=1_000))
    keep_plan("b", a_plan(users=900_000_000))
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 0
    assert "set differently" in ended.out and "another result" in ended.out


def test_checks_are_compared_finding_by_finding(compare):
    from lab.check.judge import Level

    kept.leave_check(folder("a"), a_check())
    kept.leave_check(folder("b"), a_check(level=Level.SELF_CONTAINED))
    assert compare("20261127-110000-a", "20261127-110000-a").status == 0
    assert compare("20261127-110000-a", "20261127-110000-b").status == 1


def test_runs_of_two_kinds_are_refused_in_a_clear_sentence(compare):
    keep_run("a")
    keep_crowd("b", 0)
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 2
    assert "-a is a run and 20261127-110000-b a crowd: compare two runs of one kind" in ended.error


def test_runs_with_nothing_in_common_end_with_3(compare):
    for name, document in (("a", crash()), ("b", run())):
        path = folder(name) / "result.json"
        path.write_text(json.dumps(as_json(document)), encoding="utf-8")
    ended = compare("20261127-110000-a", "20261127-110000-b")
    assert ended.status == 3
    assert ended.out.startswith("nothing could be compared")
    assert "in one run only" not in ended.out
    everything = compare("20261127-110000-a", "20261127-110000-b", "--all").out
    assert everything.startswith("nothing could be compared")
    assert "in one run only" in everything


def test_hostile_names_are_shown_as_text(compare):
    writable = HOSTILE.encode("utf-8", "backslashreplace").decode()  # as `document` makes it
    kept.leave_check(folder("a"), a_check(writable))
    kept.leave_check(folder("b"), a_check("fine"))
    out = compare("20261127-110000-a", "20261127-110000-b").out
    assert "<script>" in out
    assert not {"\x1b", "\x00", "\u202e"} & set(out)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"crowds": [{}]}', '{"experiments": 3}'])
def test_damaged_run_is_refused(compare, text):
    keep_run("a")
    (folder("b") / "result.json").write_text(text)
    ended = compare("20261127-110000-a", "lab-runs/20261127-110000-b/result.json")
    assert ended.status == 2
    assert ended.error


def test_time_that_is_no_number_makes_a_damaged_run(compare):
    document = as_json(crash())
    for each in document["experiments"][0]["variants"][0]["exchanges"]:
        each["elapsed_ms"] = float("nan")
    (folder("a") / "result.json").write_text(json.dumps(document))
    ended = compare("20261127-110000-a", "20261127-110000-a")
    assert (ended.status, "is damaged" in ended.error) == (2, True)
