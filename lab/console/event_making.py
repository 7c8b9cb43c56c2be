"""Makes the page's events: of a line in nginx's log, of an exchange, of a fault."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from lab.console import marks
from lab.console.events import (
    ExchangeEvent,
    FaultShown,
    RequestEvent,
    SettingShown,
    SettingValues,
    TriedServer,
)
from lab.console.marks import ShownMark
from lab.console.stack_state import StackState
from lab.core.faults import STORE, FaultEvent, FaultEvidence
from lab.core.http import UNANSWERED
from lab.core.redaction import redact_text
from lab.core.text import one_line
from lab.evidence.run_document import RecordedExchange
from lab.report import curl
from lab.report.plain import lower
from lab.report.sequence import look_of
from lab.stack.access_log import BETWEEN_SERVERS, LOGGED_COUNT, AccessEntry

MOST_PATH_CHARS = 300
MOST_LABEL_CHARS = 60
_LABEL_LINES = 2  # of a cart, in a label
_WITH_CART = (HTTPStatus.OK, HTTPStatus.CREATED)
HUNG_UP = 499  # what nginx logs where the client left before the answer

# As nginx.conf leaves it, or as redaction does: "…(268 chars, sha256 1f2e3d4c)".
_URL_TOKEN = re.compile(r"token=([\w.-]{1,6})…(?:\([^()&]*\))?&userId=([A-Za-z0-9-]{1,24})")
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


def from_log(entry: AccessEntry, desk: str, server_at: Mapping[int, str], who: str) -> RequestEvent:
    """Return the request of a line in nginx's log.

    `server_at` names the server behind each port; `who` is the customer of a page ("c1"),
    "" for any other client.
    """
    tried = list(_tried(entry, server_at))
    return RequestEvent(
        desk=desk,
        op=_name(entry.op),
        request_id=_name(entry.request_id),
        method=_name(entry.method),
        path=_path(_within(entry)),
        query=_query(entry.query),
        asked=_name(entry.target),
        status=0 if entry.status == HUNG_UP else entry.status,
        # An answer from nginx's cache quotes the server it is from; none was asked.
        served_by=_name(entry.served_by) if tried else "",
        instance=_name(entry.instance) if tried else "",
        tried=tried,
        ms=round(entry.request_time * 1000, 3),
        bytes_in=entry.request_bytes,
        bytes_out=entry.bytes,
        store_operations=entry.store_operations if tried else None,
        who=who,
        mark=marks.of_request(entry.status if entry.status != HUNG_UP else 0),
    )


def request_of(exchange: RecordedExchange, desk: str, who: str) -> RequestEvent:
    """Return the request event of a recorded exchange, as far as its fields are known."""
    headers = lower(exchange.response.headers)
    operations = headers.get("x-store-operations", "")
    tried = [] if _is_cached(exchange) else _asked(exchange)
    return RequestEvent(
        desk=desk,
        op=one_line(exchange.op, MOST_LABEL_CHARS),
        method=one_line(exchange.method, MOST_LABEL_CHARS),
        path=one_line(exchange.path.partition("?")[0], MOST_PATH_CHARS),
        query=_query(exchange.path.partition("?")[2]),
        asked=one_line(exchange.target or "", MOST_LABEL_CHARS),
        status=exchange.status or 0,
        served_by=one_line(exchange.served_by or "", MOST_LABEL_CHARS) if tried else "",
        instance=one_line(exchange.instance or "", MOST_LABEL_CHARS) if tried else "",
        tried=tried,
        ms=exchange.elapsed_ms,
        bytes_in=exchange.bytes_sent,
        bytes_out=exchange.bytes_received,
        store_operations=int(operations) if tried and LOGGED_COUNT.fullmatch(operations) else None,
        who=who,
        mark=marks.of_request(exchange.status),
    )


def from_exchange(
    exchange: RecordedExchange,
    desk: str,
    who: str,
    *,
    aside: bool = False,
    due_cents: int | None = None,
) -> ExchangeEvent:
    """Return the event of a recorded exchange; `due_cents`: what the cart in it should cost."""
    fields = msgspec.structs.asdict(exchange) | {
        "op": one_line(exchange.op, MOST_LABEL_CHARS),
        "customer": one_line(exchange.customer, MOST_LABEL_CHARS),
        "path": one_line(exchange.path, MOST_PATH_CHARS),
    }
    look, shows = look_of(exchange), _strange_cart(exchange)
    return ExchangeEvent(
        **fields,
        desk=desk,
        who=who,
        look=list(look),
        mark=_marked(exchange, look, shows, aside, due_cents),
        theft=marks.of_theft(exchange.status) if aside else UNSET,
        shows=shows or UNSET,
        curl=curl.posix(exchange),
        aside=True if aside else UNSET,
    )


def _marked(
    exchange: RecordedExchange, look: Sequence[str], shows: str, aside: bool, due_cents: int | None
) -> ShownMark:
    order, cart = _part(exchange, "/api/checkout", "order"), _part(exchange, "/api/cart", "cart")
    if aside:
        sold = order is not None
        return marks.of_repetition(exchange.status, _goods(cart) if cart else "", sold=sold)
    if shows:
        return marks.of_strange_cart(shows)
    total = (order or cart or {}).get("total_cents")
    if order and isinstance(total, int):
        return marks.of_order(total, due_cents)
    mark = marks.of_exchange(look, exchange.status, cached=_is_cached(exchange))
    return marks.with_total(mark, total) if isinstance(total, int) and due_cents else mark


def _part(exchange: RecordedExchange, path: str, name: str) -> Mapping[str, Any] | None:
    """Return that part of a good answer from that path; None if there is none."""
    body = exchange.response.body
    asked = exchange.path.partition("?")[0] == path and exchange.status in _WITH_CART
    part = body.get(name) if asked and isinstance(body, dict) else None
    return part if isinstance(part, dict) else None


def _goods(cart: Mapping[str, Any]) -> str:
    """Return what is in a cart in a few words: "2 × Laptop, 1 × Pen"."""
    lines = [each for each in cart.get("lines") or [] if isinstance(each, dict)]
    shown = lines if len(lines) <= _LABEL_LINES else lines[:1]
    goods = ", ".join(f"{each.get('quantity')} × {each.get('name')}" for each in shown)
    more = f" and {len(lines) - 1} more" * (len(lines) > _LABEL_LINES)
    return one_line(goods + more, MOST_LABEL_CHARS) or "empty cart"


def _is_cached(exchange: RecordedExchange) -> bool:
    return lower(exchange.response.headers).get("x-cache") == "HIT"


def _strange_cart(exchange: RecordedExchange) -> str:
    """Return whose cart an answer shows, "" if it is the customer's own, or none."""
    body = exchange.response.body
    user = body.get("user") if isinstance(body, dict) else None
    name = user.get("name") if isinstance(user, dict) else None
    shown = exchange.status == HTTPStatus.OK and exchange.path.partition("?")[0] == "/api/cart"
    strange = shown and isinstance(name, str) and name != exchange.customer
    return f"{one_line(str(name), MOST_LABEL_CHARS)}'s cart" if strange else ""


