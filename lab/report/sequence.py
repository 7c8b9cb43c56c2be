"""A variant's requests as a sequence diagram: where everything stands, from the record alone.

Pure geometry: the template draws it. Nothing is drawn that did not happen, and what is
left out leaves a visible gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from lab.core.faults import STORE, FaultEvent
from lab.core.http import UNANSWERED
from lab.core.text import one_line
from lab.evidence.cart_tracker import Fate
from lab.evidence.exchange import OpStatus
from lab.evidence.run_document import RecordedExchange, VariantResult
from lab.report.wording import fault_words
from lab.shop.desks import MOST_SERVERS

MOST_ROWS = 40
FIRST_ROWS, BEFORE_FAULT, AFTER_FAULT = 8, 3, 9
CUSTOMER_X, BALANCER_X, SERVER_X, SERVER_STEP = 28, 128, 222, 62
ROW, HEAD, GAP = 38, 58, 26
LABEL_CHARS = 46
LEAST_WIDTH = 386
STRIP_ROWS = 8

_LOST = (Fate.LOST, Fate.WRONG, Fate.DUPLICATED)


class SettingChange(msgspec.Struct, frozen=True):
    """A setting of a desk that was changed between two requests."""

    setting: str
    value: str
    at_s: float


DrawnEvent = RecordedExchange | FaultEvent | SettingChange


@dataclass(frozen=True)
class Story:
    """A story to draw: everything that happened at one desk, oldest first."""

    name: str
    app: str
    servers: int = 0
    events: Sequence[DrawnEvent] = field(default_factory=tuple)


def story_of(variant: VariantResult) -> Story:
    """Return the story of a variant of a run."""
    return Story(variant.name, variant.app, variant.settings.servers, variant.events)


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
    op: str = ""  # the id of the request that it shows
    at_s: float = 0.0  # when it was sent, or when it was done


@dataclass(frozen=True)
class Diagram:
    """Everything to draw one story."""

    name: str
    app: str
    width: int
    height: int
    columns: list[Column]
    lines: list[Lifeline]
    rows: list[DiagramRow]
    drawn: int
    of: int
    listed: bool  # True if the page lists what is left out here

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
    story: Story, anchors: dict[str, str], most: int = MOST_ROWS, *, listed: bool = True
) -> Diagram:
    """Lay out the story; `anchors` gives, by op, where an exchange is shown in full.

    `listed` is whether every request stands in words below the drawing.
    """
    happened = story.events
    columns = _columns(story)
    at = {column.name: column.x for column in columns if column.kind in ("server", "store")}
    shown = chosen(happened, most, listed=listed)
    customers = {event.customer for event in happened if isinstance(event, RecordedExchange)}
    rows, y, drawn = [], HEAD, 0
    for index in shown:
        if isinstance(index, str):
            rows.append(DiagramRow("gap", y, label=index))
            y += GAP
            continue
        event = happened[index]
        if isinstance(event, RecordedExchange):
            rows.append(_exchange(event, y, at, len(customers) > 1, anchors))
            drawn += 1
        else:
            rows.append(_fault(event, y, at))
        y += ROW
    of = sum(isinstance(event, RecordedExchange) for event in happened)
    return Diagram(
        story.name,
        story.app,
        _width(columns[-1].x),
        y + 8,
        columns,
        _lifelines(columns, happened, shown, rows, y),
        rows,
        drawn,
        of,
        listed,
    )


def chosen(happened: Sequence[DrawnEvent], most: int, *, listed: bool = True) -> list[int | str]:
    """Return the indices of the events to draw, a sentence where some are left out.

    All of a short record; of a long one the beginning and what surrounds the faults.
    """
    kept = set(range(len(happened)))
    if len(happened) > most:
        kept = set(range(FIRST_ROWS))
        faults = [i for i, event in enumerate(happened) if not isinstance(event, RecordedExchange)]
        around = [range(i - BEFORE_FAULT, i + AFTER_FAULT + 1) for i in faults]
        # The wished-for ones in turn, until the page is full; faults themselves come first.
        for index in [*faults, *(i for each in around for i in each)]:
            if 0 <= index < len(happened) and len(kept) < most:
                kept.add(index)
        for index in range(len(happened)):
            if not faults and len(kept) < most:
                kept.add(index)
    rows: list[int | str] = []
    before = -1
    for index in [*sorted(kept), len(happened)]:
        if left := index - before - 1:
            where = ", in the list below" if listed else ""
            rows.append(f"{left} more {'event' if left == 1 else 'events'}{where}")
        if index < len(happened):
            rows.append(index)
        before = index
    return rows


def _width(last_x: int) -> int:
    return max(LEAST_WIDTH, last_x + 40)


def _columns(story: Story) -> list[Column]:
    servers = {chr(ord("A") + n) for n in range(min(MOST_SERVERS, story.servers))}
    targets = set()
    for event in story.events:
        if isinstance(event, FaultEvent):
            targets.add(event.target)
        elif isinstance(event, RecordedExchange):
            servers |= {each for each in (event.served_by, event.target) if each}
    stores = [STORE] if STORE in targets else []
    named = [target for target in targets if len(target) <= 2]
    servers = {one_line(each, 8) for each in [*servers, *named]}
    columns = [
        Column("customer", "customer", CUSTOMER_X),
        Column("balancer", "balancer", BALANCER_X),
    ]
    for kind, names in (("server", sorted(servers)[:MOST_SERVERS]), ("store", stores)):
        for name in names:
            columns.append(Column(name, kind, SERVER_X + SERVER_STEP * (len(columns) - 2)))
    return columns


def _exchange(
    event: RecordedExchange, y: int, at: dict[str, int], several: bool, anchors: dict[str, str]
) -> DiagramRow:
    who = f"{event.customer}: " if several else ""
    to = f" at {event.target}" if event.target else ""
    look, sign, word = look_of(event)
    reached = at.get(one_line(event.served_by or event.target or "", 8), BALANCER_X)
    # The balancer speaks for a server that did not; without an answer nothing comes back.
    speaks_for = event.status in UNANSWERED
    origin = 0 if event.status is None else BALANCER_X if speaks_for else reached
    status = "no answer" if event.status is None else str(event.status)
    label = one_line(f"{who}{event.method} {event.path}{to}", LABEL_CHARS)
    answer = " ".join(part for part in (status, sign, word) if part)
    full = one_line(f"{event.op}: {who}{event.method} {event.path}{to}, {answer}", 300)
    anchor = anchors.get(event.op, "")
    return DiagramRow(
        "exchange",
        y,
        label,
        answer,
        full,
        look,
        sign,
        reached,
        origin,
        anchor,
        one_line(event.op, LABEL_CHARS),
        event.at_s,
    )


def look_of(event: RecordedExchange) -> tuple[str, str, str]:
    """Return the look of an exchange: a class, a sign, a word (the status says the rest)."""
    if event.fate == Fate.KEPT:
        return "kept", "✓", "cart kept"
    if event.fate in _LOST:
        # One look says what was shown; whether the cart is lost, only a look everywhere can say.
        return "lost", "✕", "cart not shown" if event.fate == Fate.LOST else f"cart {event.fate}"
    if event.fate == Fate.UNKNOWN or event.outcome is OpStatus.UNKNOWN:
        return "doubt", "?", "unknown" if event.answered else "no server answered"
    if event.outcome is OpStatus.FAILED:
        unanswered = event.status in UNANSWERED
        return "refused", "!", "no server answered" if unanswered else "refused"
    return "plain", "", ""


def _fault(event: FaultEvent | SettingChange, y: int, at: dict[str, int]) -> DiagramRow:
    if isinstance(event, SettingChange):
        label = one_line(f"• {event.setting} set to {event.value}, at the desk", 60)
        title = one_line(f"{label} at {event.at_s:.3f} s", 300)
        return DiagramRow("fault", y, label, "", title, "down", "•", at_s=event.at_s)
    sure = {True: "confirmed", False: "NOT confirmed", None: ""}[event.confirmed]
    # Of a server that the lab did not start no process was seen, only that nothing answers.
    seen = event.evidence
    parts = [f"pid {seen.pid}" if seen.sees_process else "", seen.signal or "", sure]
    detail = ", ".join(part for part in parts if part)
    sign = "↻" if event.kind.brings_up else "✕"
    done = fault_words(event, f" {event.target}")
    label = one_line(f"{sign} {done}" + (f": {detail}" * bool(detail)), 60)
    look = "up" if event.kind.brings_up else "down"
    title = one_line(f"{label} at {event.at_s:.3f} s", 300)
    to_x = at.get(one_line(event.target, 8), 0)
    return DiagramRow("fault", y, label, "", title, look, sign, to_x, at_s=event.at_s)


def _lifelines(
    columns: list[Column],
    happened: Sequence[DrawnEvent],
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
            if not isinstance(event, FaultEvent) or one_line(event.target, 8) != column.name:
                continue
            new = "up" if event.kind.brings_up else "down"
            if new != state:
                lines.append(Lifeline(column.x, top, y_of[index], state))
                top, state = y_of[index], new
        lines.append(Lifeline(column.x, top, bottom, state))
    return lines
