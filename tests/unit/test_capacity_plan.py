"""Constants and assumptions to machines: what must be true whatever was measured."""

import io
import json
from dataclasses import replace

import pytest
from click import ClickException
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lab.capacity import constants as kept
from lab.capacity import constants_view, view
from lab.capacity.assumptions import Assumptions
from lab.capacity.constants import Constant, Constants, ConstantsRow, Measured
from lab.capacity.crossings import (
    CapacityPlan,
    Crossing,
    crossings,
    first,
    lines_where,
    steps,
    users_range,
)
from lab.capacity.intervals import NEED_RESULTS, intervals
from lab.capacity.rules import need
from lab.cli.plan import plan as command
from lab.core.errors import LabError
from lab.core.json_object import json_text
from lab.core.page import Figure, Graph
from lab.core.units import DAY_S
from lab.report.log_chart import log_chart, short
from stateful_app.config import Config as StatefulConfig
from stateless_app.config import Config as StatelessConfig

WHERE = Measured("run-1", "2026-01-01T00:00:00+00:00", "a CPU", 2, "Linux", "3", "1", "8", 20.0)
REQUESTS = {"login": (0,), "read": (1, 50), "write": (1, 50), "logout": (0,)}


def exact(what, of, lines, value, n=10):
    return Constant(what, of, lines, value, value, value, n)


def row(
    name="token", cpu=1000.0, operations=0.0, in_store=0.0, in_process=0.0, in_files=0.0,
    another=1.0, at_rest=1e7, spread=0.0, per_line=2.0,
):  # fmt: skip
    """A row as it might have been measured; requests take `cpu` µs at a server."""
    found = []
    for kind, sizes in REQUESTS.items():
        for lines in sizes:
            low, high = cpu * (1 - spread), cpu * (1 + spread)
            found += [
                Constant("desk_cpu", kind, lines, cpu, low, high, 100),
                exact("balancer_cpu", kind, lines, 100.0),
                exact("store_cpu", kind, lines, 40.0 * operations),
                exact("store_operations", kind, lines, operations),
                exact("request_bytes", kind, lines, 200.0 + per_line * lines),
                exact("answer_bytes", kind, lines, 500.0 + 100 * lines),
            ]
    for of, sizes in (("session", (0, 1, 50)), ("write", (1, 50)), ("logout", (0,))):
        for lines in sizes:
            there = of == "session"
            found.append(exact("in_files", of, lines, there * in_files * (1 + lines)))
            found.append(exact("in_store", of, lines, there * in_store))
    if in_process:
        found.append(exact("in_process", "session", 0, in_process))
    if operations:
        found.append(exact("at_rest", "store", 0, 6e6))
    found += [
        exact("at_rest", "server", 0, at_rest),
        exact("served_by_another", "read", 0, another),
    ]
    return ConstantsRow(name, "stateless" if name.startswith("token") else "stateful", tuple(found))


def plan(*rows, **assumed):
    return CapacityPlan(Constants(WHERE, rows), Assumptions(**assumed))


ROWS = (
    row("memory", in_process=400.0, another=0.0),
    row("file", in_files=100.0),
    row("redis", operations=1.5, in_store=300.0),
    row("token"),
)
a_plan = st.builds(
    Assumptions,
    users=st.integers(1, 10**9),
    actions_per_user_s=st.floats(1e-6, 1),
    actions_per_visit=st.integers(2, 100),
    visit_length_s=st.floats(1, 1e5),
    logout_share=st.floats(0, 1),
    read_share=st.floats(0, 1),
    cart_lines=st.integers(1, 50),
    session_lifetime_s=st.floats(1, 1e7),
    peak_factor=st.floats(1, 100),
    cores_per_machine=st.integers(1, 128),
    memory_per_machine=st.floats(1e8, 1e12),
    network_per_machine=st.floats(1e6, 1e11),
    target_utilisation=st.floats(0.1, 1),
    replicas_min=st.integers(1, 10),
)
a_row = st.sampled_from(ROWS)


# --- properties


@given(a_row, a_plan)
def test_users_never_need_less_when_there_are_more(measured, assume):
    small = need(measured, ROWS[1], assume)
    large = need(measured, ROWS[1], replace(assume, users=assume.users * 2))
    for part in ("desk", "balancer", "store"):
        if (before := getattr(small, part)) is not None:
            after = getattr(large, part)
            assert after.machines >= before.machines
            assert after.cores >= before.cores
            assert after.memory_bytes >= before.memory_bytes
    assert large.servers >= small.servers
    assert not (small.impossible and not large.impossible)


