"""Separates a process's own name (an instance id) from what it remembers."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lab.check.conversation import Call, Conversation, Ref, Template, recorded
from lab.check.differences import Relation
from lab.check.relations import value_at
from lab.check.runner import Runner
from lab.check.trace import without_refs
from lab.core.http import Answer

_KEPT = frozenset({"accept", "content-type", "accept-encoding", "user-agent"})
NAMES_ONE = re.compile(
    r"^(instance|host|host_?name|pid|server|node|pod|worker|replica|boot|container|machine)"
    r"(_?id|_?name)?$|^(served|handled|answered)_?by$|^process(_?id)?$|^started",
    re.I,
)
_NAMES_WHICH = re.compile(r"[\d=]")  # a path with one of these in it names a certain thing
_VALUE = re.compile(r"[\w.~-]{2,}")
_FORM_VALUE = re.compile(r"(?<==)[^&=]+")


def is_own_name(runner: Runner, conversation: Conversation, relation: Relation) -> bool | None:
    """Return True if a value is the same for any client and any request; None if not known.

    Other clients are asked with other words. Where they are refused, it is enough that a second
    client who does the same is given it too, if the place is called as such names are, or if
    the earlier answer that has the value gives it to anyone. None if the client has no words of
    its own that it could be kept for, and no other client gets in: it may be kept for this user.
    """
    before = replace(relation, index=relation.source, place=relation.source_place)
    here, there = (_is_anyones(runner, conversation, each) for each in (relation, before))
    if here is False or there is False:
        return False
    if here:
        return True
    if there or NAMES_ONE.search(relation.place.rpartition("/")[2]):
        one, other = runner.two_clients(conversation, relation.index)
        return _same(one, other, relation.place)
    if _has_words(conversation.calls[relation.index]):
        return False
    one, other = runner.two_clients(conversation, relation.index, in_other_words)
    known = other is not None and other.ok and value_at(other, relation.place) is not None
    return _same(one, other, relation.place) if known else None


def _has_words(call: Call) -> bool:
    """Return True if a call has content of its own, beside given values and its route."""
    path = call.path[0] if len(call.path) == 1 else None
    return (
        in_other_words(call, call) != call
        or not isinstance(path, str)
        or _NAMES_WHICH.search(path) is not None
    )


def _same(one: Answer | None, other: Answer | None, place: str) -> bool:
    return bool(one and other and value_at(one, place) == value_at(other, place))


def in_other_words(call: Call, known: Call) -> Call:
    """Return a call as another user sends it; what answers gave in the `known` one stays."""
    headers = tuple(
        (name, value if name.lower() in _KEPT or any(_refs(before)) else (_other(_text(value)),))
        for (name, value), (_, before) in zip(call.headers, known.headers, strict=False)
    )
    body = call.body
    if body is not None and not any(_refs(known.body or ())):
        body = (_other_body(_text(body)),)
    return replace(call, headers=headers, body=body)


def _refs(template: Template) -> Iterator[Ref]:
    return (piece for piece in template if isinstance(piece, Ref))


def _is_anyones(runner: Runner, conversation: Conversation, relation: Relation) -> bool | None:
    """Return True if a call gives this value to clients without credentials, whatever they send.

    None if that is not known, since they are refused.
    """
    bare, other, elsewhere = strangers(conversation.calls[relation.index])
    needed = [bare, *([other] if other else [])]
    known, answers = runner.as_stranger(conversation, relation.index, [*needed, *elsewhere])
    value = value_at(known, relation.place) if known else None
    if value is None:
        return None
    given = [value_at(answer, relation.place) == value for answer in answers]
    if any(answer.ok and not same for answer, same in zip(answers, given, strict=True)):
        return False
    return all(given[: len(needed)]) or None


def strangers(call: Call) -> tuple[Call, Call | None, list[Call]]:
    """Return a call as strangers send it: without credentials, or with another body or path.

    Where a client has no words of its own in headers and body, there are no others.
    """
    bare = without_refs(call)
    headers = tuple(
        (name, value if name.lower() in _KEPT else (_other(_text(value)),))
        for name, value in bare.headers
    )
    body = None if bare.body is None else (_other_body(_text(bare.body)),)
    other = replace(bare, headers=headers, body=body)
    same = [(name, _text(value)) for name, value in bare.headers] == [
        (name, _text(value)) for name, value in headers
    ] and _text(bare.body or ()) == _text(body or ())
    return bare, None if same else other, [*_other_paths(bare)]


def _other_paths(bare: Call) -> Iterator[Call]:
    path = _text(bare.path)
    start, slash, end = path.partition("?")[0].rpartition("/")
    if end:
        yield replace(bare, path=(f"{start}{slash}{end}x{path[len(start + slash + end) :]}",))
    if "=" in path:
        yield replace(bare, path=(re.sub(r"=([^&]*)", r"=\1x", path),))


def _text(template: Template) -> str:
    return recorded(template)


def _other_body(text: str) -> str:
    """Change the values of a body, and leave its names: of JSON, a form, or any text."""
    try:
        return json.dumps(_other_document(json.loads(text)))
    except (ValueError, RecursionError):
        pass
    if _FORM_VALUE.search(text) and not re.search(r"\s", text):
        return _FORM_VALUE.sub(lambda found: _other(found[0]), text)
    return _other(text)


def _other_document(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _other_document(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_other_document(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    return _other(value) if isinstance(value, str) else value + 1


def _other(text: str) -> str:
    return _VALUE.sub(lambda found: _changed(found[0]), text)


def _changed(word: str) -> str:
    """Change the last character, and leave its kind: a UUID stays one."""
    last = word[-1]
    if last.isdigit():
        return word[:-1] + ("2" if last == "1" else "1")
    new = "b" if last.lower() == "a" else "a"
    return word[:-1] + (new.upper() if last.isupper() else new)
