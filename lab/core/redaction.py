"""Shortens credentials before anything is kept: one can be recognised, but not used."""

import hashlib
import json
import math
import re
from functools import lru_cache
from typing import Any, NoReturn

from lab.core.text import LogStep

SECRET_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})
_SHOWN = 6  # characters of a credential that stay
_SHORTENED = re.compile(r"…\(\d+")  # once is enough: the length and the hash stay true
# Each pattern has two groups: what stays, and the secret. In a URL or a form, in JSON text
# (perhaps cut off), in a cookie, in an Authorization header, in any such header of a curl command,
# and a bare signed token.
_FIELD_NAME = r"(?:[\w-]*(?:token|session|secret|passw(?:or)?d|api[_-]?key|csrf|jwt)[\w-]*|sid)"
_HEADER_WORD = r"(?:auth|token|secret|key|cookie)"
_SECRETS = (
    re.compile(rf"(\b{_FIELD_NAME}=)([^&#;,\s\"']+)", re.IGNORECASE),
    re.compile(rf"([\"']{_FIELD_NAME}[\"']\s*:\s*[\"'])([^\"']+)", re.IGNORECASE),
    re.compile(r"(\bBearer +)([^\s\"']+)", re.IGNORECASE),
    re.compile(rf"(-H '[\w-]*{_HEADER_WORD}[\w-]*: *(?:\w+ +)?)([^'\s]+)(?=')", re.IGNORECASE),
    re.compile(r"()((?<![\w.-])\.?[\w-]{16,}\.[\w-]{4,12}\.[\w-]{20,})"),
)
_IS_SECRET = re.compile(_FIELD_NAME, re.IGNORECASE)
_COOKIE_PAIR = re.compile(r"([^=;,\s]+=)([^;,]+)")  # requests folds several Set-Cookie with commas
_ATTRIBUTES = frozenset({"expires=", "max-age=", "path=", "domain=", "samesite="})


def shorten(secret: str) -> str:
    """Return the first characters, the length, and a hash by which two secrets can be compared."""
    if not secret or _SHORTENED.search(secret):
        return secret
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    shown = secret[: min(_SHOWN, len(secret) // 4)]  # hardly anything of a short secret
    return f"{shown}…({len(secret)} chars, sha256 {digest})"


def redact_text(text: str) -> str:
    """Return the text with each credential shortened: in a URL, a cookie, JSON, a traceback."""
    # A script may send a lone surrogate. It cannot be written to a file: show its number.
    text = text.encode("utf-8", "backslashreplace").decode()
    for pattern in _SECRETS:
        text = pattern.sub(lambda match: match[1] + shorten(match[2]), text)
    return text


def without_secrets(log: LogStep) -> LogStep:
    """Return a log of the same steps in which each credential is shortened."""
    return lambda line, done=0, of=0: log(redact_text(line), done, of)


def redact_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers with every credential shortened, in any scheme and any cookie."""
    return {name: _redact_header(name.lower(), value) for name, value in headers.items()}


@lru_cache(maxsize=256)  # a run contains the same 47 kB catalogue many times
def redact_body(body: bytes) -> Any:
    """Return a body to keep: JSON with its tokens shortened, else text, else None for no body."""
    if not body:
        return None
    try:
        return redact_json(json.loads(body, parse_constant=_no_json, parse_float=_finite))
    except (ValueError, RecursionError):
        return redact_text(body.decode("utf-8", errors="replace"))


def redact_json(value: Any) -> Any:
    """Return a JSON value with credentials shortened, and each text under a name like `token`."""
    if isinstance(value, dict):
        return {
            redact_text(name): shorten(item)
            if _IS_SECRET.fullmatch(name) and isinstance(item, str)
            else redact_json(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [redact_json(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def _redact_header(name: str, value: str) -> str:
    if name in ("cookie", "set-cookie"):
        return _COOKIE_PAIR.sub(_shorten_cookie, value)
    if name in SECRET_HEADERS:
        scheme, space, credential = value.partition(" ")
        return f"{scheme} {shorten(credential)}" if space else shorten(value)
    return redact_text(value)


def _shorten_cookie(match: re.Match[str]) -> str:
    if match[1].lower() in _ATTRIBUTES:
        return match[0]
    return match[1] + shorten(match[2])


def _finite(number: str) -> float | None:
    value = float(number)  # 1e999 is JSON, and infinite to Python
    return value if math.isfinite(value) else None


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
