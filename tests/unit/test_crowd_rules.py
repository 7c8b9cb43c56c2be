"""A crowd's rules: what may be asked, whose turn it is, what had to be lost, what may be quoted."""

import json
import math
import socket
import time
import tracemalloc
from itertools import pairwise

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cli.crowd import crowd
from lab.core.errors import LabError
from lab.crowd.arrival_schedule import turns, turns_each
from lab.crowd.crowd_run import Progress
from lab.crowd.journal import Journal
from lab.crowd.load_profile import (
    MOST_THREADS,
    Job,
    LoadProfile,
    PlannedFault,
    strike,
)
from lab.crowd.loss_audit import EDGE_S, MOST_NAMED, LossAudit, reckon
from lab.crowd.result import CrowdResult, Logged
from lab.crowd.script_api import CrowdScriptApi
from lab.crowd.selftest import judged, plans
from lab.crowd.tally import Histogram, Tally
from lab.crowd.timetable import Ended, InjectedFault
from lab.crowd.virtual_user import IterationResult, VirtualUser
from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.requests_transport import RequestsTransport
from lab.experiments.script_api import Lab

# --- what somebody writes down


def refusal(read, *arguments):
    """What a reader says to a wrong value: one short line that can be shown on any terminal."""
    with pytest.raises(LabError) as refused:
        read(*arguments)
    told = str(refused.value)
    assert told.isprintable() and len(told) < 200
    return told


@pytest.mark.parametrize(
    "text",
    [
        *("B@", "@10s", "@", "store@", "A@-1s", "A@nan", "A B@1s", "A\n@1s", "A@1\ns"),
        *("A@1s\nB@2s", "A@1s@2s", "Ａ@1s", "Α@1s", "A 1s", "A@25h", "*@1s", "../A@1s", "A;B@1s"),
        *("A" * 10_000 + "@1s", "A@" + "1" * 10_000, "A@\x00", "\x1b[2J@1s", "A@1e999s"),
    ],
)
def test_what_is_no_line_of_a_timetable_is_refused(text):
    told = refusal(strike, "kill", text)
    assert (
        "such as --kill B@10s or store@10s" in told
        or "give a duration" in told
        or "at most 1d" in told
    )


def test_lines_of_a_timetable():
    assert strike("kill", "B@10s") == PlannedFault("kill", "B", 10.0)
    assert strike("kill", "eu-west.1@1s") == PlannedFault("kill", "eu-west.1", 1.0)
    assert strike("pause", " store@500ms ") == PlannedFault("pause", "store", 0.5)


# --- what may be planned


def test_threads_have_limits_and_say_what_to_install():
    assert LoadProfile("x.py", shoppers=MOST_THREADS).engine == "threads"
    for asked in ({"shoppers": MOST_THREADS + 1}, {"workers": 2}):
        assert "pip install 'two-desks[crowd]'" in refusal(lambda a=asked: LoadProfile("x.py", **a))
        LoadProfile("x.py", engine="locust", **asked)


@pytest.mark.parametrize("shoppers", [0, -1, 1_000_001])
def test_a_crowd_has_a_size(shoppers):
    assert "1 to 1,000,000" in refusal(
        lambda: LoadProfile("x.py", shoppers=shoppers, engine="locust")
    )


@pytest.mark.parametrize("at_s", [10.0, 10.1, math.inf, math.nan])
def test_nothing_can_be_struck_after_the_end(at_s):
    told = refusal(
        lambda: LoadProfile("x.py", for_s=10.0, timetable=(PlannedFault("kill", "B", at_s),))
    )
    assert "kill B" in told and "comes after the end" in told and "--for 10s" in told
    LoadProfile("x.py", for_s=10.0, timetable=(PlannedFault("kill", "B", 9.99),))


# --- turns


