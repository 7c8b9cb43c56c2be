"""What happened on the stage so far, as the report draws it: a story of the page's events."""

from collections.abc import Iterable

from lab.console.events import (
    ExchangeEvent,
    FaultShown,
    SettingShown,
    StackShown,
    StageEvent,
    Stamped,
)
from lab.console.stack_state import StackState
from lab.core.faults import STORE, FaultEvent, FaultKind
from lab.report.drawing import sequence_svg
from lab.report.sequence import DrawnEvent, SettingChange, Story


def sequence_of(history: Iterable[Stamped], desk: str) -> str:
    """Return one desk's exchanges and faults as HTML with SVG in it, "" if there are none."""
    return sequence_svg(live_story(history, desk))


def live_story(history: Iterable[Stamped], desk: str) -> Story:
    """Return what happened at one desk, oldest first.

    The store's faults are in it only if the desk keeps something in a store.
    """
    stack: StackState | None = None
    happened: list[DrawnEvent] = []
    servers = 0
    for stamped in history:
        event = stamped.event
        if isinstance(event, StackShown):
            stack = event.stack or stack
        match event:
            case StageEvent() if stack:
                servers = len(stack.desks[desk])
            case ExchangeEvent() if event.desk == desk:
                happened.append(event)
            # A setting is changed at both desks; only one keeps sessions somewhere.
            case SettingShown() if event.target != "store" or desk == "stateful":
                happened.append(SettingChange(event.target, event.evidence.value, stamped.at))
            case FaultShown() if _concerns(event, desk, stack):
                kind = FaultKind(event.fault)
                happened.append(
                    FaultEvent(kind, event.target, stamped.at, event.confirmed, event.evidence)
                )
    return Story(desk, desk, servers, happened)


def _concerns(event: FaultShown, desk: str, stack: StackState | None) -> bool:
    if event.target != STORE:
        return event.desk == desk
    store = stack.settings[desk].store if stack else ""
    return store == "redis" or "://" in store
