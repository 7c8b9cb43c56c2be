"""A request of an OpenAPI operation while it is filled in."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from lab.check.conversation import Call, plain
from lab.check.sources.operations import Operation, Parameter, Scheme
from lab.check.sources.writing import header_value, path_piece, query_pairs


class CallDraft:
    """What will be sent: parameters, credentials and a body are put in, each in its place."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._path = operation.path
        self._query: list[tuple[str, str]] = []
        self._cookies: list[tuple[str, str]] = []
        self._headers: dict[str, str] = {}
        self._body: str | None = None
        if _answers_json(operation):
            self._headers["Accept"] = "application/json"

    def put(self, parameter: Parameter, value: Any) -> None:
        """Put in the value of a parameter."""
        if parameter.where == "path":
            name = "{" + parameter.name + "}"
            self._path = self._path.replace(name, path_piece(parameter, value))
        elif parameter.where == "query":
            self._query += query_pairs(parameter, value)
        elif parameter.where == "header":
            self._headers[parameter.name] = header_value(parameter, value)
        else:
            self._cookies += query_pairs(parameter, value)

    def put_credential(self, scheme: Scheme, value: str) -> None:
        """Put in a credential, at the place that its security scheme names."""
        if scheme.where == "query":
            self._query.append((scheme.parameter, value))
        elif scheme.where == "cookie":
            self._cookies.append((scheme.parameter, value))
        else:
            self._headers[scheme.parameter] = value

    def put_body(self, media: str, text: str) -> None:
        """Put in a body of a media type."""
        self._headers["Content-Type"], self._body = media, text

    def call(self, prefix: str, headers: Iterable[tuple[str, str]], file: str) -> Call:
        """Return the draft as a call with the author's headers; `prefix` is put before the path."""
        if self._cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self._cookies)
            self._headers["Cookie"] = pairs
        self._headers.update(headers)
        address = quote(prefix, safe="/%") + quote(self._path, safe="/%:@!$&'()*+,;=~")
        return Call(
            self._operation.method,
            plain(address + (f"?{urlencode(self._query)}" if self._query else "")),
            tuple((name, plain(_one_line(value))) for name, value in self._headers.items()),
            None if self._body is None else plain(self._body),
            f"{file} {self._operation.name}",
            self._operation.name,
        )


def _answers_json(operation: Operation) -> bool:
    return any(
        "json" in str(media)
        for status, response in operation.responses.items()
        if status.startswith(("2", "d"))
        for media in response.get("content") or ()
    )


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
