"""The conversation with an MCP server: lists, calls, the same calls again, and lists again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lab.check.conversation import Call, Client, Conversation, Ref
from lab.check.mcp.catalogue import Prompt, Tool, prompts, resources, tools
from lab.check.mcp.handles import Handles
from lab.check.mcp.messages import FromAnswer, Wire
from lab.check.mcp.replies import Reply, reply_of
from lab.check.mcp.values import NoValue
from lab.core.errors import LabError
from lab.core.http import Answer
from lab.core.json_object import JsonObject
from lab.core.text import one_line

LISTS: Final = "lists"
APPLICATION: Final = "application state"
MOST_PAGES, MOST_TOOLS, MOST_OTHERS = 5, 8, 3
MOST_LISTED = 12  # names that a note lists; the rest is a number
METHODS: Final = {"tools": "tools/list", "resources": "resources/list", "prompts": "prompts/list"}
Results = dict[str, list[JsonObject]]  # the pages of each kind of thing


@dataclass
class McpSource:
    """An MCP server is its own source: it says what there is to call.

    `called` are the tools that may be called though they do not say that they are read-only, with
    their arguments where these were given. `wire` and `capabilities` are known once it was met.
    """

    called: Mapping[str, JsonObject | None] = field(default_factory=dict)
    wire: Wire = field(default_factory=lambda: Wire("/mcp", ""))
    capabilities: JsonObject = field(default_factory=dict)

    def record(self, send: Client) -> Conversation:
        """Run the conversation once, and return it; LabError if no list is answered."""
        talk = _McpTalk(send, self.wire)
        results = self._ask_lists(talk)
        chosen = self._chosen(_every(results, "tools", tools), talk.notes)
        others = [
            *_some(_every(results, "resources", resources), "resources", _read, talk.notes),
            *_some(_every(results, "prompts", prompts), "prompts", _get, talk.notes),
        ]
        for _ in range(2 if chosen or others else 0):
            for method, params in others:
                talk.say(method, params, APPLICATION, safe=True)
            for tool in chosen:
                talk.call(tool, self.called.get(tool.name))
        self._ask_lists(talk)
        notes = tuple(dict.fromkeys(talk.notes))
        return Conversation(
            tuple(talk.calls), f"MCP at {self.wire.path}", tuple(talk.answers), notes=notes
        )

    def _ask_lists(self, talk: "_McpTalk") -> Results:
        """Ask for each list that there is, all its pages."""
        offered = [kind for kind in METHODS if kind in self.capabilities] or ["tools"]
        replies = {kind: [*talk.pages(METHODS[kind])] for kind in offered}
        if errors := [
            f"{METHODS[n]}: {each[-1].error}" for n, each in replies.items() if each[-1].error
        ]:
            talk.notes += errors
        results = {n: [page.result for page in each if page.result] for n, each in replies.items()}
        if not any(results.values()):
            raise LabError(f"{self.wire.path} gives no readable list: {errors[0]}")
        return results

    def _chosen(self, known: list[Tool], notes: list[str]) -> list[Tool]:
        """Return the tools to call: those that say they only read, then those that are named."""
        by_name = {each.name: each for each in known}
        for name in self.called:
            if name not in by_name:
                raise LabError(
                    f"--call {name}: there is no such tool; the tools are {_listed(by_name)}"
                )
        others = [each for each in by_name.values() if each.name not in self.called]
        reads = [each for each in others if each.read_only]
        if silent := [each.name for each in others if not each.read_only]:
            notes.append(
                f"not called, since they are not marked as read-only: {_listed(silent)} "
                "(--call NAME calls one)"
            )
        if left := [each.name for each in reads[MOST_TOOLS:]]:
            notes.append(f"not called, since there are too many: {_listed(left)} (--call NAME)")
        return [*reads[:MOST_TOOLS], *(by_name[name] for name in self.called)]


class _McpTalk:
    """The conversation as it runs: what answers gave is used in later calls."""

    def __init__(self, send: Callable[[Call], Answer], wire: Wire) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self.notes: list[str] = []
        self._send = send
        self._wire = wire
        self._handles = Handles()

    def say(
        self,
        method: str,
        params: Mapping[str, Any],
        topic: str,
        *,
        safe: bool = False,
        hinted: bool = False,
        mirrored: Mapping[str, str | int | bool] | None = None,
    ) -> Reply:
        """Send a request and return its reply."""
        number = len(self.calls) + 1
        call = self._wire.request(number, method, params, topic=topic, safe=safe, mirrored=mirrored)
        call = replace(call, hinted=hinted)
        answer = self._send(call)
        self.calls.append(call)
        self.answers.append(answer)
        return reply_of(answer, number)

    def pages(self, method: str) -> Iterator[Reply]:
        """Ask for a list, and for its next pages: a few at most, and none twice."""
        params: JsonObject = {}
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            reply = self.say(method, params, LISTS, safe=True)
            yield reply
            cursor = (reply.result or {}).get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return
            if cursor in seen:
                self.notes.append(f"{method} gives a cursor that it has given before")
                return
            seen.add(cursor)
            here = Ref(len(self.calls) - 1, "json:/result/nextCursor", cursor, "json")
            params = {"cursor": FromAnswer(here, cursor)}
        self.notes.append(f"{method} has more than {MOST_PAGES} pages: the others are not read")

    def call(self, tool: Tool, arguments: JsonObject | None) -> None:
        """Call a tool, with these arguments or with values that its schema allows."""
        if arguments is None:
            try:
                arguments = tool.arguments(self._handles.arguments(tool))
            except NoValue as why:
                self.notes.append(
                    f"{_listed([tool.name])} was not called: no value was found for {why} "
                    f"(give its arguments: --call '{one_line(tool.name, 40)}={{…}}')"
                )
                return
        params = {"name": tool.name, "arguments": arguments}
        mirrored = tool.mirrored(arguments)
        reply = self.say(
            "tools/call", params, APPLICATION, hinted=tool.read_only, mirrored=mirrored
        )
        self._handles.learn(tool.name, len(self.calls) - 1, self.answers[-1])
        result = reply.result or {}
        if result.get("resultType") == "input_required":
            self.notes.append(
                f"{_listed([tool.name])} asks its client for input, which is not given"
            )


def _every(results: Results, kind: str, read: Callable[[JsonObject], Iterator[Any]]) -> list[Any]:
    """Return the items of all pages of a list, without repeats."""
    return [*{repr(each): each for page in results.get(kind, []) for each in read(page)}.values()]


def _some(
    found: list[Any],
    kind: str,
    request: Callable[[Any], tuple[str, JsonObject]],
    notes: list[str],
) -> list[tuple[str, JsonObject]]:
    if len(found) > MOST_OTHERS:
        notes.append(f"{len(found)} {kind}: the first {MOST_OTHERS} are asked for")
    return [request(each) for each in found[:MOST_OTHERS]]


def _read(uri: str) -> tuple[str, JsonObject]:
    return "resources/read", {"uri": uri}


def _get(prompt: Prompt) -> tuple[str, JsonObject]:
    return "prompts/get", {"name": prompt.name, "arguments": dict.fromkeys(prompt.wanted, "a")}


def _listed(names: Iterator[str] | list[str] | Mapping[str, Any]) -> str:
    known = [one_line(name, 40) for name in names]
    more = [f"and {len(known) - MOST_LISTED} more"] if len(known) > MOST_LISTED else []
    return ", ".join([*known[:MOST_LISTED], *more]) or "none"
