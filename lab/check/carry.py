"""What a client carries: finds which values it was given, and fills in those it is given next."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.check.conversation import Answer, Call, Conversation, Ref, Template, recorded

LEAST_CHARS = 8  # a shorter value may be the same by chance
_NAMES_ONE = re.compile(
    r"(^|_|-)(id|uuid|token|key|etag|csrf|nonce|code|revision|version|ref)s?$", re.I
)
_GIVING_HEADERS = ("etag", "location", "link", "x-csrf-token", "x-request-id", "authorization")
_WORD = re.compile(r"[\w~-]")
MOST_VALUES = 5000


@dataclass(frozen=True)
class _Given:
    text: str
    ref: Ref
    named: bool  # under a key such as "id": believed even if it is short


def infer(conversation: Conversation, answers: Sequence[Answer]) -> Conversation:
    """Return the conversation with every value that an earlier answer gave referred to.

    A value counts if it is a word of at least 8 characters, or a shorter one under a key
    that names something (id, token, …); the client's own earlier words do not count.
    """
    given: dict[str, _Given] = {}
    own: set[str] = set()
    calls = []
    for index, call in enumerate(conversation.calls):
        calls.append(
            _with_refs(call, {text: each for text, each in given.items() if text not in own})
        )
        own |= _words(calls[-1])
        for each in _given_by(index, answers[index]):
            if len(given) < MOST_VALUES:
                given.setdefault(each.text, each)
    return replace(conversation, calls=tuple(calls))


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
        if isinstance(document, list) and name.isdigit():
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
    if kind == "header":
        value: Any = answer.header(where)
    else:
        try:
            value = pointed(answer.json, where)
        except LookupError:
            value = None
    return _text(value) if isinstance(value, str | int) else ref.seen


def _given_by(index: int, answer: Answer) -> Iterator[_Given]:
    for name in _GIVING_HEADERS:
        if value := answer.header(name):
            yield _Given(value, Ref(index, f"header:{name}", value), named=True)
    for pointer, value in leaves(answer.json):
        if not isinstance(value, str | int) or isinstance(value, bool):
            continue
        text, key = _text(value), pointer.rpartition("/")[2]
        named = bool(_NAMES_ONE.search(key))
        if text and (named or (len(text) >= LEAST_CHARS and not re.search(r"\s", text))):
            yield _Given(text, Ref(index, f"json:{pointer}", text), named)


def _with_refs(call: Call, given: Mapping[str, _Given]) -> Call:
    return replace(
        call,
        path=_split(call.path, given),
        headers=tuple((name, _split(value, given)) for name, value in call.headers),
        body=None if call.body is None else _split(call.body, given),
    )


def _split(template: Template, given: Mapping[str, _Given]) -> Template:
    pieces: list[str | Ref] = []
    for piece in template:
        pieces += [piece] if isinstance(piece, Ref) else _found(piece, given)
    return tuple(piece for piece in pieces if piece != "")


def _found(text: str, given: Mapping[str, _Given]) -> list[str | Ref]:
    """Cut a text at each value that was given, the longest first."""
    for value in sorted(given, key=len, reverse=True):
        for written in dict.fromkeys((value, json.dumps(value)[1:-1])):
            at = _whole_word(text, written)
            if at >= 0:
                before, after = text[:at], text[at + len(written) :]
                return [*_found(before, given), given[value].ref, *_found(after, given)]
    return [text]


def _whole_word(text: str, value: str) -> int:
    at = text.find(value)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(value) : at + len(value) + 1]
        if not (_WORD.match(before) or _WORD.match(after)):
            return at
        at = text.find(value, at + 1)
    return -1


def _words(call: Call) -> set[str]:
    texts = [
        recorded(call.path),
        recorded(call.body or ()),
        *(recorded(v) for _, v in call.headers),
    ]
    words = {word for text in texts for word in re.findall(r"[\w.~-]+", text)}
    # What it was given and hands back is not its own.
    return words - {ref.seen for ref in call.refs()}


def _text(value: str | int) -> str:
    return value if isinstance(value, str) else str(value)
