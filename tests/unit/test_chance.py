"""True if two runs differ by more than chance: on recorded runs, and on made-up numbers.

recorded-runs.json.gz has what can be compared of 65 real runs: `lab run crash --quick`,
`lab run two-tabs --quick`, `lab crowd` with a kill and with a pause, `lab plan --measure
--quick`. They were made on two cores that were busy with other work.
"""

import gzip
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.chance import blocks, difference_of_shares, rank_test, student, wilson
from lab.core.comparison import ALPHA, Likeness, compare, run_to_run
from lab.core.quantity import Counted, Quantity, Ranged, Stated, Timed, clumping

RECORDED = Path(__file__).parents[1] / "fixtures" / "recorded-runs.json.gz"
TYPES = {each.__name__: each for each in (Counted, Timed, Ranged)}
TRIES, MOST_ALARMS = 100, 5
VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=10)


def recorded() -> dict[str, list[list[Quantity]]]:
    pools = json.loads(gzip.decompress(RECORDED.read_bytes()))
    return {
        name: [
            [
                TYPES[kind](*(tuple(v) if isinstance(v, list) else v for v in values))
                for kind, *values in run
            ]
            for run in runs
        ]
        for name, runs in pools.items()
    }


POOLS = recorded()


def differing(found):
    return [(each.of, each.name) for each in found if each.answer is Likeness.DIFFERS]


def pairs(runs: Sequence[list[Quantity]], seed: int):
    every = list(combinations(runs, 2))
    random.Random(seed).shuffle(every)
    return [every[number % len(every)] for number in range(TRIES)]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("known", [False, True], ids=["no other runs", "with other runs"])
def test_runs_of_the_same_thing_alarm_in_at_most_5_of_100_tries(pool, known):
    runs = POOLS[pool]
    noise = run_to_run([runs]) if known else {}
    alarms = sum(bool(differing(compare(a, b, noise))) for a, b in pairs(runs, 1))
    assert alarms <= MOST_ALARMS


def test_recorded_runs_are_not_so_alike_that_they_prove_nothing():
    """A naive comparison of the same runs alarms nearly always: each number by itself."""
    alarms = 0
    for a, b in pairs(POOLS["crash"], 1):
        times = [(x, y) for x, y in zip(a, b, strict=True) if isinstance(x, Timed)]
        ps = [rank_test(blocks(x.samples_ms), blocks(y.samples_ms)) for x, y in times]
        alarms += min(ps) <= ALPHA
    assert alarms > 10 * MOST_ALARMS
    lost = {q.k for run in POOLS["tabs"] for q in run if q.name == "acknowledged adds lost"}
    assert len(lost) > 5


@pytest.mark.parametrize("shares", [0.01, 0.3, 0.97])
def test_comparisons_of_equal_counts_alarm_in_at_most_5_of_100_tries(shares):
    chance = random.Random(2)

    def run():
        counts = [sum(chance.random() < shares for _ in range(60)) for _ in range(20)]
        return [Counted("x", str(n), k, 60) for n, k in enumerate(counts)]

    assert sum(bool(differing(compare(run(), run()))) for _ in range(TRIES)) <= MOST_ALARMS


# --- what does differ is found


def test_loss_that_a_change_brings_is_found():
    runs = POOLS["tabs"]
    lost = next(q for q in runs[0] if q.of == "two-tabs: token" and q.k > 20)
    none = replace(lost, k=0)
    others = [q for q in runs[1] if q is not lost and (q.of, q.name) != (lost.of, lost.name)]
    noise = run_to_run([runs])
    assert differing(compare([*others, lost], [*others, none], noise)) == [(lost.of, lost.name)]


@pytest.mark.parametrize("known", [False, True])
def test_times_of_another_size_are_found_and_the_first_to_be_slower_does_not_matter(known):
    first, second = POOLS["crowd"][:2]
    slow = [
        replace(q, samples_ms=tuple(40 * ms for ms in q.samples_ms)) if isinstance(q, Timed) else q
        for q in second
    ]
    noise = run_to_run([POOLS["crowd"]]) if known else {}
    expected = [("stateful", "latency"), ("stateless", "latency")]
    assert differing(compare(first, slow, noise)) == expected
    assert differing(compare(slow, first, noise)) == expected


def test_smaller_difference_is_found_where_other_runs_are_steady():
    chance = random.Random(3)

    def run(middle):
        return [Timed("x", "time", tuple(chance.gauss(middle, 0.3) for _ in range(100)))]

    before, after = [run(10.0) for _ in range(5)], [run(13.0) for _ in range(5)]
    noise = run_to_run([before, after])
    assert differing(compare(before[0], after[0], noise)) == [("x", "time")]
    assert differing(compare(before[0], before[1], noise)) == []
    assert differing(compare(before[0], after[0])) == []  # nothing is known of other runs


