"""The run as one page: self-contained, offline, without scripts, to be read, shown or handed in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from lab.core.components import UsedProgram
from lab.core.shell import quoted
from lab.core.statistics import Measure, format_measure
from lab.core.text import one_line
from lab.evidence.cart_tracker import Fate
from lab.evidence.result import Kind, Verdict
from lab.evidence.run_document import (
    ExperimentResult,
    RecordedExchange,
    RunDocument,
    UsedSettings,
    VariantResult,
)
from lab.report import curl, wording
from lab.report.charts import Chart, charts, curve_of
from lab.report.drawing import environment
from lab.report.har import variant_began
from lab.report.plain import http_text
from lab.report.sequence import Diagram, diagram, look_of, story_of

MOST_IN_FULL = 400  # exchanges of a variant with their bytes; the others are in result.json
VERDICT_LOOK = {
    verdict: (sign, "nothing concluded" if verdict is Verdict.UNKNOWN else str(verdict))
    for verdict, sign in wording.VERDICT_SIGNS.items()
}


@dataclass(frozen=True)
class VariantView:
    """One variant as the page shows it."""

    variant: VariantResult
    keeps: str
    settings: str
    fates: list[tuple[str, str, str, int]]  # class, sign, word, how many
    diagram: Diagram | None
    prominent: bool
    # The exchanges shown in full, each with its anchor.
    exchanges: list[tuple[str, RecordedExchange]]
    left_out: int


@dataclass(frozen=True)
class ExperimentView:
    """One experiment as the page shows it."""

    experiment: ExperimentResult
    anchor: str
    command: str
    variants: list[VariantView]
    charts: list[Chart]
    measured: list[tuple[str, list[str]]]


def page(document: RunDocument) -> str:
    """Return report.html for a result.json; the same document gives the same page."""
    views = [_experiment(each, f"e{n}") for n, each in enumerate(document.experiments, start=1)]
    began = [
        at
        for each in document.experiments
        for variant in each.variants
        if (at := variant_began(variant))
    ]
    template = environment().get_template("report.html")
    return template.render(
        wording=wording,
        look_of=look_of,
        http_text=http_text,
        curl=curl,
        views=views,
        facts=facts(document, min(began, default=None)),
        counted=_counted(document),
        total=_total(document),
        predictions=_predictions(document),
        look=VERDICT_LOOK,
        quick=any(each.quick for each in document.experiments),
        cut_short=[each for each in document.experiments if each.interrupted],
        schema=document.schema,
    )


def facts(document: RunDocument, began: datetime | None) -> list[tuple[str, str]]:
    """Return what the run was made of, as pairs of a name and a value."""
    seeds = {str(each.seed) for each in document.experiments if each.seed is not None}
    seconds = sum(each.seconds for each in document.experiments)
    began_at = f"{began:%Y-%m-%d %H:%M:%S} UTC" if began else "not known: no request was answered"
    pairs = [("began", began_at), ("took", f"{seconds:.1f} s")]
    if seeds:
        pairs.append(("seed", ", ".join(sorted(seeds))))
    for name, value in document.components.known().items():
        pairs.append((name, _component(value)))
    return pairs


def command(experiment: ExperimentResult) -> str:
    """Return the command that makes this evidence again."""
    words = ["lab run", quoted(one_line(experiment.argument or experiment.name))]
    variants = experiment.variants
    deployed = variants[0].server_urls
    by_hand = [each.name for each in variants] == ["stateful", "stateless"] or deployed
    if by_hand:
        words += _options(variants[0].settings, deployed=bool(deployed))
    # Servers that the lab did not start; how they are broken is not kept, it may hold secrets.
    words += [
        f"--upstream {quoted(one_line(url))}" for each in variants for url in each.server_urls
    ]
    if experiment.seed is not None:
        words.append(f"--seed {experiment.seed}")
    return " ".join([*words, *(["--quick"] if experiment.quick else [])])


def _options(settings: UsedSettings, *, deployed: bool) -> list[str]:
    usual = {"servers": 3, "store": "memory", "affinity": "none", "retry": "off"}
    if deployed:  # its servers are as many as were named; its store is always said
        usual = {"store": "", "affinity": "none", "retry": "off"}
    chosen = {name: getattr(settings, name) for name in usual}
    return [
        f"--{name} {quoted(one_line(value))}"
        for name, value in chosen.items()
        if value is not None and value != usual[name]
    ] + ["--tls"] * settings.tls


def _experiment(experiment: ExperimentResult, anchor: str) -> ExperimentView:
    variants = experiment.variants
    apps = [each.app for each in variants]
    firsts = {apps.index(app) for app in apps}
    return ExperimentView(
        experiment,
        anchor,
        command(experiment),
        [
            _variant(each, f"{anchor}-l{n}", prominent=len(variants) <= 2 or n in firsts)
            for n, each in enumerate(variants)
        ],
        charts(experiment, anchor),
        _measured(variants),
    )


def _variant(variant: VariantResult, anchor: str, *, prominent: bool) -> VariantView:
    exchanges = variant.exchanges
    shown = exchanges[:MOST_IN_FULL]
    anchors = {each.op: f"{anchor}-x{n}" for n, each in enumerate(shown, start=1)}
    counted = {fate: variant.counts.carts(fate) for fate in Fate}
    return VariantView(
        variant,
        "in the customer's token" if variant.app == "stateless" else f"in {_store(variant)}",
        _settings(variant.settings),
        [
            (str(fate), wording.FATE_SIGNS[fate], str(fate), number)
            for fate, number in counted.items()
            if number
        ],
        diagram(story_of(variant), anchors) if variant.events else None,
        prominent,
        [(anchors[each.op], each) for each in shown],
        len(exchanges) - len(shown),
    )


def _settings(settings: UsedSettings) -> str:
    servers = settings.servers
    parts = [f"{servers} server" + ("" if servers == 1 else "s")]
    if settings.affinity != "none":
        parts.append(f"affinity by {settings.affinity}")
    if settings.retry != "off":
        parts.append("retry on")
    if settings.tls:
        parts.append("HTTPS")
    return " · ".join(parts)


def _store(variant: VariantResult) -> str:
    return {
        "memory": "each server's memory",
        "file": "shared files",
        "redis": "a shared store",
    }.get(variant.keeps, variant.keeps)


def _measured(variants: list[VariantResult]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for each in variants for name in each.measurements)
    rows = []
    for name in names:
        values = [each.measurements.get(name) for each in variants]
        if not any(curve_of(value) for value in values):
            rows.append((name.replace("_", " "), [_value(value) for value in values]))
    return rows


def _value(value: Any) -> str:
    if value is None or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, dict) and {"k", "n", "low", "high"} <= value.keys():
        try:  # a share that a script measured
            return format_measure(msgspec.convert(value, Measure))
        except ValueError:
            pass
    return one_line(value, 120)


def _component(part: UsedProgram | Mapping[str, str] | str | None) -> str:
    if isinstance(part, UsedProgram):
        name = f"{part.program} {part.version}".strip()
        source = part.source and f"from {part.source}"
        persistence = part.persistence and f"persistence: {part.persistence}"
        return ", ".join(filter(None, (name, source, persistence)))
    if isinstance(part, Mapping):
        return ", ".join(f"{name}: {of}" for name, of in part.items())
    return "none" if part is None else part


def _counted(document: RunDocument) -> list[tuple[str, str, str, int]]:
    counted = Counter(each.verdict for each in document.experiments)
    return [
        (str(verdict), sign, word if counted[verdict] == 1 else _plural(word), counted[verdict])
        for verdict, (sign, word) in VERDICT_LOOK.items()
        if counted[verdict]
    ]


def _total(document: RunDocument) -> str:
    """Return what the verdicts are about: "9 claims and 1 drawback"."""
    kinds = Counter(each.kind for each in document.experiments)
    parts = [f"{kinds[k]} {k}" + "s" * (kinds[k] != 1) for k in Kind if kinds[k]]
    return " and ".join(parts)


def _plural(word: str) -> str:
    """Return a verdict's verb for several variants: "hold" for "holds"."""
    return word.removesuffix("s")


def _predictions(document: RunDocument) -> list[tuple[ExperimentResult, str, str]]:
    """Return predictions, the surest wrong ones first: experiment, class, sign and word."""
    looks = {True: ("kept", "✓ right"), False: ("lost", "✕ wrong"), None: ("doubt", "? not known")}
    asked = [(each, each.prediction) for each in document.experiments if each.prediction]
    asked.sort(key=lambda pair: pair[1].surprise, reverse=True)
    return [(each, *looks[made.right]) for each, made in asked]