@given(
    shoppers=st.integers(1, 300),
    rate=st.floats(0.01, 1e6, allow_nan=False),
    laps=st.integers(1, 8),
)
def test_the_turns_of_all_are_evenly_spaced_and_each_is_somebodys(shoppers, rate, laps):
    of_each = [turns(number, shoppers, rate) for number in range(shoppers)]
    every = [next(due) for due in of_each for _ in range(laps)]
    assert sorted(every) == [number / rate for number in range(shoppers * laps)]


@given(shoppers=st.integers(1, 300), rate=st.floats(0.01, 1e6), number=st.integers(0, 299))
def test_a_shopper_has_a_turn_every_so_often(shoppers, rate, number):
    due = turns(number, shoppers, rate)
    times = [next(due) for _ in range(5)]
    for before, after in pairwise(times):
        assert after - before == pytest.approx(shoppers / rate)
    assert turns_each(shoppers, rate, shoppers / rate * 5) == pytest.approx(5)


# --- figures

latencies = st.lists(st.floats(0.001, 1e7), min_size=1, max_size=120)


def filled(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def nearest_rank(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


@given(values=latencies, share=st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]))
def test_a_percentile_is_within_one_per_cent_of_the_exact_one(values, share):
    told = filled(values).quantile(share)
    assert told == pytest.approx(nearest_rank(values, share), rel=0.01)


@given(first=latencies, second=latencies)
def test_histograms_of_two_generators_add_up_to_that_of_one(first, second):
    merged = filled(first)
    merged.merge(filled(second))
    assert merged.pairs() == filled(first + second).pairs()
    assert merged.n == len(first) + len(second)


@given(
    values=latencies,
    late=latencies,
    counts=st.lists(st.integers(0, 10**9), min_size=8, max_size=8),
)
def test_a_tally_travels_as_json_and_arrives_whole(values, late, counts):
    names = ("ok", "failed", "unknown", "warm_up", "closing", "answered", "reads", "reads_kept")
    sent = Tally(**dict(zip(names, counts, strict=True)))
    sent.latency, sent.lateness = filled(values), filled(late)
    arrived = Tally.unpacked(json.loads(json.dumps(sent.packed())))
    assert arrived.packed() == sent.packed()
    assert arrived.latency.summary() == filled(values).summary()
    arrived.add(sent)
    assert (arrived.ok, arrived.requests) == (2 * sent.ok, 2 * sent.requests)
    assert arrived.lateness.n == 2 * len(late)


@pytest.mark.parametrize(
    ("n", "known"),
    [
        *((0, []), (1, ["p50_ms"]), (99, ["p50_ms"]), (100, ["p50_ms", "p95_ms"])),
        *((999, ["p50_ms", "p95_ms"]), (1000, ["p50_ms", "p95_ms", "p99_ms"])),
    ],
)
def test_few_values_give_few_percentiles(n, known):
    summary = filled(range(1, n + 1)).summary()
    assert summary.pop("n") == n
    assert [name for name, value in summary.items() if value is not None] == known


@pytest.mark.parametrize("value", [0.0, -0.0, -5.0, 1e-12])
def test_what_is_next_to_nothing_counts_as_a_microsecond(value):
    assert filled([value]).quantile(0.5) == pytest.approx(0.001, rel=0.01)


# --- what had to be lost

DEATH = Ended("b1", 4.0, 4.5)


def seen(fate, at_s=9.0, home="b1", customer="c1-1", by_name=False, acknowledged_s=0.5):
    return IterationResult(customer, home, at_s, fate, by_name, acknowledged_s)


def reckoned(*settled, deaths=(DEATH,), dies_with="process"):
    return reckon(settled, deaths, dies_with)


def test_the_carts_of_a_process_that_died_are_lost_and_no_others():
    ledger = reckoned(
        *[seen("lost")] * 3,
        *[seen("kept", home="a1", by_name=number == 0) for number in range(4)],
        seen(None),
        seen("kept", at_s=1.0),
    )
    assert (ledger.settled, ledger.nothing_owed, ledger.owed) == (9, 1, 8)
    assert (ledger.kept, ledger.lost, ledger.by_name_only) == (5, 3, 1)
    assert (ledger.predicted_lost, ledger.predicted_and_lost) == (3, 3)
    assert (ledger.at_the_edge, ledger.differing, ledger.as_predicted) == (0, 0, True)


