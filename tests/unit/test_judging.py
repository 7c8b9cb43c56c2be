"""A verdict follows from measurements, and from nothing if they are not evidence."""

from dataclasses import replace

import pytest

from lab import experiments
from lab.core.errors import ScriptMistake
from lab.core.statistics import share
from lab.evidence.record import Record
from lab.evidence.result import (
    Judgement,
    Kind,
    Observation,
    Settings,
    Surprise,
    Variant,
    VariantRun,
    Verdict,
)
from lab.evidence.run_document import ExperimentResult, exit_status
from lab.experiments.judging import (
    carts_kept,
    carts_lost,
    carts_survive_kill,
    carts_survive_restarts,
    expectation_met,
    harm,
    judge,
    kept_share,
    observe,
    reads_kept,
)
from lab.experiments.matrix import FILE, MEMORY, REDIS, TOKEN, TOKEN_DENYLIST, two_desks
from lab.report.wording import observed

HOLDS, FAILS, DEPENDS, UNKNOWN = (
    Verdict.HOLDS,
    Verdict.FAILS,
    Verdict.DEPENDS,
    Verdict.UNKNOWN,
)
AFFECTED, NOT_AFFECTED, CONFIRMED = (
    Verdict.AFFECTED,
    Verdict.NOT_AFFECTED,
    Verdict.CONFIRMED,
)
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

ALL = [carts_kept, carts_survive_kill, carts_survive_restarts, reads_kept]
FAULTS = [carts_survive_kill, carts_survive_restarts]


# One variant.


@pytest.mark.parametrize("look", ALL)
def test_variant_that_kept_everything_holds(look):
    seen = look(GOOD)
    assert seen.verdict is HOLDS
    assert observed(seen).startswith(
        "6 of 6 looks" if look is reads_kept else "3 of 3 acknowledged"
    )


@pytest.mark.parametrize("look", ALL)
def test_variant_that_lost_something_fails_and_says_how_much(look):
    seen = look(LOST)
    assert seen.verdict is FAILS
    assert observed(seen).startswith(
        "2 of 6 looks" if look is reads_kept else "1 of 3 acknowledged"
    )


@pytest.mark.parametrize("fate", ["lost", "wrong", "duplicated"])
@pytest.mark.parametrize("look", [carts_kept, *FAULTS])
def test_wrong_and_duplicated_are_losses_too(look, fate):
    assert look({**GOOD, "carts_kept": 2, f"carts_{fate}": 1}).verdict is FAILS


def test_read_that_does_not_show_the_cart_is_enough():
    assert reads_kept({**GOOD, "reads_kept": 5}).verdict is FAILS


STARVED = [
    ({"carts_acknowledged": 0, "carts_kept": 0}, "no change was acknowledged"),
    ({"reads_of_carts": 0, "reads_kept": 0}, "no cart was read"),
    ({"carts_unknown": 1, "carts_kept": 2}, "1 cart could not be read afterwards"),
]


@pytest.mark.parametrize("look", ALL)
@pytest.mark.parametrize("base", [GOOD, LOST], ids=["kept", "lost"])
@pytest.mark.parametrize(("starved", "why"), STARVED, ids=["no write", "no read", "unknown"])
def test_starved_variant_proves_nothing(look, base, starved, why):
    assert look({**base, **starved}) == Observation.unknown(why)


@pytest.mark.parametrize("look", FAULTS)
@pytest.mark.parametrize("seen", [False, None])
@pytest.mark.parametrize("base", [GOOD, LOST], ids=["kept", "lost"])
def test_death_that_was_not_confirmed_proves_nothing(look, seen, base):
    observation = look({**base, "kill_confirmed": seen})
    assert observation == Observation.unknown("the death of the server was not confirmed")


def test_restart_that_was_not_confirmed_proves_nothing():
    measured = {**GOOD, "restarts_confirmed": 0}
    observation = carts_survive_restarts(measured)
    assert observation == Observation.unknown("no restart was confirmed")
    assert carts_survive_kill(measured).verdict is HOLDS


