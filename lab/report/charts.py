"""Charts of the curves that a run measured: SVG without scripts and without references."""

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from lab.report.plain import one_line

Json = dict[str, Any]

SVG = "http://www.w3.org/2000/svg"
MOST_POINTS = 400
_STATEFUL = ("var(--stateful)", "#56B4E9", "#7A5195", "#4C8C8A", "#8C8C8C")
_STATELESS = ("var(--stateless)", "#B8860B", "#D98C5F", "#A67C00")
DASHES = ("", "7, 4", "2, 3", "10, 3, 2, 3")


@dataclass(frozen=True)
class Chart:
    """One chart: its title, and the SVG; `rows` are the same numbers as a table."""

    title: str
    svg: str
    x: str
    y: str
    rows: list[tuple[str, str, str]]  # lane, x, y
    cut: bool


def curves(experiment: Json) -> dict[str, list[tuple[Json, Json]]]:
    """Return the curves by title, each with its lane: lanes of the same title share one."""
    found: dict[str, list[tuple[Json, Json]]] = {}
    for lane in experiment["variants"]:
        for name, value in lane["measurements"].items():
            if is_curve(value):
                found.setdefault(str(value.get("title", name)), []).append((lane, value))
    return found


def is_curve(value: Any) -> bool:
    """Whether a measurement is a curve: labels of both axes, and points with numbers."""
    if not isinstance(value, dict) or not {"x", "y", "points"} <= value.keys():
        return False
    points = value["points"]
    return (
        isinstance(points, list)
        and bool(points)
        and all(
            isinstance(p, list) and len(p) == 2 and (p[1] is None or _number(p[1])) for p in points
        )
        and any(p[1] is not None for p in points)
        and (all(_number(p[0]) for p in points) or not any(_number(p[0]) for p in points))
    )


def charts(experiment: Json, prefix: str) -> list[Chart]:
    """Draw every curve of the experiment; `prefix` starts the ids of the drawings."""
    return [
        _chart(title, lanes, f"{prefix}-chart-{number}")
        for number, (title, lanes) in enumerate(curves(experiment).items(), start=1)
    ]


def _chart(title: str, lanes: list[tuple[Json, Json]], name: str) -> Chart:
    pygal = library()
    first = lanes[0][1]
    bars = not _number(first["points"][0][0])
    lanes = [(lane, c) for lane, c in lanes if bars is not _number(c["points"][0][0])]
    style = look(colours([lane for lane, _ in lanes]))
    chart = (pygal.Bar if bars else pygal.XY)(
        style=style,
        js=[],
        width=480,
        height=320,
        legend_at_bottom=True,
        legend_at_bottom_columns=min(3, len(lanes)),
        x_title=one_line(first["x"], 60),
        y_title=one_line(first["y"], 60),
        dots_size=3,
        truncate_legend=-1,
        truncate_label=24,
        **({} if not bars else {"x_label_rotation": 20 if _long(lanes) else 0}),
    )
    chart.uuid = name  # so that the same run gives the same bytes
    _fill(chart, lanes, bars)
    rows = [
        (one_line(lane["name"], 40), one_line(x, 60), "–" if y is None else f"{y:,}")
        for lane, curve in lanes
        for x, y in curve["points"][:MOST_POINTS]
    ]
    cut = any(len(curve["points"]) > MOST_POINTS for _, curve in lanes)
    svg = without_scripts(chart.render(disable_xml_declaration=True), title)
    return Chart(title, svg, str(first["x"]), str(first["y"]), rows, cut)


def look(colours: tuple[str, ...]) -> Any:
    """Return pygal's style for a chart with lines of these colours; the rest is the page's."""
    return library().style.Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--soft)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        font_family="system-ui, sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=14,
        title_font_size=14,
        opacity=".85",
        stroke_opacity="1",
        stroke_width="2.5",
        colors=colours,
    )


@cache
def library() -> Any:
    """Return the library: 0.1 s that only a run with curves has to pay."""
    import pygal
    import pygal.style

    # It leaves a hook for plug-ins of its own in the import system, of a kind that Python
    # 3.11 warns of at every later import. There are none here.
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != "pygal"]
    return pygal


def _fill(chart: Any, lanes: list[tuple[Json, Json]], bars: bool) -> None:
    labels: list[str] = []
    for _, curve in lanes:
        labels += [t for x, _ in curve["points"][:MOST_POINTS] if (t := str(x)) not in labels]
    if bars:
        chart.x_labels = [one_line(label, 40) for label in labels]
    for number, (lane, curve) in enumerate(lanes):
        points, name = curve["points"][:MOST_POINTS], one_line(lane["name"], 40)
        if bars:
            value = {str(x): y for x, y in points}
            chart.add(name, [value.get(label) for label in labels])
        else:
            dash = DASHES[number % len(DASHES)]
            line = {"linejoin": "round"} | ({"dasharray": dash} if dash else {})
            chart.add(name, [(x, y) for x, y in points], stroke_style=line)


def colours(lanes: list[Json]) -> tuple[str, ...]:
    """Return a colour for each lane, those of one desk alike: each has an "app"."""
    left = {"stateful": list(_STATEFUL), "stateless": list(_STATELESS)}
    told = []
    for lane in lanes:
        palette = left.get(lane["app"], left["stateful"])
        told.append(palette.pop(0) if len(palette) > 1 else palette[0])
    return tuple(told)


def without_scripts(svg: str, title: str) -> str:
    """Take out what pygal adds for its own JavaScript, and its comments with links."""
    root = ET.fromstring(svg)  # drawn just now, from text made visible
    for parent in list(root.iter()):
        for child in list(parent):
            tag = child.tag.rpartition("}")[2]
            is_tooltip = "tooltip-overlay" in child.get("class", "")
            if tag == "script" or tag == "desc" or is_tooltip:
                parent.remove(child)
    for child in root:
        if child.tag == f"{{{SVG}}}title":
            child.text = one_line(title, 120)
    root.set("role", "img")
    root.set("aria-label", one_line(title, 120))
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _long(lanes: list[tuple[Json, Json]]) -> bool:
    return sum(len(str(x)) for _, curve in lanes[:1] for x, _ in curve["points"]) > 60
