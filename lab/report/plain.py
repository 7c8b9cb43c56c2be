"""Makes text of unknown origin fit to be shown: every character visible, every body as it was."""

import json
import re
from typing import Any

from lab.core.redaction import SECRET_HEADERS

Json = dict[str, Any]

# What `lab.core.redaction.shorten` leaves of a credential.
SHORTENED = re.compile(r"[^\s\"';,=&]*(?:…|\\u2026)\(\d+ chars, sha256 [0-9a-f]{8}\)")
# Control characters (tab and newline aside), bidirectional and invisible formatting, lone
# surrogates and non-characters: what hides, reorders, or is no XML.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(value: Any) -> str:
    """Return `value` as text in which nothing hides: a hidden character becomes its number."""
    return _HIDDEN.sub(lambda match: _escaped(match[0]), str(value))


def one_line(value: Any, most: int = 0) -> str:
    """Return it on one line, cut with an ellipsis past `most` characters (0: never)."""
    text = " ".join(visible(value).split())
    return text if not most or len(text) <= most else text[: most - 1] + "…"


def body_text(message: Json) -> str:
    """Return a kept body as the text that went over the wire, credentials shortened.

    What was JSON is kept as a value; the desks and the lab's shopper write it with Python's
    separators, so it is as it was. A text that was a JSON string is told by its length.
    """
    body = message["body"]
    if body is None:
        return ""
    if not isinstance(body, str):
        return json.dumps(body)
    as_json = json.dumps(body)
    length = lower(message["headers"]).get("content-length")
    was_text = length == str(len(body.encode("utf-8", "replace")))
    return as_json if length == str(len(as_json)) and not was_text else body


def events(lane: Json) -> list[Json]:
    """Return a lane's exchanges and faults as they followed each other (a fault has a "kind")."""
    left = [*lane["exchanges"], *lane["faults"]]
    by_name: dict[str, list[Json]] = {}
    for event in left:
        by_name.setdefault(_order_name(event), []).append(event)
    told = [by_name[name].pop(0) for name in lane["order"] if by_name.get(name)]
    seen = {id(event) for event in told}
    rest = [event for event in left if id(event) not in seen]
    return told + sorted(rest, key=lambda event: float(event["at_s"]))


def is_fault(event: Json) -> bool:
    """Whether an event is something the lab did, not an exchange."""
    return "kind" in event


def _order_name(event: Json) -> str:
    return f"{event['kind']} {event['target']}" if is_fault(event) else str(event["op"])


def lower(headers: Json) -> dict[str, str]:
    """Return the headers with their names in lower case."""
    return {str(name).lower(): str(value) for name, value in headers.items()}


def is_secret(name: str) -> bool:
    """Whether a header of this name carries a credential."""
    return name.lower() in SECRET_HEADERS


def http_text(exchange: Json) -> tuple[str, str]:
    """Return request and answer as text of HTTP/1.1, credentials shortened."""
    asked, answer = exchange["request"], exchange["response"]
    line = f"{exchange['method']} {exchange['path']} HTTP/1.1"
    request = _message(line, asked)
    if exchange["status"] is None:
        return request, f"(no answer: {exchange['error'] or 'unknown why'})"
    return request, _message(f"HTTP/1.1 {exchange['status']}", answer)


def _message(first: str, message: Json) -> str:
    headers = [f"{name}: {value}" for name, value in message["headers"].items()]
    body = message["body"]
    shown = body if isinstance(body, str) else _pretty(body)
    return "\n".join([first, *headers, "", shown]).rstrip("\n")


def _pretty(body: Any) -> str:
    return "" if body is None else json.dumps(body, ensure_ascii=False)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
