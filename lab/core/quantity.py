"""What two runs can be compared by: counts, times, spreads and words, each with its name."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Counted:
    """`k` of `n`. `clumping` is by how much it varies more than independent counts do (>= 1)."""

    of: str
    """What it belongs to: a variant, with its experiment where there are several."""
    name: str
    k: int
    n: int
    clumping: float = 1.0


@dataclass(frozen=True)
class Timed:
    """Samples of one time in the order in which they were taken, in ms."""

    of: str
    name: str
    samples_ms: tuple[float, ...]


@dataclass(frozen=True)
class Ranged:
    """A value with the lowest and highest of the `n` that it was taken from."""

    of: str
    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = ""


@dataclass(frozen=True)
class Stated:
    """A value in words: a setting, a result or a finding."""

    of: str
    name: str
    word: str
    role: Literal["setting", "result", "finding"] = "setting"


Quantity = Counted | Timed | Ranged | Stated


def clumping(clusters: list[tuple[int, int]]) -> float:
    """Return the design effect of (n, k) by cluster: 1 if the clusters do not matter.

    It is the variance of k/n with clusters as the units, over that of independent counts
    (Kish 1965): requests of one shopper fail together when a server dies.
    """
    n, k = sum(each for each, _ in clusters), sum(each for _, each in clusters)
    if len(clusters) < 2 or not 0 < k < n:
        return 1.0
    share = k / n
    between = sum((failed - share * size) ** 2 for size, failed in clusters)
    by_cluster = between * len(clusters) / (len(clusters) - 1) / n**2
    return max(1.0, by_cluster / (share * (1 - share) / n))
