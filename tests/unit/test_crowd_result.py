"""What of a crowd's figures may be quoted, and what speaks against them."""

import io
import json
import re

import msgspec
import pytest
from rich.console import Console

from lab.core.faults import FaultKind
from lab.crowd import document
from lab.crowd.document import CrowdDocument
from lab.crowd.doubts import Doubt, DoubtKind
from lab.crowd.load_profile import LoadProfile
from lab.crowd.loss_audit import LossAudit
from lab.crowd.messages import CrowdJob
from lab.crowd.progress import Progress
from lab.crowd.result import CrowdResult, CrowdSetup, LoggedRequests, crowd_result
from lab.crowd.selftest import freeze_profiles, judge
from lab.crowd.tally import Tally
from lab.crowd.timetable import InjectedFault, InjectedFaults, PlannedFault
from lab.crowd.view import finished_view
from lab.crowd.wording import describe_carts

PROFILE = LoadProfile("x.py", shoppers=10, rate=100.0, for_s=10.0, warm_up_s=2.0)
SETUP = CrowdSetup(desk="stateful", store="memory", servers=3, affinity="none", retry="off")
PLANNED = PlannedFault(FaultKind.KILL, "B", 3.0)
KILL = msgspec.structs.replace(PROFILE, timetable=(PLANNED,))


def seen(profile=PROFILE, *, n=1000, late_ms=1.0, busiest=0.5, begun=5, broken=0, **more):
    """The last state of a crowd, as its workers have reported it."""
    faults = InjectedFaults(more.pop("injected", []))
    tally = Tally(ok=n - 2, failed=1, unknown=1, responses=n + 19, warm_up=20, begun=begun)
    tally.last_s, tally.broken = more.pop("last_s", 12.0), broken
    for _ in range(n):
        tally.latency.add(3.0)
        tally.lateness.add(late_ms)
    job = CrowdJob(name="stateful-1", url="http://127.0.0.1:9", servers=("A", "B"), profile=profile)
    rss = {0: 1000, 1: 500}
    return Progress("stateful", job, tally, busiest=busiest, rss=rss, injected=faults, **more)


def result(
    profile=PROFILE, *, audit=None, logged=None, retried=0, strange=0, breakage=None, **more
):
    audit = audit or LossAudit(settled=5, kept=5)
    progress = seen(profile, **{"begun": audit.settled} | more)
    if logged is None:
        logged = progress.tally.responses
    return crowd_result(progress, SETUP, audit, LoggedRequests(logged, retried, strange, breakage))


def test_result_without_a_doubt_is_quoted():
    each = result()
    assert (each.doubts, each.generator_was_the_limit) == ([], False)
    assert each.latency.n == 1000
    assert each.latency.p99_ms == pytest.approx(3.0, rel=0.01)
    assert (each.requests, each.warm_up_requests_dropped) == (1000, 20)
    assert (each.rate_done_per_s, each.model) == (100.0, "open")
    assert each.generator_bytes_per_shopper == 150


@pytest.mark.parametrize(
    ("found", "doubt", "words"),
    [
        (
            {"busiest": 0.95},
            Doubt(DoubtKind.GENERATOR_CPU, 0.95, 0.9),
            ["a generator used 95% of a core (at most 90%)", "Lower --rate, or add --workers"],
        ),
        (
            {"late_ms": 50.0},
            Doubt(DoubtKind.GENERATOR_LATE, pytest.approx(50, rel=0.01), 20.0),
            ["the generator was late", "more than 50 ms after they were due"],
        ),
        (
            {"logged": 1018},
            Doubt(DoubtKind.LOG_DIFFERS, 1018, 1019),
            ["the load balancer's log has 1,018 requests, the crowd 1,019 answers"],
        ),
        ({"logged": 1021}, Doubt(DoubtKind.LOG_DIFFERS, 1021, 1019), ["has 1,021 requests"]),
        (
            {"broken": 7, "trouble": "ValueError: x"},
            Doubt(DoubtKind.SCRIPT_FAILED, 7, detail="ValueError: x"),
            ["stopped in 7 iterations: ValueError: x"],
        ),
        (
            {"injected": [InjectedFault(PLANNED, 5.0, "no server 'B' here")]},
            Doubt(DoubtKind.FAULT_FAILED, detail="kill B: no server 'B' here"),
            ["kill B: no server 'B' here"],
        ),
        (
            {"profile": KILL},
            Doubt(DoubtKind.FAULT_MISSING, detail="kill B@3s"),
            ["kill B@3s: the crowd had ended before"],
        ),
        (
            {"strange": 3},
            Doubt(DoubtKind.STRANGERS, 3),
            ["3 answers came from a process the lab did not start"],
        ),
        (
            {"retried": 4},
            Doubt(DoubtKind.RETRIED, 4),
            ["the load balancer asked a second server for 4 requests"],
        ),
        (
            {"audit": LossAudit(settled=5, kept=3, unknown=2, silences={"A answered 500": 2})},
            Doubt(DoubtKind.CARTS_UNKNOWN, 2, detail="A answered 500"),
            ["2 carts: unknown", "does not say: A answered 500"],
        ),
        (
            {"begun": 7},
            Doubt(DoubtKind.NOT_SETTLED, 5, 7),
            ["7 iterations began, 5 were settled"],
        ),
        (
            {"audit": LossAudit(settled=5, lost=5, differing=5, differ=["c0", "c1", "c2", "c3"])},
            Doubt(DoubtKind.NOT_AS_PREDICTED, 5, detail="c0, c1, c2 …"),
            ["5 carts came out differently than predicted", "c0, c1, c2", "something other"],
        ),
    ],
)
def test_doubt_has_numbers_and_a_text(found, doubt, words):
    (each,) = result(**found).doubts
    assert each == doubt
    assert each.is_about_carts == (each.kind not in ("generator_cpu", "generator_late"))
    for part in words:
        assert part in str(each)


