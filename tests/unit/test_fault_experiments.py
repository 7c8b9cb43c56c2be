"""The crash, restart, outage, scale-out and storage experiments: verdicts from given numbers."""

import dataclasses
import json
from dataclasses import replace

import pytest

from lab.evidence.exchange import Exchange, OpStatus
from lab.evidence.result import Verdict
from lab.experiments import crash, restart_all, scale_out, storage, store_outage
from lab.experiments.footprint import Footprint
from lab.report.wording import observed
from lab.shop.cart import SessionState
from lab.variants.next_version import NextSessionState

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
CARTS = {
    "carts_acknowledged": 6,
    "carts_kept": 6,
    "carts_unknown": 0,
    "reads_of_carts": 12,
    "reads_kept": 12,
    "kill_confirmed": True,
    "restarts_confirmed": 2,
    "control_kept": 6,
}


def exchange(at_s=0.0, *, status=200, body=None, replica="A", instance="1", ms=0.0, **more):
    headers = {"X-Served-By": replica, "X-Instance": instance}
    return Exchange(
        op="variant-1",
        customer="John",
        method="GET",
        path="/api/cart",
        target=None,
        at_s=at_s,
        elapsed_ms=ms,
        status=status,
        outcome=OpStatus.OK if status and status < 400 else OpStatus.FAILED,
        request_headers={},
        request_body=b"",
        response_headers=headers if status not in (None, 502) else {},
        response_body=json.dumps(body).encode(),
        **more,
    )


def variants(**measurements):
    """What variants measured, by name."""
    return {name.replace("_", "-"): measured for name, measured in measurements.items()}


# --- crash

CRASHED = CARTS | {"predicted_lost": [], "observed_lost": [], "sets_equal": True}
TWO_LOST = {
    "carts_kept": 4,
    "predicted_lost": ["John", "Bob"],
    "observed_lost": ["John", "Bob"],
}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, HOLDS, "6 of 6"),
        (TWO_LOST, FAILS, "4 of 6"),
        (TWO_LOST | {"sets_equal": False}, UNKNOWN, "other carts"),
        # Nothing was predicted, and yet carts are gone: that is what refutes the claim.
        (TWO_LOST | {"predicted_lost": [], "sets_equal": False}, FAILS, "4 of 6"),
        ({"control_kept": 5}, UNKNOWN, "before any server was killed"),
        ({"kill_confirmed": False}, UNKNOWN, "not confirmed"),
        ({"kill_confirmed": None}, UNKNOWN, "not confirmed"),
        ({"carts_acknowledged": 0, "control_kept": 0}, UNKNOWN, "no change was acknowledged"),
        ({"carts_unknown": 1}, UNKNOWN, "could not be read"),
        ({"reads_of_carts": 0}, UNKNOWN, "no cart was read"),
    ],
)
def test_crash_observes(changes, verdict, words):
    seen = crash.observe(CRASHED | changes)
    assert seen.verdict is verdict
    assert words in observed(seen)


@pytest.mark.parametrize(
    ("stateful", "stateless", "choice"),
    [
        ([], [], 0),
        (["John", "Bob"], [], 1),
        (["John"], ["John"], 2),
        (["John", "Bob", "Alice"], [], 3),
        (None, [], None),
    ],
)
def test_crash_knows_which_choice_came_true(stateful, stateless, choice):
    seen = variants(
        stateful={"carts_acknowledged": 3, "observed_lost": stateful},
        stateless={"carts_acknowledged": 3, "observed_lost": stateless},
    )
    assert crash.QUESTION.observed(seen) == choice


# --- restart-all

RESTARTED = CARTS | {
    "traffic_requests": 90,
    "traffic_unanswered": 30,
    "traffic_refused": 0,
    "upgrade_refused": 0,
    "recovery_s": 0.81,
}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, HOLDS, "30 of 90 requests met no server; 0.81 s without"),
        ({"recovery_s": None}, HOLDS, "met no server"),
        ({"carts_kept": 0}, FAILS, "0 of 6"),
        ({"traffic_refused": 2}, FAILS, "2 requests refused by a server that was up"),
        ({"upgrade_refused": 1}, FAILS, "1 requests refused by a server that was up"),
        ({"restarts_confirmed": 0}, UNKNOWN, "no restart"),
        ({"kill_confirmed": False}, UNKNOWN, "not confirmed"),
        ({"control_kept": 5}, UNKNOWN, "before any server was restarted"),
        ({"carts_acknowledged": 0}, UNKNOWN, "no change was acknowledged"),
    ],
)
def test_restart_all_observes(changes, verdict, words):
    seen = restart_all.observe(RESTARTED | changes)
    assert seen.verdict is verdict
    assert words in observed(seen)


