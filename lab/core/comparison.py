"""Two runs side by side: whether each number differs by more than chance, several at once.

With m comparisons each is held to 5 % / m (Bonferroni), so that two runs of the same thing are
called different in at most 5 of 100 comparisons of runs, however many numbers they have.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist, fmean, median

from lab.core.chance import blocks, difference_of_shares, rank_test, student
from lab.core.quantity import Counted, Quantity, Ranged, Stated, Timed

ALPHA = 0.05
LEAST_MS = 0.001
LEAST_BLOCKS = 5
LEAST_COUNTED = 2
ENOUGH = 1000  # sampled values of a spread: more only make the sum longer
TIMES_VARY = 15.0
"""The factor by which times of the same thing may differ from one run to the next.

The machine's other work decides it: medians of equal runs on a busy machine differed by up to
14. A smaller difference proves nothing, unless other runs show how much they vary here.
"""
LEAST_FREEDOM = 4  # degrees of freedom of five runs of the same thing
CPU_VARIES = 1.5  # as above, for processor time, which other work changes less


class Likeness(StrEnum):
    """What a comparison says."""

    DIFFERS = "differs"
    """The difference is more than chance, or a finding, in which chance plays no part."""
    MAY_BE_CHANCE = "may be chance"
    EQUAL = "equal"
    ANOTHER = "another result"
    """A word that rests on numbers: whether they differ by more than chance is said of them."""
    SET = "set differently"
    """What was asked for differs, not what was found."""
    TOO_FEW = "too few to tell"
    ONE_SIDED = "in one run only"


@dataclass(frozen=True)
class Comparison:
    """One quantity of two runs; `why` says what the answer rests on."""

    of: str
    name: str
    left: Quantity | None
    right: Quantity | None
    answer: Likeness
    why: str = ""


Key = tuple[str, str]
Quantities = Sequence[Quantity]


@dataclass(frozen=True)
class RunToRun:
    """How a quantity varies between runs of the same thing.

    `deviation` is that of the logarithm of a time's median; of a count, how many times its
    variance is that of independent counts.
    """

    deviation: float
    freedom: int

    def least_factor(self, alpha: float) -> float:
        """Return the factor that two such medians pass with a probability of alpha."""
        return math.exp(min(700.0, student(alpha, self.freedom) * math.sqrt(2) * self.deviation))


def run_to_run(groups: Sequence[Sequence[Quantities]]) -> dict[Key, RunToRun]:
    """Return how times and counts vary between runs, from groups of runs of the same thing.

    Nothing is returned where there are fewer than five runs to learn from.
    """
    residuals: dict[tuple[type[Quantity], str, str], list[list[float]]] = {}
    for runs in groups:
        mine: dict[tuple[type[Quantity], str, str], list[Quantity]] = {}
        for run in runs:
            for each in run:
                mine.setdefault((type(each), each.of, each.name), []).append(each)
        for key, several in mine.items():
            residuals.setdefault(key, []).append(_residuals(several))
    noise = {}
    for (kind, of, name), found in residuals.items():
        freedom = sum(len(each) - 1 for each in found if each)
        if freedom >= LEAST_FREEDOM:
            variance = math.fsum(x * x for each in found for x in each) / freedom
            deviation = variance if kind is Counted else math.sqrt(variance)
            noise[of, name] = RunToRun(deviation, freedom)
    return noise


def _residuals(several: Sequence[Quantity]) -> list[float]:
    """Return how far each run is from the mean: logarithms of times, counts standardised."""
    counts = [each for each in several if isinstance(each, Counted) and each.n]
    if counts:
        share = sum(each.k for each in counts) / sum(each.n for each in counts)
        spread = [math.sqrt(each.n * share * (1 - share)) for each in counts]
        return [
            (each.k - each.n * share) / width if width else 0.0
            for each, width in zip(counts, spread, strict=True)
        ]
    times = [each.samples_ms for each in several if isinstance(each, Timed) and each.samples_ms]
    logarithms = [math.log(max(median(each), LEAST_MS)) for each in times]
    return [each - fmean(logarithms) for each in logarithms]


def compare(
    left: Quantities, right: Quantities, noise: Mapping[Key, RunToRun] | None = None
) -> list[Comparison]:
    """Return the comparison of everything that either run has, in the order of the left one.

    `noise` is what is known of how times vary between runs.
    """
    ours = {(type(each), each.of, each.name): each for each in left}
    theirs = {(type(each), each.of, each.name): each for each in right}
    keys = list(dict.fromkeys([*ours, *theirs]))
    tested = sum(key in ours and key in theirs and key[0] is not Stated for key in keys)
    alpha = ALPHA / max(1, tested)
    return [
        _compared(key[1:], ours.get(key), theirs.get(key), alpha, (noise or {}).get(key[1:]))
        for key in keys
    ]


def _compared(
    key: Key, a: Quantity | None, b: Quantity | None, alpha: float, noise: RunToRun | None
) -> Comparison:
    answer, why = Likeness.ONE_SIDED, ""
    if isinstance(a, Stated) and isinstance(b, Stated):
        answer = _words(a, b)
    elif isinstance(a, Counted) and isinstance(b, Counted):
        answer, why = _counts(a, b, alpha, noise)
    elif isinstance(a, Timed) and isinstance(b, Timed):
        answer, why = _times(a, b, alpha, noise)
    elif isinstance(a, Ranged) and isinstance(b, Ranged):
        answer, why = _ranges(a, b, alpha)
    return Comparison(*key, a, b, answer, why)


def _words(a: Stated, b: Stated) -> Likeness:
    if a.word == b.word:
        return Likeness.EQUAL
    return {"finding": Likeness.DIFFERS, "result": Likeness.ANOTHER, "setting": Likeness.SET}[
        a.role
    ]


def _counts(a: Counted, b: Counted, alpha: float, noise: RunToRun | None) -> tuple[Likeness, str]:
    """Compare shares by Newcombe's interval of their difference, made of two Wilson intervals."""
    if min(a.n, b.n) < LEAST_COUNTED:
        return Likeness.TOO_FEW, ""
    z, clumping = NormalDist().inv_cdf(1 - alpha / 2), 1.0
    if noise:
        z, clumping = student(alpha, noise.freedom), noise.deviation
    none, every = replace(a, k=0), replace(b, k=b.n)
    if difference_of_shares(none, every, z, clumping)[0] <= 0:  # so few that no counts could differ
        return Likeness.TOO_FEW, ""
    low, high = difference_of_shares(a, b, z, clumping)
    said = f"{100 * low:+.1f} to {100 * high:+.1f} percentage points"
    if low > 0 or high < 0:
        return Likeness.DIFFERS, said
    return (Likeness.EQUAL if a.k * b.n == b.k * a.n else Likeness.MAY_BE_CHANCE), said


