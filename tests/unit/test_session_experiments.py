"""Logout, double checkout, two tabs, fixation: verdicts and predictions from measurements alone."""

import json
from types import SimpleNamespace

import pytest

from lab.evidence.exchange import Exchange, outcome_of
from lab.evidence.record import Record
from lab.evidence.result import Measurements, Settings, Variant, VariantRun, Verdict
from lab.experiments import double_checkout, find, fixation, logout, two_tabs
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
MODULES = [logout, double_checkout, two_tabs, fixation]

LOGOUT = {
    "logged_out": True,
    "opened_before": True,
    "replays_of_another_cart": 0,
    "replays": 9,
    "replays_accepted": 9,
    "accepted_for_s": 2.4,
    "refused_in_the_end": False,
    "store_operations_per_request": 0.0,
}
REFUSED_AT_ONCE = {**LOGOUT, "replays": 1, "replays_accepted": 0, "refused_in_the_end": True}
EXPIRED = {**LOGOUT, "replays_accepted": 4, "accepted_for_s": 1.2, "refused_in_the_end": True}
SOLD = {"orders_repeated": 3, "orders_sold_again": 3}
NOT_SOLD = {"orders_repeated": 3, "orders_sold_again": 0}
TABS = {
    "in_turn_acknowledged": 2,
    "in_turn_given_up": 0,
    "in_turn_lost": 0,
    "at_once_acknowledged": 30,
    "at_once_given_up": 0,
    "at_once_lost": 0,
}
SAFE = {"planted": 10, "opened": 0, "refused": 10}


@pytest.mark.parametrize(
    ("module", "measured", "verdict", "words"),
    [
        (logout, LOGOUT, AFFECTED, "9 of 9 requests accepted after logout; 2.4 s of use"),
        (logout, EXPIRED, DEPENDS, "4 of 9 requests accepted after logout; 1.2 s of use"),
        (logout, REFUSED_AT_ONCE, NOT_AFFECTED, "0 of 1 requests accepted after logout"),
        (
            logout,
            {**REFUSED_AT_ONCE, "store_operations_per_request": 1.0},
            NOT_AFFECTED,
            "1 store operations per request",
        ),
        (logout, {**LOGOUT, "replays": 0, "replays_accepted": 0}, UNKNOWN, "no request"),
        (logout, {**LOGOUT, "logged_out": False}, UNKNOWN, "after a logout"),
        # A refusal that has another cause than the logout is not a remedy.
        (logout, {**REFUSED_AT_ONCE, "opened_before": False}, UNKNOWN, "no control"),
        (
            logout,
            {**REFUSED_AT_ONCE, "innocent_out_at_once": 2},
            UNKNOWN,
            "2 customers who did not",
        ),
        (logout, {**LOGOUT, "innocent_out_at_once": 2}, AFFECTED, "9 of 9"),
        (logout, {**LOGOUT, "replays_of_another_cart": 2}, UNKNOWN, "2 requests showed another"),
        (double_checkout, {**NOT_SOLD, "orders_refused_otherwise": 1}, UNKNOWN, "another reason"),
        (double_checkout, SOLD, AFFECTED, "3 of 3 repeated orders"),
        (double_checkout, {**SOLD, "orders_sold_again": 1}, AFFECTED, "1 of 3"),
        (double_checkout, NOT_SOLD, NOT_AFFECTED, "0 of 3 repeated orders"),
        (
            double_checkout,
            {**NOT_SOLD, "store_operations_per_write": 2},
            NOT_AFFECTED,
            "2 store operations per change",
        ),
        (double_checkout, {"orders_repeated": 0, "orders_sold_again": 0}, UNKNOWN, "nothing"),
        (two_tabs, TABS, NOT_AFFECTED, "0 of 32 acknowledged adds lost"),
        (two_tabs, {**TABS, "in_turn_lost": 1}, AFFECTED, "1 of 32"),
        (two_tabs, {**TABS, "at_once_lost": 27}, AFFECTED, "27 of 32"),
        (two_tabs, {**TABS, "at_once_given_up": 9}, NOT_AFFECTED, "9 adds given up"),
        (two_tabs, {"in_turn_acknowledged": 0, "at_once_given_up": 9}, UNKNOWN, "nothing"),
        (fixation, SAFE, HOLDS, "0 of 10 planted ids"),
        (fixation, {**SAFE, "opened": 1, "refused": 9}, FAILS, "1 of 10 planted ids"),
        (fixation, {**SAFE, "guessed": 3, "opened_by_guess": 0}, HOLDS, "0 of 10 planted ids"),
        (fixation, {**SAFE, "guessed": 3, "opened_by_guess": 1}, FAILS, "1 of 3 guessed ids"),
        (fixation, {"planted": 0, "opened": 0, "refused": 0}, UNKNOWN, "no customer logged in"),
    ],
)
def test_verdict_follows_from_measurements(module, measured, verdict, words):
    seen = module.observe(measured)
    assert seen.verdict is verdict, seen
    assert words in observed(seen)


