"""A conversation written as a .http file, in the form of the VS Code REST Client or JetBrains'.

Requests are separated by lines of ###. `# @name login` names the next one; `@host = …` defines
a variable; `{{host}}` uses it, and `{{login.response.body.$.token}}` or
`{{login.response.headers.ETag}}` is a value that an earlier answer gave. Of the scripts around
requests (`> {% … %}`) only `client.global.set("token", response.body.token)` is followed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.check.conversation import Call, Conversation, Ref, Send, Template, joined, plain
from lab.check.correlation import address_of, fill, infer
from lab.check.sources.challenge import (
    as_basic,
    computed,
    credentials,
    without_authorization,
)
from lab.check.sources.http_lines import Draft, all_variables, drafts
from lab.check.sources.http_values import PLACE, Scope, Values
from lab.core.errors import LabError, reason
from lab.core.http import Answer

_METHOD = re.compile(r"([A-Z][A-Z-]*|(?i:get|post|put|patch|delete|head|options))\s+(?=\S)")
_VERSION = re.compile(r"\s+HTTP/\d\S*$")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+")
_HOST_VARIABLE = re.compile(r"(?:https?://)?{{\s*([\w.-]+)\s*}}(?::\d+)?(?=[/?]|{{|$)")
_BODY_FILE = re.compile(r"<(@[\w-]*)?\s+(\S.*)")
_NOT_OURS = {"cookie", "host", "content-length", "connection"}
_AUTH = "authorization"
_NOT_HTTP = {"WEBSOCKET", "GRPC", "RSOCKET"}
MOST_IN_A_FILE = 10_000_000
SKIPPED = "scripts of the editor are not run (a .py conversation can assert): "
COOKIES = "a written Cookie header is not sent, only the cookies that the service sets: "


@dataclass(frozen=True)
class HttpFileSource:
    """A .http file; it is sent once as it is, to learn what its answers give."""

    path: Path

    def record(self, send: Send) -> Conversation:
        """Return the file's requests, with the values that answers gave referred to."""
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"cannot read {self.path}: {reason(error)}; give a .http file") from None
        written = parse(text, self.path.name, Values(self.path.parent))
        calls: list[Call] = []
        answers: list[Answer] = []
        for call in written.calls:
            call = _with_digest(call, credentials(call), answers)
            answer = send(call)
            calls.append(_seen(call, dict(enumerate(answers))))
            answers.append(answer)
        conversation = infer(replace(written, calls=tuple(calls)), answers)
        users = [credentials(call) for call in written.calls]
        return _computing(conversation, users) if any(users) else conversation


def parse(text: str, file: str = "session.http", values: Values | None = None) -> Conversation:
    """Return the requests of a .http file; raise LabError that names the line of a mistake."""
    values = values or Values()
    everywhere = all_variables(text)
    calls: list[Call] = []
    skipped: list[str] = []
    cookies: list[str] = []
    for draft in drafts(text):
        origin = f"{file}:{draft.line}"
        scope = Scope({**everywhere, **draft.variables}, origin, frozenset(draft.prompts))
        call = _call(draft, values, scope)
        if credentials(call):  # a client first sends it without, and waits for the challenge
            calls.append(without_authorization(replace(call, name="")))
        calls.append(call)
        if draft.name:
            values.names[draft.name] = len(calls) - 1
        understood = [values.keep(script, len(calls) - 1) for script in draft.scripts]
        if not all(understood):
            skipped.append(origin)
        if any(re.match(r"(?i)cookie:[^{]*$", header) for header in draft.headers):
            cookies.append(origin)
    if not calls:
        raise LabError(f"{file} has no request: a request begins with a line like GET /cart")
    notes = [text + ", ".join(at) for text, at in ((SKIPPED, skipped), (COOKIES, cookies)) if at]
    return Conversation(tuple(calls), file, notes=tuple(notes))


def _with_digest(call: Call, user: tuple[str, str] | None, answers: Sequence[Answer]) -> Call:
    """Return the call with its response to the challenge in the answer before it."""
    if user is None:
        return call
    return computed(call, fill(call.path, dict(enumerate(answers))), answers[-1], *user)


def _computing(conversation: Conversation, users: Sequence[tuple[str, str] | None]) -> Conversation:
    """Return the conversation as a script that computes the answers to challenges each time."""

    def script(send: Send) -> None:
        answers: list[Answer] = []
        for call, user in zip(conversation.calls, users, strict=True):
            answers.append(send(_with_digest(call, user, answers)))

    return replace(conversation, script=script)


