"""A conversation as plain values: a client's calls, and what earlier answers gave to each.

A value that came from an earlier answer is not written down but referred to, so that the
conversation can be run again with the values that are then received.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from lab.core.http import Answer
from lab.core.redaction import redact_text


@dataclass(frozen=True)
class Ref:
    """A value of an earlier answer.

    `call` is the index of that call. `where` is "json:/cart/id" (RFC 6901), "header:etag",
    "path:location" (a URL without scheme and host), "query:location:state" (a parameter of its
    query), "param:www-authenticate:nonce" (one of a challenge), "cookie:NAME", or "match:REGEX"
    (the first group, searched for in the body as text).
    `seen` is the recorded value, used where the answer does not have it. `form` is how it is
    written where it stands: "json" (escaped as in a JSON text), "url" (percent-encoded) or "" as
    it is; `seen` is in that form already.
    """

    call: int
    where: str
    seen: str
    form: str = ""


Template = tuple[str | Ref, ...]
READS = ("GET", "HEAD", "OPTIONS")
# The name of a GraphQL operation, or of its first field where it has none.
_OPERATION = re.compile(r"(?:(query|mutation|subscription)\s+(\w+)|\{\s*(\w+))")


def plain(text: str) -> Template:
    """Return a template without references."""
    return (text,) if text else ()


@dataclass(frozen=True)
class Call:
    """One request of a conversation; `origin` says where it was written ("calls.py:12").

    `headers` are those the client set itself: no cookies (the client carries them), no Host,
    no lengths. `name` is what the author calls it, if they do. `rpc` says that its answer is one
    JSON-RPC message, which may come in an event stream; `safe` that it changes nothing, by its
    protocol, `hinted` that it says so of itself; `topic` names the verdict that it counts for,
    where there are several.
    """

    method: str
    path: Template
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template | None = None
    origin: str = ""
    name: str = ""
    rpc: bool = False
    safe: bool = False
    hinted: bool = False
    topic: str = ""

    @property
    def title(self) -> str:
        """Method, path and operation as recorded, credentials shortened: "GET /cart"."""
        return redact_text(f"{self.method} {recorded(self.path)}{self._operation()}")

    @property
    def harmless(self) -> bool:
        """True if its protocol or its service says that it changes nothing."""
        return self.safe or self.hinted

    @property
    def reads(self) -> bool:
        """True if it is harmless, or has a method that only reads."""
        return self.harmless or self.method in READS

    @property
    def line(self) -> tuple[str, str]:
        """The line of the script that sends the call: calls of a loop share it."""
        return self.origin, self.method

    @property
    def route(self) -> str:
        """Method, path and operation, without the query and without what earlier answers gave."""
        path = "".join(piece if isinstance(piece, str) else "…" for piece in self.path)
        return f"{self.method} {path.partition('?')[0]}{self._operation()}"

    def mapped(self, change: Callable[[Template], Template]) -> "Call":
        """Return the call with path, header values and body changed."""
        return replace(
            self,
            path=change(self.path),
            headers=tuple((name, change(value)) for name, value in self.headers),
            body=None if self.body is None else change(self.body),
        )

    def _operation(self) -> str:
        """Return the name of a GraphQL operation or a JSON-RPC method, for the title."""
        if self.method != "POST" or not self.body:
            return ""
        try:
            document = json.loads(recorded(self.body))
        except (ValueError, RecursionError):
            return ""
        if not isinstance(document, dict):
            return ""
        if "jsonrpc" in document and isinstance(document.get("method"), str):
            params = document.get("params")
            name = params.get("name", params.get("uri")) if isinstance(params, dict) else None
            return f" {document['method']}" + (f" {name}" if isinstance(name, str) else "")
        if isinstance(document.get("query"), str):
            named = document.get("operationName")
            found = _OPERATION.search(document["query"])
            name = named if isinstance(named, str) else (found and found[2]) or (found and found[3])
            return f" {name}" if name else ""
        return ""

    def refs(self) -> Iterator[Ref]:
        """Yield every reference to an earlier answer."""
        for template in (self.path, *(value for _, value in self.headers), self.body or ()):
            yield from (piece for piece in template if isinstance(piece, Ref))


Send = Callable[[Call], Answer]


class Client(Protocol):
    """Sends calls to a process of the service, as one client; after `renew` as a new one."""

    def __call__(self, call: Call) -> Answer:
        """Send one call."""
        ...

    def renew(self) -> None:
        """Continue as a new client, with a fresh process and an empty backing service."""
        ...


@dataclass(frozen=True)
class MissingPaths:
    """How many of a document's operations a service answered as if it had no such path.

    `base` stands before the document's paths; `of` counts the operations that were tried.
    """

    document: str
    base: str
    missing: int
    of: int


@dataclass(frozen=True)
class Conversation:
    """Calls in order, where they come from, and how they were answered when recorded, if known.

    `script`, where there is one, runs the conversation anew: it is run in every play, and
    `calls` are what it said the first time, with references for what was found in answers.
    `notes` say what of its source is not part of it; `missing` is not None if most of what its
    document describes was not found.
    """

    calls: tuple[Call, ...]
    source: str = ""
    answers: tuple[Answer, ...] = field(default=(), repr=False)
    script: Callable[[Send], None] | None = field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()
    missing: MissingPaths | None = None

    def __len__(self) -> int:
        return len(self.calls)

    def only(self, indices: Iterable[int]) -> "Conversation":
        """Return the conversation of these calls alone, in order.

        References to a call that was left out keep the value that was recorded.
        """
        kept = sorted(set(indices))
        place = {old: new for new, old in enumerate(kept)}
        calls = tuple(_moved(self.calls[index], place) for index in kept)
        return replace(self, calls=calls, answers=(), script=None)


def joined(pieces: Iterable[str | Ref]) -> Template:
    """Return the template with neighbouring texts made one, and empty ones left out."""
    whole: list[str | Ref] = []
    for piece in pieces:
        if isinstance(piece, str) and whole and isinstance(whole[-1], str):
            whole[-1] += piece
        elif piece != "":
            whole.append(piece)
    return tuple(whole)


def recorded(template: Template) -> str:
    """Return the text as it was when the conversation was recorded."""
    return "".join(piece if isinstance(piece, str) else piece.seen for piece in template)


def as_bytes(text: str) -> bytes:
    """Return a body as it travels: bytes that were no text come back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate of another origin
        return text.encode("utf-8", "surrogatepass")


def _moved(call: Call, place: dict[int, int]) -> Call:
    def of(template: Template) -> Template:
        return joined(
            piece
            if isinstance(piece, str)
            else replace(piece, call=place[piece.call])
            if piece.call in place
            else piece.seen
            for piece in template
        )

    return call.mapped(of)