def test_constant_of_a_plan_differs_where_spreads_are_apart_and_far():
    a = Ranged("token", "cpu", 100.0, 95.0, 105.0, 7, "µs")
    assert differing(compare([a], [replace(a, value=200.0, low=190.0, high=210.0)]))
    assert not differing(compare([a], [replace(a, value=120.0, low=110.0, high=125.0)]))
    assert not differing(compare([a], [replace(a, value=200.0, low=100.0, high=210.0)]))
    assert not differing(compare([a], [replace(a, value=200.0, low=190.0, high=210.0, n=1)]))


def test_words_are_settings_results_or_findings():
    def one(role, word):
        return [Stated("x", "w", word, role)]

    for role, answer in (
        ("setting", Likeness.SET),
        ("result", Likeness.ANOTHER),
        ("finding", Likeness.DIFFERS),
    ):
        assert compare(one(role, "a"), one(role, "b"))[0].answer is answer
        assert compare(one(role, "a"), one(role, "a"))[0].answer is Likeness.EQUAL


def test_quantity_that_a_run_lacks_is_said_and_never_an_alarm():
    a, b = Counted("x", "a", 1, 9), Counted("x", "b", 1, 9)
    assert [each.answer for each in compare([a], [b])] == [Likeness.ONE_SIDED] * 2
    timed = Timed("x", "t", (1.0,) * 24)
    assert compare([timed], [timed])[0].answer is Likeness.TOO_FEW
    assert compare([Counted("x", "a", 0, 0)], [a])[0].answer is Likeness.TOO_FEW


# --- the arithmetic


def test_rank_test_is_exact():
    assert rank_test([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert rank_test([1, 4], [2, 3]) == 1
    assert rank_test([1] * 5, [1] * 5) == 1
    # R: wilcox.test(c(1.1,2.2,3.3,4.4), c(2.5,3.6,4.7,5.8,6.9)) gives p = 0.1111
    assert rank_test([1.1, 2.2, 3.3, 4.4], [2.5, 3.6, 4.7, 5.8, 6.9]) == pytest.approx(14 / 126)


@given(VALUES, VALUES)
def test_rank_test_is_a_probability_and_does_not_depend_on_the_order(a, b):
    p = rank_test(a, b)
    assert 0 < p <= 1 + 1e-12
    assert p == pytest.approx(rank_test(b, a)) == pytest.approx(rank_test(b[::-1], a[::-1]))


@pytest.mark.parametrize(
    ("alpha", "freedom", "t"),
    [(0.05, 4, 2.776), (0.05, 10, 2.228), (0.005, 5, 4.773), (0.001, 8, 5.041), (0.05, 100, 1.984)],
)
def test_student_is_as_in_the_tables(alpha, freedom, t):
    assert student(alpha, freedom) == pytest.approx(t, rel=0.02)


def test_interval_of_a_difference_is_newcombes():
    # Newcombe 1998, table II: 56/70 and 48/80, method 10: 0.0524 to 0.3339.
    low, high = difference_of_shares(Counted("", "", 48, 80), Counted("", "", 56, 70), 1.96)
    assert (low, high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


def test_clumped_counts_are_worth_less():
    together = [(10, 10), (10, 0)] * 10
    apart = [(10, 5)] * 20
    assert clumping(together) == pytest.approx(10 * 20 / 19)
    assert clumping(apart) == clumping([]) == clumping([(5, 5)]) == clumping([(5, 0), (4, 0)]) == 1
    counted = Counted("x", "k", 100, 200)
    wide, narrow = (wilson(each, 2) for each in (replace(counted, clumping=10.0), counted))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


@given(st.integers(0, 50), st.integers(1, 50), st.floats(1, 100), st.floats(0.1, 8))
def test_interval_of_a_share_holds_it(k, n, clumped, z):
    k = min(k, n)
    low, high = wilson(Counted("", "", k, n, clumped), z)
    assert 0 <= low <= k / n + 1e-9 and k / n - 1e-9 <= high <= 1


def test_blocks_are_consecutive_and_cover_everything():
    assert blocks([1.0] * 4) == []
    assert blocks(range(5)) == [2]
    assert len(blocks(range(1000))) == 10
    assert blocks(range(100)) == [4.5 + 10 * n for n in range(10)]


@pytest.mark.parametrize("value", [0.0, 1e-300, 1e300])
def test_times_and_spreads_at_the_edge_of_numbers_break_nothing(value):
    a, b = Timed("x", "t", (value,) * 30), Timed("x", "t", (1.0,) * 30)
    noise = run_to_run([[[a], [b], [a], [b], [a]]])
    assert math.isfinite(noise["x", "t"].deviation)
    for left, right in ((a, b), (b, a), (a, a)):
        compare([left], [right], noise)
        compare([left], [right])
    ranged = Ranged("x", "r", value, value, value, 10**12)
    compare([ranged], [replace(ranged, value=1.0, low=1.0, high=1.0)])