@pytest.mark.parametrize(
    ("settled", "predicted"),
    [
        (seen("kept"), 1),  # should be gone, and is there
        (seen("lost", home="a1"), 0),  # nobody killed that process
        (seen("lost", home=None), 0),
        (seen("lost", at_s=1.0), 0),  # lost before anything had happened
        (seen("wrong"), 1),
        (seen("duplicated"), 1),
        (seen("wrong", home="a1"), 0),  # nothing on the timetable changes a cart
        (seen("duplicated", home="a1"), 0),
    ],
)
def test_what_came_out_other_than_predicted_is_named(settled, predicted):
    ledger = reckoned(settled)
    assert (ledger.predicted_lost, ledger.predicted_and_lost) == (predicted, 0)
    assert (ledger.differing, ledger.differ, ledger.as_predicted) == (1, ["c1-1"], False)


@pytest.mark.parametrize("home", ["a1", "b1"])
def test_what_nobody_saw_speaks_neither_for_nor_against(home):
    ledger = reckoned(seen("unknown", home=home))
    assert (ledger.unknown, ledger.differing, ledger.predicted_and_lost) == (1, 0, 0)


@pytest.mark.parametrize("fate", ["kept", "lost"])
@pytest.mark.parametrize("at_s", [4.0 - EDGE_S, 4.0, 4.2, 4.5, 4.5 + EDGE_S])
def test_a_look_while_a_process_died_predicts_nothing(fate, at_s):
    ledger = reckoned(seen(fate, at_s=at_s))
    assert (ledger.at_the_edge, ledger.predicted_lost, ledger.differing) == (1, 0, 0)
    assert ledger.kept + ledger.lost == 1


def test_a_look_just_outside_of_the_edge_is_predicted():
    before, after = seen("kept", at_s=4.0 - EDGE_S - 0.01), seen("lost", at_s=4.5 + EDGE_S + 0.01)
    ledger = reckoned(before, after)
    assert (ledger.at_the_edge, ledger.predicted_and_lost, ledger.differing) == (0, 1, 0)


def test_nothing_has_to_be_lost_where_carts_do_not_die_with_the_process():
    ledger = reckoned(seen("kept"), seen("lost", customer="c2-1"), dies_with=None)
    assert (ledger.predicted_lost, ledger.at_the_edge) == (0, 0)
    assert ledger.differ == ["c2-1"]
    assert reckoned(seen("kept", at_s=4.2), dies_with=None).at_the_edge == 0


STORE_DEATH = Ended("store", 4.0, 4.5)


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        (seen("lost", acknowledged_s=1.0), (1, 0, 0)),  # acknowledged before: gone with the store
        (seen("kept", acknowledged_s=6.0), (0, 0, 0)),  # after it had been started again
        (seen("kept", acknowledged_s=1.0, at_s=3.0), (0, 0, 0)),  # looked at before
        (seen("kept", acknowledged_s=1.0), (0, 1, 0)),
        (seen("lost", acknowledged_s=6.0), (0, 1, 0)),
        (seen("lost", acknowledged_s=4.2), (0, 0, 1)),  # in the very moment: nobody can tell
        (seen("kept", acknowledged_s=1.0, at_s=4.2), (0, 0, 1)),
    ],
)
def test_carts_die_with_a_store_that_keeps_nothing_on_disk(settled, expected):
    ledger = reckoned(settled, deaths=(STORE_DEATH,), dies_with="store")
    assert (ledger.predicted_and_lost, ledger.differing, ledger.at_the_edge) == expected
    # A server's death takes nothing out of a store, a store's nothing out of a process.
    assert reckoned(seen("kept"), dies_with="store").differing == 0
    assert reckoned(seen("kept"), deaths=(STORE_DEATH,)).differing == 0