@pytest.mark.parametrize(
    "seen_in_the_log", [{"strange": 3}, {"retried": 4}, {"logged": 5}, {"breakage": "x"}], ids=str
)
def test_carts_are_unknown_where_no_answer_can_be_believed(seen_in_the_log):
    """Return True if they looked kept or lost: a stranger can say either."""
    for audit in (
        LossAudit(settled=34, kept=34),
        LossAudit(settled=35, nothing_owed=1, kept=30, lost=4, differing=4, differ=["c1"]),
    ):
        each = result(audit=audit, **seen_in_the_log)
        assert (each.carts.kept, each.carts.lost, each.carts.unknown) == (0, 0, 34)
        assert each.carts_as_predicted  # status 3 and not 1: nothing follows from it
        assert len(each.doubts) == 1
        shown = io.StringIO()
        Console(file=shown, width=200, color_system=None).print(finished_view([each]))
        text = shown.getvalue()
        assert "nothing is known of 34 acknowledged carts" in text
        assert "? 34" in text
        assert not re.search("kept,|34 of 34|✓|✕", text)


def test_every_doubt_has_a_text():
    for kind in DoubtKind:
        assert str(Doubt(kind, 1.0, 2.0, "detail"))


def test_interrupted_crowd_says_only_that():
    progress = seen(busiest=0.95, begun=7)
    each = crowd_result(progress, SETUP, LossAudit(), LoggedRequests(), interrupted=True)
    assert [doubt.kind for doubt in each.doubts] == [DoubtKind.INTERRUPTED]


def test_latencies_are_withheld_where_the_generator_was_the_limit():
    for limited in ({"busiest": 0.95}, {"late_ms": 50.0}):
        each = result(**limited)
        assert each.latency.n == 1000 and each.generator_was_the_limit
        quoted = (each.latency.p50_ms, each.latency.p95_ms, each.latency.p99_ms)
        assert quoted == (None, None, None)
        assert set(each.latency.withheld) == {"p50", "p95", "p99"}
        assert each.lateness_of_the_generator.n == 1000
    assert result(busiest=0.9, late_ms=19.0).latency.p99_ms is not None


def test_request_without_an_answer_may_be_in_the_balancers_log():
    for logged in (1019, 1020):  # a server killed in the middle of its answer, for one
        assert result(logged=logged).doubts == []


def test_late_requests_in_small_number_are_no_bottleneck_but_p99_is_theirs():
    progress = seen()
    for _ in range(20):
        progress.tally.lateness.add(5000.0)
    each = crowd_result(progress, SETUP, LossAudit(settled=5, kept=5), LoggedRequests(1019))
    assert each.doubts == []
    assert each.latency.p95_ms is not None and each.latency.p99_ms is None


def test_rate_is_what_was_done_by_the_last_answer():
    late = result(last_s=52.0)  # the shop took 50 s for what was to take 10
    assert late.rate_done_per_s == pytest.approx(20.0)
    assert not late.keeps_up and result().keeps_up
    assert late.doubts == []  # it is a finding about the shop


def test_fault_that_worked_is_no_doubt_and_the_timetable_says_when_it_was():
    each = result(injected=[InjectedFault(PLANNED, 5.25)])
    assert each.doubts == []
    assert each.as_json()["timetable"] == [
        {"kind": "kill", "target": "B", "at_s": 3.0, "done_at_s": 3.25, "trouble": None}
    ]


KEPT_NAMES = {
    *(
        "variant",
        "setup",
        "interrupted",
        "model",
        "script",
        "engine",
        "workers",
        "seed",
        "shoppers",
    ),
    *("for_s", "warm_up_s", "rate_asked_per_s", "rate_done_per_s", "requests", "ok", "failed"),
    *("unknown", "warm_up_requests_dropped", "responses", "logged_by_the_balancer", "latency"),
    *("lateness_of_the_generator", "generator_busiest_share_of_a_core", "carts", "timetable"),
    *("generator_bytes_per_shopper", "carts_as_predicted", "doubts"),
}


