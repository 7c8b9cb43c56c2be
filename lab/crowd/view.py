"""A crowd in the terminal: how each variant is doing, and the figures at the end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.core.faults import FaultKind
from lab.core.units import format_duration
from lab.crowd.load_profile import LoadProfile
from lab.crowd.progress import Progress
from lab.crowd.result import CrowdResult
from lab.crowd.tally import Percentiles
from lab.crowd.timetable import InjectedFault
from lab.crowd.wording import describe_fault, describe_servers, milliseconds, sentences

LINE_EVERY_S = 2.0
_BAR = 24
_HEADS = (
    *("", "in\nflight", "per\ns", "p50\nms", "p95\nms", "p99\nms"),
    *("requests\nfailed", "\nunknown", "carts\nkept", "\nlost", "looks\nshown"),
)


def live_view(results: Sequence[CrowdResult], now: Progress) -> RenderableType:
    """Return the table while a crowd runs: the finished variants, and this one."""
    table = _table(results)
    profile, tally = now.job.profile, now.tally
    seconds = min(now.at_s - profile.warm_up_s, profile.for_s)
    _row(
        table,
        now.variant,
        tally.requests / max(0.1, seconds),
        _Counts(
            tally.failed, tally.unknown, now.kept, now.lost, 0, tally.reads_kept, tally.reads, True
        ),
        tally.latency.percentiles(),
        sum(now.in_flight.values()),
    )
    servers = describe_servers(tally.by_server)
    return Group(table, Padding(_timeline(now), (1, 1, 0, 1)), Padding(servers, (0, 1)))


def finished_view(results: Sequence[CrowdResult]) -> RenderableType:
    """Return the figures, the carts, the faults, and every doubt."""
    said = [Padding(sentences(each), (1, 1, 0, 1)) for each in results]
    return Group(_table(results), *said)


def progress_line(log: Callable[[str], object]) -> Callable[[Progress], None]:
    """Return a watcher that logs a line every two seconds, for output that is not a terminal."""
    last_s = [0.0]

    def watch(now: Progress) -> None:
        if time.monotonic() - last_s[0] < LINE_EVERY_S:
            return
        last_s[0] = time.monotonic()
        tally, warm_up_s = now.tally, now.job.profile.warm_up_s
        faults = [f"; {_fault_line(each, warm_up_s)}" for each in now.injected.faults]
        log(
            f"· {now.variant} {_clock(now)}: {tally.requests:,} requests, "
            f"{sum(now.in_flight.values())} in flight, {tally.failed} failed, "
            f"{tally.unknown} unknown{''.join(faults)}"
        )

    return watch


def announcement(profile: LoadProfile) -> str:
    """Return a description of the load that is about to run."""
    pace = "closed model" if profile.rate is None else f"{profile.rate:g} requests/s"
    return (
        f"{profile.shoppers:,} shoppers, {pace}, {format_duration(profile.for_s)} after "
        f"{format_duration(profile.warm_up_s)} of warm-up, on {profile.engine}"
    )


def _table(results: Sequence[CrowdResult]) -> Table:
    table = Table(box=None, padding=(0, 1), collapse_padding=True, header_style="bold")
    for name in _HEADS[:-1]:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_column(_HEADS[-1], justify="right")  # on two lines where the terminal is narrow
    for each in results:
        carts = each.carts
        counts = _Counts(
            each.failed,
            each.unknown,
            carts.kept,
            carts.owed - carts.kept - carts.unknown,
            carts.unknown,
            each.reads_that_showed_the_cart,
            each.reads,
            not any(doubt.is_about_carts for doubt in each.doubts),
        )
        _row(table, each.variant, each.rate_done_per_s, counts, each.latency)
    return table


def _row(
    table: Table,
    variant: str,
    rate: float,
    counts: "_Counts",
    latency: Percentiles,
    in_flight: int = 0,
) -> None:
    failed, unknown, kept = counts.failed, counts.unknown, counts.kept
    shown = f"{counts.shown:,} of {counts.looks:,}" if counts.looks else "–"
    table.add_row(
        variant,
        str(in_flight),
        f"{rate:.0f}",
        *map(milliseconds, (latency.p50_ms, latency.p95_ms, latency.p99_ms)),
        Text(f"{failed:,}", "yellow" if failed else ""),
        Text(f"{unknown:,}", "yellow" if unknown else ""),
        Text(f"✓ {kept:,}", "green") if kept and counts.flawless else Text(f"{kept:,}"),
        _not_kept(counts),
        Text(shown, "red" if counts.shown < counts.looks else ""),
    )


def _not_kept(counts: "_Counts") -> Text:
    if counts.carts_unknown and not counts.lost:
        return Text(f"? {counts.carts_unknown:,}", "yellow")
    text = Text(f"✕ {counts.lost:,}" if counts.lost else "0", "red" if counts.lost else "")
    return text.append(f" ? {counts.carts_unknown:,}", "yellow") if counts.carts_unknown else text


@dataclass(frozen=True)
class _Counts:
    """The counts of a row. It has a tick only if nothing at all went wrong."""

    failed: int
    unknown: int
    kept: int
    lost: int
    """Carts not kept, wrong and duplicated ones included."""
    carts_unknown: int
    shown: int
    looks: int
    undoubted: bool

    @property
    def flawless(self) -> bool:
        wrong = self.failed + self.unknown + self.lost + (self.looks - self.shown)
        return self.undoubted and not wrong + self.carts_unknown


def _clock(now: Progress) -> str:
    profile = now.job.profile
    at_s = now.at_s - profile.warm_up_s
    if now.finished:
        return "done"
    if at_s < 0:
        return f"warm-up {at_s:.0f} s"
    return f"{at_s:.0f} of {profile.for_s:g} s" if at_s < profile.for_s else "closing reads"


def _timeline(now: Progress) -> Text:
    """Return a bar of the time, with a mark at each fault."""
    profile = now.job.profile
    done = min(1.0, now.at_s / max(profile.end_s, 0.1))
    bar = ["━" if place < done * _BAR else "─" for place in range(_BAR)]
    for each in now.injected.faults:
        bar[min(_BAR - 1, int(each.at_s / profile.end_s * _BAR))] = "▲"
    text = Text("".join(bar) + f"  {_clock(now)}")
    for each in now.injected.faults:
        style = "red" if each.planned.kind is FaultKind.KILL else "yellow"
        text.append(f"  ▲ {_fault_line(each, profile.warm_up_s)}", style)
    return text


def _fault_line(each: InjectedFault, warm_up_s: float) -> str:
    planned = each.planned
    return describe_fault(planned.kind, planned.target, each.at_s - warm_up_s, each.trouble)
