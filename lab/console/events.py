"""What happened as the page's events: the same for what is live and for a recording.

An event is a JSON object without `id`, `at` and `score`, which whoever tells it puts on. No
credential is in it that could be used, and text of foreign origin in it is bounded.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from lab.core.redaction import redact_json, redact_text
from lab.core.text import one_line
from lab.evidence.exchange import NOBODY_ANSWERED, SAFE_METHODS
from lab.evidence.keeping import plain_json
from lab.evidence.run_document import RecordedExchange
from lab.report import curl
from lab.report.plain import lower
from lab.report.sequence import look_of
from lab.shop.desks import DESKS
from lab.stack.access_log import AccessEntry

Json = dict[str, Any]

MOST_PATH_CHARS = 300
MOST_LABEL_CHARS = 60
HUNG_UP = 499  # what nginx logs where the client left before the answer

_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_COUNT = re.compile(r"[0-9]{1,9}")
_BETWEEN = re.compile(r", | : ")  # nginx: one server after the other; after an internal redirect


def from_log(entry: AccessEntry, desk: str, server_at: Mapping[int, str], who: str) -> Json:
    """Return the "request" that nginx's log tells of.

    `server_at` names the server behind each port; `who` is the customer of a page ("c1"),
    "" for anybody else.
    """
    tried = list(_tried(entry, server_at))
    return {
        "kind": "request",
        "desk": desk,
        "op": _name(entry.op),
        "request_id": _name(entry.request_id),
        "method": _name(entry.method),
        "path": _path(_within(entry)),
        "asked": _name(entry.target),
        "status": 0 if entry.status == HUNG_UP else entry.status,
        # An answer from nginx's cache quotes the server it is from; none was asked.
        "served_by": _name(entry.served_by) if tried else "",
        "instance": _name(entry.instance) if tried else "",
        "tried": tried,
        "ms": round(entry.request_time * 1000, 3),
        "bytes_in": entry.request_bytes,
        "bytes_out": entry.bytes,
        "store_operations": entry.store_operations if tried else None,
        "who": who,
    }


def request_of(exchange: RecordedExchange, desk: str, who: str) -> Json:
    """Return the "request" that a recorded exchange shows, as far as it does."""
    headers = lower(exchange.response.headers)
    operations = headers.get("x-store-operations", "")
    tried = [] if headers.get("x-cache") == "HIT" else _asked(exchange)
    return {
        "kind": "request",
        "desk": desk,
        "op": one_line(exchange.op, MOST_LABEL_CHARS),
        "request_id": "",
        "method": one_line(exchange.method, MOST_LABEL_CHARS),
        "path": one_line(exchange.path.partition("?")[0], MOST_PATH_CHARS),
        "asked": one_line(exchange.target or "", MOST_LABEL_CHARS),
        "status": exchange.status or 0,
        "served_by": one_line(exchange.served_by or "", MOST_LABEL_CHARS) if tried else "",
        "instance": one_line(exchange.instance or "", MOST_LABEL_CHARS) if tried else "",
        "tried": tried,
        "ms": exchange.elapsed_ms,
        "bytes_in": exchange.bytes_sent,
        "bytes_out": exchange.bytes_received,
        "store_operations": int(operations) if tried and _COUNT.fullmatch(operations) else None,
        "who": who,
    }


def from_exchange(exchange: RecordedExchange, desk: str, who: str) -> Json:
    """Return the "exchange": a recorded one with its look and a command to repeat it."""
    return {
        **msgspec.to_builtins(exchange),
        "kind": "exchange",
        "op": one_line(exchange.op, MOST_LABEL_CHARS),
        "customer": one_line(exchange.customer, MOST_LABEL_CHARS),
        "path": one_line(exchange.path, MOST_PATH_CHARS),
        "desk": desk,
        "who": who,
        "look": list(look_of(exchange)),
        "curl": curl.posix(exchange),
    }


def from_fault(
    desk: str,
    fault: str,
    target: str,
    confirmed: bool | None,
    evidence: Mapping[str, Any],
    stack: Json | None,
) -> Json:
    """Return the "fault": what the lab did to `target` at a desk ("": to the store of both).

    `stack` is the state after it.
    """
    return {
        "kind": "fault",
        "desk": desk,
        "fault": _name(fault),
        "target": _name(target),
        "confirmed": confirmed,
        "evidence": _without_passwords(redact_json(plain_json(dict(evidence)))),
        "stack": stack,
    }


class Score:
    """What each desk has kept, lost and spent so far, by its events alone.

    `kept`, `lost` and `open` count customers with an acknowledged cart: by the last read that
    told what became of it, open where none has since the last acknowledged write or fault.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Counter[str]] = {}
        self._carts: dict[str, dict[str, str]] = {}
        self._begin()

    def take(self, event: Json) -> Json:
        """Count the event; return the totals after it, by desk. A "stage" starts them anew."""
        kind = event["kind"]
        if kind == "stage":
            self._begin()
        elif kind == "fault":
            self._doubt(event["desk"])
        elif event.get("desk") in DESKS:
            if kind == "request":
                self._count(event)
            elif kind == "exchange":
                self._follow(event)
        return self.totals()

    def totals(self) -> Json:
        """Return the totals so far, by desk."""
        return {desk: self._totals(desk) for desk in DESKS}

    def _begin(self) -> None:
        self._sums = {desk: Counter() for desk in DESKS}
        self._carts = {desk: {} for desk in DESKS}

    def _totals(self, desk: str) -> Json:
        sums, carts = self._sums[desk], Counter(self._carts[desk].values())
        return {
            "requests": sums["requests"],
            "kept": carts["kept"],
            "lost": carts["lost"],
            "open": carts["open"],
            "errors": sums["errors"],
            "store_operations": sums["store_operations"],
            "bytes": sums["bytes"],
        }

    def _count(self, request: Json) -> None:
        self._sums[request["desk"]].update(
            requests=1,
            errors=int(request["status"] >= 400 or request["status"] == 0),
            store_operations=request["store_operations"] or 0,
            bytes=request["bytes_in"] + request["bytes_out"],
        )

    def _follow(self, exchange: Json) -> None:
        carts = self._carts[exchange["desk"]]
        who = exchange["who"] or f"name {exchange['customer']}"
        if exchange["method"] in SAFE_METHODS:
            fate = exchange["fate"]
            if fate is not None and fate != "unknown":
                carts[who] = "kept" if fate == "kept" else "lost"
        elif exchange["outcome"] == "ok" and not exchange.get("aside"):
            self._note_write(carts, who, exchange)

    @staticmethod
    def _note_write(carts: dict[str, str], who: str, write: Json) -> None:
        path = write["path"].partition("?")[0]
        body = write["response"]["body"]
        if path == "/api/logout":
            carts.pop(who, None)
        elif path == "/api/checkout" or (isinstance(body, dict) and "cart" in body):
            carts[who] = "open"

    def _doubt(self, desk: str) -> None:
        for each in [desk] if desk in DESKS else DESKS:
            carts = self._carts[each]  # what a read has found lost, no fault brings back
            self._carts[each] = {who: "lost" if carts[who] == "lost" else "open" for who in carts}


def _tried(entry: AccessEntry, server_at: Mapping[int, str]) -> Iterator[Json]:
    statuses = _BETWEEN.split(entry.upstream_status)
    for number, address in enumerate(_BETWEEN.split(entry.upstream_addr)):
        if address and address != "-":
            port = address.rpartition(":")[2]
            name = server_at.get(int(port), "") if _COUNT.fullmatch(port) else ""
            status = statuses[number] if number < len(statuses) else ""
            yield {"server": name, "status": status if _COUNT.fullmatch(status) else ""}


def _asked(exchange: RecordedExchange) -> list[Json]:
    """Return which server the balancer asked; of several the client learns only the last."""
    server, status = exchange.served_by or exchange.target, exchange.status
    if exchange.served_by or status in NOBODY_ANSWERED:
        return [{"server": one_line(server or "", MOST_LABEL_CHARS), "status": str(status or "")}]
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


def _without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_passwords(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_passwords(item) for item in value]
    if not isinstance(value, str):
        return value
    return one_line(_USERINFO.sub("", value), MOST_PATH_CHARS)
