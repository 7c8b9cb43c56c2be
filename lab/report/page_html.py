"""A `lab.core.page.ReportPage` as one HTML file: self-contained, offline, without scripts."""

from dataclasses import replace

from lab.core import page as plain
from lab.report.charts import Chart, draw
from lab.report.drawing import environment
from lab.report.log_chart import log_chart


def page_html(page: plain.ReportPage) -> str:
    """Return the page; the same page gives the same bytes."""
    sections = [
        (section, [_drawn(c, f"s{n}-chart-{m}") for m, c in enumerate(section.charts, start=1)])
        for n, section in enumerate(page.sections, start=1)
    ]
    return environment().get_template("page.html").render(page=page, sections=sections)


def _drawn(figure: plain.Figure, name: str) -> Chart:
    lines = [each for each in figure.lines if any(y is not None for _, y in each.points)]
    if not lines:
        return Chart(figure.title, "", figure.x, figure.y, [], cut=False)
    drawn = draw(replace(figure, lines=lines), name)
    return replace(drawn, svg=log_chart(figure, in_page=True)) if figure.logarithmic else drawn
