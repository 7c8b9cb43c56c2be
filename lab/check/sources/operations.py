"""The operations of an OpenAPI document, with what is needed to send each."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from lab.check.conversation import READS
from lab.check.sources.description import DAMAGE, Description
from lab.core.errors import LabError
from lab.core.json_object import JsonObject

OPENAPI_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ORDER = {"POST": 1, "GET": 2, "HEAD": 2, "OPTIONS": 2, "PUT": 3, "PATCH": 3, "DELETE": 5}
_IN = re.compile(r"(log|sign)[-_/]?in|(log|sign)[-_/]?up|authenticate(?!d)|register(?!ed)", re.I)
_OUT = re.compile(r"(log|sign)[-_/]?(out|off)|checkout|revoke|shut[-_]?down|/quit", re.I)
_IN_WORDS = frozenset({"auth", "token", "tokens", "session", "sessions"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IN_PATH = re.compile(r"\{([^{}/]+)\}")
# Set by the client itself, whatever a document says of them (OpenAPI 3.1, 4.8.12.1).
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Parameter:
    """A value in the path, the query, a header or a cookie; `content` is how it is written."""

    name: str
    where: str
    schema: JsonObject
    required: bool = False
    style: str = ""
    explode: bool = True
    examples: tuple[Any, ...] = ()
    content: str = ""


@dataclass(frozen=True)
class Body:
    """One form in which a request's body may be sent."""

    media: str
    schema: JsonObject
    examples: tuple[Any, ...] = ()
    encoding: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Scheme:
    """How a client says who it is: an API key, or a header Authorization of some kind."""

    name: str
    kind: str
    """"apiKey", or the word before the credential: "Basic", "Bearer", …"""
    where: str = "header"
    parameter: str = "Authorization"


@dataclass(frozen=True, eq=False)
class Operation:
    """One method of one path. `schemes` are ways to say who asks, each enough."""

    name: str
    method: str
    path: str
    position: int
    prefix: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    responses: JsonObject = field(default_factory=dict)
    schemes: tuple[tuple[Scheme, ...], ...] | None = None
    """None where the document says nothing of it, () where nobody is asked."""

    @property
    def reads(self) -> bool:
        """Whether it should change nothing."""
        return self.method in READS

    @cached_property
    def rank(self) -> int:
        """Its place in a sensible order: come in, make, look, change, leave."""
        text = f"{self.name} {self.path}"
        if _OUT.search(text):
            return 6
        if _IN.search(text):
            return 0
        words = {each.lower() for each in _WORD.findall(text)}
        if self.method == "POST" and words & _IN_WORDS and "{" not in self.path:
            return 0
        return _ORDER.get(self.method, 4)

    @property
    def title(self) -> str:
        """Method and path, as in the document."""
        return f"{self.method} {self.path}"

    def links(self, status: int) -> Iterator[tuple[str, str, str]]:
        """Yield (operation, parameter, JSON pointer into the answer's body) of its links."""
        response = self.responses.get(str(status)) or self.responses.get("default") or {}
        for link in (response.get("links") or {}).values():
            for name, expression in (link.get("parameters") or {}).items():
                if str(expression).startswith("$response.body#"):
                    pointer = str(expression).removeprefix("$response.body#")
                    yield str(link.get("operationId")), str(name).rpartition(".")[2], pointer


@dataclass(frozen=True)
class Known:
    """What a document describes, and of which operations it could not be understood, and why."""

    operations: tuple[Operation, ...]
    damaged: tuple[str, ...] = ()


def operations(description: Description) -> Known:
    """Return the operations of a document; LabError where there is none that can be sent."""
    found: list[Operation] = []
    damaged: list[str] = []
    try:
        paths = list(description.object(description.root.get("paths")).items())
    except DAMAGE as error:
        raise LabError(f"{description.file} is damaged: {error}") from None
    for path, item in paths:
        try:
            _check(path, item := description.object(item))
        except DAMAGE as error:
            damaged.append(f"{path}: {_why(error)}")
            continue
        for method in (each for each in OPENAPI_METHODS if each in item):
            try:
                found.append(_operation(description, str(path), item, method, len(found)))
            except DAMAGE as error:
                damaged.append(f"{method.upper()} {path}: {_why(error)}")
    if not found:
        if damaged:
            raise LabError(f"{description.file} is damaged: {damaged[0]}")
        raise LabError(f"{description.file} describes no operation")
    return Known(tuple(found), tuple(damaged))


def _check(path: Any, item: JsonObject) -> None:
    if not str(path).startswith("/"):
        raise ValueError("a path begins with /")
    if not item:
        raise ValueError("nothing is described there")


def _why(error: BaseException) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__} {error}"


def _operation(
    description: Description, path: str, item: JsonObject, method: str, position: int
) -> Operation:
    here = description.object(item[method])
    parameters: dict[tuple[str, str], JsonObject] = {}
    for each in [
        *description.objects(item.get("parameters")),
        *description.objects(here.get("parameters")),
    ]:
        parameters[str(each["name"]), str(each.get("in"))] = each
    for name in _IN_PATH.findall(path):  # some documents forget to describe one
        parameters.setdefault((name, "path"), {"name": name, "in": "path"})
    responses = {
        str(status): description.object(each)
        for status, each in (here.get("responses") or {}).items()
    }
    body = _body(description, here, list(parameters.values()))
    return Operation(
        name=str(here.get("operationId") or f"{method} {path}"),
        method=method.upper(),
        path=path,
        position=position,
        prefix=_prefix(description, item, here),
        parameters=tuple(
            _parameter(description, each)
            for (name, where), each in parameters.items()
            if where in ("path", "query", "header", "cookie")
            and not (where == "header" and name.lower() in _NOT_PARAMETERS)
        ),
        body=body,
        responses=responses,
        schemes=_schemes(description, here),
    )


