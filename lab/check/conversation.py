"""A conversation as plain values: a client's calls, and what earlier answers gave to each.

A value that came from an earlier answer is not written down but referred to, so that the
conversation can be held again with the values that are then received.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from lab.core.redaction import redact_text

MOST_NESTING = 100  # levels of JSON; what is deeper is text here


@dataclass(frozen=True)
class Ref:
    """A value of an earlier answer.

    `call` is the index of that call; `where` is "json:/cart/id" (RFC 6901), "header:etag", or
    "path:location" (a URL without scheme and host); `seen` is what it was when the conversation
    was recorded, used where the answer does not have it. `form` is how it is written where it
    stands: "json" (escaped as in a JSON text), "url" (percent-encoded) or "" as it is; `seen` is
    in that form already.
    """

    call: int
    where: str
    seen: str
    form: str = ""


Template = tuple[str | Ref, ...]


def plain(text: str) -> Template:
    """Return a template without references."""
    return (text,) if text else ()


@dataclass(frozen=True)
class Call:
    """One request of a conversation; `origin` says where it was written ("calls.py:12").

    `headers` are those the client set itself: no cookies (the client carries them), no Host,
    no lengths. `name` is what the author calls it, if they do.
    """

    method: str
    path: Template
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template | None = None
    origin: str = ""
    name: str = ""

    @property
    def title(self) -> str:
        """Method and path as recorded, credentials shortened: "GET /cart"."""
        return redact_text(f"{self.method} {recorded(self.path)}")

    def mapped(self, change: Callable[[Template], Template]) -> "Call":
        """Return the call with path, header values and body changed."""
        return replace(
            self,
            path=change(self.path),
            headers=tuple((name, change(value)) for name, value in self.headers),
            body=None if self.body is None else change(self.body),
        )

    def refs(self) -> Iterator[Ref]:
        """Yield every reference to an earlier answer."""
        for template in (self.path, *(value for _, value in self.headers), self.body or ()):
            yield from (piece for piece in template if isinstance(piece, Ref))


@dataclass(frozen=True)
class Answer:
    """What came back. `status` None: nothing did, and `error` says why. Header names lower case."""

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    error: str = ""
    ms: float = 0.0

    @cached_property
    def json(self) -> Any:
        """The body's JSON, or None if it is not JSON (or nested deeper than 100)."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return None if _is_deeper(document, MOST_NESTING) else document

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON (null included)."""
        return self.json is not None or self.body.strip() == b"null"

    def header(self, name: str) -> str | None:
        """Return the first header of that name (lower case)."""
        return next((value for key, value in self.headers if key == name), None)


class Client(Protocol):
    """Sends calls to a process of the service, as one client; after `renew` as another."""

    def __call__(self, call: Call) -> Answer:
        """Send one call."""
        ...

    def renew(self) -> None:
        """Go on with a new client, a fresh process and nothing behind it."""
        ...


@dataclass(frozen=True)
class Conversation:
    """Calls in order, where they come from, and how they were answered when recorded, if known."""

    calls: tuple[Call, ...]
    source: str = ""
    answers: tuple[Answer, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.calls)

    def only(self, indices: Iterable[int]) -> "Conversation":
        """Return the conversation of these calls alone, in order.

        References to a call that was left out keep the value that was recorded.
        """
        kept = sorted(set(indices))
        place = {old: new for new, old in enumerate(kept)}
        calls = tuple(_moved(self.calls[index], place) for index in kept)
        return replace(self, calls=calls, answers=())


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


def _is_deeper(document: Any, levels: int) -> bool:
    level = [document]
    for _ in range(levels):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


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
