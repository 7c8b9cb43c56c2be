"""A share with its interval: what a number can promise, and what a zero is worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.evidence.statistics import latency, share, told

shares = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_an_interval_lies_within_0_and_1_and_holds_the_share(kn):
    part = share(*kn)
    if kn[1]:
        assert 0 <= part["low"] <= part["share"] + 1e-12
        assert part["share"] - 1e-12 <= part["high"] <= 1
    else:
        assert part["share"] is part["low"] is part["high"] is None


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(5, 10, 0.2366, 0.7634), (12, 60, 0.1183, 0.3178), (0, 300, 0, 0.01), (300, 300, 0.99, 1)],
)
def test_wilson_and_the_rule_of_three(k, n, low, high):
    part = share(k, n)
    assert (part["low"], part["high"]) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_what_is_no_share_is_refused(k, n):
    with pytest.raises(ValueError, match="no share"):
        share(k, n)


@given(st.integers(1, 5000))
def test_more_trials_make_zero_worth_more(n):
    assert share(0, n + 1)["high"] <= share(0, n)["high"]


@pytest.mark.parametrize(
    ("k", "n", "words"),
    [
        (1, 3, "1 of 3 carts"),
        (0, 0, "0 of 0 carts"),
        (0, 300, "0 of 300 carts (95 %: fewer than 1 %)"),
        (300, 300, "300 of 300 carts (95 %: more than 99 %)"),
        (12, 60, "12 of 60 carts (95 %: 12–32 %)"),
    ],
)
def test_n_is_always_said_and_the_interval_where_it_says_something(k, n, words):
    assert told(share(k, n), "carts") == words


@pytest.mark.parametrize(
    ("n", "p95", "p99"), [(0, None, None), (99, None, None), (100, 95, None), (1000, 950, 990)]
)
def test_no_percentile_without_the_samples_for_it(n, p95, p99):
    told_of = latency(range(n, 0, -1))
    assert (told_of["n"], told_of["p95_ms"], told_of["p99_ms"]) == (n, p95, p99)
    assert (told_of["p50_ms"] is None) is (n == 0)
