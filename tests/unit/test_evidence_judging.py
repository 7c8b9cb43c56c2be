"""A verdict follows from measurements, and from nothing if they are no evidence."""

import pytest

from lab.evidence.record import Record
from lab.evidence.result import (
    ExperimentResult,
    Judgement,
    Knobs,
    Variant,
    VariantResult,
    Verdict,
    exit_status,
)
from lab.experiments.judging import (
    answers_alike,
    both_keep,
    every_read_keeps,
    survives_kill,
    survives_restarts,
)

HOLDS, FAILS, DEPENDS, UNKNOWN = Verdict
GOOD = {
    "carts_acknowledged": 3,
    "carts_kept": 3,
    "carts_lost": 0,
    "carts_wrong": 0,
    "carts_duplicated": 0,
    "carts_unknown": 0,
    "reads_of_carts": 6,
    "reads_kept": 6,
    "kill_confirmed": True,
    "restarts_confirmed": 3,
    "requests": 12,
    "requests_unanswered": 0,
}
LOST = {**GOOD, "carts_kept": 1, "carts_lost": 2, "reads_kept": 2}


def lane(app, measurements, trouble=None, **knobs):
    variant = Variant(app, app, Knobs(**knobs))
    return VariantResult(variant, Record(app), dict(measurements), trouble)


def both(stateful, stateless=GOOD, **knobs):
    return [lane("stateful", stateful, **knobs), lane("stateless", stateless, **knobs)]


ALL = [survives_kill, survives_restarts, every_read_keeps, both_keep, answers_alike]
FAULTS = [survives_kill, survives_restarts]


@pytest.mark.parametrize("judge", [survives_kill, survives_restarts, every_read_keeps])
def test_the_textbook(judge):
    """Memory loses, the token keeps: the claim holds and nothing surprises."""
    judged = judge(both(LOST))
    assert (judged.verdict, judged.surprises) == (HOLDS, ())
    assert "stateless" in judged.because
    assert "(memory)" in judged.because


@pytest.mark.parametrize("judge", [survives_kill, survives_restarts, every_read_keeps])
@pytest.mark.parametrize("store", ["redis", "file", "redis://127.0.0.1:6379/0"])
def test_a_shared_store_is_expected_to_keep(judge, store):
    assert judge(both(GOOD, store=store)).surprises == ()
    (surprise,) = judge(both(LOST, store=store)).surprises
    assert "expected to keep everything" in surprise


@pytest.mark.parametrize("judge", [survives_kill, survives_restarts, every_read_keeps])
def test_a_memory_that_survives_is_a_surprise(judge):
    judged = judge(both(GOOD))
    assert judged.verdict is HOLDS
    (surprise,) = judged.surprises
    assert "expected to lose something" in surprise


def test_with_one_server_every_read_finds_its_memory():
    assert every_read_keeps(both(GOOD, servers=1)).surprises == ()
    assert every_read_keeps(both(LOST, servers=1)).surprises != ()


@pytest.mark.parametrize("judge", [survives_kill, survives_restarts, every_read_keeps])
def test_a_loss_at_the_stateless_desk_refutes_the_claim(judge):
    assert judge(both(LOST, LOST)).verdict is FAILS


@pytest.mark.parametrize("fate", ["lost", "wrong", "duplicated"])
@pytest.mark.parametrize("judge", [survives_kill, survives_restarts, both_keep])
def test_wrong_and_duplicated_are_losses_too(judge, fate):
    bad = {**GOOD, "carts_kept": 2, f"carts_{fate}": 1}
    judged = judge(both(bad, bad))
    assert judged.verdict is FAILS
    assert judged.because.startswith("2 of 3")


def test_one_read_that_does_not_show_the_cart_refutes_any_server():
    judged = every_read_keeps(both(LOST, {**GOOD, "reads_kept": 5}))
    assert judged.verdict is FAILS
    assert judged.because.startswith("5 of 6 acknowledged reads")


def test_the_control_expects_both_to_keep():
    assert both_keep(both(GOOD)) == Judgement(HOLDS, both_keep(both(GOOD)).because)
    assert both_keep(both(LOST)).surprises != ()


