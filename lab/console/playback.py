"""Two variants of a kept run as the page's events: what was recorded, and nothing else.

Each variant has its own clock, which starts at 0; they are shown as if both had run at once.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

import msgspec

from lab.console.events import (
    ExchangeEvent,
    PageEvent,
    StageEvent,
    Stamped,
    from_exchange,
    from_fault,
    request_of,
)
from lab.console.recorded_stack import RecordedStack
from lab.console.score import Score
from lab.core.errors import LabError
from lab.core.faults import FaultEvent
from lab.evidence.keeping import plain_json
from lab.evidence.run_document import Event, ExperimentResult, RecordedExchange, VariantResult
from lab.shop.desks import DESKS

Variants = Mapping[str, VariantResult | None]
"""The variant that stands at each desk."""

MOST_PLAYED_IN_FULL = (
    1000  # exchanges of a variant with their bytes; of the others the request alone
)
MOST_BODY_CHARS = 4096  # of an answer; more than a page can show


def events(
    experiment: ExperimentResult,
    left: str | None,
    right: str | None,
    *,
    store_program: str = "",
) -> list[Stamped]:
    """Return what happened in two variants, by name, as the events of a stage, in order of time.

    The first is of kind "stage". The left variant stands at the desk "stateful", the right one
    at "stateless"; None leaves a desk empty. LabError if the experiment has no such variant.
    """
    pair = (named(experiment, left), named(experiment, right))
    variants: dict[str, VariantResult | None] = dict(zip(DESKS, pair, strict=True))
    stage = RecordedStack(variants, store_program)
    played: list[tuple[float, PageEvent]] = [(0.0, StageEvent(stage.stack()))]
    numbers = {desk: _numbered(variant) for desk, variant in variants.items()}
    for at, desk, event in _happened(variants):
        if isinstance(event, FaultEvent):
            stage.undergo(desk, event)
            played.append((at, from_fault(desk, event, stage.stack())))
        else:
            played += [(at, each) for each in _exchange(event, desk, numbers[desk])]
    return _stamped(played)


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


def _happened(variants: Variants) -> list[tuple[float, str, Event]]:
    """Return when, at which desk, and what: in order of time, each variant in its own order."""
    happened = [
        (at, desk, event)
        for desk, variant in variants.items()
        if variant is not None
        for at, event in _timed(variant)
    ]
    return sorted(happened, key=itemgetter(0))  # stable: no variant is shuffled


def _stamped(played: list[tuple[float, PageEvent]]) -> list[Stamped]:
    """Number them and keep the score; of a long variant later exchanges are left out."""
    score, full = Score(), Counter[str]()
    kept: list[Stamped] = []
    for number, (at, event) in enumerate(played, start=1):
        totals = score.take(event)
        if isinstance(event, ExchangeEvent):
            full[event.desk] += 1
            if full[event.desk] > MOST_PLAYED_IN_FULL:
                # Its request shows what became of the cart.
                kept[-1] = replace(kept[-1], score=totals)
                continue
        kept.append(Stamped(event, number, at, totals))
    return kept


def _timed(variant: VariantResult) -> Iterator[tuple[float, Event]]:
    """Yield what happened with the time at which it was over, which never goes back."""
    now_s = 0.0
    for event in variant.events:
        took_s = 0.0 if isinstance(event, FaultEvent) else _from_zero(event.elapsed_ms) / 1000
        now_s = max(now_s, _from_zero(event.at_s) + took_s)
        yield round(now_s, 6), event


def _from_zero(value: float) -> float:
    return max(0.0, value)


def _numbered(variant: VariantResult | None) -> dict[str, str]:
    """Return, by name, the variant's customers as the page calls them: "c1", "c2", …."""
    exchanges = variant.exchanges if variant else []
    names = dict.fromkeys(each.customer for each in exchanges)
    return {name: f"c{number}" for number, name in enumerate(names, start=1)}


def _exchange(event: RecordedExchange, desk: str, who: dict[str, str]) -> Iterator[PageEvent]:
    number = who[event.customer]
    body = _shortened(plain_json(event.response.body))
    event = msgspec.structs.replace(
        event,
        at_s=_from_zero(event.at_s),
        elapsed_ms=_from_zero(event.elapsed_ms),
        response=msgspec.structs.replace(event.response, body=body),
    )
    yield request_of(event, desk, number)
    yield from_exchange(event, desk, number)


def _shortened(body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    if len(text) <= MOST_BODY_CHARS:
        return body
    return f"{text[:MOST_BODY_CHARS]}… ({len(text)} characters, whole in result.json)"
