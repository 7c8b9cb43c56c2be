"""Two lanes of a kept run as the page's events: what was recorded, and nothing else.

Each lane has its own clock, which starts at 0; they are shown as if both had run at once.
"""

import json
from collections import Counter
from collections.abc import Iterator
from math import isfinite
from operator import itemgetter
from typing import Any

from lab.console.events import Score, from_exchange, from_fault, request_of
from lab.console.recorded_stack import RecordedStack
from lab.core.errors import LabError
from lab.core.faults import STORE
from lab.report.document import plain_json
from lab.report.plain import events as in_order
from lab.report.plain import is_fault
from lab.shop.desks import DESKS

Json = dict[str, Any]

MOST_PLAYED_IN_FULL = 1000  # exchanges of a lane with their bytes; of the others the request alone
MOST_BODY_CHARS = 4096  # of an answer; more than anybody reads on a page


def events(
    experiment: Json, left: str | None, right: str | None, *, store_program: str = ""
) -> list[Json]:
    """Return what happened in two lanes, by name, as the events of a stage, in order of time.

    The first is of kind "stage". The left lane stands at the desk "stateful", the right one at
    "stateless"; None leaves a desk empty. All have `id`, `at` and `score`. LabError if the
    experiment has no such lane.
    """
    sides = _named(experiment, left), _named(experiment, right)
    lanes: dict[str, Json | None] = dict(zip(DESKS, sides, strict=True))
    stage = RecordedStack(lanes, store_program)
    told: list[Json] = [{"kind": "stage", "stack": stage.stack(), "at": 0.0}]
    numbers = {desk: _numbered(lane) for desk, lane in lanes.items()}
    for at, desk, event in _happened(lanes):
        it = (
            _fault(event, desk, stage) if is_fault(event) else _exchange(event, desk, numbers[desk])
        )
        told += [each | {"at": at} for each in it]
    return _stamped(told)


def chosen(experiment: Json, name: str | None, app: str) -> Json | None:
    """Return the lane of that name, without one the first of the app; None if it has none."""
    if name is not None:
        return _named(experiment, name)
    return next((lane for lane in experiment["variants"] if lane["app"] == app), None)


def keeps(lane: Json) -> str:
    """Return where the lane's cart lives: "memory", "file", "redis", an address, or "token"."""
    return "token" if lane["app"] == "stateless" else str(lane["knobs"].get("store") or "?")


def _named(experiment: Json, name: str | None) -> Json | None:
    if name is None:
        return None
    for lane in experiment["variants"]:
        if lane["name"] == name:
            return dict(lane)
    there_are = ", ".join(lane["name"] for lane in experiment["variants"])
    raise LabError(f"no lane {name!r} in this experiment: there are {there_are}"[:300])


def _happened(lanes: dict[str, Json | None]) -> list[tuple[float, str, Json]]:
    """Return when, at which desk, and what: all lanes in order of time, each in its own order."""
    happened = [
        (at, desk, plain_json(event))
        for desk, lane in lanes.items()
        if lane is not None
        for at, event in _timed(lane)
    ]
    return sorted(happened, key=itemgetter(0))  # stable: no lane is shuffled


def _stamped(told: list[Json]) -> list[Json]:
    """Count them and keep the score; of a long lane the bytes of the later exchanges are left."""
    score, full = Score(), Counter[str]()
    kept: list[Json] = []
    for number, event in enumerate(told, start=1):
        stamped = event | {"id": number, "score": score.take(event)}
        if event["kind"] == "exchange":
            full[event["desk"]] += 1
            if full[event["desk"]] > MOST_PLAYED_IN_FULL:
                kept[-1]["score"] = stamped["score"]  # its request tells what became of the cart
                continue
        kept.append(stamped)
    return kept


def _timed(lane: Json) -> Iterator[tuple[float, Json]]:
    """Yield what happened with the time at which it was over, which never goes back."""
    now_s = 0.0
    for event in in_order(lane):
        took_s = 0.0 if is_fault(event) else _number(event["elapsed_ms"]) / 1000
        now_s = max(now_s, _number(event["at_s"]) + took_s)
        yield round(now_s, 6), event


def _number(value: Any) -> float:
    return max(0.0, float(value)) if isfinite(value) else 0.0


def _numbered(lane: Json | None) -> dict[str, str]:
    """Return, by name, the lane's customers as the page calls them: "c1", "c2", …."""
    named = dict.fromkeys(str(each["customer"]) for each in (lane or {}).get("exchanges", ()))
    return {name: f"c{number}" for number, name in enumerate(named, start=1)}


def _exchange(event: Json, desk: str, who: dict[str, str]) -> Iterator[Json]:
    number = who[str(event["customer"])]
    yield request_of(event, desk, number)
    full = from_exchange(event, desk, number)
    yield full | {"response": full["response"] | {"body": _shortened(full["response"]["body"])}}


def _fault(event: Json, desk: str, stage: RecordedStack) -> Iterator[Json]:
    kind, target = str(event["kind"]), str(event["target"])
    stage.undergo(desk, kind, target)
    whose = "" if target == STORE else desk  # the store belongs to no desk
    seen = plain_json(event["evidence"])
    yield from_fault(whose, kind, target, event["confirmed"], seen, stage.stack())


def _shortened(body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    if len(text) <= MOST_BODY_CHARS:
        return body
    return f"{text[:MOST_BODY_CHARS]}… ({len(text)} characters, whole in result.json)"
