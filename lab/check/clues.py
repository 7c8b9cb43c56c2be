"""What a finding shows of its cause: how the answer changed, and which given values it sent."""

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from lab.check.conversation import Call, Conversation, Ref, Template, recorded
from lab.check.judge import Finding, Report
from lab.check.play_name import USED
from lab.core.json_object import json_or_none

COOKIE, AUTHORIZATION, HEADER, PATH, QUERY, BODY = (
    *("cookie", "authorization", "header"),
    *("path", "query", "body"),
)
CREDENTIAL_PLACES = (COOKIE, AUTHORIZATION)
# Encrypted and signed: Fernet's version byte, and ASP.NET's data protection.
_SEALED = re.compile(r"gAAAAA[\w-]{40,}|CfDJ8[\w-]{40,}")
_PART_ENDS = re.compile(r"[.:!]|--")
_ID_NAMES = frozenset({"sid", "id", "jti", "session", "session_id", "sessionid", "_id"})
MOST_DECODED = 10_000  # characters of a value, and bytes of what is unpacked from it


@dataclass(frozen=True)
class Brought:
    """A value from an earlier answer that this call sends: its place and its name.

    `source` is where the answer had it, as in Ref.where. `sealed` says that the value itself
    contains what it stands for, and a seal; else it may be a key into a memory.
    """

    where: str
    name: str
    source: str
    sealed: bool
    giver: int


@dataclass(frozen=True)
class Clue:
    """A finding, with the statuses before and after, and what its call brought.

    `young` says that only a process that was started later shows it. `accepted` are names of
    what it brought that other calls brought, too, and were answered as before.
    """

    finding: Finding
    call: Call
    before: int | None
    after: int | None
    brought: tuple[Brought, ...]
    writes: tuple[int, ...] = ()
    """The calls that it needs and that may have changed something, without those that gave."""
    young: bool = False
    accepted: frozenset[str] = frozenset()

    def of(self, *places: str) -> list[Brought]:
        """Return the values that this call sends in these places."""
        return [each for each in self.brought if each.where in places]


def clues(report: Report) -> list[Clue]:
    """Return a clue for each finding of the report's level that was shown again."""
    talk = report.conversation
    if talk is None:
        return []
    found = [each for each in report.findings if each.level is report.level and each.differences]
    return [_clue(report, talk, each) for each in found if _is_proven(report, each)]


def _is_proven(report: Report, finding: Finding) -> bool:
    shown = report.reproducer is not None and report.reproducer.calls[-1:] == (finding.index,)
    searched = finding.needs is not None or finding.like is not None
    # A USED play brings clients of its own to compare with.
    return shown or searched or finding.play == USED


def _clue(report: Report, talk: Conversation, finding: Finding) -> Clue:
    before, after = finding.status, finding.status
    for each in finding.differences:
        if each.where == "status":
            before, after = _number(each.expected), _number(each.seen)
    brought = tuple(_brought(talk, finding.index))
    alike = [
        other.index
        for other in report.findings
        if not other.differences and other.status is not None and other.status < 400
    ]
    return Clue(
        finding,
        talk.calls[finding.index],
        before,
        after,
        brought,
        _writes(report, talk, finding, brought),
        _is_young(report, finding),
        frozenset(each.name for index in alike for each in _brought(talk, index)),
    )


def _is_young(report: Report, finding: Finding) -> bool:
    shown = report.reproducer
    return shown is not None and shown.young and shown.calls[-1] == finding.index


def _writes(
    report: Report, talk: Conversation, finding: Finding, brought: tuple[Brought, ...]
) -> tuple[int, ...]:
    needs = finding.needs
    if needs is None and finding.like is not None:
        needs = next((each.needs for each in report.findings if each.index == finding.like), None)
    if needs is None and report.reproducer is not None:
        needs = report.reproducer.calls[:-1]
    givers = {each.giver for each in brought}
    return tuple(
        index
        for index in needs or ()
        if index not in givers and talk.calls[index].method not in ("GET", "HEAD", "OPTIONS")
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _brought(talk: Conversation, index: int) -> Iterator[Brought]:
    call = talk.calls[index]
    path, query = _split(call.path)
    brought = partial(_in, talk)
    yield from brought(path, PATH, "the path")
    yield from brought(query, QUERY, "the query")
    for name, value in call.headers:
        where = {"authorization": AUTHORIZATION, "cookie": COOKIE}.get(name.lower(), HEADER)
        yield from brought(value, where, name)
    yield from brought(call.body or (), BODY, "the body")
    jar: dict[str, tuple[str, int]] = {}
    for number, answer in enumerate(talk.answers[:index]):
        jar.update({name: (text, number) for name, text in answer.cookies.items()})
    for name, (text, number) in jar.items():
        if text:
            yield Brought(COOKIE, name, f"cookie:{name}", is_sealed(text), number)


def _in(talk: Conversation, template: Template, where: str, name: str) -> Iterator[Brought]:
    """Yield the values a template refers to, without the client's own words in an answer."""
    before = ""
    for piece in template:
        if isinstance(piece, str):
            before = piece
            continue
        if piece.seen in recorded(talk.calls[piece.call].body or ()):
            continue
        field = re.search(r"([\w-]+)[\"']?\s*[=:]\s*[\"']?$", before)
        named = field[1] if field and where in (QUERY, BODY) else name
        yield Brought(where, named, piece.where, is_sealed(piece.seen), piece.call)
        before = ""


def _split(path: Template) -> tuple[Template, Template]:
    """Return the pieces before and after the question mark."""
    for number, piece in enumerate(path):
        if isinstance(piece, str) and "?" in piece:
            first, _, rest = piece.partition("?")
            return (*path[:number], first), (rest, *path[number + 1 :])
        if isinstance(piece, Ref) and "?" in piece.seen:
            return path, (piece,)
    return path, ()


def is_sealed(value: str) -> bool:
    """True if a value contains what it stands for: a JWT, a signed cookie, an encrypted one."""
    text = unquote(value[:MOST_DECODED]).strip('"')
    if _SEALED.match(text):
        return True
    return any(_says_something(_decoded(part)) for part in _PART_ENDS.split(text) if len(part) > 3)


def _says_something(document: object) -> bool:
    if isinstance(document, dict):
        known = {str(name).lower() for name in document}
        return bool(known - _ID_NAMES) and not known <= {"alg", "typ", "kid"}
    return isinstance(document, list) or (isinstance(document, str) and bool(document))


def _decoded(part: str) -> object:
    """Return the JSON that part of a value holds in base64, or None."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    if data[:1] == b"\x78":  # itsdangerous compresses a long one
        try:
            data = zlib.decompressobj().decompress(data, MOST_DECODED)
        except zlib.error:
            return None
    return json_or_none(data) if data[:1] in b'{["' else None


def credential_text(call: Call) -> str:
    """Return the first word of a header Authorization, in lower case; "" without one."""
    said = next((value for name, value in call.headers if name.lower() == "authorization"), ())
    return recorded(said).partition(" ")[0].lower()