def test_two_deaths_of_two_processes():
    deaths = (DEATH, Ended("b2", 7.0, 7.1))  # B was started again, and killed again
    ledger = reckoned(
        *(seen("lost"), seen("lost", home="b2"), seen("kept", home="b2", at_s=6.0)),
        deaths=deaths,
    )
    assert (ledger.predicted_and_lost, ledger.differing) == (2, 0)


def test_names_are_few_and_numbers_are_whole():
    ledger = reckoned(*(seen("kept", customer=f"c{n}-1") for n in range(MOST_NAMED + 5)))
    assert ledger.differing == MOST_NAMED + 5
    assert ledger.differ == [f"c{n}-1" for n in range(MOST_NAMED)]


# --- what may be quoted

PLAN = LoadProfile("x.py", shoppers=10, rate=100.0, for_s=10.0, warm_up_s=2.0)
JOB = Job("stateful-1", "http://127.0.0.1:9", ("A", "B"), "x.py", 10, 100.0, 10.0, 2.0)


SETUP = {"desk": "stateful", "store": "memory", "servers": 3, "affinity": "none", "retry": "off"}


def outcome(plan=PLAN, *, busiest=0.5, late_ms=1.0, n=1000, logged=None, ledger=None, **more):
    ledger = ledger or LossAudit(settled=5, kept=5)
    begun, retried = more.pop("begun", ledger.settled), more.pop("retried", 0)
    last_s = more.pop("last_s", 12.0)
    tally = Tally(ok=n - 2, failed=1, unknown=1, answered=n + 19, warm_up=20, begun=begun)
    tally.last_s = last_s
    for _ in range(n):
        tally.latency.add(3.0)
        tally.lateness.add(late_ms)
    tally.broken = more.pop("broken", 0)
    progress = Progress(JOB, tally, busiest=busiest, rss={0: 1000, 1: 500}, **more)
    logged = Logged(n + 19 if logged is None else logged, retried)
    return CrowdResult("stateful", plan, SETUP, progress, ledger, logged)


def test_an_outcome_without_a_doubt_is_quoted():
    each = outcome()
    assert (each.doubts, each.bottleneck) == ([], None)
    told = each.as_json()
    assert told["latency"] == each.latency
    assert told["latency"]["n"] == 1000
    assert told["latency"]["p99_ms"] == pytest.approx(3.0, rel=0.01)
    assert (told["requests"], told["warm_up_requests_dropped"]) == (1000, 20)
    assert (told["rate_done_per_s"], told["model"]) == (100.0, "open")
    assert told["generator_bytes_per_shopper"] == 150


KILL = LoadProfile("x.py", 10, 100.0, 10.0, 2.0, (PlannedFault("kill", "B", 3.0),))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"busiest": 0.95}, ["a generator used 95% of a core", "Lower --rate, or add --workers"]),
        ({"late_ms": 50.0}, ["the generator was late", "after their turn"]),
        ({"logged": 1018}, ["the balancer's log has 1,018 requests, the crowd 1,019 answers"]),
        ({"logged": 1021}, ["the balancer's log has 1,021 requests"]),
        ({"broken": 7, "trouble": "ValueError: x"}, ["stopped in 7 visits: ValueError: x"]),
        (
            {"struck": [InjectedFault(PlannedFault("kill", "B", 3.0), 5.0, "no server 'B' here")]},
            ["kill B: no server 'B' here"],
        ),
        ({"plan": KILL}, ["kill B@3s: it was over before"]),
        ({"retried": 4}, ["the balancer asked a second server for 4 requests"]),
        ({"ledger": LossAudit(settled=5, kept=3, unknown=2)}, ["2 carts: nobody could tell"]),
        ({"begun": 7}, ["7 visits were begun, 5 settled"]),
        (
            {
                "ledger": LossAudit(
                    settled=5, lost=5, differing=5, differ=[f"c{n}" for n in range(5)]
                )
            },
            ["5 carts came out other than predicted", "c0, c1, c2", "something else"],
        ),
    ],
)
def test_what_speaks_against_the_figures_is_said(found, words):
    (told,) = outcome(**found).doubts
    for each in words:
        assert each in told


