"""A lane's requests as a sequence diagram: where everything stands, from the record alone.

Pure geometry: the template draws it. Nothing is drawn that did not happen, and what is
left out leaves a visible gap.
"""

from dataclasses import dataclass
from typing import Any

from lab.core.faults import FaultKind
from lab.report.plain import events, is_fault, one_line
from lab.shop.desks import MOST_SERVERS

Json = dict[str, Any]

MOST_ROWS = 40
FIRST_ROWS, BEFORE_FAULT, AFTER_FAULT = 8, 3, 9
CUSTOMER_X, BALANCER_X, SERVER_X, SERVER_STEP = 28, 128, 222, 62
ROW, HEAD, GAP = 38, 58, 26
LABEL_CHARS = 46
LEAST_WIDTH = 386
STRIP_ROWS = 8

_NOBODY = {502, 504}
_UP = {kind for kind in FaultKind if kind.brings_up}
_DOWN = set(FaultKind) - _UP


@dataclass(frozen=True)
class Column:
    """A lifeline: its name, what it is, and its place."""

    name: str
    kind: str  # "customer", "balancer", "server", "store"
    x: int


@dataclass(frozen=True)
class Lifeline:
    """A stretch of a lifeline; `state` is "up" or "down"."""

    x: int
    top: int
    bottom: int
    state: str


@dataclass(frozen=True)
class DiagramRow:
    """One drawn event: "exchange", "fault" or "gap", its top edge, and what it says."""

    kind: str
    y: int
    label: str = ""
    answer: str = ""
    title: str = ""
    look: str = ""  # a class of the style sheet: kept, lost, doubt, refused, plain
    sign: str = ""
    to_x: int = 0  # how far the request came, or was meant to come
    from_x: int = 0  # where the answer came from; 0: there was none
    anchor: str = ""  # the exchange's details further down


@dataclass(frozen=True)
class Diagram:
    """Everything to draw one lane."""

    width: int
    height: int
    columns: list[Column]
    lines: list[Lifeline]
    rows: list[DiagramRow]
    drawn: int
    of: int
    listed: bool  # whether what is left out can be read below

    @property
    def strips(self) -> list[tuple[int, int, list[DiagramRow]]]:
        """Top edge, height and rows of each strip; paper can break between two of them."""
        starts = list(range(0, len(self.rows), STRIP_ROWS)) or [0]
        tops = [0, *(self.rows[start].y for start in starts[1:]), self.height]
        return [
            (tops[n], tops[n + 1] - tops[n], self.rows[start : start + STRIP_ROWS])
            for n, start in enumerate(starts)
        ]


def widths() -> range:
    """Return every width a diagram can have: the style sheet has a class for each."""
    most = _width(SERVER_X + SERVER_STEP * MOST_SERVERS)  # the store stands after the last server
    return range(LEAST_WIDTH, most + 1, SERVER_STEP)


def diagram(
    lane: Json, anchors: dict[str, str], most: int = MOST_ROWS, *, listed: bool = True
) -> Diagram:
    """Lay out the lane; `anchors` gives, by op, where an exchange is shown in full.

    `listed` is whether every request stands in words below the drawing.
    """
    happened = events(lane)
    columns = _columns(lane, happened)
    at = {column.name: column.x for column in columns if column.kind in ("server", "store")}
    shown = chosen(happened, most, listed=listed)
    several = len({event["customer"] for event in happened if not is_fault(event)}) > 1
    rows, y, drawn = [], HEAD, 0
    for index in shown:
        if isinstance(index, str):
            rows.append(DiagramRow("gap", y, label=index))
            y += GAP
            continue
        event = happened[index]
        row = _fault(event, y, at) if is_fault(event) else _exchange(event, y, at, several, anchors)
        rows.append(row)
        drawn += not is_fault(event)
        y += ROW
    of = sum(not is_fault(event) for event in happened)
    lines = _lifelines(columns, happened, shown, rows, y)
    return Diagram(_width(columns[-1].x), y + 8, columns, lines, rows, drawn, of, listed)


def chosen(happened: list[Json], most: int, *, listed: bool = True) -> list[int | str]:
    """Return the indices of the events to draw, a sentence where some are left out.

    All of a short record; of a long one the beginning and what surrounds the faults.
    """
    kept = set(range(len(happened)))
    if len(happened) > most:
        kept = set(range(FIRST_ROWS))
        faults = [index for index, event in enumerate(happened) if is_fault(event)]
        around = [range(i - BEFORE_FAULT, i + AFTER_FAULT + 1) for i in faults]
        # The wished-for ones in turn, until the page is full; faults themselves come first.
        for index in [*faults, *(i for each in around for i in each)]:
            if 0 <= index < len(happened) and len(kept) < most:
                kept.add(index)
        for index in range(len(happened)):
            if not faults and len(kept) < most:
                kept.add(index)
    told: list[int | str] = []
    before = -1
    for index in [*sorted(kept), len(happened)]:
        if left := index - before - 1:
            where = ", in the list below" if listed else ""
            told.append(f"{left} more {'event' if left == 1 else 'events'}{where}")
        if index < len(happened):
            told.append(index)
        before = index
    return told


