"""The rows of a run in the terminal: like steps are folded, what matters is always there."""

import gzip
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from lab.core.faults import FaultEvent, FaultEvidence, FaultKind
from lab.evidence.exchange import OpStatus
from lab.evidence.result import Observation, Verdict
from lab.evidence.run_document import (
    ExperimentResult,
    Message,
    RecordedExchange,
    UsedSettings,
    VariantResult,
)
from lab.report import saved
from lab.report.terminal import (
    as_a_page_line,
    experiment_view,
    kept_line,
    variants_table,
    verdicts_table,
)
from lab.report.timeline import MOST_GROUPS, MOST_STEPS, rows

RECORDED = Path(__file__).parents[1] / "fixtures" / "recorded-crash.json.gz"
EMPTY = {"lines": []}


def cart(quantity=1):
    return {"lines": [{"name": "Pen", "quantity": quantity}]}


class Story:
    """A variant to which things happen, one after the other."""

    def __init__(self, name="stateful"):
        self.variant = VariantResult(name, name, UsedSettings(), {}, [], [])

    def ask(self, method, path, status=200, customer="John", target="A", body=None, fate=None):
        op = f"{self.variant.name}-{len(self.variant.order)}"
        ok = OpStatus.OK if (status or 500) < 400 else OpStatus.FAILED
        if status == 401:
            body = {"title": "This desk does not know you"}
        self.variant.exchanges.append(
            RecordedExchange(
                op,
                method,
                path,
                status,
                ok,
                0.0,
                Message({}),
                Message({}, body),
                customer=customer,
                target=target,
                served_by=target,
                fate=fate,
            )
        )
        self.variant.order.append(op)

    def login(self, **how):
        self.ask("POST", "/api/login", body={"cart": EMPTY}, **how)

    def add(self, quantity=1, **how):
        self.ask("POST", "/api/cart/items", 201, body={"cart": cart(quantity)}, **how)

    def look(self, status=200, fate="kept", quantity=1, **how):
        body = {"cart": cart(quantity)}
        self.ask("GET", "/api/cart", status, body=body, fate=fate, **how)

    def fault(self, kind=FaultKind.KILL, target="A", **more):
        seen = FaultEvidence(signal="SIGKILL", process_gone=True, pid=1, **more)
        self.variant.faults.append(FaultEvent(kind, target, 0.0, True, seen))
        self.variant.order.append(f"{kind} {target}")


def crash(name, customers=60):
    """Who bought at A finds nothing there, and elsewhere only at the stateless desk."""
    story = Story(name)
    people = [(f"John {n}", "ABC"[n % 3]) for n in range(customers)]
    for who, desk in people:
        story.login(customer=who, target=None)
        story.add(customer=who, target=desk)
    story.fault()
    for who, desk in people:
        if desk != "A":
            story.look(customer=who, target=desk)
            continue
        story.ask("GET", "/api/cart", 502, customer=who, target="A")
        lost = name == "stateful"
        how = {"status": 401, "fate": "lost"} if lost else {}
        story.look(customer=who, target=None, **how)
    return story.variant


def plain(found):
    return [tuple(part.plain for part in (r.mark, r.step, r.left, r.right)) for r in found]


def test_crash_has_a_row_for_the_kill_the_502s_and_each_difference():
    assert plain(rows(crash("stateful"), crash("stateless"))) == [
        ("1", "60 log in", "60 × 200 empty cart", "60 × 200 empty cart"),
        ("2", "60 add to the cart at A, B, C", "60 × 201 1 Pen", "60 × 201 1 Pen"),
        ("3", "kill A", *["✕ gone, pid 1"] * 2),
        ("4", "20 ask for the cart at A", *["20 × 502 no server"] * 2),
        (
            "≠",
            "20 ask for the cart",
            "20 × 401 ✕ This desk does not know you",
            "20 × 200 ✓ 1 Pen",
        ),
        ("6", "40 ask for the cart at B, C", "40 × 200 ✓ 1 Pen", "40 × 200 ✓ 1 Pen"),
    ]


@pytest.mark.parametrize("many", [False, True])
def test_restart_has_its_name_in_both_of_its_rows(many):
    story = Story()
    for target in "ABC" * 9 if many else "A":
        story.fault(target=target, for_restart=True)
        story.fault(FaultKind.RESTART, target)
    story.fault()
    found = [row.step.plain for row in rows(story.variant, story.variant)]
    servers = " at A, B, C" if many else " A"
    times = ", 27 times" if many else ""
    assert found == [f"restart{servers} (kill){times}", f"restart{servers}{times}", "kill A"]


