"""Lays two variants side by side and says where their answers differ."""

from difflib import SequenceMatcher
from typing import Any

from lab.core.faults import FaultEvent
from lab.evidence.run_document import Event, RecordedExchange, VariantResult

EventPair = tuple[Event | None, Event | None]


def side_by_side(left: VariantResult, right: VariantResult) -> list[EventPair]:
    """Pair the events of two variants that did the same thing, in order.

    Where one did something that the other did not, its event stands alone.
    """
    ours, theirs = left.events, right.events
    matcher = SequenceMatcher(
        None, [_key(event) for event in ours], [_key(event) for event in theirs], autojunk=False
    )
    pairs: list[EventPair] = []
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            pairs.extend(zip(ours[i:i_end], theirs[j:j_end], strict=True))
        else:
            pairs.extend((event, None) for event in ours[i:i_end])
            pairs.extend((None, event) for event in theirs[j:j_end])
    return pairs


def differs(pair: EventPair) -> bool:
    """Return True if the two variants gave different answers (credentials aside)."""
    left, right = pair
    if isinstance(left, RecordedExchange) and isinstance(right, RecordedExchange):
        return (left.status, meaning(left)) != (right.status, meaning(right))
    if isinstance(left, FaultEvent) and isinstance(right, FaultEvent):
        return left.confirmed != right.confirmed
    return True


def meaning(exchange: RecordedExchange) -> Any:
    """Return what the answer says to a customer: its JSON without the token.

    Of a refusal only the problem type counts: how it is worded is each desk's own.
    """
    body = exchange.response.body
    if not isinstance(body, dict):
        return body
    if "type" in body and not exchange.ok:
        return body["type"]
    return {name: value for name, value in body.items() if name != "token"}


def _key(event: Event) -> tuple[str, ...]:
    if isinstance(event, FaultEvent):
        return ("fault", event.kind)
    # A re-asked read through the balancer is the same step, whichever server had to answer it.
    return (event.customer, event.method, event.path.partition("?")[0], str(bool(event.target)))
