"""A crowd's result as a page, and as JUnit XML: figures, carts, faults, doubts, charts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lab.core.junit import Case, Problem, Suite, junit_xml
from lab.core.page import Figure, Graph, Mark, ReportPage, Section, Table
from lab.core.units import format_duration
from lab.crowd.document import CrowdDocument
from lab.crowd.recorded import Recorded, recorded
from lab.crowd.result import CrowdResult
from lab.crowd.wording import describe_carts, sentences

MOST_WINDOWS = 60
MOST_DRAWN = 8  # servers of one chart
_X = "seconds after the warm-up"
NamedCrowds = Sequence[tuple[str, CrowdResult]]
_AS_PREDICTED = Mark("✓", "losses as predicted", "good")
_NOT_FLAWLESS = Mark("=", "losses as predicted")  # no tick where anything went wrong
_NOT_AS_PREDICTED = Mark("✕", "losses not as predicted", "bad")
_NOT_RELIABLE = Mark("?", "not reliable", "doubt")
_HEADINGS = (
    *("", "requests", "per s", "p50 ms", "p95 ms", "p99 ms", "failed", "unknown"),
    *("kept", "lost", "looks shown"),
)


def crowd_page(document: CrowdDocument, folder: Path) -> ReportPage:
    """Return the page of a run; the workers' records are read from `folder`."""
    crowds, named = document.crowds, _named(document.crowds)
    figures = Section("The figures", tables=[_table(named)], charts=_charts(named, folder))
    said = [Section(name, sentences(each).plain.splitlines()) for name, each in named]
    cut = "Cut short: the crowd was stopped before the end, and its carts were not read."
    return ReportPage(
        "lab crowd: many shoppers at both desks",
        "Every latency counts from when the request was due. Where a percentile is left out, the "
        "reason stands below.",
        [(_mark(each), f"{name}: {describe_carts(each.carts)}") for name, each in named],
        facts=_facts(crowds),
        sections=[figures, *said] if crowds else (),
        footer="Drawn from crowd.json and what the workers wrote down.",
        banners=(cut,) if any(each.interrupted for each in crowds) or not crowds else (),
    )


def crowd_junit(document: CrowdDocument) -> str:
    """Return JUnit XML, two cases a crowd: losses other than predicted are a failure.

    Figures that are not reliable are an error: never a pass.
    """
    suites = [
        Suite(name, [_carts_case(name, each), _figures_case(name, each)], each.for_s)
        for name, each in _named(document.crowds)
    ]
    return junit_xml("lab crowd", suites)


def _carts_case(name: str, crowd: CrowdResult) -> Case:
    text = describe_carts(crowd.carts)
    problem = None
    if crowd.interrupted:
        problem = Problem("error", "stopped before the carts were read")
    elif not crowd.carts_as_predicted:
        problem = Problem("failure", "losses not as predicted", text)
    return Case("lab.crowd", f"{name}: the losses are those predicted", problem, output=text)


def _figures_case(name: str, crowd: CrowdResult) -> Case:
    doubts = "; ".join(map(str, crowd.doubts))
    problem = Problem("error", doubts) if doubts else None
    return Case("lab.crowd", f"{name}: the figures are reliable", problem, crowd.for_s)


def _mark(crowd: CrowdResult) -> Mark:
    if not crowd.carts_as_predicted:
        return _NOT_AS_PREDICTED
    if crowd.doubts:
        return _NOT_RELIABLE
    hidden = crowd.reads - crowd.reads_that_showed_the_cart
    wrong = crowd.failed + crowd.unknown + hidden + crowd.carts.owed - crowd.carts.kept
    return _NOT_FLAWLESS if wrong else _AS_PREDICTED


def _named(crowds: Sequence[CrowdResult]) -> NamedCrowds:
    """Return each crowd with a name: the variant, with its round where there are several."""
    rounds = Counter[str]()
    named = []
    for each in crowds:
        rounds[each.variant] += 1
        named.append((f"{each.variant}, round {rounds[each.variant]}", each))
    return named if rounds.total() > len(rounds) else [(each.variant, each) for each in crowds]


def _facts(crowds: Sequence[CrowdResult]) -> list[tuple[str, str]]:
    if not crowds:
        return []
    first = crowds[0]
    asked = first.rate_asked_per_s
    return [
        ("script", first.script),
        ("shoppers", f"{first.shoppers:,}"),
        ("rate", "closed model" if asked is None else f"{asked:g}/s"),
        ("measured for", format_duration(first.for_s)),
        ("warm-up", format_duration(first.warm_up_s)),
        ("engine", f"{first.engine}, {first.workers} worker" + "s" * (first.workers != 1)),
        ("seed", str(first.seed)),
    ]


def _table(named: NamedCrowds) -> Table:
    rows = [
        (
            name,
            f"{each.requests:,}",
            f"{each.rate_done_per_s:.0f}",
            *map(_ms, (each.latency.p50_ms, each.latency.p95_ms, each.latency.p99_ms)),
            f"{each.failed:,}",
            f"{each.unknown:,}",
            f"{each.carts.kept:,}",
            f"{each.carts.lost:,}",
            f"{each.reads_that_showed_the_cart:,} of {each.reads:,}" if each.reads else "–",
        )
        for name, each in named
    ]
    return Table(_HEADINGS, rows, frozenset(range(1, len(_HEADINGS))))


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def _charts(named: NamedCrowds, folder: Path) -> list[Figure]:
    if not named:
        return []
    crowds = [each for _, each in named]
    records = recorded(folder, crowds, max(1, min(MOST_WINDOWS, int(crowds[0].for_s))))
    found = [
        (name, each.setup.desk, record)
        for (name, each), record in zip(named, records, strict=True)
        if record
    ]
    charts = [_carts_chart(named)]
    if not found:
        return charts
    return [
        _chart("Median latency over time", "ms", found, "p50_ms"),
        _chart("95 % of the requests were answered within", "ms", found, "p95_ms"),
        _chart("Requests failed or unknown over time", "requests", found, "failed"),
        *[_servers_chart(name, desk, record) for name, desk, record in found],
        *charts,
    ]


def _chart(title: str, y: str, found: Sequence[tuple[str, str, Recorded]], what: str) -> Figure:
    lines = [
        Graph(name, desk, [(each.at_s, getattr(each, what)) for each in record.windows])
        for name, desk, record in found
    ]
    return Figure(title, _X, y, lines)


def _servers_chart(name: str, desk: str, record: Recorded) -> Figure:
    answered = sum((each.by_server for each in record.windows), Counter[str]())
    lines = [
        Graph(server, desk, [(each.at_s, each.by_server[server]) for each in record.windows])
        for server in sorted(server for server, _ in answered.most_common(MOST_DRAWN))
    ]
    return Figure(f"{name}: requests by the server that answered", _X, "requests", lines)


def _carts_chart(named: NamedCrowds) -> Figure:
    fates = ("kept", "lost", "wrong", "duplicated", "unknown")
    lines = [
        Graph(name, each.setup.desk, [(fate, getattr(each.carts, fate)) for fate in fates])
        for name, each in named
    ]
    return Figure("Acknowledged carts, when the crowd was over", "", "carts", lines)