@given(a_row, a_plan)
def test_row_without_a_store_asks_none(measured, assume):
    needed = need(measured, ROWS[1], assume)
    assert (needed.store is None) == (measured.name != "redis")
    assert (needed.store_operations_s > 0) == (measured.name == "redis")


@given(a_row, a_plan)
def test_machines_are_enough_and_one_less_is_not(measured, assume):
    needed = need(measured, ROWS[1], assume)
    for part in (needed.desk, needed.balancer, needed.store):
        if part is not None:
            fullest = part.by_resource[part.binds]
            assert fullest == max(part.by_resource.values())
            assert part.machines >= fullest
            assert part.machines == 1 or part.machines - 1 < fullest


@given(a_plan)
def test_requests_of_all_kinds_add_up(assume):
    assert sum(assume.mean_rates.values()) == pytest.approx(assume.requests_s)
    assert min(assume.mean_rates.values()) >= 0


@given(a_plan, st.floats(1, 1e7))
def test_no_window_is_busier_than_the_peak_nor_than_its_days(assume, window_s):
    busiest = assume.busiest_s(window_s)
    assert window_s <= busiest * 1.000001
    assert busiest <= window_s * assume.peak_factor
    assert busiest <= window_s + DAY_S


# --- by hand


def test_plan_worked_out_by_hand():
    # 1 M users × 86.4 actions a day = 1,000 requests/s, 3,000 at the peak, 1 ms each, half full.
    needed = need(
        ROWS[2],
        None,
        Assumptions(
            users=1_000_000,
            actions_per_user_s=86.4 / DAY_S,
            target_utilisation=0.5,
            cores_per_machine=4,
            logout_share=0.0,
            visit_length_s=400,
        ),
    )
    assert needed.requests_s == pytest.approx(1000)
    assert needed.servers == 6
    assert needed.desk.machines == 2
    assert needed.store_operations_s == pytest.approx(4500)
    # 300 visits begin each second of the peak, and stay for 400 s and an hour.
    assert needed.sessions == pytest.approx(300 * 4000)
    assert needed.store.memory_bytes == pytest.approx(300 * 4000 * 300 + 6e6)
    assert needed.machines == 2 + 1 + 1


def test_line_adds_to_a_process_what_it_adds_to_a_file():
    one, many = (
        need(ROWS[0], ROWS[1], Assumptions(users=1, cart_lines=lines)).desk.memory_bytes
        for lines in (1, 50)
    )
    alive = Assumptions(users=1).visits_alive
    assert many - one == pytest.approx(alive * 49 * 100, rel=1e-3)


def test_limit_of_one_server_is_said_with_what_was_seen():
    few, many = (need(ROWS[0], None, Assumptions(users=users)) for users in (1000, 10**8))
    assert few.impossible is None and few.machines == 2
    assert "10 of 10 customers were not served" in many.impossible and many.machines is None


@pytest.mark.parametrize(
    ("changed", "binds"),
    [
        ({"memory_per_machine": 2e7}, "memory"),
        ({"network_per_machine": 1e5}, "network"),
        ({}, "cpu"),
    ],
)
def test_plan_names_what_decides(changed, binds):
    assert need(ROWS[3], None, Assumptions(users=10**7, **changed)).desk.binds == binds


def test_lifetime_assumed_is_the_desks_own():
    assert {StatefulConfig.max_age_s, StatelessConfig.max_age_s} == {
        Assumptions().session_lifetime_s
    }


def test_options_of_a_review_are_neutral_by_default():
    neutral = Assumptions(
        store_replicas=0,
        balancer_replicas=0,
        spare_machines=0,
        store_latency_s=0.0,
        tls_handshake_s=0.0,
        data_centres=1,
        price_core_hour=0.0,
        price_memory_hour=0.0,
        price_traffic=0.0,
    )
    assert neutral == Assumptions()
    for each in ROWS:
        needed = need(each, ROWS[1], neutral)
        assert [part.copies for part in needed.parts] == [0] * len(needed.parts)
        assert (needed.cost_month, needed.store_wait_s) == (None, 0.0)


def test_store_has_one_thread_whatever_the_cores_of_its_machine():
    # 60 µs of the store for a request, at 60 %: one core is full at 10,000 requests a second.
    full = 10_000 / Assumptions().peak_factor / Assumptions().actions_per_user_s
    for cores in (8, 64):
        for users, machines in ((full * 0.99, 1), (full * 1.01, 2), (full * 3.99, 4)):
            assume = Assumptions(users=int(users), cores_per_machine=cores)
            store = need(row("redis", operations=1.5), None, assume).store
            assert (store.machines, store.binds) == (machines, "cpu"), (cores, users)


