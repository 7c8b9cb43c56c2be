"""A plan in the terminal: the rows, where the lines step and cross, and every constant."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab.capacity.amounts import told, told_bytes
from lab.capacity.constants import UNITS, Constant, Constants
from lab.capacity.crossings import Crossing, Plan, Step, lines_where
from lab.capacity.rules import NOT_MODELLED, Need

WORDS = {
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
    "served_by_another": "customers served by a second server too",
}


def rows_table(needs: Sequence[Need]) -> Table:
    """Return one line a row: what it needs at the peak."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("row", no_wrap=True)
    for heading in ("servers", "their memory", "kept in", "store\nops/s", "in\n/s", "out\n/s"):
        table.add_column(heading, justify="right")
    for heading in ("machines: servers\n+ nginx + store", "decided\nby"):
        table.add_column(heading)
    for each in needs:
        table.add_row(*_row(each), style="dim" if each.impossible else "")
    return table


def _row(need: Need) -> list[str]:
    parts = [need.desk, need.balancer, *([need.store] if need.store else [])]
    machines = " + ".join(f"{part.machines:,}" for part in parts)
    return [
        need.row,
        f"{need.servers:,}",
        told_bytes(need.desk.memory_bytes),
        _kept(need),
        told(need.store_operations_s) if need.store else "–",
        told_bytes(need.request_bytes_s),
        told_bytes(need.answer_bytes_s),
        "✕ cannot be had" if need.impossible else f"{machines} = {need.machines:,}",
        "" if need.impossible else need.desk.binds,
    ]


def _kept(need: Need) -> str:
    if need.store:
        return f"store {told_bytes(need.store.memory_bytes)}"
    if need.file_bytes:
        return f"files {told_bytes(need.file_bytes)}"
    return "servers" if need.carts_per_server else "nothing"


def remarks(needs: Sequence[Need]) -> Text:
    """Return what the table cannot say: what is impossible, and what a crash takes along."""
    text = Text()
    for each in needs:
        if each.impossible:
            text.append(f"✕ {each.row}: {each.impossible}\n", "red")
        elif each.carts_per_server:
            carts = told(each.carts_per_server)
            text.append(f"! {each.row}: a server that dies takes {carts} visits along\n", "yellow")
        elif each.file_bytes and each.desk.machines > 1:
            text.append(
                f"! {each.row}: {each.desk.machines:,} machines have to share one file system, "
                "which is not in these numbers: they are a lower bound\n",
                "yellow",
            )
    text.rstrip()
    return text


def steps_table(rows: Sequence[str], steps: Sequence[Step]) -> Table:
    """Return from how many users on each row needs a second machine of each part."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("row", no_wrap=True)
    for heading in ("servers", "nginx", "store", "cannot be had"):
        table.add_column(heading)
    for row in rows:
        mine = {step.part: step for step in steps if step.row == row}
        cells = [
            f"{told(mine[part].users)} ({mine[part].binds})" if part in mine else "–"
            for part in ("desk", "balancer", "store")
        ]
        ends = f"{told(mine['row'].users)} (one server only)" if "row" in mine else "–"
        table.add_row(row, *cells, ends)
    return table


def crossings_text(crossings: Sequence[Crossing], last: int) -> Text:
    """Return where lines cross, in words; and which run too close to each other to tell."""
    text = Text()
    sure = [each for each in crossings if each.certain]
    for each in sure:
        stays = "" if each.settled else " (and back again further on)"
        text.append(
            f"from {told(each.users)} users on {each.more} needs more machines than {each.less}, "
            f"and fewer before{stays}\n"
        )
    if not sure:
        text.append(
            f"no two rows' machines cross between 1 k and {told(last)} users by more than the "
            "spread of the constants: which row is cheaper does not depend on how many users\n"
        )
    close = sorted({tuple(sorted((c.more, c.less))) for c in crossings if not c.certain})
    if close:
        pairs = ", ".join(f"{a} / {b}" for a, b in close)
        text.append(f"too close to tell, within the spread of the constants: {pairs}\n", "dim")
    text.rstrip()
    return text


def carts_text(plan: Plan) -> Text:
    """Return from how many lines in the cart on the token costs more than the store."""
    least, most = plan.constants.lines
    text = Text()
    if not {"token", "redis"} <= set(plan.rows):
        return text
    for what, measure in (
        ("traffic", lambda need: need.request_bytes_s + need.answer_bytes_s),
        ("processor time in all", lambda need: need.cores),
    ):
        more = lines_where(plan, measure, "token", "redis")
        if more is None:
            where = f"at no size that was measured ({least} to {most} lines)"
        elif more == least:
            where = f"at every size from {least} line on"
        else:
            where = f"from {more} lines on"
        text.append(f"the token costs more {what} than the redis row {where}\n")
    text.rstrip()
    return text


def constants_table(constants: Constants) -> RenderableType:
    """Return every constant: value, unit, spread, n, and the run it is from."""
    measured = constants.measured
    head = Text.assemble(
        ("Constants", "bold"),
        f", all from run {measured.run} ({measured.at}, {measured.seconds:g} s)\n"
        f"{measured.cpu}, {measured.cores} cores, {measured.system}, Python {measured.python}, "
        f"nginx {measured.nginx}, store {measured.store}",
    )
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("what, of which request or thing, lines in the cart", ratio=2, min_width=24)
    for row in constants.rows:
        table.add_column(row.name.replace("-", "-\n"), justify="right")
    table.add_column("n", justify="right")
    table.add_column("spread", justify="right")
    for key in dict.fromkeys(_key(each) for row in constants.rows for each in row.constants):
        found = [
            next((each for each in row.constants if _key(each) == key), None)
            for row in constants.rows
        ]
        there = [each for each in found if each is not None]
        if any(each.value for each in there):
            cells = [told(each.value) if each else "–" for each in found]
            n = "–".join(map(str, sorted({each.n for each in there})))
            table.add_row(_named(key), *cells, n, _spread(there))
    note = Text(
        "Processor time is the median of alternating rounds, bytes are the mean; spread: how far "
        "the lowest and the highest round are from it, in the worst row. What is not listed is 0.",
        "dim",
    )
    return Group(head, Padding(table, (1, 0, 1, 0)), note)


def assumptions_text(plan: Plan) -> Text:
    """Return what was assumed, as it can be changed, and what is not modelled."""
    text = Text.assemble(("Assumed", "bold"), " (each is an option): ")
    text.append(", ".join(f"{name} {_plain(name, v)}" for name, v in asdict(plan.assume).items()))
    text.append("\nNot modelled: ", "bold").append("; ".join(NOT_MODELLED))
    return text


def _plain(name: str, value: float) -> str:
    if name in ("memory_per_machine", "network_per_machine"):
        return told_bytes(value) + ("/s" if name.startswith("network") else "")
    if name == "actions_per_user_s":
        return f"{value * 86_400:.4g} a day"
    return told(value) + (" s" if name.endswith("_s") else "")


def _key(each: Constant) -> tuple[str, str, int]:
    return each.what, each.of, each.lines


def _named(key: tuple[str, str, int]) -> str:
    what, of, lines = key
    sized = f", {lines} line{'s' if lines > 1 else ''}" if lines else ""
    unit = f" ({UNITS[what]})" if UNITS[what] not in ("share", "operations") else ""
    return f"{WORDS[what]}, {of}{sized}{unit}"


def _spread(found: Sequence[Constant]) -> str:
    below = max((each.value - each.low) / each.value for each in found if each.value)
    above = max((each.high - each.value) / each.value for each in found if each.value)
    return "exact" if not below and not above else f"-{below:.0%} +{above:.0%}"
