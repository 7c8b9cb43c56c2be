"""The reports of a check, a crowd and a plan: pages, JUnit XML, and their documents read again."""

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner
from report_documents import HOSTILE
from report_pages import assert_offline_and_inert
from rich.console import Console
from run_samples import a_check, a_crowd, a_plan, journal

from lab.capacity import document as plans
from lab.capacity.page import plan_page
from lab.check import document as checked
from lab.check.document import CheckDocument
from lab.check.judge import Level
from lab.check.page import check_page
from lab.check.render import as_junit
from lab.cli import kept
from lab.cli.main import cli
from lab.core.errors import LabError
from lab.core.page import Figure, Graph, ReportPage, Section
from lab.crowd import document as crowds
from lab.crowd.document import CrowdDocument
from lab.crowd.doubts import Doubt, DoubtKind
from lab.crowd.loss_audit import LossAudit
from lab.crowd.page import crowd_junit, crowd_page
from lab.crowd.recorded import recorded
from lab.report.page_html import page_html
from lab.report.page_terminal import page_view

NOWHERE = Path("/nowhere/at/all")


def shown(page):
    """Return what a terminal of 80 columns shows."""
    out = io.StringIO()
    Console(file=out, width=80, highlight=False, markup=False).print(page_view(page))
    return out.getvalue()


PAGES = {
    "check": lambda text: check_page(a_check(text)),
    "check, unknown": lambda text: check_page(
        CheckDocument(verdict=Level.UNKNOWN, because=text, calls=[], partial=True)
    ),
    "crowd": lambda text: crowd_page(CrowdDocument([a_crowd(text), a_crowd(text)]), NOWHERE),
    "crowd, empty": lambda text: crowd_page(CrowdDocument([]), NOWHERE),
    "plan": lambda text: plan_page(a_plan()),
}


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("text", ["plain", HOSTILE, "x" * 10_000, ""])
def test_page_is_offline_without_scripts_whatever_it_says(make, text):
    page = make(text)
    assert_offline_and_inert(page_html(page))
    assert page_html(page) == page_html(page)
    terminal = shown(page)
    assert "\x1b" not in terminal and "\x00" not in terminal and "\u202e" not in terminal
    assert max(map(len, terminal.splitlines())) <= 80


def test_page_of_a_check_says_what_was_found_where_and_how_to_see_it():
    read = assert_offline_and_inert(page_html(check_page(a_check())))
    for words in ("✕ state in the process", "answered alike", "seen again 5 of 6 times", "# GET"):
        assert words in read.words
    assert "svg" in read.tags


def test_check_with_a_failed_assertion_says_it_first():
    page = check_page(a_check(failed_assertion="line 3: assert x"))
    assert page.found[0][1] == "line 3: assert x"


def test_page_of_a_crowd_has_figures_carts_faults_and_doubts():
    doubted = a_crowd("stateless", doubts=[Doubt(DoubtKind.RETRIED, 3)])
    page = crowd_page(CrowdDocument([a_crowd(), doubted]), NOWHERE)
    assert [str(mark) for mark, _ in page.found] == ["= losses as predicted", "? not reliable"]
    read = assert_offline_and_inert(page_html(page))
    for words in ("18 of 20 acknowledged carts kept", "▲ kill", "asked a second server", "9.0"):
        assert words in read.words


def test_crowd_has_a_tick_only_if_nothing_went_wrong():
    fine = {"failed": 0, "unknown": 0, "reads_that_showed_the_cart": 20}
    fine["carts"] = LossAudit(settled=20, kept=20)

    def sign(**changes):
        page = crowd_page(CrowdDocument([a_crowd(**fine | changes)]), NOWHERE)
        return page.found[0][0].sign

    assert sign() == "✓"
    for changes in (
        {"failed": 1},
        {"unknown": 1},
        {"reads_that_showed_the_cart": 19},
        {"carts": LossAudit(settled=20, kept=19, lost=1, predicted_lost=1)},
    ):
        assert sign(**changes) == "="


def test_rounds_of_a_crowd_have_names_of_their_own():
    page = crowd_page(CrowdDocument([a_crowd(), a_crowd()]), NOWHERE)
    assert [why.partition(":")[0] for _, why in page.found] == [
        "stateful, round 1",
        "stateful, round 2",
    ]


