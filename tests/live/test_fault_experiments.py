"""The crash, restart, outage, scale-out and storage experiments, each run once on real servers."""

from dataclasses import replace
from functools import cache

import pytest

from lab.evidence.result import Verdict
from lab.experiments import find
from lab.experiments.runner import Run
from lab.report import wording
from lab.report.charts import curve_of
from lab.stack.programs import find_store

NAMES = ("crash", "restart-all", "store-outage", "scale-out", "storage")
needs_store = pytest.mark.skipif(not find_store(), reason="no Valkey or Redis here")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run an experiment quickly, once a module; return its result."""

    @cache
    def run(name):
        experiment = find(name)
        performer = Run(tmp_path_factory.mktemp(name), quick=True)
        return performer.perform(experiment, experiment.variants)

    return run


def measured(result, variant):
    (found,) = [each for each in result.variants if each.name == variant]
    assert found.trouble is None
    return found.measurements


@needs_store
@pytest.mark.parametrize("name", NAMES)
def test_experiment_comes_out_as_expected_in_every_variant(ran, name):
    result = ran(name)
    assert result.verdict is result.expected is find(name).expected, wording.reasons(result)
    assert result.surprises == ()
    assert result.expectation_met
    seen = {each.name: each.verdict for each in result.variants}
    for variant in find(name).variants:
        if variant.expect:
            assert seen[variant.name] is variant.expect, seen


@needs_store
@pytest.mark.parametrize(
    ("name", "choice"),
    [("crash", 1), ("restart-all", 3), ("store-outage", 1), ("scale-out", 1), ("storage", 2)],
)
def test_question_has_an_answer(ran, name, choice):
    variants = {variant.name: variant.measurements for variant in ran(name).variants}
    assert find(name).question.observed(variants) == choice


def test_crash_loses_exactly_the_carts_that_were_predicted(ran):
    lost = measured(ran("crash"), "stateful")
    assert lost["kill_confirmed"] is True
    assert lost["control_kept"] == lost["carts_acknowledged"] == 12
    assert lost["predicted_lost"] == lost["observed_lost"] != []
    assert lost["carts_lost"] == len(lost["observed_lost"]) == 4
    kept = measured(ran("crash"), "stateless")
    assert kept["predicted_lost"] == kept["observed_lost"] == []
    assert kept["sets_equal"] and kept["carts_kept"] == 12


@needs_store
def test_upgrade_keeps_carts_and_shows_what_an_old_server_does_to_a_new_field(ran):
    result = ran("restart-all")
    assert measured(result, "memory")["carts_kept"] == 0
    for variant in ("redis", "token"):
        seen = measured(result, variant)
        assert seen["carts_kept"] == seen["carts_acknowledged"] == 4
        assert seen["restarts_confirmed"] == 2
        assert seen["upgrade_refused"] == 0
        assert 0 < seen["traffic_unanswered"] < seen["traffic_requests"]
        assert 0 < seen["recovery_s"] < 30
        assert seen["new_field_kept_by_a_look"] is True
        assert seen["new_field_kept_by_a_change"] is False


@needs_store
def test_store_that_is_away_fails_requests_at_once_and_loses_what_it_did_not_write(ran):
    result = ran("store-outage")
    for variant, lost in (("redis", 6), ("redis-on-disk", 0)):
        seen = measured(result, variant)
        assert seen["failed_killed"] == seen["failed_paused"] == 6
        # The promise is 1 s; the rest is for a machine that is busy with other tests.
        assert max(seen["slowest_answer_s_killed"], seen["slowest_answer_s_paused"]) < 3
        assert seen["carts_lost_killed"] == lost
        assert seen["carts_kept_paused"] == 6
    token = measured(result, "token")
    assert token["failed_killed"] == token["failed_paused"] == 0
    assert token["carts_kept_killed"] == token["carts_kept_paused"] == 6
    assert token["has_store"] is False


def test_new_server_takes_its_share_only_where_anybody_may_go(ran):
    result = ran("scale-out")
    assert [each["servers"] for each in measured(result, "token")["steps"]] == [1, 2]
    assert sum(each["misrouted"] for each in measured(result, "token")["steps"]) == 0
    assert measured(result, "token")["max_over_mean_load"] < 1.3
    assert sum(each["misrouted"] for each in measured(result, "memory-affinity")["steps"]) == 0
    assert measured(result, "memory-affinity")["max_over_mean_load"] == 2.0
    last = measured(result, "memory")["steps"][-1]
    assert 0 < last["misrouted"] < last["reads"]
    curves = [each for each in measured(result, "token").values() if curve_of(each)]
    assert [[x for x, _ in curve["points"]] for curve in curves] == [[1, 2]] * 2


@needs_store
def test_customer_who_leaves_without_logout_leaves_a_session_behind(ran):
    result = ran("storage")
    places = {
        "memory": "sessions_left_in_processes",
        "file": "sessions_left_in_files",
        "redis": "keys_left_in_store",
    }
    for variant, place in places.items():
        seen = measured(result, variant)
        assert seen[place] == seen["sessions_left"] == seen["customers_who_left"] == 20
        assert seen["look_latency"]["n"] == 20
    assert measured(result, "file")["file_bytes_per_1000"] > 50_000
    assert measured(result, "redis")["store_bytes_per_1000"] > 50_000
    assert 1 <= measured(result, "redis")["store_operations_per_request"] <= 3
    token = measured(result, "token")
    assert token["sessions_left"] == token["store_operations_per_request"] == 0
    redis = measured(result, "redis")
    assert token["look_bytes_sent"] > redis["look_bytes_sent"]


@pytest.mark.parametrize("name", ["crash", "scale-out"])
def test_run_in_which_nothing_happened_is_unknown(tmp_path, name):
    idle = replace(find(name), script=lambda shopper, lab: None)
    variants = [each for each in idle.variants if each.app == "stateless"]
    result = Run(tmp_path, quick=True).perform(idle, variants)
    assert result.verdict is Verdict.UNKNOWN
    assert result.expectation_met is None
