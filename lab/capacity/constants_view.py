"""The constants of a plan in the terminal: every value with its unit, spread and n."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.capacity.constants import KINDS, UNITS, Constant, Constants
from lab.core.units import format_number

ROW_WORDS = {
    "desk_cpu": "processor time of a server",
    "balancer_cpu": "processor time of nginx",
    "store_cpu": "processor time of the store",
    "store_operations": "store operations",
    "request_bytes": "request",
    "answer_bytes": "answer",
    "in_process": "kept in a server's process",
    "in_files": "kept in files",
    "in_store": "kept in the store",
    "at_rest": "memory at rest",
    "served_by_another": "customers that a second server serves as well",
}
HOW_MEASURED = (
    "Processor time is measured under load, at a steady half of saturation: of the row's one "
    "server; of nginx with a static server behind it; of the store with the lab's own operations. "
    "It is the median of rounds; bytes are the mean. ±: the distance of the lowest or highest from "
    "it, in the worst row."
)


def constants_view(constants: Constants) -> RenderableType:
    """Return every constant with its value, unit, spread and n, and the run they are from."""
    measured = constants.measured
    head = Text.assemble(
        ("Constants", "bold"),
        f", all from run {measured.run} ({measured.at}, {measured.seconds:g} s)\n"
        f"{measured.cpu}, {measured.cores} cores, {measured.system}, Python {measured.python}, "
        f"nginx {measured.nginx}, store {measured.store}",
    )
    sections = [_section(constants, what, head=not number) for number, what in enumerate(ROW_WORDS)]
    note = Text(f"{HOW_MEASURED} What is not listed is 0.", "dim")
    return Group(head, *(each for each in sections if each), note)


def _section(constants: Constants, what: str, head: bool) -> RenderableType | None:
    """Return one kind of constant, a column for each row of the matrix; None if all is 0."""
    rows = constants.rows
    found = {(c.of, c.lines) for row in rows for c in row.constants if c.what == what and c.value}
    if not found:
        return None
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", show_header=head)
    table.add_column("of, lines", min_width=11, no_wrap=True)
    for row in rows:
        name = row.name.replace("-", "\n")
        wide = max(6, *map(len, name.split("\n")))  # the same in all sections
        table.add_column(name, justify="right", min_width=wide, no_wrap=True, vertical="bottom")
    table.add_column("n", justify="right", min_width=4, no_wrap=True)
    table.add_column("±", justify="right", min_width=4, no_wrap=True)
    for of, lines in sorted(found, key=lambda key: (KINDS.index(key[0]), key[1])):
        cells = [[c for c in row.of(what, of) if c.lines == lines] for row in rows]
        there = [each for cell in cells for each in cell]
        values = [format_number(cell[0].value) if cell else "–" for cell in cells]
        n = max(each.n for each in there)
        table.add_row(f"{of}, {lines}" if lines else of, *values, f"{n}", _spread(there))
    unit = f", {UNITS[what]}" if UNITS[what] not in ("share", "operations") else ""
    return Group(Text(f"\n{ROW_WORDS[what]}{unit}", "bold"), table)


def _spread(found: Sequence[Constant]) -> str:
    most = max(
        (
            max(each.value - each.low, each.high - each.value) / each.value
            for each in found
            if each.value
        ),
        default=0.0,
    )
    return f"{most:.0%}" if most else "–"  # a dash if it was counted once, or never varied
