"""Correlation: finds which earlier answer gave a value, and fills in what is given next time."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from lab.check.conversation import Call, Conversation, Ref, Template, recorded
from lab.core import pointer
from lab.core.http import Answer

LEAST_CHARS = 8  # a shorter value may be the same by chance
_NAMES_VALUE = re.compile(
    r"(^|_|-)(id|uuid|token|key|etag|csrf|nonce|code|revision|version|ref)s?$", re.I
)
# Not given to a client to bring back: what describes the message and the connection.
_PLAIN_HEADERS = frozenset(
    {"content-type", "content-length", "content-encoding", "date", "server", "connection", "vary"}
    | {"keep-alive", "transfer-encoding", "cache-control", "allow", "set-cookie", "accept-ranges"}
)
_PARAM = re.compile(r'([\w-]+)\s*=\s*"?([^",]+)')
_TEXT_WORD = re.compile(r"[\w.~+/%-]{8,}=*")  # a word of a body that is not JSON
_DRAWN = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}")  # a word that looks random
MOST_TEXT = 500_000
MOST_CONTEXT = 30
_WORD_CHARACTER = r"[\w~-]"
MOST_VALUES = 5000
_KEY_BEFORE = re.compile(r"([\w-]+)[\"']?\s*[:=]\s*[\"']?$")  # what stands before a value in a body
_WRITERS: dict[str, Callable[[str], str]] = {
    "": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "url": lambda text: quote(text, safe="", errors="surrogatepass"),
}
RefPlaces = Mapping[str, Ref]  # the key is the text to look for
# Called with a text, a place in it, and the value found there.
IsMeant = Callable[[str, int, str], bool]


def infer(conversation: Conversation, answers: Sequence[Answer]) -> Conversation:
    """Return the conversation with references in place of values from earlier answers.

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


def unfollowed(call: Call) -> str:
    """Return the place and text of a long random value that no earlier answer gave.

    "" if there is none: an answer that differs when it is sent again then has another reason.
    """
    texts = [*call.headers, ("the path", call.path), ("the body", call.body or ())]
    for name, template in texts:
        for piece in template:
            if isinstance(piece, str) and (found := _DRAWN.search(piece)):
                return f"{name}: {found[0][:6]}…"
    return ""