def _prefix(description: Description, item: JsonObject, here: JsonObject) -> str:
    root = description.root
    if description.version == 2:
        return str(root.get("basePath") or "").rstrip("/")
    servers = description.objects(here.get("servers") or item.get("servers") or root.get("servers"))
    if not servers:
        return ""
    url = str(servers[0].get("url", ""))
    for name, variable in (servers[0].get("variables") or {}).items():
        url = url.replace("{" + str(name) + "}", str(variable.get("default", "")))
    path = urlsplit(url).path.rstrip("/")
    if path and not path.startswith("/"):
        path = f"/{path}"
    return "" if "{" in path else path


def _parameter(description: Description, given: JsonObject) -> Parameter:
    name, where = str(given["name"]), str(given["in"])
    content = description.object(given.get("content"))
    media = next(iter(content), "")
    holder = description.object(content[media]) if media else given
    schema = holder.get("schema") if description.version == 3 else given
    style = str(given.get("style") or ("form" if where in ("query", "cookie") else "simple"))
    explode = given.get("explode", style in ("form", "deepObject"))
    if description.version == 2:
        style, explode = "form", given.get("collectionFormat") == "multi"
    return Parameter(
        name=name,
        where=where,
        schema=description.object(schema),
        required=bool(given.get("required")) or where == "path",
        style=style,
        explode=bool(explode),
        examples=_examples(description, holder) if description.version == 3 else (),
        content=str(media),
    )


def _examples(description: Description, holder: JsonObject) -> tuple[Any, ...]:
    if "example" in holder:
        return (holder["example"],)
    named = holder.get("examples")
    if not isinstance(named, dict):
        return ()
    values = (description.object(each).get("value") for each in named.values())
    return tuple(each for each in values if each is not None)[:2]


def _body(
    description: Description, here: JsonObject, parameters: Sequence[JsonObject]
) -> Body | None:
    if description.version == 2:
        return _old_body(description, here, parameters)
    content = description.object(description.object(here.get("requestBody")).get("content"))
    forms = {str(media): description.object(each) for media, each in content.items()}
    if not forms:
        return None
    media = min(forms, key=_liking)
    chosen = forms[media]
    schema = description.object(chosen.get("schema"))
    if media.startswith(MULTIPART):  # of each field it must be seen whether it is a file
        fields = description.object(schema.get("properties"))
        named = {name: description.object(each) for name, each in fields.items()}
        schema = {**schema, "properties": named}
    return Body(
        media=media,
        schema=schema,
        examples=_examples(description, chosen),
        encoding=description.object(chosen.get("encoding")),
    )


def _liking(media: str) -> int:
    order = ("json", FORM, MULTIPART, "text/plain", "*/*", BYTES)
    return next((place for place, word in enumerate(order) if word in media), len(order))


def _old_body(
    description: Description, here: JsonObject, parameters: Sequence[JsonObject]
) -> Body | None:
    """Return the body of a Swagger 2 operation: one parameter, or the fields of a form."""
    kinds = here.get("consumes") or description.root.get("consumes") or []
    consumes = [str(each) for each in kinds]
    fields = [each for each in parameters if each.get("in") == "formData"]
    if fields:
        is_file = any(each.get("type") == "file" for each in fields)
        schema = {
            "type": "object",
            "properties": {str(each["name"]): _field(each) for each in fields},
            "required": [str(each["name"]) for each in fields if each.get("required")],
        }
        return Body(MULTIPART if is_file or MULTIPART in consumes else FORM, schema)
    whole = next((each for each in parameters if each.get("in") == "body"), None)
    if whole is None:
        return None
    media = min(consumes, key=_liking, default="application/json")
    return Body(media, description.object(whole.get("schema")))


def _field(given: JsonObject) -> JsonObject:
    field = {name: each for name, each in given.items() if name != "required"}
    return {**field, "type": "string", "format": "binary"} if given.get("type") == "file" else field


def _schemes(description: Description, here: JsonObject) -> tuple[tuple[Scheme, ...], ...] | None:
    """Return the ways to say who asks; each is one or more schemes together."""
    root = description.root
    asked = here.get("security", root.get("security"))
    if asked is None:
        return None
    where = root.get("components") if description.version == 3 else root
    word = "securitySchemes" if description.version == 3 else "securityDefinitions"
    known = description.object(description.object(where).get(word))
    ways = []
    for way in description.objects(asked):
        schemes = {str(name): description.object(known.get(name)) for name in way}
        ways.append(tuple(_scheme(name, each) for name, each in schemes.items()))
    return tuple(ways)


def _scheme(name: str, given: JsonObject) -> Scheme:
    kind = str(given.get("type"))
    if kind == "apiKey":
        return Scheme(name, kind, str(given.get("in")), str(given.get("name")))
    if kind == "basic":
        return Scheme(name, "Basic")
    word = str(given.get("scheme", "bearer"))  # oauth2 and openIdConnect bring a bearer token
    return Scheme(name, word[:1].upper() + word[1:])
