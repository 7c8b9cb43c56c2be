"""Charts of the curves that a run measured: SVG without scripts and without references."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from lab.core.page import Figure, Graph
from lab.core.text import one_line
from lab.evidence.run_document import ExperimentResult, VariantResult


class Curve(msgspec.Struct):
    """A measured curve: the labels of both axes, and its points."""

    x: object
    y: object
    points: list[tuple[str | int | float, int | float | None]]
    title: object = None


VariantCurve = tuple[VariantResult, Curve]

SVG = "http://www.w3.org/2000/svg"
MOST_POINTS = 400
_STATEFUL_COLOURS = ("var(--stateful)", "#56B4E9", "#7A5195", "#4C8C8A", "#8C8C8C")
_STATELESS_COLOURS = ("var(--stateless)", "#B8860B", "#D98C5F", "#A67C00")
DASHES = ("", "7, 4", "2, 3", "10, 3, 2, 3")


@dataclass(frozen=True)
class Chart:
    """One chart: its title, and the SVG; `rows` are the same numbers as a table."""

    title: str
    svg: str
    x: str
    y: str
    rows: list[tuple[str, str, str]]  # variant, x, y
    cut: bool


def curves(experiment: ExperimentResult) -> dict[str, list[VariantCurve]]:
    """Return the curves by title, each with its variant: those of one title share a chart."""
    found: dict[str, list[VariantCurve]] = {}
    for variant in experiment.variants:
        for name, value in variant.measurements.items():
            if curve := curve_of(value):
                title = name if curve.title is None else str(curve.title)
                found.setdefault(title, []).append((variant, curve))
    return found


def curve_of(value: object) -> Curve | None:
    """Return a measurement as a curve; None if it is a number or a text."""
    if not isinstance(value, dict):
        return None
    known = Curve.__struct_fields__
    try:
        curve = msgspec.convert({name: value[name] for name in known if name in value}, Curve)
    except msgspec.ValidationError:
        return None
    kinds = {_number(x) for x, _ in curve.points}
    return curve if len(kinds) == 1 and any(y is not None for _, y in curve.points) else None


def charts(experiment: ExperimentResult, prefix: str) -> list[Chart]:
    """Draw every curve of the experiment; `prefix` starts the ids of the drawings."""
    return [
        draw(_figure(title, lines), f"{prefix}-chart-{number}")
        for number, (title, lines) in enumerate(curves(experiment).items(), start=1)
    ]


def _figure(title: str, lines: list[VariantCurve]) -> Figure:
    first = lines[0][1]
    graphs = [Graph(variant.name, variant.app, curve.points) for variant, curve in lines]
    return Figure(title, str(first.x), str(first.y), graphs)


def draw(figure: Figure, name: str) -> Chart:
    """Draw lines, or bars if the first point's x is not a number; `name` is the drawing's id.

    Lines of the other sort are left out.
    """
    pygal = library()
    bars = not _number(figure.lines[0].points[0][0])
    lines = [
        replace(each, name=one_line(each.name, 40))
        for each in figure.lines
        if bars is not _number(each.points[0][0])
    ]
    chart = (pygal.Bar if bars else pygal.XY)(
        style=look(colours([each.app for each in lines])),
        js=[],
        width=480,
        height=320,
        legend_at_bottom=True,
        legend_at_bottom_columns=min(3, len(lines)),
        x_title=one_line(figure.x, 60),
        y_title=one_line(figure.y, 60),
        dots_size=3,
        truncate_legend=-1,
        truncate_label=24,
        **({} if not bars else {"x_label_rotation": 20 if _long(lines) else 0}),
    )
    chart.uuid = name  # so that the same run gives the same bytes
    _fill(chart, lines, bars)
    rows = [
        (each.name, one_line(x, 60), "–" if y is None else f"{y:,}")
        for each in lines
        for x, y in each.points[:MOST_POINTS]
    ]
    cut = any(len(each.points) > MOST_POINTS for each in lines)
    svg = without_scripts(chart.render(disable_xml_declaration=True), figure.title)
    return Chart(figure.title, svg, figure.x, figure.y, rows, cut)


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


def _fill(chart: Any, lines: Sequence[Graph], bars: bool) -> None:
    shown = [(each.name, each.points[:MOST_POINTS]) for each in lines]
    labels = list(dict.fromkeys(str(x) for _, points in shown for x, _ in points))
    if bars:
        chart.x_labels = [one_line(label, 40) for label in labels]
    for number, (name, points) in enumerate(shown):
        if bars:
            value = {str(x): y for x, y in points}
            chart.add(name, [value.get(label) for label in labels])
        else:
            chart.add(name, [(x, y) for x, y in points], stroke_style=stroke(number))


def stroke(number: int) -> dict[str, str]:
    """Return the style of a chart's line of this number: its dashes differ from its neighbours'."""
    dash = DASHES[number % len(DASHES)]
    return {"linejoin": "round"} | ({"dasharray": dash} if dash else {})


def colours(apps: Sequence[str]) -> tuple[str, ...]:
    """Return a colour for each line, those of one desk alike."""
    left = {"stateful": list(_STATEFUL_COLOURS), "stateless": list(_STATELESS_COLOURS)}
    chosen = []
    for app in apps:
        palette = left.get(app, left["stateful"])
        chosen.append(palette.pop(0) if len(palette) > 1 else palette[0])
    return tuple(chosen)


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


def _long(lines: Sequence[Graph]) -> bool:
    return sum(len(str(x)) for each in lines[:1] for x, _ in each.points) > 60