def test_replicas_and_spare_machines_are_added_to_what_the_load_needs():
    plain = need(ROWS[2], None, Assumptions(users=10**9))
    more = Assumptions(users=10**9, store_replicas=2, balancer_replicas=1, spare_machines=1)
    sure = need(ROWS[2], None, more)
    assert sure.desk.all_machines == plain.desk.machines + 1
    assert sure.balancer.all_machines == 2 * plain.balancer.machines + 1
    assert sure.store.all_machines == 3 * plain.store.machines + 1
    assert sure.machines == sum(part.all_machines for part in sure.parts)


def test_waiting_for_the_store_takes_threads_and_no_cores():
    near = need(ROWS[2], None, Assumptions(users=10**8))
    far = need(ROWS[2], None, Assumptions(users=10**8, store_latency_s=0.07))
    assert far.desk.cores == near.desk.cores
    assert far.store_wait_s == pytest.approx(1.5 * 0.07)
    # A thread works for 1 ms and waits for 105 ms; eight of them are busy to 60 %.
    busy = far.requests_peak_s * (0.001 + 0.105)
    assert far.servers == pytest.approx(busy / 8 / 0.6, abs=1)
    token = Assumptions(users=10**8, store_latency_s=0.07)
    assert need(ROWS[3], None, token) == need(ROWS[3], None, Assumptions(users=10**8))


def test_tls_costs_a_handshake_for_each_visit():
    plain = need(ROWS[3], None, Assumptions(users=10**8))
    tls = need(ROWS[3], None, Assumptions(users=10**8, tls_handshake_s=0.001))
    visits = Assumptions(users=10**8).rates["login"]
    assert tls.balancer.cores - plain.balancer.cores == pytest.approx(visits * 0.001 / 0.6)
    assert tls.answer_bytes_s - plain.answer_bytes_s == pytest.approx(visits * 4000)
    assert tls.desk.cores == plain.desk.cores


