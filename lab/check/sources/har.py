"""A conversation recorded by a browser: an HTTP archive (HAR 1.2).

Cookies and values of the recording are not sent again: where an answer of the recording gave
one, the one that is really received takes its place.
"""

import base64
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from lab.check.conversation import Call, Conversation, Send, as_bytes, plain
from lab.check.correlation import infer
from lab.core.errors import LabError, reason
from lab.core.http import Answer, Headers
from lab.core.json_object import JsonObject

MOST_HAR_BYTES = 50_000_000
MOST_HAR_CALLS = 500
# What the client says anew, or what only the browser of the recording had to say.
_LEFT_OUT_HEADERS = frozenset(
    {"cookie", "host", "content-length", "connection", "accept-encoding", "user-agent", "referer"}
    | {"origin", "accept-language", "if-none-match", "if-modified-since", "cache-control", "pragma"}
)


@dataclass(frozen=True)
class HarSource:
    """A .har file. The calls to the origin it speaks to most are the conversation."""

    path: Path

    def record(self, send: Send) -> Conversation:
        """Return the recorded calls; nothing has to be sent."""
        return parse(_read(self.path), self.path.name)


def parse(document: Any, file: str = "session.har") -> Conversation:
    """Return the conversation of a HAR document; raise LabError if it is not one."""
    try:
        entries = [entry for entry in document["log"]["entries"] if _is_ours(entry)]
        hosts = Counter(urlsplit(entry["request"]["url"]).netloc for entry in entries)
        if not hosts:
            raise LabError(f"{file} has no request in it")
        host = hosts.most_common(1)[0][0]
        chosen = [e for e in entries if urlsplit(e["request"]["url"]).netloc == host]
        calls = [_call(entry["request"], f"{file}#{n}") for n, entry in enumerate(chosen, start=1)]
        answers = [_answer(entry["response"]) for entry in chosen]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LabError(f"{file} is not an HTTP archive: {_lacking(error)}") from None
    if len(calls) > MOST_HAR_CALLS:
        raise LabError(f"{file} has {len(calls)} calls: shorten it to {MOST_HAR_CALLS}")
    return infer(Conversation(tuple(calls), file), answers)


def _lacking(error: Exception) -> str:
    """Say what a document lacks: the text of a KeyError is the name of a field and no more."""
    if isinstance(error, KeyError):
        return f'it has no "{error.args[0]}"'
    return f"something in it is of the wrong kind ({error})"


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_HAR_BYTES:
            raise LabError(f"{path} is too large: save the calls of the service only")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(
            f"cannot read {path}: {reason(error)}; save it from the browser again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path} is not JSON: {error}") from None


def _is_ours(entry: JsonObject) -> bool:
    scheme = urlsplit(entry["request"]["url"]).scheme
    return scheme in ("http", "https") and entry["request"]["method"] != "CONNECT"


def _call(request: JsonObject, origin: str) -> Call:
    parts = urlsplit(request["url"])
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = tuple(
        (str(each["name"]), plain(str(each["value"])))
        for each in request.get("headers", [])
        if each["name"].lower() not in _LEFT_OUT_HEADERS and not _is_browser_s(each["name"])
    )
    text = _body(request.get("postData") or {}, origin)
    return Call(str(request["method"]), plain(path), headers, plain(text) if text else None, origin)


def _body(posted: JsonObject, origin: str) -> str:
    """Return the body; bytes that are not text as `as_bytes` gives them back."""
    text = str(posted.get("text") or "")
    if not text and posted.get("params"):
        return urlencode([(each["name"], each.get("value", "")) for each in posted["params"]])
    if posted.get("encoding") == "base64":
        return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise LabError(f"{origin}: its body is neither text nor base64: record it again")
    return text


def _is_browser_s(name: str) -> bool:
    return name.startswith(":") or name.lower().startswith(("sec-", "x-op"))


def _answer(response: JsonObject) -> Answer:
    content = response.get("content") or {}
    text = str(content.get("text") or "")
    encoded = content.get("encoding") == "base64"
    body = base64.b64decode(text) if encoded else as_bytes(text)
    headers = Headers(
        (str(each["name"]), str(each["value"])) for each in response.get("headers", [])
    )
    return Answer(int(response["status"]) or None, headers, body)
