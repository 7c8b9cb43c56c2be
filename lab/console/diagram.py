"""What happened on the stage so far, as the report draws it: a story of the page's events."""

from typing import Any

import msgspec

from lab.core.faults import STORE, FaultEvent, FaultEvidence, FaultKind
from lab.evidence.run_document import RecordedExchange
from lab.report.drawing import sequence_svg
from lab.report.sequence import DrawnEvent, SettingChange, Story

Json = dict[str, Any]


def sequence_of(events: list[Json], desk: str) -> str:
    """Return one desk's exchanges and faults as HTML with SVG in it, "" if there are none."""
    return sequence_svg(live_story(events, desk))


def live_story(events: list[Json], desk: str) -> Story:
    """Return what happened at one desk, oldest first.

    The store's faults are in it only if the desk keeps something in a store.
    """
    stack: Json | None = None
    happened: list[DrawnEvent] = []
    servers = 0
    for event in events:
        stack = event.get("stack") or stack
        if event["kind"] == "stage" and stack:
            servers = len(stack["desks"][desk])
        if event["kind"] == "exchange" and event["desk"] == desk:
            happened.append(msgspec.convert(event, RecordedExchange))
        elif event["kind"] == "fault" and _concerns(event, desk, stack):
            happened.append(_fault(event))
    return Story(desk, desk, servers, happened)


def _concerns(event: Json, desk: str, stack: Json | None) -> bool:
    if event["desk"]:
        return bool(event["desk"] == desk)
    if event["fault"] == "knob":  # turned at both desks; only one keeps sessions somewhere
        return bool(event["target"] != "store" or desk == "stateful")
    if event["target"] != STORE or stack is None:
        return False
    store = str(stack["knobs"][desk]["store"])
    return store == "redis" or "://" in store


def _fault(event: Json) -> DrawnEvent:
    seen = event["evidence"] or {}
    if event["fault"] == "knob":
        return SettingChange(event["target"], str(seen.get("value", "?")), event["at"])
    return FaultEvent(
        FaultKind(event["fault"]),
        event["target"],
        event["at"],
        event["confirmed"],
        msgspec.convert(seen, FaultEvidence),
    )