@given(a_row, a_plan, st.integers(2, 5))
def test_data_centres_share_the_users_and_each_has_all_parts(measured, assume, centres):
    shared = need(measured, ROWS[1], replace(assume, data_centres=centres, users=assume.users))
    one = need(measured, ROWS[1], replace(assume, users=-(-assume.users // centres)))
    assert shared.servers == one.servers * centres
    assert shared.machines == (one.machines * centres if one.machines else None)
    for part, single in zip(shared.parts, one.parts, strict=True):
        assert part.machines == single.machines * centres >= centres


def test_cost_is_that_of_machines_and_mean_traffic_for_a_month():
    assume = Assumptions(
        users=10**8,
        memory_per_machine=10e9,
        price_core_hour=0.05,
        price_memory_hour=0.01,
        price_traffic=0.08,
    )
    needed = need(ROWS[3], None, assume)
    machine = 8 * 0.05 + 10 * 0.01
    gigabytes = needed.answer_bytes_s / 3 * 730 * 3600 / 1e9
    assert needed.cost_month == pytest.approx(
        needed.machines * machine * 730 + gigabytes * 0.08, rel=1e-6
    )
    assert need(ROWS[0], None, assume).cost_month is None  # no machines are enough


@given(
    a_plan,
    st.floats(0, 0.9),
    st.floats(0, 0.1),
    st.integers(1, 3),
)
def test_every_result_has_an_interval_that_contains_it(assume, spread, latency_s, centres):
    assume = replace(assume, store_latency_s=latency_s, data_centres=centres, price_core_hour=1.0)
    whole = CapacityPlan(
        Constants(WHERE, (row("redis", operations=1.5, spread=spread), row(spread=spread))), assume
    )
    found = intervals(whole)
    assert {(each.row, each.result) for each in found} == {
        (name, result) for name in ("redis", "token") for result in NEED_RESULTS
    }
    for each in found:
        assert each.low <= each.value <= each.high, each


# --- where lines step and cross


@given(st.integers(1, 10**12))
def test_threshold_is_found_exactly(at):
    assert first(lambda users: users >= at) == at


def test_step_is_where_the_second_machine_comes():
    whole = plan(*ROWS)
    for step in steps(whole):
        before, after = (whole.at(step.row, step.users + d) for d in (-1, 0))
        if step.part == "row":
            assert before.impossible is None and after.impossible
        else:
            assert getattr(before, step.part).machines == 1
            assert getattr(after, step.part).machines == 2


# A store's machine more at first; fewer machines later, as a request takes half as much.
SMALL, LARGE = row("redis", cpu=500.0, operations=0.1), row("token", cpu=1000.0)


def test_lines_that_cross_are_found_where_they_do():
    whole = plan(SMALL, LARGE, users=10**7)
    found = crossings(whole, users_range(10**7))
    last = found[-1]
    assert (last.more, last.less, last.settled, last.certain) == ("token", "redis", True, True)
    assert whole.at("token", last.users).machines > whole.at("redis", last.users).machines
    assert whole.at("token", 1000).machines < whole.at("redis", 1000).machines


def test_lines_that_cross_within_the_spread_are_not_certain():
    wide = plan(
        row("redis", cpu=500.0, operations=0.1, spread=0.9), row("token", spread=0.9), users=10**7
    )
    found = crossings(wide, users_range(10**7))
    assert found and not any(each.certain for each in found)
    assert "too close to tell" in view.crossings_text(found, [1, 2]).plain
    assert "no two rows' machines cross" in view.crossings_text(found, [1, 2]).plain


def test_parallel_lines_do_not_cross():
    assert crossings(plan(row("a"), row("token", cpu=2000.0)), users_range(10**7)) == []


def test_crossing_is_where_one_row_needs_more():
    whole = plan(row("redis", per_line=0.0, operations=1), row("token", per_line=2.0))
    traffic = lambda each: each.request_bytes_s  # noqa: E731
    assert lines_where(whole, traffic, "token", "redis") == 1
    assert lines_where(whole, traffic, "redis", "token") is None


# --- constants: kept, read back, and hostile


def test_constants_are_read_back_as_they_were(tmp_path):
    constants = Constants(WHERE, ROWS)
    path = kept.save(constants, tmp_path)
    assert kept.load(path) == kept.load(tmp_path) == constants


def test_newest_finished_measurement_is_found(tmp_path):
    assert kept.newest(tmp_path) is None
    (tmp_path / "20260101-000000-constants").mkdir()  # stopped early: it has no constants
    assert kept.newest(tmp_path) is None
    folder = tmp_path / "20250101-000000-constants"
    folder.mkdir()
    path = kept.save(Constants(WHERE, ROWS), folder)
    assert kept.newest(tmp_path) == path


def edited(path, value):
    document = json.loads(json_text(Constants(WHERE, ROWS)))
    *way, last = path
    there = document
    for step in way:
        there = there[step]
    there[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 1),
        (("schema",), 3),
        (("schema",), "1"),
        (("schema",), True),
        (("rows",), []),
        (("rows",), None),
        (("rows",), {"a": 1}),
        (("rows", 0, "name"), ""),
        (("rows", 0, "name"), "a\x1b[2J"),
        (("rows", 0, "name"), "token"),
        (("rows", 0, "app"), "other"),
        (("rows", 0, "constants"), []),
        (("rows", 0, "constants"), [1]),
        (("rows", 0, "constants", 0, "what"), "__class__"),
        (("rows", 0, "constants", 0, "of"), None),
        (("rows", 0, "constants", 0, "value"), -1),
        (("rows", 0, "constants", 0, "value"), "1"),
        (("rows", 0, "constants", 0, "value"), True),
        (("rows", 0, "constants", 0, "value"), float("nan")),
        (("rows", 0, "constants", 0, "value"), float("inf")),
        (("rows", 0, "constants", 0, "high"), 10**400),
        (("rows", 0, "constants", 0, "low"), 1e9),
        (("rows", 0, "constants", 0, "n"), 0),
        (("rows", 0, "constants", 0, "n"), 1.5),
        (("rows", 0, "constants", 0, "lines"), -1),
        (("measured",), None),
        (("measured", "cores"), True),
        (("measured", "seconds"), float("nan")),
        (("measured", "run"), "a\nb"),
        (("measured", "cpu"), "x" * 10_000),
    ],
)
def test_damaged_document_gets_a_clear_error(tmp_path, path, value):
    file = tmp_path / "constants.json"
    file.write_text(json.dumps(edited(path, value)))
    with pytest.raises(LabError, match="lab plan --measure") as error:
        kept.load(file)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", "[]", "{}", '{"schema": 1}'])
def test_constants_that_are_no_document_get_a_clear_error(tmp_path, text):
    file = tmp_path / "constants.json"
    file.write_text(text)
    with pytest.raises(LabError, match="lab plan --measure"):
        kept.load(file)


def test_constant_that_is_missing_is_named():
    lacking = replace(ROWS[3], constants=tuple(c for c in ROWS[3].constants if c.of != "logout"))
    with pytest.raises(LabError, match=r"of logout was not measured for token.*--measure"):
        need(lacking, None, Assumptions())


@given(st.integers(1, 50))
def test_cost_between_two_measured_carts_is_on_the_line(lines):
    assert ROWS[3].value("answer_bytes", "read", lines) == pytest.approx(500 + 100 * lines)


@pytest.mark.parametrize("lines", [0, 51, 500])
def test_plan_extrapolates_nothing(lines):
    with pytest.raises(LabError, match="cart-lines"):
        ROWS[3].value("answer_bytes", "read", lines)
    with pytest.raises(LabError, match="cart-lines"):
        Constants(WHERE, ROWS).require_carts_of(lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--users", "0"), "whole number"),
        (("--users", "1e400"), "such as 12, 5000"),
        (("--actions-per-user", "20/fortnight"), "20/day"),
        (("--memory-per-machine", "nan"), "16GiB"),
        (("--reads", "-1"), "80%"),
        (("--target-utilisation", "0"), "more than 0"),
        (("--cart-lines", "400"), "nothing is extrapolated"),
        (("--cart-lines", "0"), "1<=x<=500"),
        (("--quick",), "--measure"),
        (("--store-latency", "3651d"), "at most 3650d"),
        (("--store-latency", "-1ms"), "give a duration"),
        (("--tls-handshake", "nan"), "give a duration"),
        (("--data-centres", "0"), "1<=x<=100"),
        (("--store-replicas", "-1"), "0<=x<=20"),
        (("--spare-machines", "1000"), "0<=x<=100"),
        (("--price-core", "-1"), "a price, such as 0.04"),
        (("--price-memory", "1e9"), "a price, such as 0.04"),
        (("--price-traffic", "9999999"), "at most 1,000,000"),
    ],
)
def test_bad_input_gets_a_clear_error(tmp_path, arguments, words):
    folder = tmp_path / "20260101-000000-constants"
    folder.mkdir()
    kept.save(Constants(WHERE, ROWS), folder)
    with pytest.raises((LabError, ClickException)) as error:
        command.main([*arguments, "--out", str(tmp_path)], standalone_mode=False)
    assert words in str(error.value)
    assert not (folder / "plan.svg").exists()


