"""The page's events: typed, and the same for what is live and for a recording.

No credential is in them that could be used, and text of foreign origin in them is bounded.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from lab.console import marks
from lab.console.marks import Mark
from lab.console.stack_state import StackState
from lab.core.faults import STORE, FaultEvent, FaultEvidence
from lab.core.redaction import redact_text
from lab.core.text import one_line
from lab.evidence.exchange import UNANSWERED
from lab.evidence.run_document import RecordedExchange
from lab.report import curl
from lab.report.plain import lower
from lab.report.sequence import look_of
from lab.stack.access_log import AccessEntry

MOST_PATH_CHARS = 300
MOST_LABEL_CHARS = 60
HUNG_UP = 499  # what nginx logs where the client left before the answer

_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_COUNT = re.compile(r"[0-9]{1,9}")
_BETWEEN = re.compile(r", | : ")  # nginx: one server after the other; after an internal redirect


class TriedServer(msgspec.Struct, frozen=True):
    """A server that the balancer asked, and the status it answered with; "" for not known."""

    server: str
    status: str


class RequestEvent(msgspec.Struct, tag_field="kind", tag="request", kw_only=True):
    """A request that the load balancer answered; `status` 0 where the client had hung up.

    `who` is the customer of a page ("c1"), "" for any other client; `asked` the server it was
    addressed to; `tried` the servers that the balancer asked, none for an answer of its cache.
    """

    desk: str
    op: str
    request_id: str = ""
    method: str
    path: str
    asked: str
    status: int
    served_by: str
    instance: str
    tried: list[TriedServer]
    ms: float
    bytes_in: int
    bytes_out: int
    store_operations: int | None = None
    who: str
    mark: Mark


class ExchangeEvent(RecordedExchange, tag_field="kind", tag="exchange", kw_only=True):
    """A recorded exchange with its look, and a command that repeats it.

    `mark` is what the stage shows of its result; `theft` where a thief has sent it again.
    """

    desk: str
    who: str
    look: list[str]
    mark: Mark
    theft: Mark | UnsetType = UNSET
    shows: str | UnsetType = UNSET
    """Whose cart the answer shows, where it is not the customer's own: "John's cart"."""
    curl: str
    aside: bool | UnsetType = UNSET
    """True where it is no part of the customer's own conversation."""


class FaultShown(msgspec.Struct, tag_field="kind", tag="fault", kw_only=True):
    """A fault at a desk ("" for the store, which belongs to no desk), and the stack after it."""

    desk: str
    fault: str
    target: str
    confirmed: bool | None
    evidence: FaultEvidence
    stack: StackState | None


class SettingValues(msgspec.Struct, frozen=True):
    """What a setting was, and what it is now."""

    was: str
    value: str


class SettingShown(msgspec.Struct, tag_field="kind", tag="fault", kw_only=True):
    """A setting of both desks was changed: `target` is its name. The page lists it as a fault."""

    desk: str = ""
    fault: str = "knob"
    target: str
    confirmed: bool | None = None
    evidence: SettingValues
    stack: StackState | None


class StageEvent(msgspec.Struct, tag_field="kind", tag="stage"):
    """A new stage: everything before it is history."""

    stack: StackState | None = None


class StackEvent(msgspec.Struct, tag_field="kind", tag="stack"):
    """The stack has changed without a fault: a count, a state."""

    stack: StackState | None = None


class RunEvent(msgspec.Struct, tag_field="kind", tag="run", kw_only=True):
    """How far a run of an experiment is; `state` is running, done or failed."""

    state: str
    experiment: str
    line: str
    run: str
    trouble: str | None = None
    observed: int | None = None


class LessonEvent(msgspec.Struct, tag_field="kind", tag="lesson", kw_only=True):
    """Where the instructor is in the lesson, for pages that follow.

    `state` is asking, running, done, stopped, or over when nothing is presented any more; `scene`
    is what the screen shows. Of an act: its number in the chapter, the step that runs of how
    many, the customers `who`, `second` and `third` that act in it, and the last event before it
    (`since`), so that a page can judge its own prediction by the same facts.
    """

    chapter: str
    state: str
    scene: str = "ask"
    act: int = 0
    step: int = 0
    of: int = 0
    who: str = ""
    second: str = ""
    third: str = ""
    since: int = 0


