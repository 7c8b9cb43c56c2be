"""What a client carries: finds which values it was given, and fills in those it is given next."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from lab.check.conversation import Answer, Call, Conversation, Ref, Template, recorded

LEAST_CHARS = 8  # a shorter value may be the same by chance
_NAMES_ONE = re.compile(
    r"(^|_|-)(id|uuid|token|key|etag|csrf|nonce|code|revision|version|ref)s?$", re.I
)
_GIVING_HEADERS = ("etag", "location", "link", "x-csrf-token", "x-request-id", "authorization")
_WORD = r"[\w~-]"
MOST_VALUES = 5000
_KEY = re.compile(r"([\w-]+)[\"']?\s*[:=]\s*[\"']?$")  # what stands before a value in a body
_WRITERS: dict[str, Callable[[str], str]] = {
    "": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "url": lambda text: quote(text, safe="", errors="surrogatepass"),
}
Places = Mapping[str, Ref]  # by the text to look for
IsMeant = Callable[[str, int, str], bool]  # of a text, a place in it and a value found there


def infer(conversation: Conversation, answers: Sequence[Answer]) -> Conversation:
    """Return the conversation with every value that an earlier answer gave referred to.

    A value counts if it is a word of at least 8 characters, or a shorter one under a key
    that names something (id, token, …); the client's own earlier words do not count.
    """
    given: dict[str, Ref] = {}
    own: set[str] = set()
    calls = []
    for index, call in enumerate(conversation.calls):
        calls.append(
            _with_refs(call, {text: ref for text, ref in given.items() if text not in own})
        )
        own |= _words(calls[-1])
        for ref in _given_by(index, answers[index]):
            if len(given) < MOST_VALUES:
                _note(given, ref)
    kept = tuple(answers[: len(calls)])
    return replace(conversation, calls=tuple(calls), answers=kept)


def address_of(url: str) -> str:
    """Return path and query of a URL that may have a scheme and a host; "" if it has no path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def fill(template: Template, answers: Mapping[int, Answer]) -> str:
    """Return the text with what these answers gave; where they gave nothing, what was recorded."""
    return "".join(
        piece if isinstance(piece, str) else _value(piece, answers.get(piece.call))
        for piece in template
    )


def pointed(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) points at; raise LookupError where nothing is."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and name.isascii() and name.isdigit():
            document = document[int(name)]
        elif isinstance(document, dict):
            document = document[name]
        else:
            raise LookupError(pointer)
    return document


def leaves(document: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (pointer, value) for every text, number, truth value and null of a JSON document."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from leaves(value, f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from leaves(value, f"{at}/{number}")
    else:
        yield at, document


def _value(ref: Ref, answer: Answer | None) -> str:
    kind, _, where = ref.where.partition(":")
    if answer is None:
        return ref.seen
    if kind in ("header", "path"):
        value: Any = answer.header(where)
        if kind == "path":
            value = address_of(value or "") or None
    else:
        try:
            value = pointed(answer.json, where)
        except LookupError:
            value = None
    return _WRITERS[ref.form](_text(value)) if isinstance(value, str | int) else ref.seen


def _note(given: dict[str, Ref], ref: Ref) -> None:
    for form, write in _WRITERS.items():
        written = write(ref.seen)
        given.setdefault(written, replace(ref, seen=written, form=form))


def _given_by(index: int, answer: Answer) -> Iterator[Ref]:
    if (path := address_of(answer.header("location") or "")).startswith("/") and len(path) > 1:
        yield Ref(index, "path:location", path)
    for name in _GIVING_HEADERS:
        if value := answer.header(name):
            yield Ref(index, f"header:{name}", value)
    for pointer, value in leaves(answer.json):
        if not isinstance(value, str | int) or isinstance(value, bool):
            continue
        text, key = _text(value), pointer.rpartition("/")[2]
        long = len(text) >= LEAST_CHARS and not re.search(r"\s", text)
        if text and (long or _NAMES_ONE.search(key)):
            yield Ref(index, f"json:{pointer}", text)


def _with_refs(call: Call, given: Places) -> Call:
    return replace(
        call,
        path=_split(call.path, given, _in_path),
        headers=tuple((name, _split(value, given, _is_long)) for name, value in call.headers),
        body=None if call.body is None else _split(call.body, given, _in_body),
    )


def _split(template: Template, given: Places, is_meant: IsMeant) -> Template:
    pieces: list[str | Ref] = []
    for piece in template:
        pieces += [piece] if isinstance(piece, Ref) else _found(piece, given, is_meant)
    return tuple(piece for piece in pieces if piece != "")


def _found(text: str, given: Places, is_meant: IsMeant) -> Iterator[str | Ref]:
    """Cut a text at each value that was given, the longest first."""
    at, possible = 0, sorted((each for each in given if each in text), key=len, reverse=True)
    if possible:
        values = "|".join(map(re.escape, possible))
        for found in re.finditer(rf"(?<!{_WORD})(?:{values})(?!{_WORD})", text):
            if not is_meant(text, found.start(), found[0]):
                continue
            yield text[at : found.start()]
            yield given[found[0]]
            at = found.end()
    yield text[at:]


def _is_long(text: str, at: int, value: str) -> bool:
    """In a header, nothing short is meant: a 1 is there by chance."""
    return len(value) >= LEAST_CHARS


def _in_path(text: str, at: int, value: str) -> bool:
    """In a path, a short value is only meant as a whole segment, or a whole value of the query."""
    before, after = text[:at][-1:], text[at + len(value) :][:1]
    return len(value) >= LEAST_CHARS or (before in {"", "/", "="} and after in {*"/?&#;", ""})


def _in_body(text: str, at: int, value: str) -> bool:
    """In a body, a short value is only meant where its key says so: not each 1 is an id."""
    key = _KEY.search(text[max(0, at - 60) : at])
    return len(value) >= LEAST_CHARS or bool(key and _NAMES_ONE.search(key[1]))


def _words(call: Call) -> set[str]:
    texts = [
        recorded(call.path),
        recorded(call.body or ()),
        *(recorded(v) for _, v in call.headers),
    ]
    words = {word for text in texts for word in re.findall(r"[\w.~-]+", text)}
    words.add(texts[0])  # a path as a whole, too, may have been its own idea
    # What it was given and hands back is not its own.
    return words - {ref.seen for ref in call.refs()}


def _text(value: str | int) -> str:
    return value if isinstance(value, str) else str(value)
