"""A conversation written as a .http file, in the form of the VS Code REST Client.

Requests are separated by lines of ###. `# @name login` names the next one; `@host = …` defines
a variable; `{{host}}` uses it, and `{{login.response.body.$.token}}` or
`{{login.response.headers.ETag}}` is a value that an earlier answer gave.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.check.carry import address_of, fill, infer
from lab.check.conversation import Answer, Call, Conversation, Ref, Template
from lab.core.errors import LabError

HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY")
_NAME = re.compile(r"(?:#|//)\s*@name\s+([\w-]+)\s*$")
_VARIABLE = re.compile(r"@([\w-]+)\s*=\s*(.*)$")
_COMMENT = re.compile(r"(#|//)")
_PLACE = re.compile(r"{{([^{}]+)}}")
_ANSWER = re.compile(r"([\w-]+)\.response\.(body|headers)\.(.+)")
_NOT_OURS = {"cookie", "host", "content-length", "connection"}


@dataclass
class _Draft:
    """One request as it stands in the file."""

    line: int
    name: str = ""
    request: str = ""
    headers: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class HttpFileSource:
    """A .http file; it is sent once as it is, to learn what its answers give."""

    path: Path

    def hold(self, send: Callable[[Call], Answer]) -> Conversation:
        """Return the file's requests, with the values that answers gave referred to."""
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"cannot read {self.path}: {error}") from None
        calls: list[Call] = []
        answers: list[Answer] = []
        for call in parse(text, self.path.name):
            answer = send(call)
            calls.append(_seen(call, dict(enumerate(answers))))
            answers.append(answer)
        return infer(Conversation(tuple(calls), self.path.name), answers)


def parse(text: str, file: str = "session.http") -> list[Call]:
    """Return the requests of a .http file; raise LabError that names the line of a mistake."""
    variables: dict[str, str] = {}
    names: dict[str, int] = {}
    calls: list[Call] = []
    for draft in _drafts(text, variables):
        calls.append(_call(draft, variables, names, file))
        if draft.name:
            names[draft.name] = len(calls) - 1
    if not calls:
        raise LabError(f"{file} has no request: a request begins with a line like GET /cart")
    return calls


def _drafts(text: str, variables: dict[str, str]) -> Iterator[_Draft]:
    draft: _Draft | None = None
    name, in_body = "", False
    for number, line in enumerate([*text.split("\n"), "###"], start=1):
        stripped = line.strip()
        if stripped.startswith("###"):
            if draft:
                yield draft
            draft, name, in_body = None, "", False
        elif draft and in_body:
            draft.body.append(line)
        elif found := _NAME.match(stripped):
            name = found[1]
        elif _COMMENT.match(stripped):
            continue
        elif draft is None and (found := _VARIABLE.match(stripped)):
            variables[found[1]] = found[2].strip()
        elif draft is None and stripped:
            draft = _Draft(number, name, stripped)
        elif draft and not stripped:
            in_body = True
        elif draft and stripped[0] in "?&":
            draft.request += stripped  # a query that goes on in the next line
        elif draft:
            draft.headers.append(stripped)


def _call(draft: _Draft, variables: Mapping[str, str], names: Mapping[str, int], file: str) -> Call:
    origin = f"{file}:{draft.line}"

    def template(text: str) -> Template:
        return _template(text, variables, names, origin)

    words = draft.request.split()
    if words[0] not in HTTP_METHODS:
        words.insert(0, "GET")  # an address alone is a GET
    if len(words) < 2 or (len(words) > 2 and not words[-1].startswith("HTTP/")):
        raise LabError(f"{origin}: {draft.request!r} is no request: write METHOD /path")
    headers = []
    for header in draft.headers:
        name, colon, value = header.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name):
            raise LabError(f"{origin}: {header!r} is no header: write Name: value")
        if name.lower() not in _NOT_OURS:
            headers.append((name, template(value.strip())))
    body = "\n".join(draft.body).strip("\n")
    if body.startswith("< "):
        raise LabError(f"{origin}: a body from a file is not read: put it here")
    return Call(
        words[0],
        _path(template(words[1])),
        tuple(headers),
        template(body) if body else None,
        origin,
        draft.name,
    )


def _template(
    text: str, variables: Mapping[str, str], names: Mapping[str, int], origin: str, depth: int = 0
) -> Template:
    pieces: list[str | Ref] = []
    at = 0
    for found in _PLACE.finditer(text):
        pieces.append(text[at : found.start()])
        at = found.end()
        place = found[1].strip()
        if place in variables and depth < 10:
            pieces += _template(variables[place], variables, names, origin, depth + 1)
        else:
            pieces.append(_ref(place, names, origin))
    pieces.append(text[at:])
    return tuple(piece for piece in pieces if piece != "")


def _ref(place: str, names: Mapping[str, int], origin: str) -> Ref:
    found = _ANSWER.fullmatch(place)
    if found is None:
        raise LabError(f"{origin}: {{{{{place}}}}} is not defined: write @{place} = … above")
    if found[1] not in names:
        raise LabError(f"{origin}: no request above is named {found[1]!r}: # @name {found[1]}")
    if found[2] == "headers":
        return Ref(names[found[1]], f"header:{found[3].lower()}", "")
    return Ref(names[found[1]], f"json:{_pointer(found[3], origin)}", "")


def _pointer(path: str, origin: str) -> str:
    """Turn `$.items[0].id` (or /items/0/id) into a JSON pointer."""
    if path.startswith("/"):
        return path
    inner = path.removeprefix("$")
    if not re.fullmatch(r"([\w-]+)?(\.[\w-]+|\[\d+\]|\['[^']+'\])*", inner):
        raise LabError(f"{origin}: {path!r}: only paths such as $.items[0].id are understood")
    parts = re.findall(r"\['([^']+)'\]|\[(\d+)\]|\.?([\w-]+)", inner)
    names = ["".join(part) for part in parts]
    return "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in names)


def _path(template: Template) -> Template:
    """Leave out scheme, host and port: the service is where the check has started it."""
    first = template[0] if template else "/"
    if not isinstance(first, str):
        return template
    if "://" in first:
        first = address_of(first)
    elif not first.startswith("/"):
        first = "/" + first.partition("/")[2]  # localhost:3000/cart
    rest = template[1:]
    return ((first or "/"), *rest) if first or not rest else rest


def _seen(call: Call, answers: Mapping[int, Answer]) -> Call:
    """Note in each reference what the answer gave this time."""

    def of(template: Template) -> Template:
        return tuple(
            piece
            if isinstance(piece, str)
            else Ref(piece.call, piece.where, fill((piece,), answers))
            for piece in template
        )

    return call.mapped(of)