@pytest.mark.parametrize("customers", [6, 60, 1000])
def test_crash_fits_a_screen_whatever_the_number_of_customers(customers):
    found = rows(crash("stateful", customers), crash("stateless", customers))
    assert len(found) <= MOST_GROUPS


@pytest.mark.parametrize(("width", "most"), [(80, 24), (120, 18)])
def test_crash_with_its_verdict_fits_the_terminal(width, most):
    variants = [crash("stateful"), crash("stateless")]
    result = ExperimentResult("crash", "Servers can crash.", Verdict.HOLDS, 0.0, variants)
    console = Console(width=width, file=io.StringIO(), no_color=True)
    console.print(experiment_view(result))
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= most
    assert max(map(len, lines)) <= width
    for needed in ("kill A", "20 × 502", "≠", "20 × 401"):
        assert any(needed in line for line in lines), needed


@pytest.mark.parametrize(
    ("root", "command"),
    [("lab-runs", "lab report --open"), ("we ird/x", "lab report --open --out 'we ird/x'")],
)
def test_page_is_offered_with_the_folder_that_the_run_is_in(root, command):
    assert printed(as_a_page_line(Path(root))) == [f"as a page: {command}"]


def printed(*parts, width=80):
    console = Console(width=width, file=io.StringIO(), no_color=True)
    for part in parts:
        console.print(part)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("quick", [False, True])
def test_recorded_crash_fits_a_screen_of_24_lines_with_all_that_matters(quick):
    """`lab run crash` as it was recorded: 60 customers; a prompt has room below it."""
    with gzip.open(RECORDED) as file:
        (result,) = saved.checked(json.load(file), "it").experiments
    folder = Path("lab-runs/20261127-082413-crash")
    lines = printed(
        experiment_view(result), kept_line(folder, 2**32 - 1, quick), as_a_page_line(folder.parent)
    )
    assert len(lines) <= 23, "\n".join(lines)
    assert max(map(len, lines)) <= 80
    for needed in (
        "stateful · memory",
        "kill A  ",
        "✕ gone, pid 12607 ",
        "20 × 502 no server ",
        " ≠  ",
        "401 ✕",
        "✓ 40 KEPT  ✕ 20 LOST",
        "✓ HOLDS",
        "40 of 60 acknowledged carts kept (95 %: 54–77 %)",
        "stateful 30, stateless 30",
        "kept: lab-runs/20261127-082413-crash (seed 4294967295",
    ):
        assert any(needed in line for line in lines), needed


def event(kind, confirmed=True, **seen):
    return FaultEvent(kind, "A", 0.0, confirmed, FaultEvidence(**seen))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (event("kill", pid=7, signal="SIGKILL", process_gone=True), "✕ gone, pid 7"),
        (
            event("kill", signal="kill command", process_gone=None),
            "✕ no answer there: kill command",
        ),
        (event("drain", pid=7, signal="exit 0", process_gone=True), "✕ drained, pid 7, exit 0"),
        (event("pause", pid=7, frozen=True), "✕ paused, pid 7"),
        (event("resume", pid=7, frozen=False), "✓ runs again, pid 7"),
        (event("restart", instance="abcdefg", process_gone=True), "✓ back, instance abcdef"),
        (event("restart", instance="abcdef", process_gone=None), "✓ back, instance abcdef"),
        (event("add", instance="abcdef", routed=True), "✓ added, instance abcdef"),
        (event("add", routed=True), "✓ added"),
        (event("drain", signal="a\x1b[31m\nb", process_gone=True), "✕ drained, a\\u001b[31m b"),
        (event("restart", confirmed=False, pid=7), "? restart not confirmed"),
        (event("pause", confirmed=None), "? pause not seen"),
    ],
)
def test_row_of_a_fault_says_what_was_seen(fault, words):
    fault = FaultEvent(FaultKind(fault.kind), "A", 0.0, fault.confirmed, fault.evidence)
    story = Story()
    story.variant.faults.append(fault)
    story.variant.order.append(f"{fault.kind} A")
    assert plain(rows(story.variant, story.variant)) == [("1", f"{fault.kind} A", words, words)]


def of(name, app, verdict, note=""):
    return VariantResult(
        name, app, UsedSettings(), {}, [], [], outcome=Observation(verdict, note=note)
    )


def test_table_of_variants_names_the_desk_and_explains_its_mark():
    variants = [
        of("memory", "stateful", Verdict.NOT_AFFECTED),
        of("token", "stateless", Verdict.AFFECTED),
        of("short", "stateless", Verdict.DEPENDS, "on how soon it is tried"),
    ]
    result = ExperimentResult("x", "y", Verdict.CONFIRMED, 0.0, variants, baseline="token")
    lines = printed(variants_table(result))
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["≠", "memory", "stateful"],
        ["token", "stateless", "✕"],
        ["≠", "short", "stateless"],
    ]
    assert "it depends on how soon it is tried" in lines[3]
    assert lines[4].strip() == "≠  the verdict is not that of token"
    alike = ExperimentResult("x", "y", Verdict.CONFIRMED, 0.0, variants[1:2], baseline="token")
    assert not any("≠" in line for line in printed(variants_table(alike)))


