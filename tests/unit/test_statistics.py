"""Numbers with their uncertainty: against known values, at the edges, and what must not be said."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.statistics import Measure, format_measure, latency, share

# Wilson's interval without continuity correction, as published (Newcombe 1998, table I, and
# R's `prop.test(correct = FALSE)`).
WILSON = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (1, 29, 0.0061, 0.1718),
    (5, 10, 0.2366, 0.7634),
    (50, 100, 0.4038, 0.5962),
    (12, 60, 0.1183, 0.3178),
    (1, 10, 0.0179, 0.4042),
    (99, 100, 0.9455, 0.9982),
]


@pytest.mark.parametrize(("k", "n", "low", "high"), WILSON)
def test_interval_is_wilsons(k, n, low, high):
    part = share(k, n)
    assert (part.k, part.n, part.share) == (k, n, k / n)
    assert part.low == pytest.approx(low, abs=5e-5)
    assert part.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(("n", "at_most"), [(10, 0.3), (60, 0.05), (300, 0.01), (3000, 0.001)])
def test_zero_of_n_is_fewer_than_three_in_n(n, at_most):
    none, every = share(0, n), share(n, n)
    assert (none.share, none.low, none.high) == (0, 0.0, pytest.approx(at_most))
    assert (every.share, every.low, every.high) == (1, pytest.approx(1 - at_most), 1.0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_handful_says_nothing(n):
    assert (share(0, n).low, share(0, n).high) == (0.0, 1.0)
    assert (share(n, n).low, share(n, n).high) == (0.0, 1.0)


def test_share_of_nothing_is_none():
    assert share(0, 0) == Measure(0, 0)
    assert share(0, 0).share is None


@pytest.mark.parametrize(
    ("k", "n"), [(-1, 3), (4, 3), (1, 0), (0, -1), (-1, -1), (float("nan"), 3), (1, float("nan"))]
)
def test_numbers_that_are_no_share_are_refused(k, n):
    with pytest.raises(ValueError, match="is not a share"):
        share(k, n)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_share_lies_in_its_interval_and_the_interval_in_zero_to_one(pair):
    part = share(*pair)
    assert 0 <= part.low <= part.share <= part.high <= 1
    mirrored = share(pair[1] - pair[0], pair[1])
    assert mirrored.high == pytest.approx(1 - part.low)


@given(st.integers(10, 10**5), st.data())
def test_interval_never_falls_with_more_successes(n, data):
    k = data.draw(st.integers(0, n - 1))
    less, more = share(k, n), share(k + 1, n)
    assert less.low <= more.low
    assert less.high <= more.high


@pytest.mark.parametrize(
    ("k", "n", "text"),
    [
        (0, 0, "0 of 0 carts"),
        (3, 3, "3 of 3 carts"),
        (0, 9, "0 of 9 carts"),
        (0, 10, "0 of 10 carts (95 %: fewer than 30 %)"),
        (0, 60, "0 of 60 carts (95 %: fewer than 5 %)"),
        (60, 60, "60 of 60 carts (95 %: more than 95 %)"),
        (12, 60, "12 of 60 carts (95 %: 12–32 %)"),
        (0, 3000, "0 of 3,000 carts (95 %: fewer than 0.1 %)"),
    ],
)
def test_share_in_words_has_its_n_and_an_interval_where_that_says_something(k, n, text):
    assert format_measure(share(k, n, "carts")) == text


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        (Measure(1.3456, unit="s at most"), "1.35 s at most"),
        (Measure(48_210, unit="bytes"), "48,210 bytes"),
        (Measure(3, 36, unit="requests met no server"), "3 of 36 requests met no server"),
        (Measure(1234.5), "1.23e+03"),
        (Measure(2.0, 4), "2 of 4"),
    ],
)
def test_measure_without_an_interval_has_its_unit_and_its_n(measure, text):
    assert format_measure(measure) == text


def test_no_p99_under_a_thousand_and_no_p95_under_a_hundred():
    for n, has_p95, has_p99 in [
        (0, False, False), (1, False, False), (99, False, False), (100, True, False),
        (999, True, False), (1000, True, True),
    ]:  # fmt: skip
        seen = latency(range(n))
        assert seen["n"] == n
        assert (seen["p50_ms"] is not None) == bool(n)
        assert (seen["p95_ms"] is not None, seen["p99_ms"] is not None) == (has_p95, has_p99)


def test_percentile_is_a_sample_that_was_seen_nearest_rank():
    samples = list(range(1, 1001))
    random.Random(3).shuffle(samples)
    assert latency(samples) == {"n": 1000, "p50_ms": 500.5, "p95_ms": 950, "p99_ms": 990}
    assert latency(range(1, 101))["p95_ms"] == 95
    assert latency(range(1, 102))["p95_ms"] == 96  # 95.95 of 101, rounded up


def test_eleven_slow_ones_in_a_thousand_show_in_p99_and_ten_do_not():
    def p99(slow):
        return latency([1.0] * (1000 - slow) + [5000.0] * slow)["p99_ms"]

    assert (p99(10), p99(11)) == (1.0, 5000.0)


def test_samples_are_left_as_they_were():
    samples = [3.0, 1.0, 2.0]
    assert latency(samples)["p50_ms"] == 2.0
    assert samples == [3.0, 1.0, 2.0]


@given(st.lists(st.floats(0, 1e9), min_size=10, max_size=30))
def test_percentiles_come_in_order(few):
    samples = few * 100
    seen = latency(samples)
    in_order = [seen["p50_ms"], seen["p95_ms"], seen["p99_ms"]]
    assert all(less <= more for less, more in itertools.pairwise(in_order))
    assert in_order[2] <= round(max(samples), 3)
