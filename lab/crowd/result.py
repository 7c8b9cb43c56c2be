"""The result of a crowd on one variant, as numbers: quotable figures, and doubts about them."""

from collections.abc import Iterator, Mapping

import msgspec

from lab.core.faults import FaultKind
from lab.core.statistics import Measure
from lab.crowd.doubts import Doubt, DoubtKind
from lab.crowd.load_profile import Engine
from lab.crowd.loss_audit import LossAudit
from lab.crowd.progress import Progress
from lab.crowd.tally import Percentiles

MAX_CPU = 0.9  # a generator that uses more of its core is the bottleneck
MAX_LATE_MS = 20.0
LATE_QUANTILE = 0.95
KEEPS_UP = 0.95  # below this share of the planned rate, the shop did not keep up


class LoggedRequests(msgspec.Struct):
    """What the balancer's log says of one crowd: requests, and those asked of several servers.

    `strange` counts the answers of processes that the lab did not start.
    """

    requests: int = 0
    retried: int = 0
    strange: int = 0
    breakage: str | None = None
    """What happened to the balancer itself, if it broke."""


class CrowdSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How the variant is set up; `store` is where the cart lives, "token" included."""

    desk: str
    store: str
    servers: int
    affinity: str
    retry: str


class TimetableEntry(msgspec.Struct, frozen=True):
    """A fault of the timetable: when it was planned and done, in seconds after the warm-up."""

    kind: FaultKind
    target: str
    at_s: float
    done_at_s: float
    trouble: str | None = None
    """Why it did not work, if so."""


class CrowdResult(msgspec.Struct, frozen=True, kw_only=True):
    """One variant's crowd, finished: an entry of `crowd.json`."""

    variant: str
    setup: CrowdSetup
    interrupted: bool
    model: str
    """"open" or "closed"."""
    script: str
    engine: Engine
    workers: int
    seed: int
    shoppers: int
    shoppers_came: int = 0
    """Shoppers who sent a request before the end."""
    iteration_requests: int = 0
    """Each shopper began its first iteration at a random one of these; 0: at the first."""
    once: bool
    for_s: float
    warm_up_s: float
    rate_asked_per_s: float | None
    rate_done_per_s: float
    """The rate from the end of the warm-up to the last answer."""
    requests: int
    ok: int
    failed: int
    unknown: int
    warm_up_requests_dropped: int
    responses: int
    """Requests with a response, the balancer's own 502 included: its log has at least these."""
    reads: int
    reads_that_showed_the_cart: int
    answered_by: dict[str, int] = {}
    """Requests of the measured time by the server that answered, "" if none did."""
    logged_by_the_balancer: int
    latency: Percentiles
    """Latency from the intended start of each request. A percentile that may not be quoted is
    None: all if the generator was the limit, p99 if the generator's own delays may decide it."""
    lateness_of_the_generator: Percentiles
    generator_busiest_share_of_a_core: float
    generator_bytes_per_shopper: int
    """Memory of the workers by the number of shoppers, the interpreters' share included."""
    carts: LossAudit
    carts_owed: int = 0
    """Acknowledged carts: those that could be lost."""
    carts_kept: Measure | None = None
    """Kept of the acknowledged carts, with the interval; None in a file of version 0.1."""
    carts_as_predicted: bool
    timetable: list[TimetableEntry]
    doubts: list[Doubt]

    @property
    def generator_was_the_limit(self) -> bool:
        """True if the figures are the generator's, not the shop's."""
        return not all(each.is_about_carts for each in self.doubts)

    @property
    def keeps_up(self) -> bool:
        """True if the shop answered at the planned rate; always True in the closed model."""
        asked = self.rate_asked_per_s
        return asked is None or self.once or self.rate_done_per_s >= KEEPS_UP * asked

    def as_json(self) -> Mapping[str, object]:
        """Return the result as plain JSON values, for the measurements of a script."""
        values: Mapping[str, object] = msgspec.to_builtins(self)
        return values