def test_error_that_stopped_a_script_is_printed_once():
    variants = [VariantResult(n, n, UsedSettings(), {}, [], []) for n in ("stateful", "stateless")]
    for variant in variants:
        variant.trouble = f"the script stopped at {variant.name}"
    names = [each.name for each in variants]
    result = ExperimentResult("x", "y", Verdict.UNKNOWN, 0.0, variants, decided_by=names)
    text = "\n".join(printed(verdicts_table([result]), width=300))
    assert text.count("stopped at stateful") == text.count("stopped at stateless") == 1
    result.decided_by = ["stateless"]
    text = "\n".join(printed(verdicts_table([result]), width=300))
    assert text.count("stopped at stateful") == text.count("stopped at stateless") == 1


def test_steps_of_one_customer_stand_one_by_one_while_they_fit():
    story = Story()
    story.login()
    for number in range(1, 12):
        story.add(number)
        story.look(quantity=number)
    shown = plain(rows(story.variant, story.variant))
    assert len(shown) == 23 <= MOST_STEPS
    assert [mark for mark, *_ in shown] == [str(n) for n in range(1, 24)]
    assert shown[2] == ("3", "ask for the cart at A", "200 A ✓ 1 Pen", "200 A ✓ 1 Pen")


def test_runs_of_one_customer_are_folded_in_place():
    story = Story()
    story.login()
    for _ in range(40):
        story.look()
    story.add()
    for _ in range(40):
        story.look()
    shown = [step for _, step, *_ in plain(rows(story.variant, story.variant))]
    often = "ask for the cart at A, 40 times"
    assert shown == ["log in at A", often, "add to the cart at A", often]


def test_carts_that_grow_are_folded_by_what_became_of_them():
    story = Story()
    for number in range(1, 50):
        story.add(number)
        story.look(quantity=number)
    shown = plain(rows(story.variant, story.variant))
    assert [each[1:3] for each in shown] == [
        ("add to the cart at A, 49 times", "49 × 201"),
        ("ask for the cart at A, 49 times", "49 × 200 ✓ kept"),
    ]


def test_difference_among_hundreds_has_its_row():
    left, right = Story("stateful"), Story("stateless")
    for number in range(300):
        who = f"John {number}"
        left.look(customer=who)
        odd = number == 200
        right.look(customer=who, status=401 if odd else 200, fate="lost" if odd else "kept")
    shown = plain(rows(left.variant, right.variant))
    assert shown == [
        ("1", "200 ask for the cart at A", *["200 × 200 ✓ 1 Pen"] * 2),
        (
            "≠",
            "John 200: ask for the cart at A",
            "200 A ✓ 1 Pen",
            "401 A ✕ This desk does not know you",
        ),
        ("3", "99 ask for the cart at A", *["99 × 200 ✓ 1 Pen"] * 2),
    ]


def test_faults_share_a_row_where_they_cannot_have_one_each():
    story = Story()
    for _ in range(20):
        story.fault(FaultKind.PAUSE)
        story.look()
        story.fault(FaultKind.RESUME, "B")
    shown = [step for _, step, *_ in plain(rows(story.variant, story.variant))]
    assert shown == [
        "pause at A, 20 times",
        "ask for the cart at A, 20 times",
        "resume at B, 20 times",
    ]


def test_difference_is_shown_even_where_it_does_not_fit():
    left, right = Story("stateful"), Story("stateless")
    for number in range(40):
        for story, status in ((left, 200), (right, 404)):
            story.ask("GET", f"/api/{number}", status)
            story.ask("GET", f"/api/fine/{number}")
    shown = plain(rows(left.variant, right.variant))
    assert sum(mark == "≠" for mark, *_ in shown) == 40
    assert shown[-1] == ("", "… 40 more in result.json", "", "")


def test_step_of_one_variant_only_has_its_row():
    left, right = Story("stateful"), Story("stateless")
    for number in range(30):
        left.look(customer=f"John {number}")
    right.fault()
    shown = plain(rows(left.variant, right.variant))
    assert ("≠", "30 ask for the cart at A", "30 × 200 ✓ 1 Pen", "30 × –") in shown
    assert any(step == "kill A" for _, step, *_ in shown)


def test_empty_run_has_no_rows():
    assert rows(Story().variant, Story().variant) == []
