"""A plan in the terminal: what each row needs, and where their machines step and cross."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from lab.capacity.assumptions import NOT_MODELLED
from lab.capacity.crossings import CapacityPlan, Crossing, Step, lines_where
from lab.capacity.intervals import Interval
from lab.capacity.rules import Need
from lab.core.units import (
    format_bytes,
    format_duration,
    format_number,
    format_rate,
    format_share,
    format_size,
    scaled_bytes,
    scaled_number,
)

NEEDS_HEADINGS = ("row", "per core", "servers", "memory", "kept in", "ops/s", "in/s", "out/s")
INTERVALS_NOTE = (
    "Least and most, where every constant is at the better or the worse end of what was measured."
)
INTERVAL_TABLES = (
    {
        "per core": "requests_per_core",
        "servers": "servers",
        "cores": "cores",
        "machines": "machines",
        "memory": "memory_bytes",
    },
    {
        "kept": "kept_bytes",
        "ops/s": "store_operations_s",
        "in/s": "request_bytes_s",
        "out/s": "answer_bytes_s",
    },
)
MACHINES_HEADINGS = ("row", "machines", "by", "servers", "nginx", "store")


def needs_table(needs: Sequence[Need]) -> Table:
    """Return what each row needs at the peak, one line a row."""
    table = _table(*NEEDS_HEADINGS)
    for need in needs:
        table.add_row(*needs_row(need), style="dim" if need.impossible else "")
    return table


def needs_row(need: Need) -> tuple[str, ...]:
    """Return what one row needs at the peak, under `NEEDS_HEADINGS`."""
    return (
        need.row,
        f"{need.requests_per_core:,.0f}/s",
        f"{need.servers:,}",
        format_bytes(need.desk.memory_bytes),
        _kept(need),
        format_number(need.store_operations_s),
        format_bytes(need.request_bytes_s),
        format_bytes(need.answer_bytes_s),
    )


def interval_tables(found: Sequence[Interval]) -> list[Table]:
    """Return the interval of each result, a line a row, on as many tables as it takes."""
    tables = []
    for results in INTERVAL_TABLES:
        table = _table("row", *results)
        for row in interval_rows(found, results):
            table.add_row(*row)
        tables.append(table)
    return tables


def interval_rows(found: Sequence[Interval], results: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the rows of a table of intervals; `results` are its headings and what is below."""
    by_key = {(each.row, each.result): each for each in found}
    names = dict.fromkeys(each.row for each in found)
    return [
        (name, *(_between(by_key[name, result], result) for result in results.values()))
        for name in names
    ]


def _between(each: Interval, result: str) -> str:
    scale = scaled_bytes if "bytes" in result else scaled_number
    low, high = (("✕",) if value is None else scale(value) for value in (each.low, each.high))
    if low == high:
        return " ".join(low)
    return f"{' '.join(low[:1] if low[1:] == high[1:] else low)}–{' '.join(high)}"


def machines_table(needs: Sequence[Need], steps: Sequence[Step]) -> Table:
    """Return the machines of each row, and from how many users on a part needs its second."""
    table = _table(*MACHINES_HEADINGS)
    for need in needs:
        table.add_row(*machines_row(need, steps))
    return table


