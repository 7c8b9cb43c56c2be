"""An operation of an OpenAPI document, with what is needed to send it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lab.check.conversation import READS
from lab.core.json_object import JsonObject

_ORDER = {"POST": 1, "GET": 2, "HEAD": 2, "OPTIONS": 2, "PUT": 3, "PATCH": 3, "DELETE": 5}
_IN = re.compile(r"(log|sign)[-_/]?in|(log|sign)[-_/]?up|authenticate(?!d)|register(?!ed)", re.I)
_OUT = re.compile(r"(log|sign)[-_/]?(out|off)|checkout|revoke|shut[-_]?down|/quit", re.I)
_IN_WORDS = frozenset({"auth", "token", "tokens", "session", "sessions"})
_WORD_OF_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
BYTES_TYPE = "application/octet-stream"


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
    """None if the document does not mention security, () if it requires none."""

    @property
    def reads(self) -> bool:
        """True if it should change nothing."""
        return self.method in READS

    @cached_property
    def rank(self) -> int:
        """Its place in a sensible order: log in, create, read, change, delete."""
        text = f"{self.name} {self.path}"
        if _OUT.search(text):
            return 6
        if _IN.search(text):
            return 0
        words = {each.lower() for each in _WORD_OF_NAME.findall(text)}
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
