"""A plan as a page: what each row needs, where the rows cross, and what all of it rests on."""

from collections.abc import Iterator, Sequence

from lab.capacity import constants_view, view
from lab.capacity.crossings import CapacityPlan, Crossing, crossings, steps, users_range
from lab.capacity.intervals import intervals
from lab.core.page import Figure, Graph, Mark, ReportPage, Section, Table
from lab.core.units import format_number


def plan_page(plan: CapacityPlan) -> ReportPage:
    """Return the page of a plan."""
    assume = plan.assume
    found = crossings(plan, users_range(assume.users))
    mark = Mark("=", f"{format_number(assume.users)} users")
    why = (
        f"{format_number(assume.requests_s)} requests/s on average, "
        f"{format_number(assume.requests_s * assume.peak_factor)} at the peak; "
        f"{format_number(assume.visits_alive)} sessions to remember then"
    )
    measured = plan.constants.measured
    return ReportPage(
        "lab plan: what many users need",
        "Computed from constants that were measured on one machine, and from assumptions: "
        "each of them is an option of lab plan.",
        [(mark, why)],
        facts=[
            ("constants", f"run {measured.run}, {measured.at}"),
            ("machine", f"{measured.cpu}, {measured.cores} cores, {measured.system}"),
            ("Python", measured.python),
            ("nginx", measured.nginx),
            ("store", measured.store),
        ],
        sections=list(_sections(plan, found)),
        footer="Drawn from plan.json.",
    )


def _sections(plan: CapacityPlan, found: Sequence[Crossing]) -> Iterator[Section]:
    needs, stepped = plan.needs(), steps(plan)
    yield Section(
        "What each row needs at the peak",
        [str(each) for each in view.remarks(needs)],
        [_table(view.NEEDS_HEADINGS, [view.needs_row(each) for each in needs])],
    )
    between = intervals(plan)
    yield Section(
        "Between which values each result lies",
        [view.INTERVALS_NOTE],
        [
            _table(("row", *results), view.interval_rows(between, results))
            for results in view.INTERVAL_TABLES
        ],
    )
    users = users_range(plan.assume.users)
    yield Section(
        "Machines: servers, nginx and store",
        view.crossings_text(found, users).plain.splitlines(),
        [_table(view.MACHINES_HEADINGS, [view.machines_row(each, stepped) for each in needs])],
        [machines_chart(plan, users)],
    )
    yield Section("The constants", [constants_view.HOW_MEASURED], [_constants(plan)])
    yield Section("Assumed", view.assumptions_text(plan).plain.splitlines())


def machines_chart(plan: CapacityPlan, users: Sequence[int]) -> Figure:
    """Return machines against users, a line for each row while it can be had."""
    lines = []
    for row in plan.constants.rows:
        needed = [(float(each), plan.at(row.name, each).machines) for each in users]
        lines.append(Graph(row.name, row.app, [(x, y) for x, y in needed if y is not None]))
    return Figure("Machines against users", "users", "machines", lines, logarithmic=True)


def _constants(plan: CapacityPlan) -> Table:
    rows = [
        (
            row.name,
            constants_view.ROW_WORDS.get(each.what, each.what),
            f"{each.of}, {each.lines} lines" if each.lines else each.of,
            f"{each.value:,.4g} {each.unit}",
            f"{each.low:,.4g} to {each.high:,.4g}",
            f"{each.n:,}",
        )
        for row in plan.constants.rows
        for each in row.constants
    ]
    return Table(("row", "constant", "of", "value", "spread", "n"), rows, frozenset({3, 4, 5}))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return Table(headings, rows, frozenset(range(1, len(headings))))
