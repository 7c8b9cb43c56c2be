"""What happened on the stage so far, as the report draws it: a lane made of the page's events."""

from typing import Any

from lab.core.faults import STORE
from lab.report.drawing import sequence_svg

Json = dict[str, Any]


def sequence_of(events: list[Json], desk: str) -> str:
    """Return one desk's exchanges and faults as HTML with SVG in it, "" if there are none."""
    return sequence_svg(live_lane(events, desk))


def live_lane(events: list[Json], desk: str) -> Json:
    """Return what happened at one desk as a lane of result.json has it, oldest first.

    Of the store's faults only if the desk keeps something in a store: they are everybody's.
    """
    stack: Json | None = None
    exchanges, faults, order = [], [], []
    servers = 0
    for event in events:
        stack = event.get("stack") or stack
        if event["kind"] == "stage" and stack:
            servers = len(stack["desks"][desk])
        if event["kind"] == "exchange" and event["desk"] == desk:
            exchanges.append({name: value for name, value in event.items() if name != "kind"})
            order.append(event["op"])
        elif event["kind"] == "fault" and _concerns(event, desk, stack):
            fault = _fault(event)
            faults.append(fault)
            order.append(f"{fault['kind']} {fault['target']}")
    return {
        "name": desk,
        "app": desk,
        "knobs": {"servers": servers},
        "exchanges": exchanges,
        "faults": faults,
        "order": order,
    }


def _concerns(event: Json, desk: str, stack: Json | None) -> bool:
    if event["desk"]:
        return bool(event["desk"] == desk)
    if event["fault"] == "knob":  # turned at both desks; only one keeps sessions somewhere
        return bool(event["target"] != "store" or desk == "stateful")
    if event["target"] != STORE or stack is None:
        return False
    store = str(stack["knobs"][desk]["store"])
    return store == "redis" or "://" in store


def _fault(event: Json) -> Json:
    kind, target, evidence = event["fault"], event["target"], event["evidence"] or {}
    if kind == "knob":
        kind, target = f"{target} set to {evidence.get('value', '?')}, at the", "desk"
    return {
        "kind": kind,
        "target": target,
        "at_s": event["at"],
        "confirmed": event["confirmed"],
        "evidence": evidence,
    }