def test_a_script_without_expectation():
    assert answers_alike(both(GOOD)).verdict is HOLDS
    judged = answers_alike(both(LOST))
    assert judged.verdict is DEPENDS
    assert "stateful 2, stateless 0" in judged.because


STARVED = [
    {"carts_acknowledged": 0, "carts_kept": 0, "reads_of_carts": 0, "reads_kept": 0},
    {"reads_of_carts": 0, "reads_kept": 0},
    {"carts_unknown": 1, "carts_kept": 2},
]


@pytest.mark.parametrize("judge", ALL)
@pytest.mark.parametrize("starved", STARVED, ids=["no write", "no read", "unknown"])
@pytest.mark.parametrize("side", ["stateful", "stateless"])
def test_a_starved_lane_proves_nothing_on_either_side(judge, starved, side):
    lanes = both(LOST)
    next(each for each in lanes if each.variant.app == side).measurements.update(starved)
    judged = judge(lanes)
    assert judged.verdict is UNKNOWN
    assert judged.because.startswith(f"{side}: ")


@pytest.mark.parametrize("judge", ALL)
def test_trouble_on_either_side_proves_nothing(judge):
    for trouble in ({"stateful": "no store"}, {"stateless": "the log disagrees"}):
        lanes = [lane(app, GOOD, trouble.get(app)) for app in ("stateful", "stateless")]
        judged = judge(lanes)
        assert judged.verdict is UNKNOWN
        assert next(iter(trouble.values())) in judged.because


@pytest.mark.parametrize("judge", FAULTS)
@pytest.mark.parametrize("seen", [False, None])
@pytest.mark.parametrize("side", [0, 1])
def test_a_death_that_was_not_confirmed_proves_nothing(judge, seen, side):
    lanes = both(LOST)
    lanes[side].measurements["kill_confirmed"] = seen
    assert judge(lanes).verdict is UNKNOWN


def test_a_restart_that_was_not_confirmed_proves_nothing():
    lanes = both(LOST)
    lanes[1].measurements["restarts_confirmed"] = 0
    judged = survives_restarts(lanes)
    assert (judged.verdict, judged.because) == (UNKNOWN, "stateless: no restart was confirmed")
    assert survives_kill(lanes).verdict is HOLDS


def result(verdict, expected=HOLDS, surprises=(), broken=None):
    lanes = both(GOOD)
    lanes[0].broken_expectation = broken
    return ExperimentResult("x", "claim", Judgement(verdict, "", surprises), lanes, expected)


@pytest.mark.parametrize(
    ("given", "met"),
    [
        (result(HOLDS), True),
        (result(FAILS), False),
        (result(HOLDS, surprises=("!",)), False),
        (result(FAILS, expected=FAILS), True),
        (result(DEPENDS, expected=None), True),
        (result(FAILS, expected=None), True),
        (result(UNKNOWN), None),
        (result(UNKNOWN, expected=None), None),
        (result(HOLDS, broken="assert"), False),
        (result(UNKNOWN, broken="assert"), False),
    ],
)
def test_whether_an_expectation_was_met(given, met):
    assert given.met is met


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([result(HOLDS)], 0),
        ([result(HOLDS), result(HOLDS)], 0),
        ([result(FAILS)], 1),
        ([result(UNKNOWN)], 3),
        ([result(HOLDS), result(UNKNOWN)], 3),
        ([result(UNKNOWN), result(FAILS)], 1),
        ([], 3),
    ],
)
def test_exit_status(results, status):
    assert exit_status(results) == status


@pytest.mark.parametrize(
    ("store", "label"),
    [
        ("memory", "memory"),
        ("redis://:s3cret@db.example:6379/1", "redis://db.example:6379"),
        ("rediss://u:s3cret@db.example/1?password=s3cret", "rediss://db.example"),
        ("unix:///run/redis.sock?password=s3cret", "unix://"),
    ],
)
def test_a_store_is_named_without_its_password(store, label):
    assert Knobs(store=store).store_label == label
    assert "s3cret" not in Variant("stateful", "stateful", Knobs(store=store)).keeps
