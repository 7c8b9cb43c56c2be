"""A `lab.core.page.ReportPage` as one HTML file: self-contained, offline, without scripts."""

from lab.core import page as plain
from lab.report.charts import Chart, draw
from lab.report.drawing import environment
from lab.report.log_chart import Series, log_chart


def page_html(page: plain.ReportPage) -> str:
    """Return the page; the same page gives the same bytes."""
    sections = [
        (section, [_drawn(c, f"s{n}-chart-{m}") for m, c in enumerate(section.charts, start=1)])
        for n, section in enumerate(page.sections, start=1)
    ]
    return environment().get_template("page.html").render(page=page, sections=sections)


def _drawn(chart: plain.Figure, name: str) -> Chart:
    lines = [each for each in chart.lines if any(y is not None for _, y in each.points)]
    if not lines:
        return Chart(chart.title, "", chart.x, chart.y, [], cut=False)
    drawn = draw(
        chart.title, chart.x, chart.y, [(each.name, each.app, each.points) for each in lines], name
    )
    if not chart.logarithmic:
        return drawn
    series = [
        Series(
            each.name,
            each.app,
            [(float(x), y) for x, y in each.points if y is not None and float(x) > 0 < y],
        )
        for each in lines
    ]
    svg = log_chart(chart.title, chart.x, chart.y, series, chart.note, in_page=True)
    return Chart(chart.title, svg, chart.x, chart.y, drawn.rows, drawn.cut)
