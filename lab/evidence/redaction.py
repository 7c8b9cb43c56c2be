"""Shortens credentials before anything is kept: enough to recognise one, not to use it."""

import hashlib
import json
import re
from typing import Any

SECRET_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})
_SHOWN = 6
_IN_QUERY = re.compile(r"(?<=[?&]token=)[^&#]+")
_COOKIE_VALUE = re.compile(r"(?<=desk_session=)[^;]+")
_BEARER = re.compile(r"(?<=Bearer )\S+", re.IGNORECASE)


def shorten(secret: str) -> str:
    """Return the first characters, the length and a hash by which two can be compared."""
    if not secret:
        return secret
    digest = hashlib.sha256(secret.encode()).hexdigest()[:8]
    return f"{secret[:_SHOWN]}…({len(secret)} chars, sha256 {digest})"


def redact_text(text: str) -> str:
    """Shorten each credential in a URL, a cookie or a header value."""
    for pattern in (_IN_QUERY, _COOKIE_VALUE, _BEARER):
        text = pattern.sub(lambda match: shorten(match[0]), text)
    return text


def redact_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers with every credential shortened, whatever its scheme."""
    return {
        name: _redact_secret_header(value) if name.lower() in SECRET_HEADERS else value
        for name, value in headers.items()
    }


def redact_body(body: bytes) -> Any:
    """Return a body for keeping: JSON with its tokens shortened, else its text, else None."""
    if not body:
        return None
    try:
        return _redact_json(json.loads(body))
    except ValueError:
        return redact_text(body.decode("utf-8", errors="replace"))


def _redact_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: shorten(item) if name == "token" and isinstance(item, str) else _redact_json(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_redact_json(item) for item in value]
    return value


def _redact_secret_header(value: str) -> str:
    redacted = redact_text(value)
    return redacted if redacted != value or len(value) <= _SHOWN else shorten(value)