@pytest.mark.parametrize(
    ("status", "refused"), [(200, False), (401, True), (503, False), (None, False)]
)
def test_server_that_is_away_or_broken_refuses_no_customer(status, refused):
    assert restart_all.is_refusal(exchange(status=status)) is refused


def test_recovery_is_from_the_last_answer_of_one_life_to_the_first_of_the_next():
    traffic = [
        exchange(1.0, instance="1", ms=100),
        exchange(1.5, status=502),
        exchange(1.6, replica="B", instance="7"),
        exchange(1.7, status=None),
        exchange(2.0, instance="2", ms=100),
        exchange(2.1, replica="B", instance="7"),
        exchange(2.5, replica="B", instance="8"),
    ]
    assert restart_all.recovery_s(traffic) == 1.0
    assert restart_all.recovery_s(traffic[:4]) is None
    assert restart_all.recovery_s([]) is None


@pytest.mark.parametrize(
    ("earned", "status", "afterwards", "kept"),
    [
        (1, 200, 1, True),
        (1, 200, 0, False),
        (1, 200, None, False),
        (1, 401, 1, None),
        (None, 200, None, None),
        (0, 200, 0, None),
    ],
)
def test_new_field_is_kept_lost_or_untried(earned, status, afterwards, kept):
    assert restart_all.kept(earned, exchange(status=status), afterwards) is kept


@pytest.mark.parametrize(
    ("body", "points"),
    [({"cart": {"points": 2}}, 2), ({"cart": {}}, None), ({"title": "no"}, None), ("x", None)],
)
def test_points_are_read_from_a_cart_that_shows_them(body, points):
    assert restart_all.points(exchange(body=body)) == points


@pytest.mark.parametrize(
    ("session", "token", "choice"),
    [
        (True, True, 0),
        (True, False, 1),
        (False, True, 2),
        (False, False, 3),
        (None, False, None),
        (True, None, None),
    ],
)
def test_restart_all_knows_which_choice_came_true(session, token, choice):
    field = "new_field_kept_by_a_change"
    seen = variants(memory={}, redis={field: session}, token={field: token})
    assert restart_all.QUESTION.observed(seen) == choice


def test_next_version_keeps_its_field_and_an_old_one_drops_it():
    new = NextSessionState.begin("123", "John").add("laptop", 2).add("pen", 1)
    assert new.cart()["points"] == 3
    assert NextSessionState.from_dict(new.to_dict()) == new
    old = SessionState.from_dict(new.to_dict())
    assert old.lines == new.lines
    assert "points" not in old.to_dict()
    assert NextSessionState.from_dict(old.to_dict()) == dataclasses.replace(new, points=0)


# --- store-outage

AWAY = {
    "carts_acknowledged": 4,
    "has_store": True,
    "kill_confirmed": True,
    "carts_lost_killed": 4,
    **{f"control_kept_{name}": 4 for name in ("killed", "paused")},
    **{f"asked_{name}": 4 for name in ("killed", "paused")},
    **{f"failed_{name}": 4 for name in ("killed", "paused")},
    "slowest_answer_s_killed": 0.02,
    "slowest_answer_s_paused": 0.31,
    "faults_unconfirmed": 0,
}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        (
            {},
            Verdict.AFFECTED,
            "8 of 8 requests failed while the store was away; 0.31 s for an answer",
        ),
        ({"failed_killed": 0}, Verdict.AFFECTED, "4 of 8"),
        ({"failed_killed": 0, "failed_paused": 0}, Verdict.NOT_AFFECTED, "0 of 8"),
        ({"faults_unconfirmed": 1}, UNKNOWN, "not seen to be paused"),
        (
            {
                "has_store": False,
                "kill_confirmed": None,
                "failed_killed": 0,
                "failed_paused": 0,
                "carts_lost_killed": 0,
            },
            Verdict.NOT_AFFECTED,
            "0 of 8",
        ),
        ({"kill_confirmed": False}, UNKNOWN, "not confirmed"),
        ({"kill_confirmed": None}, UNKNOWN, "not confirmed"),
        ({"carts_acknowledged": 0}, UNKNOWN, "no change was acknowledged"),
        ({"control_kept_killed": 3}, UNKNOWN, "before anything was broken"),
        ({"control_kept_paused": 3}, UNKNOWN, "before anything was broken"),
    ],
)
def test_store_outage_observes(changes, verdict, words):
    seen = store_outage.observe(AWAY | changes)
    assert seen.verdict is verdict
    assert words in observed(seen)


