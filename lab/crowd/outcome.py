"""A crowd's outcome on one lane: what may be quoted, and what speaks against it. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from lab.crowd.forecast import Ledger
from lab.crowd.host import Progress
from lab.crowd.plan import Plan
from lab.evidence.statistics import share, told

MOST_CPU = 0.9  # of one core: above, a generator is the bottleneck
MOST_LATE_MS = 20.0
MOST_LATE_SHARE = 0.95
SHORT_OF_RATE = 0.95
LEAST_TURNS = 3.0


@dataclass(frozen=True)
class Outcome:
    """One lane of a crowd, finished. Times in seconds after the start, warm-up included."""

    lane: str
    plan: Plan
    progress: Progress
    ledger: Ledger
    logged: int | None
    """Requests of this lane in the balancer's log; None where it was not asked."""
    interrupted: bool = False

    @property
    def latency(self) -> dict[str, Any]:
        """Return `{"n", "p50_ms", "p95_ms", "p99_ms"}`, from the intended start of each request."""
        return self.progress.tally.latency.summary()

    @property
    def rate(self) -> float:
        """Requests per second of the measured time."""
        return self.progress.tally.requests / self.plan.for_s

    @property
    def bottleneck(self) -> str | None:
        """Say why the generator itself was the limit, None if it was not."""
        late_ms = self.progress.tally.lateness.quantile(MOST_LATE_SHARE)
        if self.progress.busiest > MOST_CPU:
            return (
                f"a generator used {self.progress.busiest:.0%} of a core (at most {MOST_CPU:.0%})"
            )
        if late_ms is not None and late_ms > MOST_LATE_MS:
            return (
                f"the generator was late: 5 % of the requests left more than {late_ms:.0f} ms "
                f"after their turn, and not for want of an answer (at most {MOST_LATE_MS:.0f} ms)"
            )
        return None

    @property
    def doubts(self) -> list[str]:
        """Everything that speaks against quoting these figures, as sentences."""
        progress, found = self.progress, []
        if self.interrupted:
            return ["stopped before its end: carts have not been asked for"]
        if (why := self.bottleneck) is not None:
            found.append(f"{why}: latencies are not quoted. Lower --rate, or add --workers")
        found += [
            f"{each.strike.kind} {each.strike.target}: {each.trouble}"
            for each in progress.struck
            if each.trouble
        ]
        if progress.tally.broken:
            found.append(
                f"the script stopped in {progress.tally.broken} visits: {progress.trouble}"
            )
        if not self.ledger.as_predicted:
            found.append(
                f"{self.ledger.differing} carts came out other than predicted "
                f"({', '.join(self.ledger.differ[:3])} …): something else than the timetable "
                "is at work"
            )
        if self.logged is not None and not self._agrees(self.logged):
            found.append(
                f"the balancer's log has {self.logged:,} requests, the crowd "
                f"{progress.tally.answered:,} answers"
            )
        return found

    def _agrees(self, logged: int) -> bool:
        # What got no answer may be in the log or not: cut off in the middle, given up, refused.
        tally = self.progress.tally
        return tally.answered <= logged <= tally.requests + tally.warm_up + tally.closing

    @property
    def carts(self) -> str:
        """Say what became of the carts."""
        text = told(share(self.ledger.kept, self.ledger.owed), "acknowledged carts kept")
        return text if self.ledger.owed else "no cart was owed"

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values; latencies are null where they are not quoted."""
        progress, tally = self.progress, self.progress.tally
        quoted = self.bottleneck is None
        return {
            "lane": self.lane,
            "interrupted": self.interrupted,
            "model": "closed" if self.plan.rate is None else "open",
            "shoppers": self.plan.shoppers,
            "rate_asked_per_s": self.plan.rate,
            "rate_done_per_s": round(self.rate, 1),
            "requests": tally.requests,
            "ok": tally.ok,
            "failed": tally.failed,
            "unknown": tally.unknown,
            "warm_up_requests_dropped": tally.warm_up,
            "latency": self.latency if quoted else None,
            "lateness_of_the_generator": tally.lateness.summary(),
            "generator_busiest_share_of_a_core": progress.busiest,
            "generator_bytes_per_shopper": self.bytes_per_shopper,
            "carts": asdict(self.ledger),
            "carts_as_predicted": self.ledger.as_predicted,
            "timetable": [
                {**asdict(each.strike), "done_at_s": round(each.at_s - self.plan.warm_up_s, 3)}
                for each in progress.struck
            ],
            "logged_by_the_balancer": self.logged,
            "answered": tally.answered,
            "doubts": self.doubts,
        }

    @property
    def bytes_per_shopper(self) -> int:
        """Memory of the generators divided by the shoppers: their interpreters are in it."""
        return round(sum(self.progress.rss.values()) / self.plan.shoppers)
