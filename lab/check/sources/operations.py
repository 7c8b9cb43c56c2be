"""The operations of an OpenAPI 3 document, with what is needed to send each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lab.core.errors import LabError
from lab.core.json_object import JsonObject

MOST_SCHEMA_DEPTH = 12
MOST_DRAWN_VALUES = 20_000  # of one operation, references resolved
OPENAPI_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ORDER = {"POST": 1, "GET": 2, "PUT": 3, "PATCH": 3, "DELETE": 5}
_LAST = ("logout", "signout", "checkout", "delete")
_FIRST = ("login", "signin", "register", "signup", "auth", "token", "session")
# What a document raises that does not say what it should.
DAMAGE = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Operation:
    """One method of one path. `body` is the JSON schema of its request, `example` one for it."""

    name: str
    method: str
    path: str
    prefix: str = ""
    parameters: tuple[JsonObject, ...] = ()
    body: JsonObject | None = None
    example: Any = None
    responses: JsonObject = field(default_factory=dict)
    wants_bearer: bool = True

    @property
    def rank(self) -> int:
        """Its place in a sensible order: come in, make, look, change, leave."""
        words = f"{self.name} {self.path}".lower()
        if self.method == "POST" and any(word in words for word in _FIRST):
            return 0
        if any(word in words for word in _LAST):
            return 6
        return _ORDER.get(self.method, 4)

    def address(self, value_of: Callable[[str, str, str], str]) -> str:
        """Return path and required query; `value_of(operation, name, example)` fills them."""
        path, query = self.path, []
        for parameter in self.parameters:
            name, where = str(parameter["name"]), parameter.get("in")
            if where == "path":
                value = value_of(self.name, name, _example(parameter))
                path = path.replace("{" + name + "}", quote(value, safe=""))
            elif where == "query" and parameter.get("required"):
                query.append((name, value_of(self.name, name, _example(parameter))))
        return self.prefix + path + (f"?{urlencode(query)}" if query else "")

    def links(self, status: int) -> Iterator[tuple[str, str, str]]:
        """Yield (operation, parameter, JSON pointer into the answer's body) of its links."""
        response = self.responses.get(str(status)) or self.responses.get("default") or {}
        for link in (response.get("links") or {}).values():
            for name, expression in (link.get("parameters") or {}).items():
                if str(expression).startswith("$response.body#"):
                    pointer = str(expression).removeprefix("$response.body#")
                    yield str(link.get("operationId")), name.rpartition(".")[2], pointer


def operations(document: Any, file: str) -> list[Operation]:
    """Return the operations of a document, local references resolved; LabError if it is none."""
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise LabError(f"{file} is no OpenAPI 3 document")
    try:
        found = list(_all(document))
    except DAMAGE as error:
        raise LabError(f"{file} is damaged: {type(error).__name__} {error}") from None
    if not found:
        raise LabError(f"{file} describes no operation")
    return found


def _all(document: JsonObject) -> Iterator[Operation]:
    servers = document.get("servers") or [{}]
    prefix = urlsplit(str(servers[0].get("url", ""))).path.rstrip("/")
    prefix = "" if "{" in prefix else prefix
    for path, item in (document.get("paths") or {}).items():
        item = _resolved(document, item)
        shared = [_resolved(document, each) for each in item.get("parameters", [])]
        for method in OPENAPI_METHODS:
            if method not in item:
                continue
            operation = _deep(document, item[method])
            body, example = _body(operation.get("requestBody") or {})
            yield Operation(
                name=str(operation.get("operationId") or f"{method} {path}"),
                method=method.upper(),
                path=str(path),
                prefix=prefix,
                parameters=(*shared, *operation.get("parameters", [])),
                body=body,
                example=example,
                responses={
                    str(status): each for status, each in (operation.get("responses") or {}).items()
                },
                wants_bearer=operation.get("security", document.get("security")) != [],
            )


def _body(request: JsonObject) -> tuple[JsonObject | None, Any]:
    content = request.get("content") or {}
    kind = next((value for name, value in content.items() if "json" in name), None)
    if kind is None:
        return None, None
    examples = kind.get("examples") or {}
    first: JsonObject = next(iter(examples.values()), {}) if isinstance(examples, dict) else {}
    return kind.get("schema") or {}, kind.get("example", first.get("value"))


def _example(parameter: JsonObject) -> str:
    schema = parameter.get("schema") or {}
    examples = parameter.get("examples") or {}
    first: JsonObject = next(iter(examples.values()), {}) if isinstance(examples, dict) else {}
    for place, name in ((parameter, "example"), (first, "value"), (schema, "example")):
        if name in place:
            return str(place[name])
    if schema.get("enum"):
        return str(schema["enum"][0])
    return str(schema.get("default", 1 if schema.get("type") == "integer" else "a"))


def _resolved(document: JsonObject, value: Any) -> Any:
    for _ in range(20):
        if not (isinstance(value, dict) and "$ref" in value):
            return value
        if not str(value["$ref"]).startswith("#/"):
            raise ValueError(f"{value['$ref']!r}: only references within the document are followed")
        place: Any = document
        for part in str(value["$ref"]).removeprefix("#/").split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
        value = place
    raise ValueError("a $ref that never ends")


def _deep(document: JsonObject, value: Any) -> Any:
    """Resolve the references in a value, some levels down: schemas may contain themselves."""
    left = MOST_DRAWN_VALUES

    def resolved(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if depth > MOST_SCHEMA_DEPTH or left < 0:
            return {} if isinstance(value, dict) else value  # anything will do that deep
        value = _resolved(document, value)
        if isinstance(value, dict):
            return {str(name): resolved(item, depth + 1) for name, item in value.items()}
        if isinstance(value, list):
            return [resolved(item, depth + 1) for item in value]
        return value

    return resolved(value, 0)