@pytest.mark.parametrize("module", MODULES)
def test_script_that_measured_nothing_is_no_evidence(module):
    assert module.observe({}).verdict is UNKNOWN


@pytest.mark.parametrize("module", MODULES)
def test_expectations_are_declared_for_the_subject_and_the_question_has_its_choices(module):
    experiment = find(module.__name__.rpartition(".")[2].replace("_", "-"))
    subjects = [variant for variant in experiment.variants if experiment.about(variant)]
    assert subjects
    seen = {variant.expect for variant in subjects if variant.expect}
    whole = {AFFECTED: CONFIRMED, NOT_AFFECTED: Verdict.NOT_CONFIRMED}
    assert {whole.get(each, each) for each in seen} == {experiment.expected}
    assert 2 <= len(experiment.question.choices) <= 4
    assert experiment.question.observed({}) is None


def test_each_claim_is_about_one_kind_of_desk():
    for module in (logout, double_checkout, two_tabs):
        experiment = find(module.__name__.rpartition(".")[2].replace("_", "-"))
        assert [v.name for v in experiment.variants if experiment.about(v)] == ["token"]
    about = find("fixation").about
    assert about(Variant("stateful", "stateful", Settings()))
    assert not about(fixation.KEEPS_ID)
    assert not about(fixation.TOKEN)


def test_variant_of_a_name_is_expected_to_do_as_its_namesake_not_as_one_of_its_kind():
    """Both are the plain token desk on one server; only their lives differ."""
    experiment = find("logout")
    token, short = [v for v in experiment.variants if v.name in ("token", "token-short-expiry")]
    variants = [done(LOGOUT, token), done(EXPIRED, short)]
    for variant in variants:
        variant.observation = experiment.observation(variant)
    assert experiment.judge(variants).surprises == ()
    by_hand = done(EXPIRED, Variant("stateless", "stateless", Settings(servers=1)))
    by_hand.observation = experiment.observation(by_hand)
    assert experiment.judge([by_hand]).surprises


def done(measured: Measurements, variant=None):
    variant = variant or Variant("variant", "stateless")
    return VariantRun(variant, Record(variant.name), dict(measured))


def variants(**measured):
    return {name.replace("_", "-"): dict(values) for name, values in measured.items()}


@pytest.mark.parametrize(
    ("results", "choice"),
    [
        (variants(token=REFUSED_AT_ONCE), 0),
        (variants(token=LOGOUT, token_short_expiry=EXPIRED), 1),
        (variants(token=LOGOUT, token_short_expiry=LOGOUT), 2),
        (variants(token=LOGOUT, token_short_expiry=REFUSED_AT_ONCE), None),
        (variants(token=LOGOUT), None),
        (variants(token={}), None),
    ],
)
def test_question_of_a_tokens_life_has_the_answer_that_was_measured(results, choice):
    assert logout.QUESTION.observed(results) == choice


@pytest.mark.parametrize(
    ("memory", "token", "choice"),
    [
        (NOT_SOLD, NOT_SOLD, 0),
        (SOLD, NOT_SOLD, 1),
        (NOT_SOLD, SOLD, 2),
        (SOLD, SOLD, 3),
        ({}, SOLD, None),
        ({"orders_repeated": 0}, SOLD, None),
    ],
)
def test_double_checkout_judges_who_sells_twice(memory, token, choice):
    results = variants(memory=memory, token=token)
    assert double_checkout.QUESTION.observed(results) == choice


LOSSES = {**TABS, "at_once_lost": 9}


@pytest.mark.parametrize(
    ("results", "choice"),
    [
        (variants(memory=TABS, redis=TABS, token=TABS), 0),
        (variants(memory=TABS, redis=LOSSES, token=TABS), 1),
        (variants(memory=TABS, token=LOSSES), 2),
        (variants(memory=TABS, file=LOSSES, token=LOSSES), 3),
        (variants(memory=TABS, redis={}, token=LOSSES), 2),
        (variants(memory={}, token=LOSSES), None),
        (variants(memory=LOSSES), None),
        (variants(token=LOSSES), None),
    ],
)
def test_experiment_of_two_tabs_judges_who_loses(results, choice):
    assert two_tabs.QUESTION.observed(results) == choice


