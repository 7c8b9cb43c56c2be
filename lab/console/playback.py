"""Two variants of a kept run as the page's events: what was recorded, and nothing else.

They are shown in step: the first request of each at once, then the second. A fault waits for
the same number of faults before it in the other variant. Times are those of each variant's own
clock, which starts at 0.
"""

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from lab.console.event_making import from_exchange, from_fault, request_of
from lab.console.events import ExchangeEvent, PageEvent, StageEvent, Stamped
from lab.console.recorded_stack import RecordedStack
from lab.console.score import Score
from lab.core.errors import LabError
from lab.core.faults import FaultEvent
from lab.core.text import one_line
from lab.evidence.keeping import plain_json
from lab.evidence.run_document import Event, ExperimentResult, RecordedExchange, VariantResult
from lab.report.steps import step_text
from lab.shop.desks import DESKS

TimedEvent = tuple[float, Event]
Variants = Mapping[str, VariantResult | None]
"""The variant that stands at each desk."""

MOST_PLAYED_IN_FULL = (
    1000  # exchanges of a variant with their bytes; of the others the request alone
)
MOST_WORDS_CHARS = 120
MOST_BODY_CHARS = 4096  # more than a page can show of a body


class PlayedStep(msgspec.Struct, frozen=True):
    """A step of the playback: the events up to number `to`, and a caption."""

    say: str
    to: int


@dataclass(frozen=True)
class Played:
    """Two variants as the events of a stage, the first of kind "stage", and its steps."""

    events: list[Stamped]
    steps: list[PlayedStep]


def play(
    experiment: ExperimentResult,
    left: str | None,
    right: str | None,
    *,
    store_program: str = "",
    full: int = MOST_PLAYED_IN_FULL,
) -> Played:
    """Return what happened in two variants, by name.

    The left variant stands at the desk "stateful", the right one at "stateless"; None leaves
    a desk empty. The first `full` exchanges at each desk have their bytes. LabError if the
    experiment has no such variant.
    """
    pair = (named(experiment, left), named(experiment, right))
    variants: dict[str, VariantResult | None] = dict(zip(DESKS, pair, strict=True))
    stage = RecordedStack(variants, store_program)
    score = _Stamps(full)
    score.stamp(0.0, StageEvent(stage.stack()))
    numbers = {desk: _numbered(variant) for desk, variant in variants.items()}
    steps = []
    for step in _in_step({desk: _timed(each) for desk, each in variants.items() if each}):
        for desk, (at, event) in step.items():
            if isinstance(event, FaultEvent):
                stage.undergo(desk, event)
                score.stamp(at, from_fault(desk, event, stage.stack()))
            else:
                for each in _exchange(event, desk, numbers[desk]):
                    score.stamp(at, each)
        said = [_words(event, len(numbers[desk]) > 1) for desk, (_, event) in step.items()]
        steps.append(PlayedStep(" · ".join(dict.fromkeys(said)), len(score.kept)))
    return Played(score.kept, steps)


def chosen(experiment: ExperimentResult, name: str | None, app: str) -> VariantResult | None:
    """Return the variant of that name, without a name the first of the app; None if none is."""
    if name is not None:
        return named(experiment, name)
    return next((each for each in experiment.variants if each.app == app), None)


def named(experiment: ExperimentResult, name: str | None) -> VariantResult | None:
    """Return the variant of that name; None without a name."""
    if name is None:
        return None
    for variant in experiment.variants:
        if variant.name == name:
            return variant
    there_are = ", ".join(each.name for each in experiment.variants)
    raise LabError(f"no variant {name!r} in this experiment: there are {there_are}"[:300])


def _in_step(lanes: Mapping[str, Sequence[TimedEvent]]) -> Iterator[dict[str, TimedEvent]]:
    """Yield the events of each step: the next of each lane, by desk; faults only with faults."""
    left = {desk: deque(lane) for desk, lane in lanes.items()}
    faults = {desk: sum(_is_fault(each) for each in lane) for desk, lane in lanes.items()}
    while any(left.values()):
        heads = {desk: lane[0] for desk, lane in left.items() if lane}
        broken = [desk for desk, head in heads.items() if _is_fault(head)]
        waits = any(faults[desk] for desk in heads if desk not in broken)
        going = [desk for desk in heads if (desk in broken) != waits] if broken else list(heads)
        for desk in going:
            left[desk].popleft()
            faults[desk] -= desk in broken
        yield {desk: heads[desk] for desk in going}


def _is_fault(timed: TimedEvent) -> bool:
    return isinstance(timed[1], FaultEvent)


def _words(event: Event, several: bool) -> str:
    return one_line(step_text(event, several).plain, MOST_WORDS_CHARS)


class _Stamps:
    """Numbers events and keeps the score; of a long variant later exchanges are left out."""

    def __init__(self, most_full: int) -> None:
        self.kept: list[Stamped] = []
        self._score, self._full, self._number = Score(), Counter[str](), 0
        self._most_full = most_full

    def stamp(self, at: float, event: PageEvent) -> None:
        self._number += 1
        totals = self._score.take(event)
        if isinstance(event, ExchangeEvent):
            self._full[event.desk] += 1
            if self._full[event.desk] > self._most_full:
                # Its request shows what became of the cart.
                self.kept[-1] = replace(self.kept[-1], score=totals)
                return
        self.kept.append(Stamped(event, self._number, at, totals))


def _timed(variant: VariantResult) -> list[TimedEvent]:
    """Return the events, each with the time at which it was over; times never go back."""
    timed, now_s = [], 0.0
    for event in variant.events:
        took_s = 0.0 if isinstance(event, FaultEvent) else _from_zero(event.elapsed_ms) / 1000
        now_s = max(now_s, _from_zero(event.at_s) + took_s)
        timed.append((round(now_s, 6), event))
    return timed


def _from_zero(value: float) -> float:
    return max(0.0, value)


def _numbered(variant: VariantResult | None) -> dict[str, str]:
    """Return, by name, the variant's customers as the page calls them: "c1", "c2", …."""
    exchanges = variant.exchanges if variant else []
    names = dict.fromkeys(each.customer for each in exchanges)
    return {name: f"c{number}" for number, name in enumerate(names, start=1)}


def _exchange(event: RecordedExchange, desk: str, who: dict[str, str]) -> Iterator[PageEvent]:
    number = who[event.customer]
    body = shortened(plain_json(event.response.body), ", whole in result.json")
    event = msgspec.structs.replace(
        event,
        at_s=_from_zero(event.at_s),
        elapsed_ms=_from_zero(event.elapsed_ms),
        response=msgspec.structs.replace(event.response, body=body),
    )
    yield request_of(event, desk, number)
    yield from_exchange(event, desk, number)


def shortened(body: Any, where: str = "") -> Any:
    """Return the body of an answer, or the beginning of a long one as text."""
    text = body if isinstance(body, str) else json.dumps(body)
    if len(text) <= MOST_BODY_CHARS:
        return body
    return f"{text[:MOST_BODY_CHARS]}… ({len(text)} characters{where})"
