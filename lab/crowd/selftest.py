"""Can the crowd see a server that stands still? A test of the lab itself, with a real freeze.

A load generator that waits for an answer before it asks again measures a frozen server once
for each of its users, and p99 looks fine (coordinated omission). With intended start times
everybody who had a turn meanwhile is counted.
"""

from dataclasses import replace

from lab.crowd.load_profile import LoadProfile, PlannedFault
from lab.crowd.result import CrowdResult

FREEZE_FROM_S, FREEZE_TO_S = 1.5, 3.5
MOST_LATE_OF_FREEZE = 0.2  # of the freeze: a generator as late as that would show it by itself
LEAST_SHARE = 0.5
"""p99 has to show at least this share of the freeze: of those in it, 1 in 3, half waited longer."""


def plans(plan: LoadProfile) -> tuple[LoadProfile, LoadProfile]:
    """Return the same freeze for an open and for a closed crowd."""
    timetable = (
        PlannedFault("pause", "A", FREEZE_FROM_S),
        PlannedFault("resume", "A", FREEZE_TO_S),
    )
    frozen = replace(plan, for_s=6.0, warm_up_s=1.0, timetable=timetable)
    # So few that those who hang in the freeze are under 1 % of all: p99 shows it only if the
    # turns that were missed are counted from when they were meant to be.
    return replace(frozen, shoppers=10, rate=200.0), replace(frozen, shoppers=4, rate=None)


def judged(open_: CrowdResult, closed: CrowdResult) -> tuple[str, bool]:
    """Return what to tell, and whether the freeze was seen."""
    freeze_ms = (FREEZE_TO_S - FREEZE_FROM_S) * 1000
    seen, hidden = (each.progress.tally.latency.summary() for each in (open_, closed))
    late_ms = open_.progress.tally.lateness.quantile(0.99) or 0.0
    frozen = [each.trouble is None for each in open_.progress.struck] == [True, True]
    shown = seen["p99_ms"] is not None and seen["p99_ms"] >= LEAST_SHARE * freeze_ms
    passed = frozen and shown and late_ms < MOST_LATE_OF_FREEZE * freeze_ms
    sign = "✓" if passed else "✕"
    return (
        f"{sign} a server was frozen for {freeze_ms:.0f} ms\n"
        f"  open model:   p99 {_ms(seen['p99_ms'])} of {seen['n']:,} requests at "
        f"{open_.rate:.0f}/s, counted from their intended start (the generator's own delay: p99 "
        f"{late_ms:,.0f} ms)\n"
        f"  closed model: p99 {_ms(hidden['p99_ms'])} of {hidden['n']:,} requests: each "
        "shopper waited once, and asked nothing meanwhile",
        passed,
    )


def _ms(value: float | None) -> str:
    return "unknown (n under 1,000)" if value is None else f"{value:,.0f} ms"