def crowd_result(
    progress: Progress,
    setup: CrowdSetup,
    audit: LossAudit,
    logged: LoggedRequests,
    interrupted: bool = False,
) -> CrowdResult:
    """Return the result of a crowd, from its reports, its audit and the log."""
    profile, tally = progress.job.profile, progress.tally
    doubts = [*_about_the_generator(progress), *_about_the_run(progress, setup, logged)]
    if any(doubt.voids_every_cart for doubt in doubts):
        audit = audit.all_unknown()
    else:
        doubts += _about_the_carts(progress, audit)
    return CrowdResult(
        variant=progress.variant,
        setup=setup,
        interrupted=interrupted,
        model="closed" if profile.rate is None else "open",
        script=profile.script_name,
        engine=profile.engine,
        workers=profile.workers,
        seed=profile.seed,
        shoppers=profile.shoppers,
        shoppers_came=tally.came,
        iteration_requests=profile.iteration_requests,
        once=profile.once,
        for_s=profile.for_s,
        warm_up_s=profile.warm_up_s,
        rate_asked_per_s=profile.rate,
        rate_done_per_s=round(
            (tally.requests + tally.looks) / max(0.001, tally.last_s - profile.warm_up_s), 1
        ),
        requests=tally.requests,
        ok=tally.ok,
        failed=tally.failed,
        unknown=tally.unknown,
        warm_up_requests_dropped=tally.warm_up,
        responses=tally.responses,
        reads=tally.reads,
        reads_that_showed_the_cart=tally.reads_kept,
        answered_by=tally.by_server,
        logged_by_the_balancer=logged.requests,
        latency=_quotable(progress),
        lateness_of_the_generator=tally.lateness.percentiles(),
        generator_busiest_share_of_a_core=progress.busiest,
        generator_bytes_per_shopper=round(sum(progress.rss.values()) / profile.shoppers),
        carts=audit,
        carts_owed=audit.owed,
        carts_kept=audit.kept_share,
        carts_as_predicted=audit.as_predicted,
        timetable=list(_entries(progress)),
        doubts=[Doubt(DoubtKind.INTERRUPTED)] if interrupted else doubts,
    )


def _entries(progress: Progress) -> Iterator[TimetableEntry]:
    warm_up_s = progress.job.profile.warm_up_s
    for each in progress.injected.faults:
        planned, done_at_s = each.planned, round(each.at_s - warm_up_s, 3)
        yield TimetableEntry(planned.kind, planned.target, planned.at_s, done_at_s, each.trouble)


def _quotable(progress: Progress) -> Percentiles:
    seen, late_ms = progress.tally.latency.percentiles(), progress.tally.lateness.quantile(0.99)
    if any(_about_the_generator(progress)):
        return seen.without("the load generator was the limit", "p50", "p95", "p99")
    if late_ms is not None and late_ms > MAX_LATE_MS:
        late = f"the load generator's own delay has a p99 of {late_ms:,.0f} ms"
        return seen.without(f"{late} (at most {MAX_LATE_MS:.0f} ms)", "p99")
    return seen


def _about_the_generator(progress: Progress) -> Iterator[Doubt]:
    late_ms = progress.tally.lateness.quantile(LATE_QUANTILE)
    if progress.busiest > MAX_CPU:
        yield Doubt(DoubtKind.GENERATOR_CPU, progress.busiest, MAX_CPU)
    elif late_ms is not None and late_ms > MAX_LATE_MS:
        yield Doubt(DoubtKind.GENERATOR_LATE, round(late_ms, 1), MAX_LATE_MS)


def _about_the_run(
    progress: Progress, setup: CrowdSetup, logged: LoggedRequests
) -> Iterator[Doubt]:
    tally, injected = progress.tally, progress.injected.faults
    for each in injected:
        if each.trouble:
            detail = f"{each.planned.kind} {each.planned.target}: {each.trouble}"
            yield Doubt(DoubtKind.FAULT_FAILED, detail=detail)
    done = [each.planned for each in injected]
    for planned in progress.job.profile.timetable:
        if planned not in done:
            yield Doubt(DoubtKind.FAULT_MISSING, detail=str(planned))
    if tally.broken:
        yield Doubt(DoubtKind.SCRIPT_FAILED, tally.broken, detail=progress.trouble or "")
    # A request without an answer may be in the log or not: cut off, given up, refused.
    sent = tally.requests + tally.warm_up + tally.closing
    if not tally.responses <= logged.requests <= sent:
        yield Doubt(DoubtKind.LOG_DIFFERS, logged.requests, tally.responses)
    if logged.breakage:
        yield Doubt(DoubtKind.BALANCER_BROKEN, detail=logged.breakage)
    if logged.strange:
        yield Doubt(DoubtKind.STRANGERS, logged.strange)
    if logged.retried and setup.retry == "off":
        yield Doubt(DoubtKind.RETRIED, logged.retried)


def _about_the_carts(progress: Progress, audit: LossAudit) -> Iterator[Doubt]:
    if not audit.as_predicted:
        names = f"{', '.join(audit.differ[:3])} …"
        yield Doubt(DoubtKind.NOT_AS_PREDICTED, audit.differing, detail=names)
    if audit.unknown:
        causes = sorted(audit.silences.items(), key=lambda item: -item[1])
        why = "; ".join(cause for cause, _ in causes[:2]) or "no answer"
        yield Doubt(DoubtKind.CARTS_UNKNOWN, audit.unknown, detail=why)
    if audit.settled != progress.tally.begun:
        yield Doubt(DoubtKind.NOT_SETTLED, audit.settled, progress.tally.begun)