def from_fault(desk: str, fault: FaultEvent, stack: StackState | None) -> FaultShown:
    """Return the event of a fault at a desk; `stack` is the state after it."""
    seen = msgspec.to_builtins(fault.evidence)
    return FaultShown(
        desk="" if fault.target == STORE else desk,
        fault=fault.kind,
        target=_name(fault.target),
        confirmed=fault.confirmed,
        evidence=msgspec.convert({name: _safe(each) for name, each in seen.items()}, FaultEvidence),
        stack=stack,
    )


def setting_changed(name: str, was: str, value: str, stack: StackState | None) -> SettingShown:
    """Return the event of a setting that was changed at both desks."""
    return SettingShown(
        target=_name(name), evidence=SettingValues(_safe(was), _safe(value)), stack=stack
    )


def _tried(entry: AccessEntry, server_at: Mapping[int, str]) -> Iterator[TriedServer]:
    statuses = BETWEEN_SERVERS.split(entry.upstream_status)
    for number, address in enumerate(BETWEEN_SERVERS.split(entry.upstream_addr)):
        if address and address != "-":
            port = address.rpartition(":")[2]
            name = server_at.get(int(port), "") if LOGGED_COUNT.fullmatch(port) else ""
            status = statuses[number] if number < len(statuses) else ""
            yield TriedServer(name, status if LOGGED_COUNT.fullmatch(status) else "")


def _asked(exchange: RecordedExchange) -> list[TriedServer]:
    """Return which server the balancer asked; of several the client learns only the last."""
    server, status = exchange.served_by or exchange.target, exchange.status
    if exchange.served_by or status in UNANSWERED:
        return [TriedServer(one_line(server or "", MOST_LABEL_CHARS), str(status or ""))]
    return []


def _within(entry: AccessEntry) -> str:
    """Return the path within the shop: without the desk's prefix, and without /@B."""
    skipped = 3 if entry.target else 2
    return "/" + "/".join(entry.path.split("/")[skipped:])


def _query(text: str) -> str | UnsetType:
    """Return the article's query with its token cut to a few characters; UNSET for any other."""
    found = _URL_TOKEN.fullmatch(text)
    return f"token={found[1]}…&userId={found[2]}" if found else UNSET


# What an exchange of result.json has is shortened already; what the log has is not.
def _path(path: str) -> str:
    return one_line(redact_text(path), MOST_PATH_CHARS)


def _name(text: Any) -> str:
    return one_line(redact_text(str(text)), MOST_LABEL_CHARS)


def _safe(value: Any) -> Any:
    """Return a value without credentials and passwords, bounded; None if it is not JSON."""
    if isinstance(value, str):
        return one_line(_USERINFO.sub("", redact_text(value)), MOST_PATH_CHARS)
    return None if isinstance(value, float) and not isfinite(value) else value