def _width(last_x: int) -> int:
    return max(LEAST_WIDTH, last_x + 40)


def _columns(lane: Json, happened: list[Json]) -> list[Column]:
    servers = {
        chr(ord("A") + n) for n in range(min(MOST_SERVERS, int(lane["knobs"].get("servers") or 0)))
    }
    targets = set()
    for event in happened:
        if is_fault(event):
            targets.add(str(event["target"]))
        else:
            servers |= {str(each) for each in (event["replica"], event["server"]) if each}
    stores = sorted(each for each in targets if "store" in each.lower())
    named = [target for target in targets if len(target) <= 2]
    servers = {one_line(each, 8) for each in [*servers, *named]}
    columns = [
        Column("customer", "customer", CUSTOMER_X),
        Column("balancer", "balancer", BALANCER_X),
    ]
    for kind, names in (("server", sorted(servers)[:MOST_SERVERS]), ("store", stores[:1])):
        for name in names:
            columns.append(Column(name, kind, SERVER_X + SERVER_STEP * (len(columns) - 2)))
    return columns


def _exchange(
    event: Json, y: int, at: dict[str, int], several: bool, anchors: dict[str, str]
) -> DiagramRow:
    who = f"{event['customer']}: " if several else ""
    to = f" at {event['server']}" if event["server"] else ""
    look, sign, word = look_of(event)
    reached = at.get(one_line(event["replica"] or event["server"] or "", 8), BALANCER_X)
    status = event["status"]
    # The balancer speaks for a server that did not; without an answer nothing comes back.
    origin = 0 if status is None else BALANCER_X if status in _NOBODY else reached
    said = "no answer" if status is None else str(status)
    path = str(event["path"])
    label = one_line(f"{who}{event['method']} {path}{to}", LABEL_CHARS)
    answer = " ".join(part for part in (said, sign, word) if part)
    full = one_line(f"{event['op']}: {who}{event['method']} {path}{to}, {answer}", 300)
    anchor = anchors.get(str(event["op"]), "")
    return DiagramRow("exchange", y, label, answer, full, look, sign, reached, origin, anchor)


def look_of(event: Json) -> tuple[str, str, str]:
    """Return the look of an exchange: a class, a sign, a word (the status says the rest)."""
    fate, status = event["fate"], event["status"]
    if fate == "kept":
        return "kept", "✓", "cart kept"
    if fate in ("lost", "wrong", "duplicated"):
        return "lost", "✕", f"cart {fate}"
    if fate == "unknown" or event["outcome"] == "unknown":
        nobody = "nobody answered" if status is None or status in _NOBODY else "unknown"
        return "doubt", "?", nobody
    if event["outcome"] == "failed":
        return "refused", "!", "nobody answered" if status in _NOBODY else "refused"
    return "plain", "", ""


def _fault(event: Json, y: int, at: dict[str, int]) -> DiagramRow:
    sure = {True: "confirmed", False: "NOT confirmed", None: ""}[event["confirmed"]]
    seen = event["evidence"] if isinstance(event["evidence"], dict) else {}
    # Of a server that the lab did not start no process was seen, only that nobody answers.
    sees_it = seen.get("pid") and (
        seen.get("process_gone") is not None or not seen.get("port_closed")
    )
    told = [f"pid {seen['pid']}" if sees_it else "", str(seen.get("signal", "")), sure]
    detail = ", ".join(part for part in told if part)
    kind = str(event["kind"])
    sign = "↻" if kind in _UP else "✕" if kind in _DOWN else "•"
    label = one_line(f"{sign} {kind} {event['target']}" + (f": {detail}" if detail else ""), 60)
    look = "up" if kind in _UP else "down"
    title = one_line(f"{label} at {event['at_s']:.3f} s", 300)
    target = one_line(event["target"], 8)
    return DiagramRow("fault", y, label, "", title, look, sign, at.get(target, 0))


def _lifelines(
    columns: list[Column],
    happened: list[Json],
    shown: list[int | str],
    rows: list[DiagramRow],
    bottom: int,
) -> list[Lifeline]:
    lines = []
    # Where an event stands, or the gap that swallowed it.
    y_of: dict[int, int] = {}
    passed = 0
    for index, row in zip(shown, rows, strict=True):
        last = index if isinstance(index, int) else passed + int(index.split()[0]) - 1
        for each in range(passed, last + 1):
            y_of[each] = row.y + {"gap": GAP // 2, "fault": ROW - 8}.get(row.kind, ROW // 2)
        passed = last + 1
    for column in columns:
        top, state = HEAD - 6, "up"
        for index, event in enumerate(happened):
            if not is_fault(event) or one_line(event["target"], 8) != column.name:
                continue
            new = {True: "down", False: state}[event["kind"] in _DOWN]
            new = "up" if event["kind"] in _UP else new
            if new != state:
                lines.append(Lifeline(column.x, top, y_of[index], state))
                top, state = y_of[index], new
        lines.append(Lifeline(column.x, top, bottom, state))
    return lines
