"""A crowd on the screen: how each lane is doing, and at the end what stands."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.crowd.crowd_run import Progress
from lab.crowd.load_profile import LoadProfile
from lab.crowd.result import CrowdResult
from lab.crowd.timetable import InjectedFault

LINE_EVERY_S = 2.0
_BAR = 24
_COLUMNS = (
    *("", "in\nflight", "per\ns", "p50\nms", "p95\nms", "p99\nms"),
    *("requests\nfailed", "\nunknown", "carts\nkept", "\nlost"),
)


def lanes_view(outcomes: Sequence[CrowdResult], now: Progress) -> RenderableType:
    """Return the table while a lane is busy: those that are done, and this one."""
    table = _table()
    for each in outcomes:
        _row(table, each.lane, each.progress, each.latency, each.rate)
    plan_s = now.at_s - now.job.warm_up_s
    rate = now.tally.requests / max(0.1, min(plan_s, now.job.for_s))
    latency = now.tally.latency.summary()
    _row(table, now.job.lane.rpartition("-")[0], now, latency, rate)
    return Group(table, Padding(_timeline(now), (1, 1, 0, 1)))


def finished_view(outcomes: Sequence[CrowdResult]) -> RenderableType:
    """Return what came of it: figures, carts, faults, and every doubt."""
    table, parts = _table(), []
    for each in outcomes:
        _row(table, each.lane, each.progress, each.latency, each.rate)
        parts.append(_sentences(each))
    return Group(table, *parts)


def progress_line(tell: Callable[[str], object]) -> Callable[[Progress], None]:
    """Return a watcher that tells a line every two seconds, where no table can be renewed."""
    told = [0.0]

    def watch(now: Progress) -> None:
        if time.monotonic() - told[0] < LINE_EVERY_S:
            return
        told[0] = time.monotonic()
        tally = now.tally
        tell(
            f"· {now.job.lane.rpartition('-')[0]} {_clock(now)}: {tally.requests:,} requests, "
            f"{sum(now.in_flight.values())} in flight, {tally.failed} failed, "
            f"{tally.unknown} unknown" + "".join(f"; {_mark(each, now)}" for each in now.struck)
        )

    return watch


def _table() -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    return table


def _row(
    table: Table,
    lane: str,
    now: Progress,
    latency: dict[str, Any],
    rate: float,
) -> None:
    tally = now.tally
    kept, lost = now.fates.get("kept", 0), now.fates.get("lost", 0)
    table.add_row(
        lane,
        str(sum(now.in_flight.values())),
        f"{rate:.0f}",
        *(_ms(latency.get(name)) for name in ("p50_ms", "p95_ms", "p99_ms")),
        Text(f"{tally.failed:,}", "yellow" if tally.failed else ""),
        Text(f"{tally.unknown:,}", "yellow" if tally.unknown else ""),
        Text(f"✓ {kept:,}", "green" if kept else ""),
        Text(f"✕ {lost:,}" if lost else "0", "red" if lost else ""),
    )


def _clock(now: Progress) -> str:
    at_s = now.at_s - now.job.warm_up_s
    if now.finished:
        return "done"
    if at_s < 0:
        return f"warm-up {at_s:.0f} s"
    return f"{at_s:.0f} of {now.job.for_s:g} s" if at_s < now.job.for_s else "closing look"


def _timeline(now: Progress) -> Text:
    """A bar of the time, with a mark where something was done."""
    share = min(1.0, now.at_s / max(now.job.end_s, 0.1))
    bar = ["━" if place < share * _BAR else "─" for place in range(_BAR)]
    for each in now.struck:
        bar[min(_BAR - 1, int(each.at_s / now.job.end_s * _BAR))] = "▲"
    text = Text("".join(bar) + f"  {_clock(now)}")
    for each in now.struck:
        text.append(f"  ▲ {_mark(each, now)}", "red" if each.strike.kind == "kill" else "yellow")
    return text


def _mark(each: InjectedFault, now: Progress) -> str:
    done_s = each.at_s - now.job.warm_up_s
    failed = f" did not work: {each.trouble}" if each.trouble else ""
    return f"{each.strike.kind} {each.strike.target} at {done_s:.1f} s{failed}"


def _sentences(each: CrowdResult) -> RenderableType:
    tally, ledger, plan = each.progress.tally, each.ledger, each.plan
    lines = Text()
    lines.append(f"{each.lane}", "bold")
    lines.append(f" ({_setup(each)}): ")
    lines.append(f"{each.carts}; {_prediction(each)}.\n")
    model = _model(plan)
    lines.append(
        f"  {tally.requests:,} requests, {model}; {tally.warm_up:,} of the warm-up dropped; "
        f"{tally.reads_kept:,} of {tally.reads:,} looks at a cart showed it.\n"
    )
    if ledger.by_name_only:
        lines.append(
            f"  {ledger.by_name_only:,} of the carts kept were seen only when a server was asked "
            "by its name: the balancer sent the customer to others, or to a dead one.\n"
        )
    lines.append(
        f"  generator: {each.progress.busiest:.0%} of a core at most, "
        f"{_late(each)}, {each.bytes_per_shopper / 1000:,.0f} kB of memory for a shopper\n",
        "dim",
    )
    if not each.keeps_up:
        lines.append(
            f"  The shop did {each.rate:.0f}/s of the {plan.rate:.0f}/s asked of it: the queue "
            "grew, and latency with it.\n"
        )
    for mark in each.progress.struck:
        lines.append(f"  ▲ {_mark(mark, each.progress)}\n")
    for doubt in each.doubts:
        lines.append(f"  ? {doubt}\n", "yellow")
    lines.right_crop(1)
    return Padding(lines, (1, 1, 0, 1))


def _setup(each: CrowdResult) -> str:
    setup = each.setup
    turned = [f"{name} {setup[name]}" for name in ("affinity", "retry")]
    kept = "the cart in the token" if setup["store"] == "token" else f"sessions in {setup['store']}"
    return ", ".join(
        [kept, f"{setup['servers']} servers", *turned, f"script {each.plan.script_name}"]
    )


def _prediction(each: CrowdResult) -> str:
    ledger = each.ledger
    edge = f" ({ledger.at_the_edge} looks too close to a death to tell)" * bool(ledger.at_the_edge)
    if ledger.as_predicted and not ledger.predicted_lost:
        return f"none had to be lost{edge}"
    if ledger.as_predicted:
        return f"lost are {ledger.predicted_and_lost:,}, the very ones that had to be{edge}"
    return f"{ledger.differing:,} came out other than predicted{edge}"


def _model(plan: LoadProfile) -> str:
    if plan.rate is None:
        return "closed model: latency counts from when a shopper got round to asking"
    return "latency from the intended start"


def _late(each: CrowdResult) -> str:
    late = each.progress.tally.lateness.summary()
    return f"its own lateness p95 {_ms(late['p95_ms'])} ms"


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
