"""What two variants did, as rows to be read: like steps are folded, what matters never is.

A fault, an answer that differs and a request that failed always have a row. Steps that are alike
share one ("60 log in", "60 × 200") where all of them would not fit on a screen.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.text import Text

from lab.core.faults import FaultEvent
from lab.evidence.compare import EventPair, differs, side_by_side
from lab.evidence.run_document import Event, RecordedExchange, VariantResult
from lab.report.steps import answer_text, answers_text, reply_words, step_text, steps_text, verb_of
from lab.report.wording import fault_words

MOST_GROUPS = 12  # lines beside a verdict, on a screen of 24
MOST_STEPS = 24  # one customer's steps are a story: above this number they are folded


@dataclass(frozen=True)
class Row:
    """One step, or several that are alike, and what each of the two variants answered."""

    mark: Text
    step: Text
    left: Text
    right: Text


def has_several_customers(left: VariantResult, right: VariantResult) -> bool:
    """True if several customers sent requests: then steps begin with the customer or a count."""
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


def _rows(groups: Sequence[list[EventPair]], most: int, several: bool) -> list[Row]:
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


def _runs(steps: Sequence[EventPair]) -> list[list[EventPair]]:
    """Group like steps that follow each other."""
    gists = [_gist(pair, reply_words) for pair in steps]
    starts = [i == 0 or gist != gists[i - 1] for i, gist in enumerate(gists)]
    return _fold(steps, list(accumulate(map(int, starts))))


def _alike(steps: Sequence[EventPair]) -> list[list[EventPair]]:
    """Group like steps between two faults."""
    between = _between_faults(steps)
    return _fold(steps, [(n, _gist(pair, reply_words)) for n, pair in between])


def _alike_in_outcome(steps: Sequence[EventPair]) -> list[list[EventPair]]:
    """Group steps with like outcomes between two faults, whatever is in the carts."""
    between = _between_faults(steps)
    return _fold(steps, [(n, _gist(pair, _in_outcome)) for n, pair in between])


def _alike_anywhere(steps: Sequence[EventPair]) -> list[list[EventPair]]:
    """Group steps with like outcomes, and faults of one kind, wherever they are."""
    return _fold(steps, [_gist(pair, _in_outcome) for pair in steps])


def _fold(steps: Sequence[EventPair], keys: Sequence[Hashable]) -> list[list[EventPair]]:
    groups: dict[Hashable, list[EventPair]] = {}
    for key, step in zip(keys, steps, strict=True):
        groups.setdefault(key, []).append(step)
    return list(groups.values())


def _between_faults(steps: Sequence[EventPair]) -> list[tuple[int, EventPair]]:
    """Return each step with the number of its stretch: a fault, or the steps between two faults."""
    are_faults = [isinstance(_event(pair), FaultEvent) for pair in steps]
    starts = [fault or (i > 0 and are_faults[i - 1]) for i, fault in enumerate(are_faults)]
    return list(zip(accumulate(map(int, starts)), steps, strict=True))


def _gist(pair: EventPair, answer: Callable[[RecordedExchange], str]) -> Hashable:
    """Return the key by which steps are alike; `answer` returns the part for an answer."""
    event = _event(pair)
    if isinstance(event, FaultEvent):
        seen = (isinstance(each, FaultEvent) and each.confirmed for each in pair)
        return (fault_words(event, ""), *seen)
    answers = [answer(each) if isinstance(each, RecordedExchange) else "" for each in pair]
    return (verb_of(event), bool(event.target), differs(pair), *answers)


def _in_outcome(exchange: RecordedExchange) -> str:
    return f"{exchange.status} {exchange.fate}"


def _event(pair: EventPair) -> Event:
    event = pair[0] or pair[1]
    assert event is not None
    return event


def _matters(group: Sequence[EventPair]) -> bool:
    pair = group[0]
    failed = [isinstance(each, RecordedExchange) and not each.ok for each in pair]
    return isinstance(_event(pair), FaultEvent) or differs(pair) or any(failed)


def _row(number: int, group: Sequence[EventPair], several: bool) -> Row:
    first = group[0]
    mark = Text("≠", "bold magenta") if differs(first) else Text(f"{number}", "dim")
    if len(group) == 1:
        return Row(mark, step_text(_event(first), several), *map(answer_text, first))
    sides = [[pair[side] for pair in group] for side in (0, 1)]
    events = [_event(pair) for pair in group]
    return Row(mark, steps_text(events, several), *map(answers_text, sides))
