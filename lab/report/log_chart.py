"""Lines on two logarithmic axes, as one SVG file: no scripts, no references, its own colours."""

import math
from collections.abc import Sequence
from typing import Any

from lab.core.page import Figure, Graph
from lab.core.text import one_line
from lab.report.charts import colours, library, look, stroke, without_scripts

# What a page would give it: a file has to bring its own, for light and dark.
_CHART_COLOURS = """
svg { --paper: #fff; --ink: #1b1b1b; --soft: #555; --line: #ddd; --stateful: #0072B2;
  --stateless: #E69F00; background: var(--paper) }
@media (prefers-color-scheme: dark) { svg { --paper: #16181c; --ink: #eee; --soft: #aaa;
  --line: #3a3d44; --stateful: #56B4E9; --stateless: #F0B429 } }
"""
_POWER_LETTERS = ("", "k", "M", "G", "T")


def log_chart(figure: Figure, mark: float | None = None, *, in_page: bool = False) -> str:
    """Return the figure as an SVG document, its note below the title; `mark` stands at an x.

    A line may end before the others do. Points at or below 0 are left out. `in_page` leaves the
    colours to a page around it.
    """
    lines = [(each, points) for each in figure.lines if (points := _above_zero(each))]
    palette = colours([line.app for line, _ in lines])
    chart = library().XY(
        style=look((*palette, "var(--soft)")),
        js=[],
        width=900,
        height=560,
        title="\n".join(one_line(text, 110) for text in (figure.title, figure.note) if text),
        x_title=one_line(figure.x, 60),
        y_title=one_line(figure.y, 60),
        legend_at_bottom=True,
        legend_at_bottom_columns=4,
        truncate_legend=-1,
        dots_size=0,
        show_y_guides=True,
        show_x_guides=True,
    )
    chart.uuid = "lab-log-chart"  # so that the same plan gives the same bytes
    across = [x for _, points in lines for x, _ in points]
    heights = [y for _, points in lines for _, y in points]
    chart.x_labels, chart.x_labels_major = _decades(across)
    chart.y_labels, _ = _decades(heights, within=(1, 2, 5))
    for number, (line, points) in enumerate(lines):
        drawn = _logarithms(points, max(across))
        chart.add(one_line(line.name, 60), drawn, stroke_style=stroke(number))
    if mark is not None:
        ends = [(math.log10(mark), math.log10(y)) for y in (min(heights), max(heights))]
        chart.add(f"{short(mark)} users", ends, stroke_style={"dasharray": "1, 5", "width": 2})
    svg = without_scripts(chart.render(disable_xml_declaration=True), figure.title)
    if in_page:
        return svg
    return svg.replace("<style", f"<style>{_CHART_COLOURS}</style><style", 1) + "\n"


def _above_zero(line: Graph) -> list[tuple[float, float]]:
    return [(float(x), y) for x, y in line.points if y is not None and float(x) > 0 < y]


def _logarithms(points: Sequence[tuple[float, float]], furthest: float) -> list[Any]:
    """Return the points for pygal; where a line ends before the others, a dot shows it."""
    drawn: list[Any] = [(math.log10(x), math.log10(y)) for x, y in points]
    if points[-1][0] < furthest:
        drawn[-1] = {"value": drawn[-1], "node": {"r": 7}}
    return drawn


def short(value: float) -> str:
    """Write a number of an axis: 50000000 is "50M"."""
    power = min(len(_POWER_LETTERS) - 1, max(0, int(math.log10(value) / 3 + 1e-9)))
    return f"{value / 1000**power:.3g}{_POWER_LETTERS[power]}"


def _decades(
    values: Sequence[float], within: tuple[int, ...] = (1,)
) -> tuple[list[dict[str, object]], list[float]]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    marks = [step * 10.0**power for power in range(low, high + 1) for step in within]
    marks = [m for m in marks if min(values) * 0.99 <= m <= max(values) * 1.01] or [marks[0]]
    return (
        [{"label": short(m), "value": math.log10(m)} for m in marks],
        [math.log10(m) for m in marks],
    )