@pytest.mark.parametrize("look", ALL)
def test_trouble_proves_nothing_and_is_reported(look):
    result = VariantRun(TOKEN, Record("token"), dict(GOOD), "the log disagrees")
    assert observe(look, result) == Observation.unknown("the log disagrees")
    result.trouble = None
    assert observe(look, result).verdict is HOLDS


@pytest.mark.parametrize(
    ("harmed", "of", "verdict"),
    [(1, 3, AFFECTED), (3, 3, AFFECTED), (0, 3, NOT_AFFECTED), (0, 0, UNKNOWN)],
)
def test_variant_is_affected_when_the_harm_was_shown_once(harmed, of, verdict):
    assert harm(harmed, of, "tries").verdict is verdict


def test_share_has_to_be_whole():
    assert kept_share(9, 9, "x").verdict is HOLDS
    assert kept_share(8, 9, "x") == Observation(FAILS, (share(8, 9, "x"),))


# All runs together.


def ran(variant, verdict):
    seen = Observation(verdict)
    return VariantRun(variant, Record(variant.name), observation=seen)


def judged(*runs, expected=None, **how):
    return judge(runs, lambda variant: (expected or {}).get(variant.name), **how)


@pytest.mark.parametrize("verdict", [HOLDS, FAILS, DEPENDS, UNKNOWN])
def test_verdict_is_that_of_the_plain_stateless_desk(verdict):
    judgement = judged(ran(MEMORY, FAILS), ran(TOKEN, verdict))
    assert (judgement.verdict, judgement.decided_by, judgement.note) == (verdict, ("token",), "")


@pytest.mark.parametrize("contrast", Verdict)
def test_contrast_changes_no_verdict(contrast):
    judgement = judged(ran(MEMORY, contrast), ran(REDIS, contrast), ran(TOKEN, HOLDS))
    assert judgement.verdict is HOLDS


def test_desk_with_a_remedy_is_not_what_the_claim_is_about():
    judgement = judged(ran(TOKEN, HOLDS), ran(TOKEN_DENYLIST, FAILS))
    assert judgement.verdict is HOLDS
    assert judged(ran(TOKEN_DENYLIST, HOLDS)).verdict is UNKNOWN


def test_claim_without_its_variant_is_unknown():
    judgement = judged(ran(MEMORY, HOLDS), ran(FILE, HOLDS))
    assert (judgement.verdict, judgement.decided_by) == (UNKNOWN, ())
    assert judgement.note == "no variant of this run is what the claim is about"
    assert judged().verdict is UNKNOWN


def both(variant):
    return True


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ((HOLDS, HOLDS), HOLDS),
        ((FAILS, FAILS), FAILS),
        ((HOLDS, FAILS), DEPENDS),
        ((DEPENDS, DEPENDS), DEPENDS),
        ((HOLDS, UNKNOWN), UNKNOWN),
        ((FAILS, UNKNOWN), UNKNOWN),
    ],
)
def test_variants_have_to_agree(verdicts, verdict):
    for first, second in (verdicts, verdicts[::-1]):
        assert judged(ran(MEMORY, first), ran(TOKEN, second), about=both).verdict is verdict
    judgement = judged(ran(MEMORY, HOLDS), ran(TOKEN, FAILS), about=both)
    assert judgement.decided_by == ("memory", "token")


def test_variant_that_was_not_observed_is_unknown_and_says_why():
    troubled = VariantRun(TOKEN, Record("token"), trouble="no nginx")
    assert judged(troubled) == Judgement(UNKNOWN, ("token",), (), "token")
    assert judged(VariantRun(TOKEN, Record("token"))).verdict is UNKNOWN


def test_others_are_compared_with_the_plain_token_without_settings_of_its_own():
    short = replace(TOKEN, name="short", env={"TOKEN_MAX_AGE_S": "3"})
    assert judged(ran(MEMORY, HOLDS), ran(short, FAILS), ran(TOKEN, HOLDS)).baseline == "token"
    assert judged(ran(MEMORY, HOLDS), ran(short, FAILS)).baseline is None


