"""Counts that can be added up: outcomes, and latencies in buckets one per cent wide.

A histogram takes the same memory for a hundred requests as for a hundred million, and those
of several workers add up to that of the crowd, as percentiles do not.
"""

import math

import msgspec

from lab.core.statistics import LEAST_FOR_P99

LEAST_FOR_P95 = 100
NO_SERVER_NAME = ""
"""Stands for a server's name if none answered."""
OTHER_SERVERS = "others"
MOST_NAMED_SERVERS, MOST_SERVER_NAME = 100, 32
_PERCENTILES = (("p50", 0.50, 1), ("p95", 0.95, LEAST_FOR_P95), ("p99", 0.99, LEAST_FOR_P99))
_WIDTH = math.log(1.01)
_SHORTEST_MS = 0.001


class Percentiles(msgspec.Struct, frozen=True):
    """Percentiles of `n` latencies; None for one that needs more values, or is in doubt."""

    n: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    withheld: dict[str, str] = {}
    """Why a percentile is None: {"p99": "95 requests are too few for it: it takes 1,000"}."""

    def without(self, why: str, *names: str) -> "Percentiles":
        """Return the percentiles without these ("p99"), and with the reason."""
        gone = dict.fromkeys([f"{name}_ms" for name in names])
        reasons = {**self.withheld, **dict.fromkeys(names, why)}
        return msgspec.structs.replace(self, withheld=reasons, **gone)


class Histogram(msgspec.Struct):
    """How many values fell into each bucket; a percentile is exact to half a per cent."""

    counts: dict[int, int] = {}

    def add(self, value_ms: float) -> None:
        """Count one value, in ms."""
        bucket = round(math.log(max(value_ms, _SHORTEST_MS)) / _WIDTH)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another."""
        for bucket, number in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + number

    @property
    def n(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())

    def quantile(self, share: float) -> float | None:
        """Return the value below which `share` of them lie (nearest rank); None if n is 0."""
        rank = math.ceil(share * self.n)
        for bucket, number in sorted(self.counts.items()):
            rank -= number
            if rank <= 0:
                return math.exp(bucket * _WIDTH)
        return None

    def percentiles(self) -> Percentiles:
        """Return p50, p95 and p99, each only if there are enough values."""
        n, found = self.n, Percentiles(self.n)
        for name, share, least in _PERCENTILES:
            value = self.quantile(share)
            if value is None or n < least:
                found = found.without(f"n = {n:,} is too small for it: at least {least:,}", name)
            else:
                found = msgspec.structs.replace(found, **{f"{name}_ms": round(value, 3)})
        return found


class Tally(msgspec.Struct):
    """What has happened so far (or since the last report) in the measured time."""

    ok: int = 0
    failed: int = 0
    unknown: int = 0
    warm_up: int = 0
    """Requests of the warm-up: in no other count."""
    closing: int = 0
    """Requests of the lab's closing looks, and of the script after the measured time: in no other
    count but `looks`."""
    looks: int = 0
    """Closing looks within the measured time: part of the load."""
    responses: int = 0
    """Requests of the whole run, warm-up and closing reads included, with a response, the load
    balancer's own included: so many entries its log must have."""
    reads: int = 0
    """Reads of an owed cart."""
    reads_kept: int = 0
    came: int = 0
    """Shoppers whose first request was due."""
    by_server: dict[str, int] = {}
    """Requests by the server that answered; `UNANSWERED` where none did."""
    begun: int = 0
    """Iterations that were begun: each has to be settled in the end."""
    last_s: float = 0.0
    """When the last answer of the measured time arrived (or the failure), after the start."""
    broken: int = 0
    """Iterations whose script raised (an assertion, or any other exception)."""
    latency: Histogram = msgspec.field(default_factory=Histogram)
    """Time from the intended start to the answer, or the failure."""
    lateness: Histogram = msgspec.field(default_factory=Histogram)
    """The generator's own delay: from when a request could have been sent until it was."""

    @property
    def requests(self) -> int:
        """Requests of the measured time."""
        return self.ok + self.failed + self.unknown

    def count_server(self, server: str, requests: int = 1) -> None:
        """Count requests that a server answered; it names itself, so not every name is kept."""
        known = server in self.by_server or len(self.by_server) < MOST_NAMED_SERVERS
        name = server[:MOST_SERVER_NAME] if known else OTHER_SERVERS
        self.by_server[name] = self.by_server.get(name, 0) + requests

    def add(self, other: "Tally") -> None:
        """Add the counts of another."""
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Histogram):
                mine.merge(theirs)
            elif isinstance(mine, dict):
                for server, number in theirs.items():
                    self.count_server(server, number)
            elif name == "last_s":
                self.last_s = max(mine, theirs)
            else:
                setattr(self, name, mine + theirs)
