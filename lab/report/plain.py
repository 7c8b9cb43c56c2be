"""A recorded message as the text that went over the wire."""

import json
import re
from typing import Any

from lab.core.redaction import SECRET_HEADERS
from lab.evidence.run_document import Message, RecordedExchange

# What `lab.core.redaction.shorten` leaves of a credential.
SHORTENED_TEXT = re.compile(r"[^\s\"';,=&]*(?:…|\\u2026)\(\d+ chars, sha256 [0-9a-f]{8}\)")


def body_text(message: Message) -> str:
    """Return a kept body as the text that went over the wire, credentials shortened.

    What was JSON is kept as a value; the desks and the lab's shopper write it with Python's
    separators, so it is as it was. The length is how a text differs from a JSON string.
    """
    body = message.body
    if body is None:
        return ""
    if not isinstance(body, str):
        return json.dumps(body)
    as_json = json.dumps(body)
    length = lower(message.headers).get("content-length")
    was_text = length == str(len(body.encode("utf-8", "replace")))
    return as_json if length == str(len(as_json)) and not was_text else body


def lower(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers with their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def is_secret(name: str) -> bool:
    """Return True if a header of this name carries a credential."""
    return name.lower() in SECRET_HEADERS


def http_text(exchange: RecordedExchange) -> tuple[str, str]:
    """Return request and answer as text of HTTP/1.1, credentials shortened."""
    request = _message(f"{exchange.method} {exchange.path} HTTP/1.1", exchange.request)
    if exchange.status is None:
        return request, f"(no answer: {exchange.error or 'unknown why'})"
    return request, _message(f"HTTP/1.1 {exchange.status}", exchange.response)


def _message(first: str, message: Message) -> str:
    headers = [f"{name}: {value}" for name, value in message.headers.items()]
    body = message.body
    shown = body if isinstance(body, str) else _pretty(body)
    return "\n".join([first, *headers, "", shown]).rstrip("\n")


def _pretty(body: Any) -> str:
    return "" if body is None else json.dumps(body, ensure_ascii=False)