@pytest.mark.parametrize(
    ("measured", "choice"),
    [
        (SAFE, 1),
        ({**SAFE, "opened": 5, "refused": 5}, 0),
        ({**SAFE, "refused": 5}, None),
        ({}, None),
    ],
)
def test_fixation_counts_what_mallory_sees(measured, choice):
    assert fixation.QUESTION.observed(variants(memory=measured)) == choice
    assert fixation.QUESTION.observed(variants(redis=measured)) == choice


# --- what scripts count, without a desk


def answer(status, **body):
    text = json.dumps(body).encode()
    outcome = outcome_of("POST", status)
    return Exchange("1", "John", "POST", "/", None, 0.0, 1.0, status, outcome, {}, b"", {}, text)


def order(status=201, number="123-2"):
    return answer(status, order={"number": number}) if status == 201 else answer(status)


@pytest.mark.parametrize(
    ("again", "same"),
    [(order(), True), (order(number="123-4"), False), (order(409), False), (order(503), False)],
)
def test_order_of_another_cart_is_no_double_sale(again, same):
    assert double_checkout.is_same_order(again, order()) is same
    assert not double_checkout.is_same_order(again, order(409))


@pytest.mark.parametrize(
    ("status", "settled"), [(201, True), (409, True), (503, False), (None, False)]
)
def test_answer_that_something_broke_is_no_refusal(status, settled):
    assert double_checkout.is_settled(order(status)) is settled


class Spied:
    """A lab in which a planted credential shows the cart of `shown`, who logs in as 124."""

    def __init__(self, shown, status=200):
        self.look = answer(status, user={"user_id": shown})

    def shopper(self, name="Alice"):
        customer = SimpleNamespace(user_id="124")
        customer.login = customer.add = lambda *args, **how: answer(201)
        customer.view_cart = lambda **how: self.look
        return customer


@pytest.mark.parametrize(
    ("shown", "planter", "whose"),
    [
        ("124", None, fixation.THE_CUSTOMERS),
        ("124", "666", fixation.THE_CUSTOMERS),
        ("999", None, fixation.THE_CUSTOMERS),  # a third customer's is as bad
        ("999", "666", fixation.THE_CUSTOMERS),
        ("666", "666", fixation.THE_PLANTERS),
    ],
)
def test_planted_id_may_show_its_planters_own_cart_and_no_other(shown, planter, whose):
    assert fixation.look_after_login(Spied(shown), {}, "A", planter) == [whose]


@pytest.mark.parametrize(("status", "seen"), [(401, [fixation.NO_CART]), (503, []), (404, [])])
def test_planted_id_is_refused_only_by_a_refusal(status, seen):
    assert fixation.look_after_login(Spied("124", status), {}, "A") == seen


class Tab:
    """A customer whose adds are all acknowledged, and who is shown what `shown` says."""

    def __init__(self, shown):
        self.shown = shown

    def login(self):
        return answer(200)

    def another_tab(self):
        return self

    def add(self, sku, server):
        return answer(201)

    def view_cart(self, server):
        return self.shown

    def logout(self, server):
        return answer(204)


class ProvisionedStack:
    """A lab with that one customer."""

    def __init__(self, shown):
        self.shown = shown

    def shopper(self):
        return Tab(self.shown)

    def until(self, condition, deadline_s):
        return condition()

    def together(self, actions, at_once):
        return [action() for action in actions]


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        (answer(200, cart={"item_count": 10}), (10, 10, 0)),
        (answer(200, cart={"item_count": 3}), (10, 10, 7)),
        (answer(200, cart={"item_count": 11}), (10, 10, 0)),
        (answer(503), (0, 0, 0)),
        (answer(401), (0, 0, 0)),
    ],
)
def test_adds_are_lost_only_where_a_cart_was_shown(shown, seen):
    assert two_tabs.adds_in_tabs(ProvisionedStack(shown), 10, at_once=10) == seen


@pytest.mark.parametrize(
    ("credential", "next_one"),
    [("desk_session=9", "desk_session=10"), ("x=099", "x=100"), ("x=abc", "x=abc1"), ("", "1")],
)
def test_guess_counts_on_from_an_id(credential, next_one):
    assert fixation.counted_on(credential, 1) == next_one