def machines_row(need: Need, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the machines of one row, under `MACHINES_HEADINGS`."""
    mine = {step.part: step for step in steps if step.row == need.row}
    cells = [
        f"{format_number(mine[part].users)} {mine[part].binds}" if part in mine else "–"
        for part in ("desk", "balancer", "store")
    ]
    if "row" in mine:
        cells[0] = f"✕ {format_number(mine['row'].users)}"
    counted = "+".join(f"{part.all_machines:,}" for part in need.parts)
    machines = "✕ none" if need.impossible else f"{counted} = {need.machines:,}"
    most = max(need.parts, key=lambda part: part.machines)
    by = most.binds if most.machines > 1 and not need.impossible else "–"
    return (need.row, machines, by, *cells)


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=True, justify="right" if number else "left")
    return table


def _kept(need: Need) -> str:
    if need.store:
        return f"store {format_bytes(need.store.memory_bytes)}"
    if need.file_bytes:
        return f"files {format_bytes(need.file_bytes)}"
    return "servers" if need.carts_per_server else "nothing"


def remarks(needs: Sequence[Need]) -> list[Text]:
    """Return remarks on the table: rows that are impossible, and what a crash would lose."""
    said = []
    for each in needs:
        if each.store_wait_s:
            wait = f"{format_number(each.store_wait_s * 1000)} ms"
            said.append(Text(f"· {each.row}: a request waits {wait} on average for the store"))
        if each.cost_month is not None:
            said.append(Text(f"· {each.row}: {each.cost_month:,.0f} a month, at your prices"))
        if each.impossible:
            said.append(Text(f"✕ {each.row}: {each.impossible}", "red"))
        elif each.carts_per_server:
            carts = format_number(each.carts_per_server)
            said.append(
                Text(f"! {each.row}: when a server dies, {carts} sessions die with it", "yellow")
            )
        elif each.file_bytes and each.desk.machines > 1:
            shared = (
                f"! {each.row}: {each.desk.machines:,} machines have to share one file system, "
                "which these numbers do not include: they are a lower bound"
            )
            said.append(Text(shared, "yellow"))
    return said


def crossings_text(crossings: Sequence[Crossing], users: Sequence[int]) -> Text:
    """Return where the rows cross, in words; and which are too close to each other to tell."""
    text = Text()
    sure = sorted((c for c in crossings if c.certain), key=lambda c: (c.users, c.more, c.settled))
    for (at, more, settled), same in groupby(sure, lambda c: (c.users, c.more, c.settled)):
        stays = "" if settled else " (and fewer again further on)"
        less = ", ".join(each.less for each in same)
        text.append(
            f"from {format_number(at)} users on {more} needs more machines than {less}, "
            f"and fewer before{stays}\n"
        )
    if not sure:
        text.append(
            f"no two rows' machines cross between {format_number(users[0])} and "
            f"{format_number(users[-1])} users by more than the spread of the constants\n"
        )
    close = sorted({tuple(sorted((c.more, c.less))) for c in crossings if not c.certain})
    if close:
        pairs = ", ".join(f"{a} / {b}" for a, b in close)
        text.append(f"too close to tell, within the spread of the constants: {pairs}\n", "dim")
    text.rstrip()
    return text


def carts_text(plan: CapacityPlan) -> Text:
    """Return from how many lines in the cart the token costs more than the store."""
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
        text.append(f"by the medians, the token costs more {what} than the redis row {where}\n")
    text.rstrip()
    return text


def assumptions_text(plan: CapacityPlan) -> Text:
    """Return the assumptions as options of the command line, and what the plan leaves out."""
    assume = plan.assume
    said = {
        "users": f"{assume.users}",
        "actions-per-user": format_rate(assume.actions_per_user_s),
        "actions-per-visit": f"{assume.actions_per_visit}",
        "visit-length": format_duration(assume.visit_length_s),
        "logouts": format_share(assume.logout_share),
        "reads": format_share(assume.read_share),
        "cart-lines": f"{assume.cart_lines}",
        "session-lifetime": format_duration(assume.session_lifetime_s),
        "peak-factor": f"{assume.peak_factor:g}",
        "cores-per-machine": f"{assume.cores_per_machine}",
        "memory-per-machine": format_size(assume.memory_per_machine),
        "network-per-machine": format_size(assume.network_per_machine),
        "target-utilisation": format_share(assume.target_utilisation),
        "servers-min": f"{assume.replicas_min}",
        "store-replicas": f"{assume.store_replicas}",
        "balancer-replicas": f"{assume.balancer_replicas}",
        "spare-machines": f"{assume.spare_machines}",
        "store-latency": format_duration(assume.store_latency_s),
        "tls-handshake": format_duration(assume.tls_handshake_s),
        "data-centres": f"{assume.data_centres}",
        "price-core": f"{assume.price_core_hour:g}",
        "price-memory": f"{assume.price_memory_hour:g}",
        "price-traffic": f"{assume.price_traffic:g}",
    }
    text = Text.assemble(("Assumed", "bold"), " (each is an option): ")
    text.append(" ".join(f"--{name} {value}" for name, value in said.items()))
    text.append("\nNot modelled: ", "bold").append("; ".join(NOT_MODELLED))
    return text