def test_page_of_a_plan_has_needs_machines_constants_and_assumptions():
    read = assert_offline_and_inert(page_html(plan_page(a_plan(users=2_000_000))))
    for words in ("2 M users", "run-1", "processor time of a server", "--users 2000000"):
        assert words in read.words
    assert read.tags.count("svg") == 1


def test_chart_without_a_point_is_left_out_and_bars_need_no_number():
    charts = [
        Figure("none", "x", "y", [Graph("a", "stateful", [(1, None)])]),
        Figure("bars", "x", "y", [Graph("a", "stateful", [("p", 1), ("q", None)])]),
        Figure("log", "x", "y", [Graph("a", "stateless", [(1, 10), (0, 5), (100, 3)])], True),
    ]
    read = assert_offline_and_inert(
        page_html(ReportPage("t", "", [], sections=[Section("s", (), (), charts)]))
    )
    assert read.tags.count("svg") == 2


# --- documents are read again


def test_every_document_is_read_as_it_was_written(tmp_path):
    check, crowd, plan = a_check(), CrowdDocument([a_crowd()]), a_plan(users=7_000)
    kept.leave_check(tmp_path, check)
    kept.leave_crowd(tmp_path, crowd)
    kept.leave_plan(tmp_path, plans.text(plan, [], Path("x.svg")), plan)
    assert checked.read(tmp_path / "check.json") == check
    assert crowds.read(tmp_path / "crowd.json") == crowd
    again = plans.read(tmp_path / "plan.json")
    assert (again.assume, again.constants) == (plan.assume, plan.constants)


READERS = {"check.json": checked.read, "crowd.json": crowds.read, "plan.json": plans.read}
DAMAGED = ["", "{", "[" * 100_000, "null", "[]", "{}", '{"crowds": [{}]}', '{"calls": 3}', "\xff"]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_document_is_refused_with_a_reason(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(LabError, match="damaged"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("name", READERS)
def test_truncated_document_is_refused_and_one_that_is_missing(tmp_path, name):
    kept.leave_check(tmp_path, a_check())
    kept.leave_crowd(tmp_path, CrowdDocument([a_crowd()]))
    kept.leave_plan(tmp_path, plans.text(a_plan(), [], Path("x.svg")), a_plan())
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LabError, match="damaged"):
        READERS[name](tmp_path / name)
    (tmp_path / name).unlink()
    with pytest.raises(LabError, match="cannot read"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize(
    "changes",
    [
        {"users": 0},
        {"users": "many"},
        {"actions_per_visit": 0},
        {"target_utilisation": 0},
        {"cores_per_machine": 0},
        {"cart_lines": 400},
        {"users": 10**400},
    ],
)
def test_plan_with_assumptions_that_no_command_accepts_is_refused(tmp_path, changes):
    document = json.loads(plans.text(a_plan(), [], Path("x.svg")))
    document["assumptions"] |= changes
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(LabError):
        plan_page(plans.read(tmp_path / "plan.json"))


# --- JUnit


def counts(xml):
    suites = ET.fromstring(xml)
    return tuple(int(suites.get(name)) for name in ("tests", "failures", "errors"))


def test_junit_of_a_check_is_that_of_its_document():
    assert counts(as_junit(a_check(HOSTILE))) == (2, 1, 0)
    assert counts(as_junit(a_check(allowed=(Level.PROCESS, Level.SELF_CONTAINED)))) == (2, 0, 0)


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, (2, 0, 0)),
        ({"carts_as_predicted": False}, (2, 1, 0)),
        ({"doubts": [Doubt(DoubtKind.RETRIED, 3)]}, (2, 0, 1)),
        ({"interrupted": True, "doubts": [Doubt(DoubtKind.INTERRUPTED)]}, (2, 0, 2)),
    ],
)
def test_junit_of_a_crowd(changes, counted):
    assert counts(crowd_junit(CrowdDocument([a_crowd(HOSTILE, **changes)]))) == counted


# --- what the workers wrote down


def exchange(at_s, elapsed_ms=3.0, outcome="ok", customer="c1-1", waited_ms=0.0):
    row = ["op", customer, "GET", "/", None, at_s, waited_ms, elapsed_ms]
    return json.dumps([*row, 200, outcome, "A", "i", None, None]).encode() + b"\n"