def _call(draft: Draft, values: Values, scope: Scope) -> Call:
    method, address = _request_line(draft, scope)
    headers = []
    for header in draft.headers:
        name, colon, value = header.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name):
            raise LabError(f"{scope.origin}: {header!r} is not a header: write Name: value")
        if name.lower() not in _NOT_OURS:
            template = values.template(value.strip(), scope)
            headers.append((name, as_basic(template) if name.lower() == _AUTH else template))
    body = _body(draft, headers, values, scope)
    graphql = [header for header in headers if header[0].lower() == "x-request-type"]
    if method == "GRAPHQL" or graphql:
        method, body = "POST", _as_graphql(body, scope)
        headers = [each for each in headers if each not in graphql]
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", plain("application/json")))
    path = _path(values.template(_without_host(address, values, scope), scope))
    return Call(method, path, tuple(headers), body or None, scope.origin, draft.name)


def _request_line(draft: Draft, scope: Scope) -> tuple[str, str]:
    """Return method and address; an address alone is a GET."""
    line = _VERSION.sub("", draft.request)
    found = _METHOD.match(line)
    method, address = (found[1].upper(), line[found.end() :]) if found else ("GET", line)
    before_query = PLACE.sub("", address).partition("?")[0]
    if re.search(r"\s", before_query) or not address or method in _NOT_HTTP:
        raise LabError(f"{scope.origin}: {draft.request!r} is not a request: write METHOD /path")
    return method, address


def _without_host(address: str, values: Values, scope: Scope) -> str:
    """Leave out a host that only the editor's environment knows: the service is started here."""
    found = _HOST_VARIABLE.match(address)
    if found and not values.knows(found[1], scope) and ".response." not in found[1]:
        return address[found.end() :] or "/"
    return address


def _body(
    draft: Draft, headers: list[tuple[str, Template]], values: Values, scope: Scope
) -> Template:
    """Return the body: lines, and the files that are named in it (`< ./photo.jpg`)."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), ())
    words = str(kind[0]).lower() if kind else ""
    lines = [*draft.body]
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    end = "\r\n" if "multipart/" in words else "\n"
    pieces: list[str | Ref] = []
    for number, line in enumerate(lines):
        if found := _BODY_FILE.fullmatch(line.strip()):
            content: Template = plain(_content(values.folder / found[2].strip(), scope))
            if found[1]:  # `<@ file`: with variables
                content = values.template("".join(map(str, content)), scope)
        else:
            content = values.template(line, scope)
        joins = "form-urlencoded" in words and line.startswith("&")
        pieces += [*(() if not number or joins else (end,)), *content]
    if "multipart/" in words and pieces:
        pieces.append(end)
    return joined(pieces)


def _content(path: Path, scope: Scope) -> str:
    """Return a file's content as a body has it: bytes that are not text as they can come back."""
    try:
        if path.stat().st_size > MOST_IN_A_FILE:
            raise LabError(f"{scope.origin}: {path} is too large: at most {MOST_IN_A_FILE:,} bytes")
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        raise LabError(
            f"{scope.origin}: cannot read {path}: {reason(error)}; name a file beside it"
        ) from None


def _as_graphql(body: Template, scope: Scope) -> Template:
    """Return the JSON body of a GraphQL request: a query, an empty line, its variables."""
    if not all(isinstance(piece, str) for piece in body):
        raise LabError(f"{scope.origin}: write a GraphQL request with an answer's value as JSON")
    query, _, variables = "".join(map(str, body)).partition("\n\n")
    try:
        document = {"query": query, "variables": json.loads(variables) if variables else {}}
    except (ValueError, RecursionError) as error:
        raise LabError(f"{scope.origin}: its variables are not JSON: {error}") from None
    return plain(json.dumps(document))


def _path(template: Template) -> Template:
    """Leave out scheme, host and port: the service is where the check has started it."""
    first = template[0] if template else "/"
    if isinstance(first, Ref):
        # An address that an answer gave may be whole: it is cut as this one is.
        where = first.where.replace("header:location", "path:location")
        return (replace(first, where=where), *template[1:])
    if "://" in first.partition("?")[0]:
        first = address_of(first)
    elif not first.startswith(("/", "?")):
        first = "/" + first.partition("/")[2]  # localhost:3000/cart
    rest = template[1:]
    if not first and rest and isinstance(rest[0], Ref):
        return _path(rest)
    first = re.sub(r"\s", "%20", first)
    return joined([first if first.startswith("/") else f"/{first}", *rest])


def _seen(call: Call, answers: Mapping[int, Answer]) -> Call:
    """Return the call with references that hold the values of these answers."""

    def of(template: Template) -> Template:
        return tuple(
            piece
            if isinstance(piece, str)
            else Ref(piece.call, piece.where, fill((piece,), answers))
            for piece in template
        )

    return call.mapped(of)
