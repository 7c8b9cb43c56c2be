"""Tests the lab itself: freezes a real server, and checks that the crowd's p99 shows it.

A load generator that waits for an answer before it asks again measures a frozen server once
for each of its users, and p99 looks fine (coordinated omission). With intended start times
every request that was due meanwhile is counted.
"""

import msgspec

from lab.core.faults import FaultKind
from lab.crowd.load_profile import LoadProfile
from lab.crowd.progress import Progress
from lab.crowd.timetable import PlannedFault

FREEZE_FROM_S, FREEZE_TO_S = 1.5, 3.5
# A generator later than this share of the freeze would reveal it by itself.
MOST_LATE_OF_FREEZE = 0.2
LEAST_SHARE = 0.5
"""p99 has to show at least this share of the freeze: of those in it, 1 in 3, half waited longer."""


def freeze_profiles(profile: LoadProfile) -> tuple[LoadProfile, LoadProfile]:
    """Return the same freeze for an open and for a closed crowd."""
    timetable = (
        PlannedFault(FaultKind.PAUSE, "A", FREEZE_FROM_S),
        PlannedFault(FaultKind.RESUME, "A", FREEZE_TO_S),
    )
    replace = msgspec.structs.replace
    frozen = replace(profile, for_s=6.0, warm_up_s=1.0, timetable=timetable)
    # So few that the requests in flight at the freeze are under 1 % of all: p99 shows it only if
    # the requests that were due meanwhile are counted from their intended start.
    return replace(frozen, shoppers=10, rate=200.0), replace(frozen, shoppers=4, rate=None)


def judge(open_: Progress, closed: Progress) -> tuple[str, bool]:
    """Return a report on the two crowds, and whether the open one showed the freeze."""
    freeze_ms = (FREEZE_TO_S - FREEZE_FROM_S) * 1000
    seen, hidden = open_.tally.latency.percentiles(), closed.tally.latency.percentiles()
    late_ms = open_.tally.lateness.quantile(0.99) or 0.0
    frozen = [each.trouble is None for each in open_.injected.faults] == [True, True]
    shown = seen.p99_ms is not None and seen.p99_ms >= LEAST_SHARE * freeze_ms
    passed = frozen and shown and late_ms < MOST_LATE_OF_FREEZE * freeze_ms
    sign = "✓" if passed else "✕"
    return (
        f"{sign} a server was paused for {freeze_ms:.0f} ms\n"
        f"  open model:   p99 {_ms(seen.p99_ms)} of {seen.n:,} requests, counted from their "
        f"intended start (the generator's own delay: p99 {late_ms:,.0f} ms)\n"
        f"  closed model: p99 {_ms(hidden.p99_ms)} of {hidden.n:,} requests: each shopper "
        "waited once, and sent nothing meanwhile",
        passed,
    )


def _ms(value: float | None) -> str:
    return "unknown (n under 1,000)" if value is None else f"{value:,.0f} ms"