def test_record_is_counted_in_windows_without_warm_up_and_closing_reads(tmp_path):
    lines = [
        exchange(0.5),
        exchange(1.1, 2.0),
        exchange(1.2, 4.0, "failed", "c2-1"),
        exchange(2.05, 7.0, waited_ms=100.0),  # it was due in the first window
        exchange(4.9, 9.0, "unknown", "c2-2"),
        exchange(5.5),
        exchange(1.3).replace(b'"op"', b'"x-7-look"'),  # the lab's own
    ]
    journal(tmp_path / "crowd-stateful-1", lines)
    (found,) = recorded(tmp_path, [a_crowd()], 4)
    assert [len(each.latencies_ms) for each in found.windows] == [3, 0, 0, 1]
    assert [each.p50_ms for each in found.windows] == [4.0, None, None, 9.0]
    assert [each.failed for each in found.windows] == [1, 0, 0, 1]
    assert found.shoppers == {"c1": (2, 0), "c2": (2, 2)}


def test_record_that_is_damaged_or_cut_off_counts_what_can_be_read(tmp_path):
    lines = [
        exchange(1.1),
        b"[\n",
        b"{}\n",
        b"[1, 2]\n",
        b"\xff\n",
        b'["a", [1]]\n',
        exchange(2)[:20],
    ]
    journal(tmp_path / "crowd-stateful-1", lines)
    journal(tmp_path / "crowd-stateful-2", [exchange(1.2)], "exchanges-1.jsonl")
    first, second = recorded(tmp_path, [a_crowd(), a_crowd()], 4)
    assert sum(len(each.latencies_ms) for each in first.windows) == 1
    assert sum(len(each.latencies_ms) for each in second.windows) == 1


@pytest.mark.parametrize("name", ["../../stateful", "/etc", "a/b", "", "gone", "\0"])
def test_record_of_a_crowd_from_another_machine_leads_nowhere_else(tmp_path, name):
    journal(tmp_path / "crowd-stateful-1", [exchange(1.1)])
    assert recorded(tmp_path / "run", [a_crowd(name)], 4) == [None]


# --- lab report


def report(*words):
    return CliRunner().invoke(cli, ["report", *words], prog_name="lab", standalone_mode=False)


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "lab-runs"
    for name in ("check", "crowd", "plan"):
        (root / f"20261127-110000-{name}").mkdir(parents=True)
    kept.leave_check(root / "20261127-110000-check", a_check())
    kept.leave_crowd(root / "20261127-110000-crowd", CrowdDocument([a_crowd()]))
    plan = a_plan()
    kept.leave_plan(root / "20261127-110000-plan", plans.text(plan, [], Path("x.svg")), plan)
    return root


@pytest.mark.parametrize("kind", ["check", "crowd", "plan"])
def test_report_shows_each_kind_again_and_writes_the_same_page(runs, kind):
    page = runs / f"20261127-110000-{kind}" / "report.html"
    was = page.read_bytes()
    page.unlink()
    ended = report(kind, "--out", str(runs))
    assert ended.exception is None
    assert f"lab {kind}" in ended.output
    assert page.read_bytes() == was


@pytest.mark.parametrize(("kind", "suites"), [("check", "lab check"), ("crowd", "lab crowd")])
def test_report_writes_junit_of_a_check_and_of_a_crowd(runs, kind, suites):
    ended = report(kind, "--junit", "-", "--out", str(runs))
    assert ET.fromstring(ended.output.encode()).get("name") == suites


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("plan", "--junit", "-"), "neither passes nor fails"),
        (("crowd", "--curl"), "keeps no requests"),
        (("check", "--har", "-"), "keeps no requests"),
    ],
)
def test_report_of_a_form_that_the_kind_does_not_have_says_so(runs, words, why):
    ended = report(*words, "--out", str(runs))
    assert isinstance(ended.exception, LabError)
    assert why in str(ended.exception)


def test_report_says_which_newer_runs_it_passed_over(runs):
    (runs / "20261127-120000-crowd").mkdir()
    ended = report("crowd", "--out", str(runs))
    assert "passed over 20261127-120000-crowd: no report was left" in ended.output.replace("\n", "")


def test_document_of_values_is_not_of_words():
    """The counts of a crowd stay numbers, so no reader parses a sentence."""
    written = msgspec.json.decode(crowds.text(CrowdDocument([a_crowd()])))["crowds"][0]
    assert (written["requests"], written["carts"]["lost"]) == (400, 2)
    assert replace(a_plan().assume, users=1).users == 1