def test_latencies_are_not_quoted_where_the_generator_was_the_limit():
    for limited in ({"busiest": 0.95}, {"late_ms": 50.0}):
        told = outcome(**limited).as_json()
        assert told["latency"] is None
        assert told["lateness_of_the_generator"]["n"] == 1000
    assert outcome(busiest=0.9, late_ms=19.0).as_json()["latency"] is not None


def test_a_request_that_got_no_answer_may_be_in_the_balancers_log():
    for logged in (1019, 1020):  # a server killed in the middle of its answer, for one
        assert outcome(logged=logged).doubts == []


def test_a_few_late_requests_are_no_bottleneck_but_p99_is_theirs():
    each = outcome()
    for _ in range(20):
        each.progress.tally.lateness.add(5000.0)
    assert each.bottleneck is None
    assert each.latency["p95_ms"] is not None
    assert each.latency["p99_ms"] is None and each.as_json()["latency"]["p99_ms"] is None


def test_the_rate_is_what_was_done_by_the_last_answer():
    late = outcome(last_s=52.0)  # the shop took 50 s for what was to take 10
    assert late.rate == pytest.approx(20.0)
    assert not late.keeps_up and outcome().keeps_up
    assert late.doubts == []  # it is a finding about the shop


def test_latencies_are_withheld_wherever_they_are_asked_for():
    told = outcome(busiest=0.95)
    assert told.latency == {"n": 1000, "p50_ms": None, "p95_ms": None, "p99_ms": None}
    assert told.doubts_about_carts == []


def test_what_became_of_the_carts_names_every_fate():
    ledger = LossAudit(settled=10, nothing_owed=1, kept=4, lost=2, wrong=1, duplicated=1, unknown=1)
    told = outcome(ledger=ledger).carts
    assert told.startswith("4 of 9 ")
    assert told.endswith(", 2 lost, 1 wrong, 1 duplicated, 1 unknown")


def test_an_outcome_says_what_was_measured():
    told = outcome().as_json()
    assert told["setup"] == SETUP and told["script"] == "x"
    assert (told["engine"], told["workers"], told["for_s"], told["warm_up_s"]) == (
        *("threads", 1),
        *(10.0, 2.0),
    )


def test_a_fault_that_worked_is_no_doubt_and_the_timetable_says_when_it_was():
    each = outcome(struck=[InjectedFault(PlannedFault("kill", "B", 3.0), 5.25)])
    assert each.doubts == []
    assert each.as_json()["timetable"] == [
        {"kind": "kill", "target": "B", "at_s": 3.0, "done_at_s": 3.25}
    ]


def test_an_outcome_is_plain_json():
    ledger = reckoned(seen("lost"), seen("kept", customer="c2-1"), seen(None))
    for each in (
        outcome(ledger=ledger),
        outcome(n=5, busiest=1.0),
        outcome(LoadProfile("x", rate=None)),
    ):
        told = each.as_json()
        assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["model"] == "closed" and told["rate_asked_per_s"] is None
    carts = outcome(ledger=ledger).as_json()["carts"]
    assert (carts["settled"], carts["predicted_lost"], carts["differing"]) == (3, 2, 1)


def test_no_cart_is_no_share():
    assert outcome(ledger=LossAudit(settled=3, nothing_owed=3)).carts == "no cart was owed"
    assert outcome(ledger=LossAudit(settled=3, kept=2, lost=1)).carts.startswith("2 of 3 ")


def test_the_self_test_asks_p99_whether_it_saw_the_freeze():
    blind, short, seeing = outcome(), outcome(n=999), outcome()
    for each in (blind, short, seeing):
        each.progress.struck[:] = [InjectedFault(s, s.at_s) for s in plans(PLAN)[0].timetable]
    for _ in range(20):
        seeing.progress.tally.latency.add(1500.0)
    told, passed = judged(seeing, blind)
    assert passed and told.startswith("✓") and "of 1,020 requests" in told
    for each in (blind, short):
        told, passed = judged(each, seeing)
        assert not passed and told.startswith("✕")
    assert "unknown (n under 1,000)" in told


