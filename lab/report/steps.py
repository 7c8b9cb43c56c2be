"""One step of a script and its answer in words, for a row of the timeline."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from lab.core.faults import FaultEvent, FaultKind
from lab.core.text import one_line
from lab.evidence.cart_tracker import Fate
from lab.evidence.run_document import Event, RecordedExchange
from lab.report import wording
from lab.report.wording import COLOURS

_STEP_WORDS = {
    ("POST", "/api/login"): "log in",
    ("GET", "/api/cart"): "ask for the cart",
    ("POST", "/api/cart/items"): "add to the cart",
    ("DELETE", "/api/cart"): "empty the cart",
    ("PUT", "/api/shipping-address"): "say where it goes",
    ("POST", "/api/checkout"): "check out",
    ("POST", "/api/logout"): "log out",
}
MOST_NAMED = 3


def reply_words(exchange: RecordedExchange) -> str:
    """Return an answer in words, whichever server gave it."""
    return _reply(exchange, by="").plain


def step_text(event: Event, several: bool) -> Text:
    """Return one step: "ask for the cart at A"; with the customer where there are `several`."""
    if isinstance(event, FaultEvent):
        return Text(wording.fault_words(event, f" {event.target}"), "bold")
    who = f"{event.customer}: " if several else ""
    return Text(f"{who}{verb_of(event)}{_at([event.target])}")


def steps_text(events: Sequence[Event], several: bool) -> Text:
    """Return several like steps: "60 log in" (customers), "ask for the cart, 5 times"."""
    first, times = events[0], len(events)
    if isinstance(first, FaultEvent):
        done = wording.fault_words(first, _at(each.target for each in events))
        return Text(f"{done}, {times} times", "bold")
    names = {each.customer for each in events if isinstance(each, RecordedExchange)}
    who = f"{len(names)} " if len(names) > 1 else ""
    if several and not who:
        who = f"{first.customer}: "
    often = f", {times} times" if times > len(names) else ""
    return Text(f"{who}{verb_of(first)}{_at(each.target for each in events)}{often}")


def verb_of(exchange: RecordedExchange) -> str:
    """Return what a request asks for: "log in"."""
    path = exchange.path.partition("?")[0]
    return _STEP_WORDS.get((exchange.method, path), f"{exchange.method} {path}")


def answers_text(events: Sequence[Event | None]) -> Text:
    """Return several answers to like steps: "60 × 200 empty cart"."""
    first = events[0]
    if not isinstance(first, RecordedExchange):
        seen = "–" if first is None else _evidence(first, at_length=False)
        return Text(f"{len(events)} × {seen}", "bold")
    texts = {reply_words(each) for each in events if isinstance(each, RecordedExchange)}
    text = Text(f"{len(events)} × ")
    if len(texts) == 1:
        return text.append_text(_reply(first, by=""))
    text.append(f"{first.status}")
    if first.fate:
        fate = Fate(first.fate)
        text.append(f" {wording.FATE_SIGNS[fate]} {fate}", COLOURS[fate])
    return text


def answer_text(event: Event | None) -> Text:
    """Return the answer to one step, or what was seen of a fault; "–" where there was none."""
    if event is None:
        return Text("–", "dim")
    if isinstance(event, FaultEvent):
        return Text(_evidence(event), "bold")
    return _reply(event)


_SEEN = {
    FaultKind.KILL: "gone",
    FaultKind.RESTART: "back",
    FaultKind.PAUSE: "paused",
    FaultKind.RESUME: "runs again",
    FaultKind.DRAIN: "drained",
    FaultKind.ADD: "added",
}


def _evidence(fault: FaultEvent, at_length: bool = True) -> str:
    """Return what was seen of a fault; ✓ where the target serves afterwards, ✕ where not."""
    seen = fault.evidence
    if not fault.confirmed:
        lives_on = ": the instance still answers" * (seen.instance_gone is False)
        word = f"not confirmed{lives_on}" if fault.confirmed is False else "not seen"
        return f"? {fault.kind} {word}"
    sign = "✓" if fault.kind.brings_up else "✕"
    if seen.process_gone is None and not fault.kind.brings_up:
        what = "instance gone" if seen.instance_gone else "no answer there"
        return f"{sign} {what}" + f": {_how(fault)}" * at_length
    detail = _detail(fault) if at_length else ""
    return f"{sign} {_SEEN[fault.kind]}" + f", {detail}" * bool(detail)


def _detail(fault: FaultEvent) -> str:
    """Return which process it was, or which life began; "" if the lab sees neither."""
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
        fate = Fate(exchange.fate)
        text.append(f"{wording.FATE_SIGNS[fate]} ", COLOURS[fate])
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
