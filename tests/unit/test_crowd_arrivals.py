"""When the requests of a crowd are due, and what can be expected of it before it runs."""

from collections import Counter
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.errors import LabError
from lab.core.faults import FaultKind
from lab.crowd.arrivals import STEPS_APART_S, Arrivals
from lab.crowd.expectation import (
    TrialRun,
    describe_expectation,
    expect,
    require_something_to_show,
)
from lab.crowd.load_profile import LoadProfile
from lab.crowd.timetable import PlannedFault

SHOPPING = TrialRun(requests=7, cart_at=2)


def before(arrivals, shopper, end_s):
    return list(takewhile(lambda due_s: due_s < end_s, arrivals.of(shopper)))


@given(
    shoppers=st.integers(1, 300),
    rate=st.floats(0.01, 1e6, allow_nan=False),
    laps=st.integers(1, 8),
)
def test_requests_of_all_shoppers_are_evenly_spaced_where_all_begin_with_the_first(
    shoppers, rate, laps
):
    arrivals = Arrivals(shoppers, rate)
    dues = [arrivals.of(number) for number in range(shoppers)]
    every = [next(due) for due in dues for _ in range(laps)]
    assert sorted(every) == [number / rate for number in range(shoppers * laps)]
    assert arrivals.first_lap_s == 0


@given(
    shoppers=st.integers(1, 200),
    rate=st.floats(0.5, 2000),
    requests=st.integers(0, 12),
    seed=st.integers(0, 5),
)
def test_no_two_requests_are_due_at_the_same_moment_and_every_shopper_has_its_lap(
    shoppers, rate, requests, seed
):
    arrivals = Arrivals(shoppers, rate, requests, seed)
    end_s = arrivals.first_lap_s + 1.5 * shoppers / rate
    slots = Counter()
    for shopper in range(shoppers):
        dues = before(arrivals, shopper, end_s)
        assert dues == sorted(dues)
        slots.update(round(due_s * rate) for due_s in dues)
        in_laps = [due_s for due_s in dues if due_s >= arrivals.first_lap_s - 1e-9]
        assert in_laps[0] == pytest.approx(arrivals.first_lap_s + shopper / rate)
        for one, two in pairwise(in_laps):
            assert two - one == pytest.approx(shoppers / rate)
    assert max(slots.values()) == 1


@pytest.mark.parametrize(("shoppers", "rate"), [(100, 100.0), (700, 300.0), (37, 13.0)])
def test_crowd_keeps_its_rate_and_no_step_of_the_iteration_is_everyones_at_once(shoppers, rate):
    arrivals = Arrivals(shoppers, rate, requests=7)
    ahead = Counter()
    every = []
    for shopper in range(shoppers):
        dues = before(arrivals, shopper, arrivals.first_lap_s - 1e-9)
        assert all(two - one >= STEPS_APART_S * 0.99 for one, two in pairwise(dues))
        ahead[len(dues)] += 1
        every += dues
    # Before the first lap each shopper has done 1 to 7 requests, each number about as often.
    assert set(ahead) == set(range(1, 8))
    assert max(ahead.values()) - min(ahead.values()) <= shoppers // 7 * 0.5 + 2
    assert len(every) == pytest.approx(rate * arrivals.first_lap_s, rel=0.1)


def test_seed_gives_the_same_steps_and_another_seed_others():
    one, same, other = (
        [before(arrivals, shopper, 4.0) for shopper in range(50)]
        for arrivals in (Arrivals(50, 50.0, 7, seed) for seed in (1, 1, 2))
    )
    assert one == same != other


# --- what to expect


def profile(**asked):
    given = {"shoppers": 100, "rate": 100.0, "for_s": 10.0, "warm_up_s": 2.0} | asked
    return LoadProfile("x.py", engine="locust", iteration_requests=SHOPPING.requests, **given)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"for_s": 0.5, "warm_up_s": 0.5},
        {"shoppers": 500, "rate": 70.0, "for_s": 20.0},
        {"shoppers": 40, "rate": 20.0, "for_s": 30.0},
    ],
)
def test_expectation_is_what_the_schedule_does(asked):
    each = profile(**asked)
    expected, arrivals = expect(each, SHOPPING), each.arrivals
    done = [len(before(arrivals, number, each.end_s)) for number in range(each.shoppers)]
    came = sum(count >= 1 for count in done)
    # The second request of the iteration gives the cart.
    with_cart = sum(count >= 2 for count in done)
    slack = max(3, each.shoppers * 0.12)
    assert expected.came(each.end_s) == pytest.approx(came, abs=slack)
    assert expected.with_cart(each.end_s) == pytest.approx(with_cart, abs=slack)
    assert expected.iteration_s == pytest.approx(7 * each.shoppers / each.rate)


def test_numbers_are_explained_before_the_run():
    said = describe_expectation(profile(), SHOPPING)
    assert "One iteration is about 7 requests, with a cart from request 2 on." in said
    assert "One iteration of each takes 7s at this rate." in said
    assert "In 12s about 100 of 100 shoppers come; about 100% will have a cart." in said
    assert "as fast as they are answered" in describe_expectation(profile(rate=None), SHOPPING)
    assert "no cart, so none can be lost" in describe_expectation(profile(), TrialRun(3, 0))
    assert "does not end by itself" in describe_expectation(profile(), TrialRun(0, 2))


REFUSED = [
    ({"shoppers": 50_000, "rate": 700.0}, "most of the shoppers would not come before the end"),
    ({"shoppers": 400, "for_s": 1.0, "warm_up_s": 0.0}, "would not come before the end"),
    (
        {"timetable": (PlannedFault(FaultKind.KILL, "B", 0.0),), "warm_up_s": 0.0},
        "at kill B@0s no shopper would have a cart yet",
    ),
]


@pytest.mark.parametrize(("asked", "words"), REFUSED)
def test_crowd_that_can_show_nothing_is_refused_with_what_to_change(asked, words):
    with pytest.raises(LabError) as refused:
        require_something_to_show(profile(**asked), SHOPPING)
    message = str(refused.value)
    assert words in message and "--anyway" in message and "One iteration of each takes" in message


def test_refused_crowd_of_whom_all_begin_at_the_start_has_hardly_a_cart():
    alone = LoadProfile("x.py", 100, 100.0, 1.0, 0.0, engine="locust")
    with pytest.raises(LabError, match="hardly a shopper would have a cart"):
        require_something_to_show(alone, SHOPPING)


@pytest.mark.parametrize(
    ("asked", "trial"),
    [
        ({}, SHOPPING),
        ({"shoppers": 5000, "rate": 300.0, "for_s": 60.0}, SHOPPING),
        ({"rate": None}, SHOPPING),
        ({}, TrialRun(7, 0)),
        ({}, TrialRun(0, 0)),
        ({"shoppers": 1}, TrialRun(1, 1)),
        ({"timetable": (PlannedFault(FaultKind.KILL, "B", 3.0),)}, SHOPPING),
    ],
)
def test_crowd_that_can_show_something_is_not_refused(asked, trial):
    require_something_to_show(profile(**asked), trial)
    assert describe_expectation(profile(**asked), trial)


def test_number_of_shoppers_that_is_advised_is_accepted():
    with pytest.raises(LabError) as refused:
        require_something_to_show(profile(shoppers=50_000, rate=700.0), SHOPPING)
    advised = str(refused.value).partition("Take --shoppers ")[2].partition(", ")[0]
    require_something_to_show(profile(shoppers=int(advised.replace(",", "")), rate=700.0), SHOPPING)