def test_the_self_test_does_not_take_a_slow_generator_for_a_freeze():
    late, unharmed = outcome(late_ms=1000.0), outcome()
    for each in (late, unharmed):
        for _ in range(20):
            each.progress.tally.latency.add(1500.0)
    late.progress.struck[:] = [InjectedFault(s, s.at_s) for s in plans(PLAN)[0].timetable]
    assert not judged(late, unharmed)[1]
    assert not judged(unharmed, late)[1]  # nothing was frozen at all


# --- on the command line

WRONG = [
    (["./nowhere.py"], "no file nowhere.py"),
    (["../x/"], "no file"),
    (["--kill", "b@1s"], "--kill b: the servers are A, B, C"),
    (["--kill", "C@1s", "--servers", "2"], "--kill C: the servers are A, B"),
    (["--kill", "B@-1s"], "give a duration"),
    (["--kill", "B"], "say whom and when, such as --kill B@10s"),
    (["--pause", "B@10s"], "comes after the end (--for 10s)"),
    (["--rate", "nan"], "give a rate, such as 300/s"),
    (["--for", "1e9s"], "give a duration"),
    (["--for", "0"], "give at least 1ms"),
    (["--for", "25h"], "at most 1d"),
    (["--shoppers", "0"], "'--shoppers'"),
    (["--workers", "65"], "'--workers'"),
    (["--join", "127.0.0.1:99999"], "write HOST or HOST:PORT"),
    (["--join", "127.0.0.1:0"], "write HOST or HOST:PORT"),
    (["--join", "127.0.0.1:٣"], "write HOST or HOST:PORT"),
    (["--join", ":5557"], "write HOST or HOST:PORT"),
    (["--join", "a b;c"], "write HOST or HOST:PORT"),
    (["--join", "x" * 10_000], "write HOST or HOST:PORT"),
    (["--listen", "0.0.0.0:5557"], "only 127.0.0.1; other machines come by `ssh -L 5557"),
    (["--listen", "[::]:5557"], "write HOST or HOST:PORT"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=lambda each: str(each)[:40])
def test_wrong_usage_is_told_with_what_would_be_right(arguments, words, tmp_path):
    with pytest.raises((LabError, click.UsageError)) as refused:
        crowd.main([*arguments, "--out", str(tmp_path)], standalone_mode=False)
    told = str(refused.value)
    assert words in told or words in refused.value.format_message()
    assert len(told) < 300 and told.isprintable()
    assert not list(tmp_path.iterdir()), "no run was begun, none is kept"


# --- what one shopper of a crowd is offered

OFFERED = {"n", "quick", "random", "servers"}
OF_LAB = {name for name in dir(Lab) if not name.startswith("_")} | {"customers", "extra"}


@pytest.mark.parametrize("name", sorted(OF_LAB - OFFERED))
def test_what_concerns_others_is_refused_with_what_to_do(name):
    one = CrowdScriptApi(("A", "B"), 0, 1, quick=False)
    told = refusal(lambda: getattr(one, name))
    assert told.startswith(f"lab.{name} is not for one shopper of a crowd")
    assert "lab crowd --kill B@10s" in told


def test_what_is_offered_is_the_labs_too_and_chance_is_everybodys_own():
    assert {"kill", "restart", "shopper", "crowd"} <= OF_LAB
    one, same, other, reseeded = (
        CrowdScriptApi(("A", "B"), seed, number, quick=True)
        for seed, number in ((7, 1), (7, 1), (7, 2), (8, 1))
    )
    assert (one.n(60, 3), one.servers) == (3, ("A", "B"))
    drawn = [[each.random.random() for _ in range(5)] for each in (one, same, other, reseeded)]
    assert drawn[0] == drawn[1]
    assert len({tuple(each) for each in drawn}) == 3


# --- one shopper

NOBODY = "http://127.0.0.1:{}"


@pytest.fixture
def visitor():
    """A shopper of a crowd whose shop is closed: each request is refused at once."""
    with socket.socket() as closed:  # bound and not listening: nobody else can take it
        closed.bind(("127.0.0.1", 0))
        url = NOBODY.format(closed.getsockname()[1])

        def of(script, **more):
            asked = {"shoppers": 1, "rate": 500.0, "for_s": 0.05, "warm_up_s": 0.0} | more
            job = Job("x", url, ("A",), __file__, **asked)
            journal = Journal("x", None, 0.0)
            return VirtualUser(0, job, script, journal, RequestsTransport), journal

        yield of


def test_a_script_that_catches_every_exception_does_not_catch_closing_time(visitor):
    caught = []

    def script(shopper, lab):
        while len(caught) < 3:
            try:
                shopper.view_cart()
            except Exception as error:
                caught.append(error)

    shopper, journal = visitor(script)
    shopper.shop()
    report = journal.report()
    assert caught == []
    assert report["tally"]["failed"] == 25  # the turns there are in 50 ms at 500 a second
    assert report["tally"]["broken"] == 0


def test_a_visit_that_breaks_is_told_with_its_line_and_the_next_one_goes_on(visitor):
    def script(shopper, lab):
        shopper.view_cart()
        raise KeyError("no such thing")

    shopper, journal = visitor(script)
    shopper.shop()
    report = journal.report()
    assert report["tally"]["broken"] == report["tally"]["begun"] - 1 == 25
    assert report["trouble"].startswith("KeyError: 'no such thing' (line ")
    assert report["trouble"].endswith(" of test_crowd_rules.py)")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (lambda shopper, lab: None, "the script sends no request"),
        (lambda shopper, lab: lab.kill("A"), "lab.kill is not for one shopper"),
    ],
)
def test_a_script_that_cannot_be_a_crowds_ends_the_crowd(visitor, script, told):
    shopper, _ = visitor(script)
    assert told in refusal(shopper.shop)


