"""How a figure is measured: alternating runs, medians, a server's own CPU, one row of a table."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import psutil

from lab.capacity import meters


@dataclass(frozen=True)
class Scale:
    """How much is run. `rounds` is never under 5; a batch is what one side does in one round."""

    rounds: int
    batch: int
    most_shoppers: int
    quick: bool


FULL = Scale(rounds=9, batch=300, most_shoppers=100_000, quick=False)
QUICK = Scale(rounds=5, batch=120, most_shoppers=10_000, quick=True)


@dataclass(frozen=True)
class Row:
    """One line of the table. `values` are those of the rounds: the median is what counts."""

    what: str
    values: Sequence[float]
    how: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        """What was measured."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float] | None:
        """The middle half of the rounds; None where there was one only."""
        if len(self.values) < 2:
            return None
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high

    @property
    def met(self) -> bool | None:
        """True if the aim was met; None where there is none."""
        if self.at_least is not None:
            return self.median >= self.at_least
        return None if self.at_most is None else self.median <= self.at_most

    def document(self) -> dict[str, object]:
        """All of it, for JSON."""
        summary = {"median": self.median, "spread": self.spread, "met": self.met}
        return asdict(self) | summary


@dataclass
class Side:
    """One of two things compared: what it is asked, and the CPU that its server took for it."""

    ask: Callable[[], object]
    server: psutil.Process
    batch: int
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    _seconds: list[float] = field(default_factory=list)
    _before_s: float = 0.0

    def begin(self) -> None:
        """Begin a round."""
        self._seconds, self._before_s = [], cpu_s([self.server])

    def once(self) -> None:
        """Ask once, and time it."""
        began = time.perf_counter()
        self.ask()
        self._seconds.append(time.perf_counter() - began)

    def end(self) -> None:
        """End a round: its rate is that of the median request, which no busy spell decides."""
        self.rates.append(1 / statistics.median(self._seconds))
        self.cpu_ms.append((cpu_s([self.server]) - self._before_s) * 1000 / self.batch)

    def run(self) -> None:
        """One round by itself."""
        self.begin()
        for _ in range(self.batch):
            self.once()
        self.end()

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return statistics.median(self.rates)

    @property
    def mean_cpu_ms(self) -> float:
        """CPU of the server for a request."""
        return statistics.median(self.cpu_ms)


def compare(ours: Side, theirs: Side, rounds: int) -> list[float]:
    """Ask both in turn, request by request, in `rounds` rounds; the ratios of their rates."""
    for number in range(-1, rounds):  # the first is to warm up: connections open, caches filled
        ours.begin(), theirs.begin()
        alternate(ours.batch, ours.once, theirs.once)
        ours.end(), theirs.end()
        if number < 0:
            for side in (ours, theirs):
                side.rates.clear(), side.cpu_ms.clear()
    return [one / other for one, other in zip(ours.rates, theirs.rates, strict=True)]


def alternate(rounds: int, *sides: Callable[[], object]) -> None:
    """Call all sides `rounds` times, in turn; the order is reversed every other time.

    So a slow spell of the machine falls on all of them, and none always comes second.
    """
    for number in range(rounds):
        for side in sides if number % 2 == 0 else sides[::-1]:
            side()


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """CPU that these processes have used so far, user and system, in seconds."""
    return meters.cpu_s(process.pid for process in processes)