def test_outage_is_computed_from_what_was_asked():
    kept, lost = exchange(fate="kept"), exchange(status=401, fate="lost")
    without = [exchange(status=503, ms=310), exchange(status=None, ms=12), kept]
    measured = store_outage.outage("paused", [kept, kept], without, [kept, lost], 0.2)
    assert measured == {
        "control_kept_paused": 2,
        "asked_paused": 3,
        "failed_paused": 2,
        "shown_wrong_paused": 0,
        "slowest_answer_s_paused": 0.31,
        "recovery_s_paused": 0.2,
        "carts_lost_paused": 1,
        "carts_kept_paused": 1,
    }


def test_wrong_cart_that_is_shown_in_an_outage_is_no_answer():
    shown = [exchange(fate="kept"), exchange(fate="wrong"), exchange(status=401, fate="lost")]
    assert store_outage.outage("paused", [], shown, [], 0.2)["shown_wrong_paused"] == 1
    seen = store_outage.observe(AWAY | {"failed_paused": 3, "shown_wrong_paused": 1})
    assert seen.verdict is UNKNOWN
    assert "1 looks showed another cart" in observed(seen)


@pytest.mark.parametrize(
    ("plain", "on_disk", "choice"),
    [(4, 4, 0), (4, 0, 1), (0, 0, 2), (0, 4, None), (None, 0, None)],
)
def test_store_outage_knows_which_choice_came_true(plain, on_disk, choice):
    field = "carts_lost_killed"
    seen = variants(redis={field: plain}, redis_on_disk={field: on_disk}, token={field: 0})
    assert store_outage.QUESTION.observed(seen) == choice


# --- scale-out


def scaled(*, misrouted=0, load=1.0, speedup=3.6, **changes):
    steps = [
        {"servers": 1, "reads": 24, "misrouted": 0},
        {"servers": 4, "reads": 24, "misrouted": misrouted},
    ]
    return CARTS | {"steps": steps, "max_over_mean_load": load, "speedup": speedup} | changes


@pytest.mark.parametrize(
    ("measured", "verdict", "words"),
    [
        (scaled(), HOLDS, "48 of 48 reads saw the cart"),
        (scaled(), HOLDS, "3.6 times the work of 1 done by 4 servers"),
        (scaled(load=1.5), HOLDS, "1.5 times the mean load on the busiest"),
        (scaled(misrouted=1), FAILS, "47 of 48"),
        (scaled(load=4.0, speedup=1.0), FAILS, "4 times the mean load on the busiest"),
        (scaled(carts_acknowledged=0), UNKNOWN, "no change was acknowledged"),
        (scaled(reads_of_carts=0), UNKNOWN, "no cart was read"),
        (scaled(carts_unknown=2), UNKNOWN, "could not be read"),
    ],
)
def test_scale_out_observes(measured, verdict, words):
    seen = scale_out.observe(measured)
    assert seen.verdict is verdict
    assert words in observed(seen)


@pytest.mark.parametrize(
    ("replicas", "servers", "load"),
    [("ABCD", 4, 1.0), ("AAAA", 4, 4.0), ("AAB", 2, 1.33), ("A", 1, 1.0), ("", 4, 0.0)],
)
def test_busiest_server_is_held_against_an_even_share(replicas, servers, load):
    answers = [exchange(replica=name) for name in replicas]
    assert scale_out.max_over_mean(answers, servers) == load


def test_work_done_counts_answers_with_the_cart_only():
    answers = [exchange(fate="kept"), exchange(status=401, fate="lost"), exchange(status=None)]
    work = scale_out.work_done(answers, servers=1, seconds=0.5)
    assert (work["reads"], work["misrouted"], work["per_s"]) == (3, 2, 2.0)


@pytest.mark.parametrize(
    ("sticky", "token", "choice"),
    [(1.0, 1.5, 0), (4.0, 1.0, 1), (1.0, 4.0, 2), (4.0, 2.0, 3), (None, 1.0, None)],
)
def test_scale_out_knows_which_choice_came_true(sticky, token, choice):
    seen = variants(
        memory_affinity={"max_over_mean_load": sticky}, token={"max_over_mean_load": token}
    )
    assert scale_out.QUESTION.observed(seen) == choice


# --- storage