StackShown = FaultShown | SettingShown | StageEvent | StackEvent
"""What has the stack after it."""
PageEvent = RequestEvent | ExchangeEvent | RunEvent | LessonEvent | StackShown


class Totals(msgspec.Struct, kw_only=True):
    """What a desk has kept, lost and spent so far."""

    requests: int = 0
    kept: int = 0
    lost: int = 0
    open: int = 0
    errors: int = 0
    store_operations: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Stamped:
    """An event with its number, its time (seconds since the stage began) and the score after it."""

    event: PageEvent
    id: int
    at: float
    score: Mapping[str, Totals]

    def json(self) -> Mapping[str, object]:
        """Return it as the page gets it."""
        stamp = {"id": self.id, "at": self.at, "score": msgspec.to_builtins(self.score)}
        return {**msgspec.to_builtins(self.event), **stamp}


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
    """Return the request that a recorded exchange shows, as far as it does."""
    headers = lower(exchange.response.headers)
    operations = headers.get("x-store-operations", "")
    tried = [] if _is_cached(exchange) else _asked(exchange)
    return RequestEvent(
        desk=desk,
        op=one_line(exchange.op, MOST_LABEL_CHARS),
        method=one_line(exchange.method, MOST_LABEL_CHARS),
        path=one_line(exchange.path.partition("?")[0], MOST_PATH_CHARS),
        asked=one_line(exchange.target or "", MOST_LABEL_CHARS),
        status=exchange.status or 0,
        served_by=one_line(exchange.served_by or "", MOST_LABEL_CHARS) if tried else "",
        instance=one_line(exchange.instance or "", MOST_LABEL_CHARS) if tried else "",
        tried=tried,
        ms=exchange.elapsed_ms,
        bytes_in=exchange.bytes_sent,
        bytes_out=exchange.bytes_received,
        store_operations=int(operations) if tried and _COUNT.fullmatch(operations) else None,
        who=who,
        mark=marks.of_request(exchange.status),
    )


def from_exchange(
    exchange: RecordedExchange, desk: str, who: str, *, aside: bool = False
) -> ExchangeEvent:
    """Return the event of a recorded exchange."""
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
        mark=_marked(exchange, look, shows, aside),
        theft=marks.of_theft(exchange.status) if aside else UNSET,
        shows=shows or UNSET,
        curl=curl.posix(exchange),
        aside=True if aside else UNSET,
    )


def _marked(exchange: RecordedExchange, look: Sequence[str], shows: str, aside: bool) -> Mark:
    if aside:
        return marks.of_repetition(exchange.status)
    if shows:
        return marks.of_strange_cart(shows)
    return marks.of_exchange(look, exchange.status, cached=_is_cached(exchange))


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
    statuses = _BETWEEN.split(entry.upstream_status)
    for number, address in enumerate(_BETWEEN.split(entry.upstream_addr)):
        if address and address != "-":
            port = address.rpartition(":")[2]
            name = server_at.get(int(port), "") if _COUNT.fullmatch(port) else ""
            status = statuses[number] if number < len(statuses) else ""
            yield TriedServer(name, status if _COUNT.fullmatch(status) else "")


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


# What an exchange of result.json has is shortened already; what the log has is not.
def _path(path: str) -> str:
    return one_line(redact_text(path), MOST_PATH_CHARS)


def _name(text: Any) -> str:
    return one_line(redact_text(str(text)), MOST_LABEL_CHARS)


def _safe(value: Any) -> Any:
    """Return it without credentials and passwords, bounded; None for what is no JSON."""
    if isinstance(value, str):
        return one_line(_USERINFO.sub("", redact_text(value)), MOST_PATH_CHARS)
    return None if isinstance(value, float) and not isfinite(value) else value
