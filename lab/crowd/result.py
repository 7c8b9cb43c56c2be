"""A crowd's outcome on one lane: what may be quoted, and what speaks against it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.core.statistics import format_measure, share
from lab.crowd.crowd_run import Progress
from lab.crowd.load_profile import LoadProfile
from lab.crowd.loss_audit import LossAudit

MOST_CPU = 0.9  # of one core: above, a generator is the bottleneck
MOST_LATE_MS = 20.0
LATE_QUANTILE = 0.95
KEEPS_UP = 0.95  # of the rate that was asked for: below, the shop did not
OTHER_FATES = ("lost", "wrong", "duplicated", "unknown")


@dataclass
class Logged:
    """What the balancer's log says of one crowd: requests, and those asked of several servers."""

    requests: int = 0
    retried: int = 0


@dataclass(frozen=True)
class CrowdResult:
    """One lane of a crowd, finished. Times in seconds after the start, warm-up included."""

    lane: str
    plan: LoadProfile
    setup: Mapping[str, Any]
    """Of the lane: "desk", "store", "servers", "affinity", "retry"."""
    progress: Progress
    ledger: LossAudit
    logged: Logged
    interrupted: bool = False

    @property
    def latency(self) -> dict[str, Any]:
        """Return `{"n", "p50_ms", "p95_ms", "p99_ms"}`, from the intended start of each request.

        None stands for what may not be quoted: all of it where the generator was the limit,
        p99 where so few requests decide it that the generator's own delays may.
        """
        seen = self.progress.tally.latency.summary()
        if self.bottleneck is not None:
            return dict.fromkeys(seen) | {"n": seen["n"]}
        late_ms = self.progress.tally.lateness.quantile(0.99)
        if late_ms is not None and late_ms > MOST_LATE_MS:
            seen["p99_ms"] = None
        return seen

    @property
    def rate(self) -> float:
        """Requests per second, from the end of the warm-up to the last answer."""
        tally = self.progress.tally
        return tally.requests / max(0.001, tally.last_s - self.plan.warm_up_s)

    @property
    def keeps_up(self) -> bool:
        """Whether the shop did as much as was asked of it; the closed model asks for nothing."""
        asked = self.plan.rate
        return asked is None or self.plan.once or self.rate >= KEEPS_UP * asked

    @property
    def bottleneck(self) -> str | None:
        """Say why the generator itself was the limit, None if it was not."""
        late_ms = self.progress.tally.lateness.quantile(LATE_QUANTILE)
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
        """Everything that speaks against quoting this, as sentences."""
        if self.interrupted:
            return ["stopped before its end: carts have not been asked for"]
        why = self.bottleneck
        hint = "latencies are not quoted. Lower --rate, or add --workers"
        return [*([f"{why}: {hint}"] if why else []), *self.doubts_about_carts]

    @property
    def doubts_about_carts(self) -> list[str]:
        """What of it concerns the carts, whatever the latencies are worth."""
        return [*self._about_the_run(), *self._about_the_ledger()]

    def _about_the_run(self) -> Iterator[str]:
        progress, tally = self.progress, self.progress.tally
        for each in progress.struck:
            if each.trouble:
                yield f"{each.strike.kind} {each.strike.target}: {each.trouble}"
        done = [each.strike for each in progress.struck]
        for strike in self.plan.timetable:
            if strike not in done:
                yield f"{strike.kind} {strike.target}@{strike.at_s:g}s: it was over before"
        if tally.broken:
            yield f"the script stopped in {tally.broken} visits: {progress.trouble}"
        if not self._log_agrees():
            yield (
                f"the balancer's log has {self.logged.requests:,} requests, the crowd "
                f"{tally.answered:,} answers"
            )
        if self.logged.retried and self.setup.get("retry") == "off":
            yield f"the balancer asked a second server for {self.logged.retried} requests"

    def _about_the_ledger(self) -> Iterator[str]:
        ledger = self.ledger
        if not ledger.as_predicted:
            yield (
                f"{ledger.differing} carts came out other than predicted "
                f"({', '.join(ledger.differ[:3])} …): something else than the timetable is at work"
            )
        if ledger.unknown:
            yield f"{ledger.unknown} carts: nobody could tell, who has them does not answer"
        if ledger.settled != self.progress.tally.begun:
            yield f"{self.progress.tally.begun} visits were begun, {ledger.settled} settled"

    def _log_agrees(self) -> bool:
        # What got no answer may be in the log or not: cut off in the middle, given up, refused.
        tally = self.progress.tally
        asked = tally.requests + tally.warm_up + tally.closing
        return tally.answered <= self.logged.requests <= asked

    @property
    def carts(self) -> str:
        """Say what became of the carts."""
        ledger = self.ledger
        if not ledger.owed:
            return "no cart was owed"
        others = [(getattr(ledger, fate), fate) for fate in OTHER_FATES]
        return format_measure(share(ledger.kept, ledger.owed, "acknowledged carts kept")) + "".join(
            f", {number:,} {fate}" for number, fate in others if number
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values; latencies are null where they are not quoted."""
        return self._asked() | self._measured() | self._found()

    def _asked(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "lane": self.lane,
            "setup": dict(self.setup),
            "interrupted": self.interrupted,
            "model": "closed" if plan.rate is None else "open",
            "script": plan.script_name,
            "engine": plan.engine,
            "workers": plan.workers,
            "seed": plan.seed,
            "shoppers": plan.shoppers,
            "for_s": plan.for_s,
            "warm_up_s": plan.warm_up_s,
            "rate_asked_per_s": plan.rate,
        }

    def _measured(self) -> dict[str, Any]:
        tally = self.progress.tally
        return {
            "rate_done_per_s": round(self.rate, 1),
            "requests": tally.requests,
            "ok": tally.ok,
            "failed": tally.failed,
            "unknown": tally.unknown,
            "warm_up_requests_dropped": tally.warm_up,
            "answered": tally.answered,
            "logged_by_the_balancer": self.logged.requests,
            "latency": None if self.bottleneck else self.latency,
            "lateness_of_the_generator": tally.lateness.summary(),
            "generator_busiest_share_of_a_core": self.progress.busiest,
            "generator_bytes_per_shopper": self.bytes_per_shopper,
        }

    def _found(self) -> dict[str, Any]:
        warm_up_s = self.plan.warm_up_s
        return {
            "carts": asdict(self.ledger),
            "carts_as_predicted": self.ledger.as_predicted,
            "timetable": [
                {**asdict(each.strike), "done_at_s": round(each.at_s - warm_up_s, 3)}
                for each in self.progress.struck
            ],
            "doubts": self.doubts,
            "doubts_about_carts": self.doubts_about_carts,
        }

    @property
    def bytes_per_shopper(self) -> int:
        """Memory of the generators divided by the shoppers: their interpreters are in it."""
        return round(sum(self.progress.rss.values()) / self.plan.shoppers)