# --- what is shown


def shown(part, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(part)
    return console.file.getvalue()


def test_every_constant_is_shown_with_its_n_and_its_run():
    constants = Constants(WHERE, (row("redis", cpu=1234.0, operations=1.0, in_store=321.0),))
    text = shown(constants_view.constants_view(constants))
    for each in ("run-1", "2026-01-01", "1.23 k", "321", "100", "processor time of a server, µs"):
        assert each in text, text


def test_tables_fit_a_terminal_of_80_columns():
    whole = plan(*ROWS, users=50_000_000)
    needs = whole.needs()
    between = view.interval_tables(intervals(whole))
    for part in (view.needs_table(needs), view.machines_table(needs, steps(whole)), *between):
        text = shown(part)
        assert "…" not in text, text
        assert all(each.name in text for each in ROWS)


def test_chart_has_a_line_for_each_row_and_no_script():
    lines = [
        Graph("token", "stateless", [(1e3, 2), (1e6, 2), (1e8, 9)]),
        Graph("<script>alert(1)</script>", "stateful", [(0, 1), (1e3, 1), (1e5, 1), (1e6, None)]),
    ]
    figure = Figure("Machines", "users", "machines", lines, logarithmic=True, note="a note")
    svg = log_chart(figure, 5e7)
    assert svg == log_chart(figure, 5e7)
    assert "<script" not in svg and "href" not in svg and "@import" not in svg
    for each in ("token", "Machines", "a note", "50M users", "100k", "&lt;script&gt;"):
        assert each in svg, each


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (999, "999"), (1000, "1k"), (5e7, "50M"), (1e12, "1T")]
)
def test_axis_is_labelled_short(value, text):
    assert short(value) == text


def test_crossing_is_one_sentence_for_each_place():
    found = [Crossing("b", "a", 1000, True, True), Crossing("b", "c", 1000, True, True)]
    text = view.crossings_text(found, [1, 2]).plain
    assert text == "from 1 k users on b needs more machines than a, c, and fewer before"
