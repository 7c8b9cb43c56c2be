"""The run as one page: self-contained, offline, without scripts, to be read, shown or handed in."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.core.statistics import told
from lab.report import curl
from lab.report.charts import Chart, charts, is_curve
from lab.report.drawing import environment, sequence_css, sequence_svg
from lab.report.har import lane_began
from lab.report.plain import http_text, one_line
from lab.report.sequence import Diagram, diagram, look_of

Json = dict[str, Any]

__all__ = ["command", "facts", "page", "sample_size", "sequence_css", "sequence_svg"]

MOST_IN_FULL = 400  # exchanges of a lane with their bytes; the others are in result.json
LOOK = {
    "holds": ("✓", "holds"),
    "fails": ("✕", "fails"),
    "depends": ("~", "depends"),
    "unknown": ("?", "nothing concluded"),
}
FATES = {
    "kept": ("✓", "kept"),
    "lost": ("✕", "lost"),
    "wrong": ("✕", "wrong"),
    "duplicated": ("✕", "duplicated"),
    "unknown": ("?", "unknown"),
}
_SURE = {"certain": 3, "fairly sure": 2}


@dataclass(frozen=True)
class ExchangeView:
    """One exchange in full."""

    anchor: str
    exchange: Json
    look: str
    sign: str
    word: str
    request: str
    answer: str
    curl: str
    powershell: str


@dataclass(frozen=True)
class LaneView:
    """One lane as the page shows it."""

    lane: Json
    keeps: str
    knobs: str
    fates: list[tuple[str, str, str, int]]  # class, sign, word, how many
    diagram: Diagram | None
    prominent: bool
    exchanges: list[ExchangeView]
    left_out: int


@dataclass(frozen=True)
class ExperimentView:
    """One experiment as the page shows it."""

    experiment: Json
    anchor: str
    command: str
    n: str
    lanes: list[LaneView]
    charts: list[Chart]
    measured: list[tuple[str, list[str]]]


def page(document: Json) -> str:
    """Return report.html for a result.json; the same document gives the same page."""
    views = [_experiment(each, f"e{n}") for n, each in enumerate(document["experiments"], start=1)]
    began = [
        at
        for each in document["experiments"]
        for lane in each["variants"]
        if (at := lane_began(lane))
    ]
    return (
        environment()
        .get_template("report.html")
        .render(
            views=views,
            facts=facts(document, min(began, default=None)),
            counted=_counted(document),
            predictions=_predictions(document),
            look=LOOK,
            quick=any(each["quick"] for each in document["experiments"]),
            cut_short=[each for each in document["experiments"] if each["interrupted"]],
            schema=document["schema"],
        )
    )


def facts(document: Json, began: datetime | None) -> list[tuple[str, str]]:
    """Return what the run was made of, as pairs of a name and a value."""
    seeds = {str(each["seed"]) for each in document["experiments"] if each["seed"] is not None}
    seconds = sum(each["seconds"] for each in document["experiments"])
    told_at = f"{began:%Y-%m-%d %H:%M:%S} UTC" if began else "not known: no request was answered"
    pairs = [("began", told_at), ("took", f"{seconds:.1f} s")]
    if seeds:
        pairs.append(("seed", ", ".join(sorted(seeds))))
    for name, value in document["components"].items():
        pairs.append((str(name), _component(value)))
    return pairs


def command(experiment: Json) -> str:
    """Return the command that makes this evidence again."""
    words = ["lab run", one_line(experiment.get("argument") or experiment["name"])]
    lanes = experiment["variants"]
    deployed = lanes[0].get("upstreams")
    by_hand = [lane["name"] for lane in lanes] == ["stateful", "stateless"] or deployed
    knobs = lanes[0]["knobs"] if by_hand else {}
    usual = {"servers": 3, "store": "memory", "affinity": "none", "retry": "off"}
    for name, value in usual.items():
        if name == "servers" and deployed:
            continue  # as many as are named
        told = deployed and name == "store"  # of servers that are not the lab's it has to be said
        if knobs.get(name) is not None and (told or knobs[name] != value):
            words.append(f"--{name} {one_line(knobs[name])}")
    # Servers that somebody else runs; how they are broken is not kept, it may hold secrets.
    urls = [url for lane in lanes for url in lane.get("upstreams", ())]
    words += [f"--upstream {one_line(url)}" for url in urls]
    if experiment["seed"] is not None:
        words.append(f"--seed {one_line(experiment['seed'])}")
    return " ".join([*words, *(["--quick"] if experiment["quick"] else [])])


def sample_size(experiment: Json) -> str:
    """Return the n of the deciding number, where it has one."""
    sizes = re.findall(r"\bof (\d[\d,]*)", str(experiment["number"] or experiment["because"]))
    return sizes[0] if sizes else "–"


def _experiment(experiment: Json, anchor: str) -> ExperimentView:
    lanes = experiment["variants"]
    first = {
        app: next((n for n, lane in enumerate(lanes) if lane["app"] == app), -1)
        for app in ("stateful", "stateless")
    }
    return ExperimentView(
        experiment,
        anchor,
        command(experiment),
        sample_size(experiment),
        [
            _lane(lane, f"{anchor}-l{n}", prominent=len(lanes) <= 2 or n in first.values())
            for n, lane in enumerate(lanes)
        ],
        charts(experiment, anchor),
        _measured(lanes),
    )


def _lane(lane: Json, anchor: str, *, prominent: bool) -> LaneView:
    exchanges = lane["exchanges"]
    shown = exchanges[:MOST_IN_FULL]
    anchors = {str(each["op"]): f"{anchor}-x{n}" for n, each in enumerate(shown, start=1)}
    knobs, counted = lane["knobs"], lane["measurements"]
    fates = [
        (fate, *look, counted[f"carts_{fate}"])
        for fate, look in FATES.items()
        if counted.get(f"carts_{fate}")
    ]
    servers = knobs.get("servers", "?")
    told_knobs = [f"{servers} server" + ("" if servers == 1 else "s")]
    if knobs.get("affinity", "none") != "none":
        told_knobs.append(f"affinity by {knobs['affinity']}")
    if knobs.get("retry", "off") != "off":
        told_knobs.append("retry on")
    return LaneView(
        lane,
        "in the customer's token" if lane["app"] == "stateless" else f"in {_store(knobs)}",
        " · ".join(told_knobs),
        fates,
        diagram(lane, anchors) if exchanges or lane["faults"] else None,
        prominent,
        [_exchange(each, anchors[str(each["op"])]) for each in shown],
        len(exchanges) - len(shown),
    )


def _store(knobs: Json) -> str:
    store = str(knobs.get("store") or "?")
    return {
        "memory": "each server's memory",
        "file": "shared files",
        "redis": "a shared store",
    }.get(store, store)


def _exchange(exchange: Json, anchor: str) -> ExchangeView:
    request, answer = http_text(exchange)
    return ExchangeView(
        anchor,
        exchange,
        *look_of(exchange),
        request,
        answer,
        curl.posix(exchange),
        curl.powershell(exchange),
    )


def _measured(lanes: list[Json]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for lane in lanes for name in lane["measurements"])
    rows = []
    for name in names:
        values = [lane["measurements"].get(name) for lane in lanes]
        if not any(is_curve(value) for value in values):
            rows.append((name.replace("_", " "), [_value(value) for value in values]))
    return rows


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, dict) and {"k", "n", "low", "high"} <= value.keys() and value["n"]:
        return told(value, "")
    return one_line(value, 120)


def _component(value: Any) -> str:
    if isinstance(value, dict):
        first = str(value.get("version", ""))
        rest = [f"{k}: {v}" for k, v in value.items() if k not in ("version", "source")]
        source = [f"from {value['source']}"] if value.get("source") else []
        return ", ".join(part for part in (first, *source, *rest) if part)
    return "none" if value is None else str(value)


def _counted(document: Json) -> list[tuple[str, str, str, int]]:
    counted = Counter(each["verdict"] for each in document["experiments"])
    return [
        (verdict, sign, word if counted[verdict] == 1 else word.rstrip("s"), counted[verdict])
        for verdict, (sign, word) in LOOK.items()
        if counted[verdict]
    ]


def _predictions(document: Json) -> list[tuple[Json, str, str]]:
    """Predictions, those that were sure and wrong first: experiment, class, sign and word."""
    asked = [each for each in document["experiments"] if each["prediction"]]
    looks = {True: ("kept", "✓ right"), False: ("lost", "✕ wrong"), None: ("doubt", "? not known")}
    asked.sort(
        key=lambda each: (
            each["prediction"]["right"] is False and _SURE.get(each["prediction"]["confidence"], 1)
        ),
        reverse=True,
    )
    return [(each, *looks[each["prediction"]["right"]]) for each in asked]