def address_of(url: str) -> str:
    """Return path and query of a URL that may have a scheme and a host; "" if it has no path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def fill(template: Template, answers: Mapping[int, Answer]) -> str:
    """Return the text with the values of these answers; the recorded value where one is missing."""
    return "".join(
        piece if isinstance(piece, str) else _value(piece, answers.get(piece.call))
        for piece in template
    )


def leaves(document: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (pointer, value) for every text, number, truth value and null of a JSON document."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from leaves(value, at + pointer.encode(name))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from leaves(value, f"{at}/{number}")
    else:
        yield at, document


def _value(ref: Ref, answer: Answer | None) -> str:
    kind, _, where = ref.where.partition(":")
    if answer is None:
        return ref.seen
    value = _looked_up(kind, where, answer)
    return _WRITERS[ref.form](_text(value)) if isinstance(value, str | int) else ref.seen


def _looked_up(kind: str, where: str, answer: Answer) -> Any:
    if kind == "json":
        try:
            return pointer.resolve(answer.body, where)
        except LookupError:
            return None
    if kind == "cookie":
        return answer.cookies.get(where)
    if kind == "match":
        found = re.search(where, answer.text[:MOST_TEXT])
        return found[1] if found else None
    header = answer.header(where.partition(":")[0])
    if kind == "path":
        return address_of(header or "") or None
    if kind == "param":
        return dict(_challenges(answer)).get(where.partition(":")[2])
    if kind == "query":
        return _query(header or "").get(where.partition(":")[2])
    return header


def _query(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return {}
    return dict(parse_qsl(parts.query) + parse_qsl(parts.fragment))


def _challenges(answer: Answer) -> list[tuple[str, str]]:
    """Return the parameters of all challenges of an answer (RFC 9110, 11.2)."""
    return [
        found
        for name, value in answer.headers.pairs
        if name == "www-authenticate"
        for found in _PARAM.findall(value)
    ]


def _note(given: dict[str, Ref], ref: Ref) -> None:
    for form, write in _WRITERS.items():
        written = write(ref.seen)
        given.setdefault(written, replace(ref, seen=written, form=form))


def _given_by(index: int, answer: Answer) -> Iterator[Ref]:
    location = answer.header("location") or ""
    if (path := address_of(location)).startswith("/") and len(path) > 1:
        yield Ref(index, "path:location", path)
    for name, value in _query(location).items():
        if len(value) >= LEAST_CHARS or (value and _NAMES_VALUE.search(name)):
            yield Ref(index, f"query:location:{name}", value)
    for name, value in _challenges(answer):
        if len(value) >= LEAST_CHARS:
            yield Ref(index, f"param:www-authenticate:{name}", value)
    for name, value in answer.headers.pairs:
        if name not in _PLAIN_HEADERS and len(value) >= LEAST_CHARS:
            yield Ref(index, f"header:{name}", value)
    for name, value in answer.cookies.items():
        if len(value) >= LEAST_CHARS:
            yield Ref(index, f"cookie:{name}", value)
    if answer.is_json:
        yield from _given_in_json(index, answer)
    else:
        yield from _given_in_text(index, answer)


def _given_in_json(index: int, answer: Answer) -> Iterator[Ref]:
    for place, value in leaves(answer.body):
        if not isinstance(value, str | int) or isinstance(value, bool):
            continue
        text, key = _text(value), place.rpartition("/")[2]
        long = len(text) >= LEAST_CHARS and not re.search(r"\s", text)
        if text and (long or _NAMES_VALUE.search(key)):
            yield Ref(index, f"json:{place}", text)


def _given_in_text(index: int, answer: Answer) -> Iterator[Ref]:
    """Yield the words of a form, an event stream or a text that look as if they were made.

    A word of letters alone is language; one with a digit, or in mixed case, may be a token. It
    is found again by what stands before it in its line.
    """
    text = answer.text[:MOST_TEXT]
    for found in _TEXT_WORD.finditer(text):
        word = found[0]
        if not re.search(r"\d", word) and (word.islower() or word.istitle() or word.isupper()):
            continue
        before = text[: found.start()].rpartition("\n")[2][-MOST_CONTEXT:]
        if before.strip():
            yield Ref(index, f"match:{re.escape(before)}({_TEXT_WORD.pattern})", word)


def _with_refs(call: Call, given: RefPlaces) -> Call:
    return replace(
        call,
        path=_split(call.path, given, _in_path),
        headers=tuple((name, _split(value, given, _is_long)) for name, value in call.headers),
        body=None if call.body is None else _split(call.body, given, _in_body),
    )


def _split(template: Template, given: RefPlaces, is_meant: IsMeant) -> Template:
    pieces: list[str | Ref] = []
    for piece in template:
        pieces += [piece] if isinstance(piece, Ref) else _found(piece, given, is_meant)
    return tuple(piece for piece in pieces if piece != "")


def _found(text: str, given: RefPlaces, is_meant: IsMeant) -> Iterator[str | Ref]:
    """Cut a text at each value that was given, the longest first."""
    at, possible = 0, sorted((each for each in given if each in text), key=len, reverse=True)
    if possible:
        values = "|".join(map(re.escape, possible))
        for found in re.finditer(rf"(?<!{_WORD_CHARACTER})(?:{values})(?!{_WORD_CHARACTER})", text):
            if not is_meant(text, found.start(), found[0]):
                continue
            yield text[at : found.start()]
            yield given[found[0]]
            at = found.end()
    yield text[at:]


def _is_long(text: str, at: int, value: str) -> bool:
    """Return True if a header's value is long enough: a 1 is there by chance."""
    return len(value) >= LEAST_CHARS


def _in_path(text: str, at: int, value: str) -> bool:
    """Return True if the value is long, or a whole segment of the path or value of the query."""
    before, after = text[:at][-1:], text[at + len(value) :][:1]
    return len(value) >= LEAST_CHARS or (before in {"", "/", "="} and after in {*"/?&#;", ""})


def _in_body(text: str, at: int, value: str) -> bool:
    """Return True if the value is long, or its key names it: not every 1 is an id."""
    key = _KEY_BEFORE.search(text[max(0, at - 60) : at])
    return len(value) >= LEAST_CHARS or bool(key and _NAMES_VALUE.search(key[1]))


def _words(call: Call) -> set[str]:
    texts = [
        recorded(call.path),
        recorded(call.body or ()),
        *(recorded(v) for _, v in call.headers),
    ]
    words = {word for text in texts for word in re.findall(r"[\w.~-]+", text)}
    words.add(texts[0])  # a whole path may be the client's own idea, too
    # What it was given and hands back is not its own.
    return words - {ref.seen for ref in call.refs()}


def _text(value: str | int) -> str:
    return value if isinstance(value, str) else str(value)