def test_a_script_that_breaks_before_its_first_request_is_told_as_that(visitor):
    def script(shopper, lab):
        shopper.veiw_cart()

    shopper, _ = visitor(script)
    assert "'Shopper' object has no attribute 'veiw_cart'" in refusal(shopper.shop)


def test_a_script_that_thinks_makes_nobody_late(visitor):
    def script(shopper, lab):
        shopper.view_cart()
        time.sleep(0.02)

    shopper, journal = visitor(script, rate=200.0, for_s=0.2)
    shopper.shop()
    tally = Tally.unpacked(journal.report()["tally"])
    assert 1 <= tally.failed < 40  # it has missed some of 40 turns: nobody waited for those
    assert tally.lateness.n == tally.failed


def test_a_closed_crowd_waits_for_the_start(visitor):
    shopper, journal = visitor(lambda shopper, lab: shopper.view_cart(), rate=None, once=True)
    journal.begin(time.monotonic() + 0.1)
    shopper.shop()
    tally = journal.report()["tally"]
    assert (tally["failed"], tally["warm_up"]) == (1, 0)


def test_who_comes_once_comes_once(visitor):
    shopper, journal = visitor(lambda shopper, lab: shopper.view_cart(), once=True)
    shopper.shop()
    assert journal.report()["tally"]["failed"] == 1


def test_a_journal_keeps_no_exchange(tmp_path):
    journal = Journal("x", tmp_path / "exchanges.jsonl", 0.0)

    def note(times):
        for number in range(times):
            headers, body = {"X-Served-By": "A", "X-Instance": "a1"}, bytes(2000)
            exchange = Exchange(
                *(f"x-{number}", "c1-1", "GET", "/api/cart", None, 1.0, 2.0, 200, OpStatus.OK),
                *({}, b"", headers, body),
            )
            journal.append(exchange)

    note(100)
    tracemalloc.start()
    try:
        note(3000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        journal.close()
    assert kept < 100_000  # of 6 MB that went by
    assert len((tmp_path / "exchanges.jsonl").read_bytes().splitlines()) == 3100
