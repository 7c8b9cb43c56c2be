"""Answers the challenge of a 401 as requests does, for an `auth` that computes from it (digest)."""

import re
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lab.check.conversation import Call, Template, plain
from lab.core.http import Answer

if TYPE_CHECKING:  # loaded while the first process starts
    import requests

DIGEST = (
    "it answers a digest challenge, and what it sends is computed from the password: run the "
    "conversation in Python, with auth=requests.auth.HTTPDigestAuth(USER, PASSWORD), or write "
    "Authorization: Digest USER PASSWORD in a .http file"
)
# As the REST Client of VS Code and JetBrains' client write user and password.
_DIGEST = re.compile(r"(?i)digest\s+([^\s:=,\0]+)\s+([^\s=,\0]+)")
_BASIC = re.compile(r"(?i)basic\s+([^\s:\0]+)(?::|\s+)([^\s\0]+)")


class _Connection:
    """Stands in for a connection, and keeps what an `auth` sends over it."""

    def __init__(self) -> None:
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: "requests.PreparedRequest", **_: Any) -> "requests.Response":
        import requests

        self.sent.append(request)
        return requests.Response()


def next_call(asked: "requests.PreparedRequest", call: Call, answer: Answer) -> Call | None:
    """Return the call that the `auth` of a prepared request makes after an answer, if it does."""
    import requests

    hooks = asked.hooks.get("response", [])
    if not hooks or answer.status is None:
        return None
    response, connection = requests.Response(), _Connection()
    response.status_code, response.request = answer.status, asked
    response._content = answer.content
    vars(response)["_content_consumed"] = True  # there is nothing to read from a connection
    for name, value in answer.headers.pairs:
        known = response.headers.get(name)
        response.headers[name] = f"{known}, {value}" if known else value
    response.connection = connection  # type: ignore[assignment]
    for hook in hooks:
        with suppress(KeyError, ValueError):  # it is not a challenge that could be answered
            hook(response)
    if not connection.sent:
        return None
    return with_authorization(call, str(connection.sent[-1].headers.get("Authorization", "")))


def with_authorization(call: Call, value: str) -> Call:
    """Return the call with this header Authorization."""
    bare = without_authorization(call)
    return replace(bare, headers=(*bare.headers, ("Authorization", plain(value))))


def computed(call: Call, path: str, challenge: Answer, user: str, password: str) -> Call:
    """Return a call with the answer to a digest challenge; without one where there was none."""
    import requests
    from requests.auth import HTTPDigestAuth

    url = requests.utils.requote_uri(f"http://service{path}")
    asked = requests.Request(call.method, url, auth=HTTPDigestAuth(user, password)).prepare()
    return next_call(asked, call, challenge) or without_authorization(call)


def without_authorization(call: Call) -> Call:
    """Return the call without its header Authorization."""
    others = tuple(each for each in call.headers if each[0].lower() != "authorization")
    return replace(call, headers=others)


def credentials(call: Call) -> tuple[str, str] | None:
    """Return user and password of a header as editors write it: Digest ada secret."""
    for name, value in call.headers:
        if name.lower() == "authorization" and (found := _DIGEST.fullmatch(_text(value))):
            return found[1], found[2]
    return None


def as_basic(value: Template) -> Template:
    """Return the value to send for a header as editors write it: Basic ada secret."""
    found = _BASIC.fullmatch(_text(value))
    if found is None:
        return value
    return plain("Basic " + b64encode(f"{found[1]}:{found[2]}".encode()).decode())


def _text(value: Template) -> str:
    return "".join(piece if isinstance(piece, str) else "\0" for piece in value)


def answers_digest(call: Call) -> bool:
    """Return True if a call has a response to a digest challenge (RFC 7616)."""
    return any(
        name.lower() == "authorization" and _text(value).lower().startswith("digest ")
        for name, value in call.headers
    )