STORED = {
    "carts_acknowledged": 20,
    "customers_who_left": 20,
    "sessions_left": 0,
    "store_operations_per_request": 0.0,
    "bytes_written_per_request": 1.4,
    "files_seen": True,
    "look_bytes_sent": 400,
    "look_bytes_received": 700,
    "look_latency": {"n": 20, "p50_ms": 2.5},
    "stranger_latency": {"n": 20, "p50_ms": 2.2},
    "state_adds_ms": 0.3,
}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, HOLDS, "0 sessions left by 20 customers"),
        ({}, HOLDS, "1,100 bytes for a look at the cart; 2.5 ms for a look (median of 20)"),
        ({"sessions_left": 20}, FAILS, "20 sessions left"),
        ({"store_operations_per_request": 1.33}, FAILS, "1.33 store operations"),
        ({"carts_acknowledged": 0}, UNKNOWN, "no cart was acknowledged"),
        ({"state_adds_ms": None}, UNKNOWN, "no cart was acknowledged"),
    ],
)
def test_storage_observes(changes, verdict, words):
    seen = storage.observe(STORED | changes)
    assert seen.verdict is verdict
    assert words in observed(seen)


@pytest.mark.parametrize(
    ("written", "verdict"), [(None, HOLDS), (2.0, HOLDS), (17.0, FAILS), (-3.0, HOLDS)]
)
def test_server_that_writes_files_keeps_something_wherever_they_are(written, verdict):
    seen = storage.observe(STORED | {"bytes_written_per_request": written})
    assert seen.verdict is verdict
    assert ("17 bytes a request written" in observed(seen)) is (verdict is FAILS)


@pytest.mark.parametrize(
    ("before", "after", "each"), [(44, 444, 4.0), (None, 4, None), (4, None, None)]
)
def test_written_bytes_are_shared_among_the_requests(before, after, each):
    footprints = [Footprint(0, 0, 0, 0, 0, 0, written) for written in (before, after)]
    assert storage.written_per_request(*footprints, requests=100) == each


def test_bytes_written_for_requests_of_others_are_no_state_of_the_desk():
    before, after = (
        Footprint(0, 0, 0, 0, 0, 0, written, served) for written, served in ((50, 7), (1_050, 507))
    )
    assert storage.written_per_request(before, after, requests=100) == 2.0
    less = replace(after, requests_served=57)  # a server that was restarted counts anew
    assert storage.written_per_request(before, less, requests=100) == 10.0


def test_growth_counts_every_place_and_scales_bytes_to_a_thousand():
    before = Footprint(1, 0, 0, 50_000, 0, 1_000)
    after = Footprint(3, 4, 5, 60_000, 400, 3_000)
    grown = storage.growth(before, after, customers=100)
    assert grown == {
        "customers_who_left": 100,
        "sessions_left": 11,
        "sessions_left_in_processes": 2,
        "sessions_left_in_files": 4,
        "keys_left_in_store": 5,
        "file_bytes_per_1000": 4_000,
        "store_bytes_per_1000": 20_000,
        "process_bytes_more_coarse": 10_000,
    }


def test_cost_of_state_is_measured_from_answers_only():
    looks = [exchange(ms=2.0), exchange(ms=4.0), exchange(status=401, ms=9.0)]
    wire = storage.on_the_wire(looks, [exchange(ms=1.0), exchange(status=503, ms=0.1)])
    assert (wire["look_latency"]["n"], wire["look_latency"]["p50_ms"]) == (2, 3.0)
    assert wire["state_adds_ms"] == 2.0
    assert storage.on_the_wire([], looks)["state_adds_ms"] is None
    assert storage.on_the_wire(looks, [])["state_adds_ms"] is None


@pytest.mark.parametrize(
    ("redis", "token", "choice"),
    [(0, 0, 0), (7, 0, 1), (20, 0, 2), (20, 20, 3), (None, 0, None)],
)
def test_storage_knows_which_choice_came_true(redis, token, choice):
    def left(sessions):
        return {} if sessions is None else {"sessions_left": sessions, "customers_who_left": 20}

    assert storage.QUESTION.observed(variants(redis=left(redis), token=left(token))) == choice


# --- all of them


@pytest.mark.parametrize("module", [crash, restart_all, store_outage, scale_out, storage])
def test_question_has_two_to_four_choices_and_no_answer_without_a_run(module):
    question = module.QUESTION
    assert 2 <= len(question.choices) <= 4
    assert len(set(question.choices)) == len(question.choices)
    assert question.explanation
    assert question.observed({}) is None
    assert (
        question.observed(variants(**{v.name.replace("-", "_"): {} for v in module.VARIANTS}))
        is None
    )


@pytest.mark.parametrize(
    ("module", "subjects"),
    [
        (restart_all, {"token"}),
        (scale_out, {"token"}),
        (store_outage, {"redis", "redis-on-disk"}),
    ],
)
def test_claim_is_about_these_variants(module, subjects):
    assert {variant.name for variant in module.VARIANTS if module.ABOUT(variant)} == subjects
