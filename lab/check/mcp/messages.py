"""The messages of a client of the Model Context Protocol, as calls of a conversation.

Until 2025-11-25 a client initializes, and may be given a session id. Since 2026-07-28 (SEP-2567,
SEP-2575) each request carries its version and capabilities, and there are no sessions.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.check.conversation import Call, Ref, Template, joined, plain
from lab.core.json_object import JsonObject

MODERN: Final = ("2026-07-28",)
"""The versions in which each request brings its version and capabilities; no sessions."""
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
"""The versions in which a client initializes first, the newest one at the front."""
SESSION_HEADER: Final = "Mcp-Session-Id"
DISCOVER, INITIALIZE, INITIALIZED = "server/discover", "initialize", "notifications/initialized"
CLIENT = {"name": "lab-check", "version": "1"}
_ACCEPT = "application/json, text/event-stream"
_META = "io.modelcontextprotocol/"
_NAME_FIELD = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_HEADER_TEXT = re.compile(r"[!-~]([\t -~]*[!-~])?")
_ENCODED = re.compile(r"=\?base64\?.*\?=")
_STAND_IN = "\ue000{}\ue001"  # stands in a JSON text for a value that an answer gives
_WRITTEN = re.compile(r'"\\ue000(\d+)\\ue001"')


@dataclass(frozen=True)
class FromAnswer:
    """A value in a message that an earlier answer gave."""

    ref: Ref
    value: str | int


@dataclass(frozen=True)
class Wire:
    """How a client speaks to one endpoint: its path, and the version of the protocol.

    `sent` are headers that go with every message, such as a credential.
    """

    path: str
    version: str
    sent: tuple[tuple[str, str], ...] = ()

    @property
    def modern(self) -> bool:
        """True if each request carries what a session held before."""
        return self.version not in LEGACY and self.version >= MODERN[0]

    def request(
        self,
        number: int,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        topic: str = "",
        safe: bool = False,
        mirrored: Mapping[str, str | int | bool] | None = None,
    ) -> Call:
        """Return a request; `params` may hold FromAnswer, `mirrored` goes into headers too."""
        sent = {**(params or {}), **({"_meta": self._meta} if self.modern else {})}
        document = {"jsonrpc": "2.0", "id": number, "method": method, "params": sent}
        headers = self._headers(method, sent, mirrored or {})
        return self._call(document, headers, topic=topic, safe=safe)

    def notification(self, method: str) -> Call:
        """Return a notification: it has no id, and no answer."""
        return self._call({"jsonrpc": "2.0", "method": method}, self._headers(method, {}, {}))

    def end(self, session: str) -> Call:
        """Return the request that ends a session."""
        always = [("MCP-Protocol-Version", self.version), *self.sent]
        headers = tuple((name, plain(value)) for name, value in always)
        call = Call("DELETE", plain(self.path), headers, origin="mcp end")
        return in_session(call, plain(session))

    def initialize(self, number: int) -> Call:
        """Return the request that opens a session."""
        params = {"protocolVersion": self.version, "capabilities": {}, "clientInfo": CLIENT}
        document = {"jsonrpc": "2.0", "id": number, "method": INITIALIZE, "params": params}
        return self._call(document, [])

    @property
    def _meta(self) -> JsonObject:
        return {
            f"{_META}protocolVersion": self.version,
            f"{_META}clientInfo": CLIENT,
            f"{_META}clientCapabilities": {},
        }

    def _call(
        self,
        document: JsonObject,
        headers: list[tuple[str, str]],
        *,
        topic: str = "",
        safe: bool = False,
    ) -> Call:
        always = [("Content-Type", "application/json"), ("Accept", _ACCEPT), *headers, *self.sent]
        return Call(
            "POST",
            plain(self.path),
            tuple((name, plain(value)) for name, value in always),
            written(document),
            f"mcp {document.get('id', 'notification')}",
            rpc=True,
            safe=safe,
            topic=topic,
        )

    def _headers(
        self, method: str, params: JsonObject, mirrored: Mapping[str, str | int | bool]
    ) -> list[tuple[str, str]]:
        headers = [("MCP-Protocol-Version", self.version)]
        if self.modern:
            headers.append(("Mcp-Method", method))
            if isinstance(name := params.get(_NAME_FIELD.get(method, "")), str):
                headers.append(("Mcp-Name", header_text(name)))
            headers += [(f"Mcp-Param-{name}", header_text(each)) for name, each in mirrored.items()]
        return headers


def in_session(call: Call, session: Template) -> Call:
    """Return a call as it is sent in a session."""
    return Call(**{**vars(call), "headers": (*call.headers, (SESSION_HEADER, session))})


def header_text(value: str | int | bool) -> str:
    """Return a value as the protocol writes it into a header (SEP-2243)."""
    text = value if isinstance(value, str) else json.dumps(value)
    if _HEADER_TEXT.fullmatch(text) and not _ENCODED.fullmatch(text):
        return text
    encoded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    return f"=?base64?{encoded}?="


def written(document: JsonObject) -> Template:
    """Return a message as JSON text, with references in place of values from answers."""
    refs: list[FromAnswer] = []
    text = json.dumps(_with_tokens(document, refs))
    return joined(_pieces(text, refs))


def _with_tokens(value: Any, refs: list[FromAnswer]) -> Any:
    if isinstance(value, FromAnswer):
        refs.append(value)
        return _STAND_IN.format(len(refs) - 1)
    if isinstance(value, Mapping):
        return {name: _with_tokens(each, refs) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_tokens(each, refs) for each in value]
    return value


def _pieces(text: str, refs: list[FromAnswer]) -> Iterator[str | Ref]:
    at = 0
    for found in _WRITTEN.finditer(text):
        if (number := int(found[1])) >= len(refs):
            continue  # a text of the server's that looks like one of these
        given = refs[number]
        quote = '"' if isinstance(given.value, str) else ""
        yield text[at : found.start()] + quote
        yield given.ref
        yield quote
        at = found.end()
    yield text[at:]
