"""What two variants did, as rows to be read: like steps are folded, what matters never is.

A fault, an answer that differs and a request that failed always have a row. Steps that are alike
share one ("60 log in", "60 × 200") where all of them would not fit on a screen.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.text import Text

from lab.core.faults import FaultEvent, FaultKind
from lab.core.text import one_line
from lab.evidence.cart_tracker import Fate
from lab.evidence.compare import Pair, differs, side_by_side
from lab.evidence.run_document import Event, RecordedExchange, VariantResult
from lab.report import wording
from lab.report.wording import COLOURS

_WORDS = {
    ("POST", "/api/login"): "log in",
    ("GET", "/api/cart"): "ask for the cart",
    ("POST", "/api/cart/items"): "add to the cart",
    ("DELETE", "/api/cart"): "empty the cart",
    ("PUT", "/api/shipping-address"): "say where it goes",
    ("POST", "/api/checkout"): "check out",
    ("POST", "/api/logout"): "log out",
}
MOST_GROUPS = 12  # beside a verdict, on a screen of 24 lines
MOST_STEPS = 24  # of one customer, whose steps are a story: past these only they are folded
MOST_NAMED = 3


@dataclass(frozen=True)
class Row:
    """One step, or several that are alike, and what each of the two variants answered."""

    mark: Text
    step: Text
    left: Text
    right: Text


def has_several_customers(left: VariantResult, right: VariantResult) -> bool:
    """Whether more than one customer asked anything: then the steps begin with who, or how many."""
    return len({each.customer for each in [*left.exchanges, *right.exchanges]}) > 1


def rows(left: VariantResult, right: VariantResult) -> list[Row]:
    """Return the rows of two variants: as fine as they fit, faults and differences always."""
    steps = side_by_side(left, right)
    several = has_several_customers(left, right)
    most = MOST_GROUPS if several else MOST_STEPS
    groups = [[step] for step in steps]
    for fold in (_runs, _alike, _alike_in_outcome, _alike_anywhere):
        if len(groups) <= most:
            break
        groups = fold(steps)
    return _rows(groups, most, several)


def _rows(groups: Sequence[list[Pair]], most: int, several: bool) -> list[Row]:
    """Return a row for each group that matters, and for as many others as fit."""
    room = most - sum(map(_matters, groups))
    kept = []
    for group in groups:
        room -= not (matters := _matters(group))
        if matters or room >= 0:
            kept.append(group)
    shown = [_row(number, group, several) for number, group in enumerate(kept, start=1)]
    if hidden := sum(map(len, groups)) - sum(map(len, kept)):
        more = Text(f"… {hidden} more in result.json", "dim")
        shown.append(Row(Text(), more, Text(), Text()))
    return shown


def _runs(steps: Sequence[Pair]) -> list[list[Pair]]:
    """Fold what is alike and follows each other."""
    gists = [_gist(pair, _in_words) for pair in steps]
    starts = [i == 0 or gist != gists[i - 1] for i, gist in enumerate(gists)]
    return _fold(steps, list(accumulate(map(int, starts))))


def _alike(steps: Sequence[Pair]) -> list[list[Pair]]:
    """Fold what is alike between two faults."""
    between = _between_faults(steps)
    return _fold(steps, [(n, _gist(pair, _in_words)) for n, pair in between])


def _alike_in_outcome(steps: Sequence[Pair]) -> list[list[Pair]]:
    """Fold between two faults, whatever is in the carts."""
    between = _between_faults(steps)
    return _fold(steps, [(n, _gist(pair, _in_outcome)) for n, pair in between])


def _alike_anywhere(steps: Sequence[Pair]) -> list[list[Pair]]:
    """Fold as that, and faults of one kind, wherever they are."""
    return _fold(steps, [_gist(pair, _in_outcome) for pair in steps])


def _fold(steps: Sequence[Pair], keys: Sequence[Hashable]) -> list[list[Pair]]:
    groups: dict[Hashable, list[Pair]] = {}
    for key, step in zip(keys, steps, strict=True):
        groups.setdefault(key, []).append(step)
    return list(groups.values())


def _between_faults(steps: Sequence[Pair]) -> list[tuple[int, Pair]]:
    """Number the stretches: each fault is one, and what lies between two of them."""
    are_faults = [isinstance(_event(pair), FaultEvent) for pair in steps]
    starts = [fault or (i > 0 and are_faults[i - 1]) for i, fault in enumerate(are_faults)]
    return list(zip(accumulate(map(int, starts)), steps, strict=True))


def _gist(pair: Pair, answer: Callable[[RecordedExchange], str]) -> Hashable:
    """Return what makes two steps alike; `answer` what counts of each answer."""
    event = _event(pair)
    if isinstance(event, FaultEvent):
        return (event.kind, *(isinstance(each, FaultEvent) and each.confirmed for each in pair))
    answers = [answer(each) if isinstance(each, RecordedExchange) else "" for each in pair]
    return (_verb(event), bool(event.target), differs(pair), *answers)


def _in_words(exchange: RecordedExchange) -> str:
    return _reply(exchange, by="").plain


def _in_outcome(exchange: RecordedExchange) -> str:
    return f"{exchange.status} {exchange.fate}"


def _event(pair: Pair) -> Event:
    event = pair[0] or pair[1]
    assert event is not None
    return event


def _matters(group: Sequence[Pair]) -> bool:
    pair = group[0]
    failed = [isinstance(each, RecordedExchange) and not each.ok for each in pair]
    return isinstance(_event(pair), FaultEvent) or differs(pair) or any(failed)


def _row(number: int, group: Sequence[Pair], several: bool) -> Row:
    first = group[0]
    mark = Text("≠", "bold magenta") if differs(first) else Text(f"{number}", "dim")
    if len(group) == 1:
        return Row(mark, _step(_event(first), several), *map(_answer, first))
    sides = [[pair[side] for pair in group] for side in (0, 1)]
    events = [_event(pair) for pair in group]
    return Row(mark, _steps(events, several), *map(_answers, sides))


def _step(event: Event, several: bool) -> Text:
    if isinstance(event, FaultEvent):
        return Text(f"{event.kind} {event.target}", "bold")
    who = f"{event.customer}: " if several else ""
    return Text(f"{who}{_verb(event)}{_at([event.target])}")


def _steps(events: Sequence[Event], several: bool) -> Text:
    """Return several like steps: "60 log in" (customers), "ask for the cart, 5 times"."""
    first, times = events[0], len(events)
    if isinstance(first, FaultEvent):
        return Text(f"{first.kind}{_at(each.target for each in events)}, {times} times", "bold")
    names = {each.customer for each in events if isinstance(each, RecordedExchange)}
    who = f"{len(names)} " if len(names) > 1 else ""
    if several and not who:
        who = f"{first.customer}: "
    often = f", {times} times" if times > len(names) else ""
    return Text(f"{who}{_verb(first)}{_at(each.target for each in events)}{often}")


def _verb(exchange: RecordedExchange) -> str:
    path = exchange.path.partition("?")[0]
    return _WORDS.get((exchange.method, path), f"{exchange.method} {path}")


def _answers(events: Sequence[Event | None]) -> Text:
    """Return several answers to like steps: "60 × 200 empty cart"."""
    first = events[0]
    if not isinstance(first, RecordedExchange):
        seen = "–" if first is None else _evidence(first, at_length=False)
        return Text(f"{len(events)} × {seen}", "bold")
    texts = {_in_words(each) for each in events if isinstance(each, RecordedExchange)}
    text = Text(f"{len(events)} × ")
    if len(texts) == 1:
        return text.append_text(_reply(first, by=""))
    text.append(f"{first.status}")
    if first.fate:
        sign = wording.FATE_SIGNS[Fate(first.fate)]
        text.append(f" {sign} {first.fate}", COLOURS[sign])
    return text


def _answer(event: Event | None) -> Text:
    if event is None:
        return Text("–", "dim")
    if isinstance(event, FaultEvent):
        return Text(_evidence(event), "bold")
    return _reply(event)


_SEEN = {
    FaultKind.KILL: "gone",
    FaultKind.RESTART: "back",
    FaultKind.PAUSE: "frozen",
    FaultKind.RESUME: "runs again",
    FaultKind.DRAIN: "drained",
    FaultKind.ADD: "added",
}


def _evidence(fault: FaultEvent, at_length: bool = True) -> str:
    """Return what was seen of a fault; ✓ where the target serves afterwards, ✕ where not."""
    if not fault.confirmed:
        return f"? {fault.kind} " + ("not confirmed" if fault.confirmed is False else "not seen")
    sign = "✓" if fault.kind.brings_up else "✕"
    if fault.evidence.process_gone is None and not fault.kind.brings_up:
        return f"{sign} no answer there" + f": {_how(fault)}" * at_length
    detail = _detail(fault) if at_length else ""
    return f"{sign} {_SEEN[fault.kind]}" + f", {detail}" * bool(detail)


def _detail(fault: FaultEvent) -> str:
    """Return which process it was, or which life began; "" where the lab sees neither."""
    seen = fault.evidence
    if fault.kind in (FaultKind.RESTART, FaultKind.ADD):
        return f"instance {one_line(seen.instance)[:6]}" if seen.instance else ""
    process = f"pid {seen.pid}" if seen.pid is not None else ""
    ended = _how(fault) if fault.kind is FaultKind.DRAIN else ""
    return ", ".join(filter(None, [process, ended]))


def _how(fault: FaultEvent) -> str:
    return one_line(fault.evidence.signal or "", 40)


def _reply(exchange: RecordedExchange, by: str | None = None) -> Text:
    """Return an answer in words; `by` stands in place of the server that gave it.

    With "" it is the answer to many steps, and short: beside it stands how many.
    """
    if exchange.status is None:
        return Text(f"no answer: {exchange.error}", "yellow")
    text = Text(f"{exchange.status} ")
    if not exchange.answered:
        return text.append("no server" if by == "" else "no server answers", "yellow")
    text.append(f"{exchange.served_by or '?'} " if by is None else by)
    body = exchange.response.body
    body = body if isinstance(body, dict) else {}
    if exchange.fate:
        sign = wording.FATE_SIGNS[Fate(exchange.fate)]
        text.append(f"{sign} ", COLOURS[sign])
    if "cart" in body:
        text.append(_cart(body["cart"]))
    elif not exchange.ok and "title" in body:
        text.append(str(body["title"]))
    return text


def _at(servers: Iterable[str | None]) -> str:
    named = sorted({server for server in servers if server})
    if len(named) > MOST_NAMED:
        return f" at {len(named)} servers"
    return f" at {', '.join(named)}" if named else ""


def _cart(cart: dict[str, object]) -> str:
    lines = cart["lines"]
    assert isinstance(lines, list)
    if not lines:
        return "empty cart"
    first = f"{lines[0]['quantity']} {lines[0]['name']}"
    return first + (f" +{len(lines) - 1} more" if len(lines) > 1 else "")