NEW_NAMES = {"once", "reads", "reads_that_showed_the_cart"}


def test_result_is_plain_json_under_its_names():
    closed = msgspec.structs.replace(PROFILE, rate=None)
    for each in (result(), result(n=5, busiest=1.0), result(closed)):
        values = each.as_json()
        assert values.keys() >= KEPT_NAMES
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert msgspec.convert(values, CrowdResult) == each
        kept, owed = values["carts"]["kept"], each.carts.owed
        assert (values["carts_kept"]["k"], values["carts_kept"]["n"]) == (kept, owed)
        old = {name: value for name, value in values.items() if name in KEPT_NAMES | NEW_NAMES}
        assert msgspec.convert(old, CrowdResult).carts_kept is None
    assert (values["model"], values["rate_asked_per_s"]) == ("closed", None)
    assert (values["script"], values["setup"]["desk"]) == ("x", "stateful")


def test_document_of_an_earlier_version_is_read(tmp_path):
    kept = json.loads(document.text(CrowdDocument([result()])))
    crowd = kept["crowds"][0]
    for old, name in document.OLD_NAMES.items():
        crowd[old] = crowd.pop(name)
    path = tmp_path / "crowd.json"
    path.write_text(json.dumps(kept), encoding="utf-8")
    assert document.read(path) == CrowdDocument([result()])


def test_carts_are_described_with_every_fate():
    audit = LossAudit(settled=10, nothing_owed=1, kept=4, lost=2, wrong=1, duplicated=1, unknown=1)
    text = describe_carts(audit)
    assert text.startswith("4 of 9 ")
    assert text.endswith(", 2 lost, 1 wrong, 1 duplicated, 1 unknown")
    assert describe_carts(LossAudit(settled=3, nothing_owed=3)) == "no cart was owed"


# --- the self-test

FROZEN = [InjectedFault(each, each.at_s) for each in freeze_profiles(PROFILE)[0].timetable]


def test_self_test_asks_p99_whether_it_saw_the_freeze():
    blind, short, seeing = (seen(n=n, injected=FROZEN) for n in (1000, 999, 1000))
    for _ in range(20):
        seeing.tally.latency.add(1500.0)
    text, passed = judge(seeing, blind)
    assert passed and text.startswith("✓") and "of 1,020 requests" in text
    for each in (blind, short):
        text, passed = judge(each, seeing)
        assert not passed and text.startswith("✕")
    assert "unknown (n under 1,000)" in text


def test_self_test_does_not_take_a_slow_generator_for_a_freeze():
    late, unharmed = seen(late_ms=1000.0, injected=FROZEN), seen()
    for each in (late, unharmed):
        for _ in range(20):
            each.tally.latency.add(1500.0)
    assert not judge(late, unharmed)[1]
    assert not judge(unharmed, late)[1]  # nothing was frozen at all


def row(failed=0, unknown=0, kept=97, lost=0, shown=194, looks=194, doubts=()):
    """The row that the terminal has for a crowd with these counts."""
    audit = LossAudit(settled=kept + lost, kept=kept, lost=lost)
    each = msgspec.structs.replace(
        result(),
        failed=failed,
        unknown=unknown,
        carts=audit,
        reads=looks,
        reads_that_showed_the_cart=shown,
        doubts=list(doubts),
    )
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(finished_view([each]))
    (line,) = [each for each in console.file.getvalue().splitlines() if " of 194" in each][:1]
    return line


@pytest.mark.parametrize("many", [97, 5_000, 123_456])
def test_no_number_is_cut_at_80_columns(many):
    audit = LossAudit(settled=2 * many, kept=many, lost=many)
    each = msgspec.structs.replace(
        result(),
        variant="stateless",
        failed=many,
        carts=audit,
        reads=2 * many,
        reads_that_showed_the_cart=many,
    )
    console = Console(width=80, file=io.StringIO())
    console.print(finished_view([each]))
    table, _, _ = console.file.getvalue().partition("requests, latency")
    assert "…" not in table
    for number in (f"{many:,}", f"✕ {many:,}", f"{2 * many:,}"):
        assert re.search(rf"(?<![\d,]){re.escape(number)}(?![\d,])", table.split("carts kept")[0])


GREEN = "\x1b[32m"


def test_row_in_which_nothing_went_wrong_has_its_tick():
    assert "✓ 97" in row()
    assert GREEN in row()


@pytest.mark.parametrize(
    "wrong",
    [
        {"failed": 112},
        {"unknown": 1},
        {"shown": 0},
        {"shown": 193},
        {"lost": 1},
        {"doubts": [Doubt(DoubtKind.CARTS_UNKNOWN, 1)]},
    ],
    ids=str,
)
def test_row_in_which_something_went_wrong_is_never_green(wrong):
    """97 carts kept, while 112 of 200 requests failed: that was a tick."""
    assert GREEN not in row(**wrong)
    assert "✓" not in row(**wrong)
