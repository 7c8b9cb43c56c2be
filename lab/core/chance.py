"""The statistics of a comparison: intervals of shares, a rank test of times, Student's t."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist, median

from lab.core.quantity import Counted

BLOCKS = 10
LEAST_IN_BLOCK = 5


def student(alpha: float, freedom: int) -> float:
    """Return Student's two-sided t for alpha, by the expansion of Cornish and Fisher."""
    z = NormalDist().inv_cdf(1 - alpha / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))


def difference_of_shares(
    a: Counted, b: Counted, z: float, clumping: float = 1.0
) -> tuple[float, float]:
    """Return the interval of b's share less a's, z wide (Newcombe 1998, method 10)."""
    p, q = a.k / a.n, b.k / b.n
    (a_low, a_high), (b_low, b_high) = (wilson(each, z, clumping) for each in (a, b))
    below = math.hypot(q - b_low, a_high - p)
    above = math.hypot(b_high - q, p - a_low)
    return q - p - below, q - p + above


def wilson(counted: Counted, z: float, clumping: float = 1.0) -> tuple[float, float]:
    """Return Wilson's interval of k/n, z wide; counts that clump are worth less."""
    n = counted.n / max(counted.clumping, clumping)
    p = counted.k / counted.n
    centre = p + z**2 / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def blocks(samples: Sequence[float]) -> list[float]:
    """Return the medians of up to ten consecutive blocks of at least five samples."""
    count = min(BLOCKS, len(samples) // LEAST_IN_BLOCK)
    edges = [len(samples) * number // count for number in range(count + 1)] if count else [0]
    return [median(samples[a:b]) for a, b in pairwise(edges)]


def rank_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the exact two-sided p of Wilcoxon's rank sum test; ties have their mean rank."""
    ordered = sorted([*a, *b])
    doubled = {  # the mean rank of each value, doubled so that it is whole
        value: 2 * ordered.index(value) + ordered.count(value) + 1 for value in set(ordered)
    }
    ranks = [doubled[value] for value in ordered]
    # How many ways there are to choose so many of the values with each sum of ranks.
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in a)]
    for rank in ranks:
        for size in range(len(a), 0, -1):
            for total, number in ways[size - 1].items():
                ways[size][total + rank] = ways[size].get(total + rank, 0) + number
    middle = len(a) * sum(ranks) / len(ranks)
    seen = abs(sum(doubled[value] for value in a) - middle)
    extreme = sum(n for total, n in ways[-1].items() if abs(total - middle) >= seen - 1e-9)
    return extreme / math.comb(len(ranks), len(a))