def _times(a: Timed, b: Timed, alpha: float, noise: RunToRun | None) -> tuple[Likeness, str]:
    """Compare medians of consecutive blocks by an exact rank test, and by their factor.

    Neighbouring requests are slow together, so a block counts as one value. That is the noise
    within a run; the factor has to pass the noise from run to run as well.
    """
    ours, theirs = blocks(a.samples_ms), blocks(b.samples_ms)
    if min(len(ours), len(theirs)) < LEAST_BLOCKS:
        return Likeness.TOO_FEW, ""
    p = rank_test(ours, theirs)
    factor = _factor(median(a.samples_ms), median(b.samples_ms))
    least = noise.least_factor(alpha) if noise else TIMES_VARY
    known = f"{noise.freedom + 1} runs" if noise else "no other runs"
    said = f"factor {factor:.2g}, p = {p:.2g}; by chance up to {least:.2g} ({known})"
    if p <= alpha and factor > least:
        return Likeness.DIFFERS, said
    return (Likeness.EQUAL if factor == 1 else Likeness.MAY_BE_CHANCE), said


def _ranges(a: Ranged, b: Ranged, alpha: float) -> tuple[Likeness, str]:
    """Compare two spreads: if they do not overlap, the chance of that is 2 / C(n + m, n)."""
    if a.value == b.value:
        return Likeness.EQUAL, ""
    apart = a.high < b.low or b.high < a.low
    n, m = min(a.n, ENOUGH), min(b.n, ENOUGH)
    p = min(1.0, 2 / math.comb(n + m, n)) if apart else 1.0
    factor, least = _factor(a.value, b.value), CPU_VARIES if a.unit == "µs" else 1.0
    said = f"factor {factor:.3g}; spreads {'apart' if apart else 'overlap'}"
    differs = p <= alpha and factor >= least
    return (Likeness.DIFFERS if differs else Likeness.MAY_BE_CHANCE), said


def _factor(a: float, b: float) -> float:
    low, high = sorted((a, b))
    if low == high:
        return 1.0
    return high / low if low > 0 else math.inf