@pytest.mark.parametrize("seen", Verdict)
@pytest.mark.parametrize("expected", [HOLDS, FAILS, DEPENDS, None])
def test_unexpected_verdict_is_a_surprise_unless_it_is_unknown(seen, expected):
    judgement = judged(ran(MEMORY, seen), ran(TOKEN, HOLDS), expected={"memory": expected})
    if seen is UNKNOWN or expected in (None, seen):
        assert judgement.surprises == ()
    else:
        assert judgement.surprises == (Surprise("memory", seen, expected),)


# The scripts of the spine, as they are judged by hand-set runs too.


def observe_all(name, measured, variants):
    experiment = experiments.find(name)
    runs = []
    for variant, numbers in zip(variants, measured, strict=True):
        result = VariantRun(variant, Record(variant.name), dict(numbers))
        result.observation = experiment.observation(result)
        runs.append(result)
    return experiment, runs


def outcome(name, measured, variants):
    experiment, runs = observe_all(name, measured, variants)
    return experiment.judge(runs)


def words(name, measured, variants):
    """What the runs showed, in words, in one line."""
    _, runs = observe_all(name, measured, variants)
    return "; ".join(f"{each.variant.name}: {observed(each.observation)}" for each in runs)


FULL = {
    "control_kept": 3, "predicted_lost": ["a", "b"], "observed_lost": ["a", "b"],
    "sets_equal": True, "answers": 9, "answers_wrong": 0, "first_wrong": "",
    "traffic_requests": 40, "traffic_unanswered": 0, "traffic_refused": 0, "recovery_s": 0.1,
    "servers": 3, "servers_that_answered": 3,
}  # fmt: skip
SPINE = ["crash", "restart-all", "any-server"]


@pytest.mark.parametrize("name", SPINE)
def test_textbook(name):
    """Memory loses, the token keeps: the claim holds and nothing surprises."""
    judgement = outcome(name, [LOST | FULL, GOOD | FULL], two_desks(Settings()))
    assert (judgement.verdict, judgement.surprises) == (HOLDS, ())


def test_experiment_of_any_server_is_unknown_where_only_one_of_several_answered():
    one = {"servers": 3, "servers_that_answered": 1}
    judgement = outcome("any-server", [GOOD | FULL | one, GOOD | FULL | one], two_desks(Settings()))
    assert judgement.verdict is UNKNOWN
    alone = {"servers": 1, "servers_that_answered": 1}
    judgement = outcome("any-server", [GOOD | FULL, GOOD | FULL | alone], two_desks(Settings()))
    assert judgement.verdict is HOLDS


@pytest.mark.parametrize("name", SPINE)
def test_loss_at_the_stateless_desk_refutes_the_claim(name):
    judgement = outcome(name, [LOST | FULL, LOST | FULL], two_desks(Settings()))
    assert judgement.verdict is FAILS
    assert Surprise("stateless", FAILS, HOLDS) in judgement.surprises


@pytest.mark.parametrize("name", SPINE)
def test_memory_that_survives_is_a_surprise(name):
    judgement = outcome(name, [GOOD | FULL, GOOD | FULL], two_desks(Settings()))
    assert judgement.verdict is HOLDS
    assert judgement.surprises == (Surprise("stateful", HOLDS, FAILS),)


@pytest.mark.parametrize("name", SPINE)
@pytest.mark.parametrize("store", ["redis", "file", "redis://127.0.0.1:6379/0"])
def test_shared_store_is_expected_to_keep(name, store):
    runs = two_desks(Settings(store=store))
    assert outcome(name, [GOOD | FULL, GOOD | FULL], runs).surprises == ()
    judgement = outcome(name, [LOST | FULL, GOOD | FULL], runs)
    assert judgement.surprises == (Surprise("stateful", FAILS, HOLDS),)


@pytest.mark.parametrize("seen", [LOST | FULL, GOOD | FULL], ids=["lost", "kept"])
def test_memory_with_one_server_has_no_expectation(seen):
    runs = two_desks(Settings(servers=1))
    assert outcome("any-server", [seen, GOOD | FULL], runs).surprises == ()


def test_crash_after_a_control_that_lost_carts_proves_nothing():
    measured = [GOOD | FULL, GOOD | FULL | {"control_kept": 2}]
    assert outcome("crash", measured, two_desks(Settings())).verdict is UNKNOWN
    assert "before any server was killed" in words("crash", measured, two_desks(Settings()))


