"""Reads the operations of an OpenAPI document: parameters, bodies, and who may ask."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from lab.check.sources.description import DAMAGE, Description
from lab.check.sources.operations import (
    BYTES_TYPE,
    FORM,
    MULTIPART,
    Body,
    Known,
    Operation,
    Parameter,
    Scheme,
)
from lab.core.errors import LabError
from lab.core.json_object import JsonObject

OPENAPI_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_IN_PATH = re.compile(r"\{([^{}/]+)\}")
# Set by the client itself, whatever a document says of them (OpenAPI 3.1, 4.8.12.1).
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})


def operations(description: Description) -> Known:
    """Return the operations of a document; LabError if there is none that can be sent."""
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
    if media.startswith(MULTIPART):  # the definition of each field says whether it is a file
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
    order = ("json", FORM, MULTIPART, "text/plain", "*/*", BYTES_TYPE)
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
