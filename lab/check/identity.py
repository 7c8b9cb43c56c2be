"""Tells the name that a process has for itself (an instance id, a start) from what it remembers."""

import re
from collections.abc import Iterator
from dataclasses import replace

from lab.check.comparator import Relation, value_at
from lab.check.conversation import Call, Conversation, Template
from lab.check.runner import Runner, without_refs
from lab.core.http import Answer

_KEPT = frozenset({"accept", "content-type", "accept-encoding", "user-agent"})
_NAMES_ONE = re.compile(
    r"^(instance|host|host_?name|pid|server|node|pod|worker|replica|boot|container|machine)"
    r"(_?id|_?name)?$|^(served|handled|answered)_?by$|^process(_?id)?$|^started",
    re.I,
)
_VALUE = re.compile(r"(?<=[\"'=:/ ])[\w.~-]{2,}")


def is_own_name(runner: Runner, conversation: Conversation, relation: Relation) -> bool:
    """Return whether a value is the same for whatever client asks, and whatever it says.

    Of a place that is called as such names are, it is enough that a second client, who does the
    same on the same process, is given it too. Else a client that carries nothing asks; then one
    with other words in headers and body, and one with another end of the path (which may not
    be there).
    """
    if _NAMES_ONE.search(relation.place.rpartition("/")[2]):
        one, other = runner.two_clients(conversation, relation.index)
        if one and other and value_at(one, relation.place) == value_at(other, relation.place):
            return True
    call = conversation.calls[relation.index]
    others = list(_strangers(call))
    known, answers = runner.as_stranger(conversation, relation.index, others)
    if known is None:
        return False
    value = value_at(known, relation.place)
    bare, *changed = answers
    if value is None or value_at(bare, relation.place) != value:
        return False
    return all(_agrees(answer, relation.place, value) for answer in changed)


def _agrees(answer: Answer, place: str, value: str) -> bool:
    """Whether it has the value, or says that the request was none."""
    return not answer.ok or value_at(answer, place) == value


def _strangers(call: Call) -> Iterator[Call]:
    bare = without_refs(call)
    yield bare
    headers = tuple(
        (name, value if name.lower() in _KEPT else _other(value)) for name, value in bare.headers
    )
    body = None if bare.body is None else _other(bare.body)
    if (headers, body) != (bare.headers, bare.body):
        yield replace(bare, headers=headers, body=body)
    path = "".join(map(str, bare.path))
    start, slash, end = path.partition("?")[0].rpartition("/")
    if end:
        yield replace(bare, path=(f"{start}{slash}{end}x{path[len(start + slash + end) :]}",))
    if "=" in path:
        yield replace(bare, path=(re.sub(r"=([^&]*)", r"=\1x", path),))


def _other(template: Template) -> Template:
    """Change the words of a header or a body, and leave what JSON and forms need."""
    text = "".join(map(str, template))
    return (_VALUE.sub(lambda found: _changed(found[0]), text),) if text else ()


def _changed(word: str) -> str:
    return (
        word if word in ("true", "false", "null") else word[:-1] + ("y" if word[-1] != "y" else "z")
    )