def test_losses_that_the_crash_does_not_explain_prove_nothing():
    odd = LOST | FULL | {"observed_lost": ["a", "z"], "sets_equal": False}
    measured = [odd, GOOD | FULL]
    text = words("crash", measured, two_desks(Settings()))
    assert "stateful: other carts were lost than those predicted" in text
    assert outcome("crash", measured, two_desks(Settings())).surprises == ()


@pytest.mark.parametrize("side", [0, 1])
def test_control_is_about_both_desks(side):
    measured = [GOOD | FULL, GOOD | FULL]
    assert outcome("first-visit", measured, two_desks(Settings())).verdict is HOLDS
    measured[side] = GOOD | FULL | {"answers_wrong": 2, "first_wrong": "GET x"}
    judgement = outcome("first-visit", measured, two_desks(Settings()))
    assert judgement.verdict is DEPENDS
    text = words("first-visit", measured, two_desks(Settings()))
    assert "2 of 9 answers were wrong; first: GET x" in text
    measured[side] = GOOD | FULL | {"requests_unanswered": 1}
    assert outcome("first-visit", measured, two_desks(Settings())).verdict is UNKNOWN


def test_script_without_a_claim_is_about_every_variant(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("def script(shopper, lab):\n    pass\n")
    judgement = outcome(str(mine), [LOST, GOOD], two_desks(Settings()))
    assert (judgement.verdict, judgement.surprises, judgement.condition) == (None, (), "")
    assert judgement.decided_by == ("stateful", "stateless")
    assert outcome(str(mine), [GOOD, GOOD], two_desks(Settings())).verdict is None
    nothing = {**GOOD, "carts_acknowledged": 0}
    assert outcome(str(mine), [GOOD, nothing], two_desks(Settings())).verdict is UNKNOWN


# Drawbacks, conditions, and scripts without a sentence.


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [(AFFECTED, CONFIRMED), (NOT_AFFECTED, Verdict.NOT_CONFIRMED), (UNKNOWN, UNKNOWN)],
)
def test_drawback_is_confirmed_where_the_desk_it_is_about_is_affected(seen, verdict):
    runs = [ran(MEMORY, NOT_AFFECTED), ran(TOKEN, seen)]
    assert judge(runs, lambda variant: None, kind=Kind.DRAWBACK).verdict is verdict


def test_variant_that_depends_names_its_condition():
    runs = [ran(MEMORY, FAILS), ran(TOKEN, HOLDS)]

    def verdict(depends_on=""):
        return judge(runs, lambda variant: None, lambda variant: True, Kind.CLAIM, depends_on)

    assert verdict().verdict is DEPENDS
    assert verdict().condition == "on the variant: fails at memory, holds at token"
    assert verdict("on the store").condition == "on the store"
    assert judge(runs, lambda variant: None).condition == ""


def test_variant_that_depends_gives_its_condition_to_the_verdict():
    run = VariantRun(TOKEN, Record("token"), observation=Observation(DEPENDS, note="on the hour"))
    assert judge([run], lambda variant: None).condition == "on the hour"


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (Kind.CLAIM, Observation(AFFECTED)),
        (Kind.CLAIM, Observation(None)),
        (Kind.DRAWBACK, Observation(HOLDS)),
        (Kind.DRAWBACK, Observation(CONFIRMED)),
        (Kind.CLAIM, Observation(DEPENDS)),
    ],
)
def test_observation_whose_word_does_not_fit_is_refused(kind, seen):
    with pytest.raises(ScriptMistake):
        observe(lambda measured: seen, VariantRun(TOKEN, Record("token"), dict(GOOD)), kind)


def test_script_without_a_sentence_keeps_its_measures_and_has_no_word():
    run = VariantRun(TOKEN, Record("token"), dict(LOST))
    seen = observe(carts_kept, run, Kind.SCRIPT)
    assert (seen.verdict, seen.measures) == (None, carts_kept(LOST).measures)


