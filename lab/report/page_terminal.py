"""A `ReportPage` in the terminal: findings, sentences and tables; charts are for HTML."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.core import page as plain
from lab.core.text import one_line, visible


def page_view(page: plain.ReportPage) -> RenderableType:
    """Return the page as an object that rich prints; no text in it is markup."""
    return Group(*_parts(page))


def _parts(page: plain.ReportPage) -> Iterator[RenderableType]:
    yield Text(one_line(page.title), "bold")
    for banner in page.banners:
        yield Text(f"! {visible(banner)}", "yellow")
    for mark, why in page.found:
        yield Text.assemble(_cell(mark), "  ", visible(why))
    for section in page.sections:
        yield Padding(Text(one_line(section.heading), "bold"), (1, 0, 0, 0))
        yield from map(_cell, section.sentences)
        yield from map(_table, section.tables)
        if section.code:
            yield Text(visible(section.code))


def _table(table: plain.Table) -> Table:
    drawn = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for number, heading in enumerate(table.headings):
        drawn.add_column(
            Text(one_line(heading)),
            justify="right" if number in table.numbers else "left",
            overflow="fold",
        )
    for row in table.rows:
        drawn.add_row(*map(_cell, row))
    return drawn


def _cell(cell: plain.Cell) -> Text:
    if isinstance(cell, str):
        return Text(visible(cell))
    return Text(one_line(cell), cell.style)