def test_carts_that_are_lost_are_a_harm():
    assert carts_lost(LOST).verdict is AFFECTED
    assert carts_lost(GOOD).verdict is NOT_AFFECTED
    assert carts_lost({**GOOD, "carts_acknowledged": 0}).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ({}, ""),
        ({"add": {"422": 1}}, ": the only add was answered 422"),
        ({"add": {"401": 3}}, ": 3 times add, which was answered 401"),
        (
            {"add": {"401": 1, "no answer": 1}, "clear": {"404": 1}},
            ": 2 times add, which was answered 401, got no answer; the only clear was answered 404",
        ),
    ],
)
def test_script_in_which_nothing_was_acknowledged_is_unknown_with_the_cause(refused, why):
    measured = {**GOOD, "carts_acknowledged": 0, "carts_kept": 0, "changes_refused": refused}
    assert carts_kept(measured) == Observation.unknown(f"no change was acknowledged{why}")


SAID = {"add": {"422": "'quantity' must be 1 or more"}, "view_cart": {"401": "log in first"}}


@pytest.mark.parametrize(
    ("more", "note"),
    [
        (
            {"changes_refused": {"add": {"422": 1}}},
            "no change was acknowledged: the only add was answered 422: "
            "'quantity' must be 1 or more",
        ),
        ({}, "no change was acknowledged: a look at the cart was answered 401: log in first"),
        (
            {"changes_refused": {"add": {"401": 1}}, "changes_acknowledged": {"add": 1},
             "carts_left": {"login": 1}},
            "1 acknowledged cart is not counted, since a login afterwards ended the session: "
            "1 of 2 times add, which was answered 401",
        ),
        (
            {"changes_refused": {"ship_to": {"401": 1}}, "changes_acknowledged": {"add": 2},
             "carts_left": {"login": 1, "logout": 1}},
            "2 acknowledged carts are not counted, since a login or logout afterwards ended the "
            "session: the only ship_to was answered 401",
        ),
        (
            {"changes_refused": {"ship_to": {"401": 1}}, "changes_acknowledged": {"add": 1}},
            "no acknowledged cart is counted: changes were made in another tab or by replay(), or "
            "their answers had no cart: the only ship_to was answered 401",
        ),
    ],
)  # fmt: skip
def test_sentence_where_no_cart_is_owed_is_true_and_has_the_shops_own_words(more, note):
    measured = {**GOOD, "carts_acknowledged": 0, "carts_kept": 0, "refusal_details": SAID, **more}
    assert carts_kept(measured) == Observation.unknown(note)


# Whether an expectation was met, and how the command ends.


def result(verdict, expected=HOLDS, surprises=(), broken=None):
    runs = [ran(variant, HOLDS) for variant in two_desks(Settings())]
    runs[0].broken_expectation = broken
    judgement = Judgement(verdict, surprises=surprises)
    met = expectation_met(judgement, runs, expected)
    return ExperimentResult("x", "claim", verdict, 0.0, [], expectation_met=met)


@pytest.mark.parametrize(
    ("given", "met"),
    [
        (result(HOLDS), True),
        (result(FAILS), False),
        (result(HOLDS, surprises=(Surprise("memory", FAILS, HOLDS),)), False),
        (result(FAILS, expected=FAILS), True),
        (result(DEPENDS, expected=None), True),
        (result(FAILS, expected=None), True),
        (result(UNKNOWN), None),
        (result(UNKNOWN, expected=None), None),
        (result(HOLDS, broken="assert"), False),
        (result(UNKNOWN, broken="assert"), False),
    ],
)
def test_expectation_is_met_or_not(given, met):
    assert given.expectation_met is met


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
def test_store_is_named_without_its_password(store, label):
    assert Settings(store=store).store_label == label
    assert "s3cret" not in Variant("stateful", "stateful", Settings(store=store)).keeps


def test_plain_token_is_the_stateless_desk_without_changes():
    assert [v.name for v in (MEMORY, FILE, REDIS, TOKEN, TOKEN_DENYLIST) if v.is_plain_token] == [
        "token"
    ]
    assert not replace(TOKEN, module="lab.seeded_bugs").is_plain_token
