"""The conversation that is made up for an MCP server: what is called, and what is left out."""

import json

import pytest

from lab.check.conversation import recorded
from lab.check.mcp.catalogue import Tool, prompts, resources, tools
from lab.check.mcp.handles import Handles
from lab.check.mcp.messages import Wire
from lab.check.mcp.source import MOST_OTHERS, MOST_PAGES, MOST_TOOLS, McpSource
from lab.core.errors import LabError
from lab.core.http import Answer, Headers

NUMBERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
EVERYTHING = {"tools": {}, "resources": {}, "prompts": {}}


def a_tool(name, schema=None, reads=True):
    hints = {"annotations": {"readOnlyHint": True}} if reads else {}
    return {"name": name, "inputSchema": schema or {"type": "object"}, **hints}


class Server:
    """Answers requests from a table: a method, or a tool's name, to a result or a function."""

    def __init__(self, **results):
        self.results = results
        self.asked = []

    def __call__(self, call):
        message = json.loads(recorded(call.body))
        self.asked.append(message)
        params = message["params"]
        known = self.results.get(params.get("name")) or self.results.get(message["method"], {})
        result = known(params) if callable(known) else known
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        if isinstance(result, bytes):
            return Answer(200, content=result)
        return Answer(
            200, Headers([("content-type", "application/json")]), json.dumps(reply).encode()
        )

    def renew(self):
        raise AssertionError("one process is enough")

    @property
    def methods(self):
        return [each["params"].get("name") or each["method"] for each in self.asked]


def offering(*listed, **results):
    return Server(**{"tools/list": {"tools": [*listed]}, **results})


def held(server, capabilities=None, **called):
    source = McpSource(called, Wire("/mcp", "2026-07-28"), capabilities or {"tools": {}})
    return source.record(server)


def test_lists_frame_the_calls_which_come_twice():
    server = offering(a_tool("add", NUMBERS), a_tool("status"))
    conversation = held(server)
    assert server.methods == ["tools/list", *["add", "status"] * 2, "tools/list"]
    assert [call.topic for call in conversation.calls[:2]] == ["lists", "application state"]
    assert [call.safe for call in conversation.calls[:2]] == [True, False]
    assert server.asked[1]["params"]["arguments"] == {"a": 1}
    assert len({call.origin for call in conversation.calls}) == len(conversation)


def test_tool_that_does_not_say_that_it_reads_is_called_only_by_name():
    listed = [a_tool("drop", reads=False), a_tool("odd", reads="yes"), a_tool("add", NUMBERS)]
    listed[1]["annotations"] = {"readOnlyHint": "yes"}
    server = offering(*listed)
    conversation = held(server)
    assert "drop" not in server.methods and "odd" not in server.methods
    assert "drop, odd" in conversation.notes[0] and "--call" in conversation.notes[0]
    server = offering(*listed)
    held(server, drop={"table": "x"})
    assert server.methods[1:3] == ["add", "drop"]  # what only reads comes first
    assert server.asked[2]["params"]["arguments"] == {"table": "x"}


def test_name_of_no_tool_says_which_there_are():
    with pytest.raises(LabError, match="--call dorp: there is no such tool; the tools are drop"):
        held(offering(a_tool("drop")), dorp=None)


def test_resources_and_prompts_are_read():
    server = Server(
        **{
            "tools/list": {"tools": []},
            "resources/list": {"resources": [{"uri": f"file:///{n}"} for n in range(9)]},
            "prompts/list": {
                "prompts": [{"name": "hi", "arguments": [{"name": "who", "required": True}]}]
            },
        }
    )
    conversation = held(server, EVERYTHING)
    reads = [each for each in server.asked if each["method"] == "resources/read"]
    assert len(reads) == 2 * MOST_OTHERS
    assert reads[0]["params"]["uri"] == "file:///0"
    asked = next(each for each in server.asked if each["method"] == "prompts/get")
    assert asked["params"]["arguments"] == {"who": "a"}
    assert all(call.safe for call in conversation.calls)
    assert "9 resources: the first 3 are asked for" in conversation.notes


def test_handle_that_a_tool_gives_goes_into_the_calls_that_ask_for_it():
    baskets = iter(["b-1", "b-2"])
    wants = {
        "type": "object",
        "properties": {"basketId": {"type": "string"}},
        "required": ["basketId"],
    }
    server = offering(
        a_tool("open_basket"),
        a_tool("look", wants),
        open_basket=lambda params: {"structuredContent": {"basket_id": next(baskets)}},
    )
    conversation = held(server)
    looks = [n for n, each in enumerate(server.methods) if each == "look"]
    given = [server.asked[n]["params"]["arguments"]["basketId"] for n in looks]
    assert given == ["b-1", "b-2"]
    refs = [ref for n in looks for ref in conversation.calls[n].refs()]
    assert [ref.call for ref in refs] == [n - 1 for n in looks]
    assert refs[0].where == "json:/result/structuredContent/basket_id"


@pytest.mark.parametrize(
    "result",
    [
        {"content": [{"type": "text", "text": '{"basket_id": "b-1", "n": 3}'}]},
        {"content": [{"type": "text", "text": "b-1"}]},
        {"structuredContent": {"result": "b-1"}},
        {"structuredContent": {"basket": {"id": "b-1"}}},
    ],
)
def test_handle_is_found_in_text_and_under_other_names(result):
    handles, wants = (
        Handles(),
        {"properties": {"basket": {"type": "string"}}, "required": ["basket"]},
    )
    answer = Answer(200, content=json.dumps({"id": 1, "result": result}).encode())
    handles.learn("open_basket", 4, answer)
    given = handles.arguments(Tool("look", wants))["basket"]
    assert (given.value, given.ref.call) == ("b-1", 4)
    from lab.check.correlation import fill

    moved = Answer(200, content=answer.content.replace(b"b-1", b"b-2"))
    assert fill((given.ref,), {4: moved}) == "b-2"


def test_handle_of_a_failed_call_or_of_another_kind_is_none():
    wants = Tool("look", {"properties": {"n": {"type": "integer"}}, "required": ["n"]})
    for result in (
        {"isError": True, "structuredContent": {"n": 3}},
        {"structuredContent": {"n": "three"}},
        {"structuredContent": {"n": True}},
        {"structuredContent": [None], "content": "x"},
        {"content": [7, {"text": 8}]},
        [],
    ):
        handles = Handles()
        handles.learn("give", 0, Answer(200, content=json.dumps({"result": result}).encode()))
        assert handles.arguments(wants) == {}


def test_cursor_goes_into_the_next_request_as_it_is_given():
    pages = {None: ("a", "page-2-of-it"), "page-2-of-it": ("b", None)}

    def listed(params):
        name, cursor = pages[params.get("cursor")]
        return {"tools": [a_tool(name)], **({"nextCursor": cursor} if cursor else {})}

    conversation = held(Server(**{"tools/list": listed}))
    assert next(conversation.calls[1].refs()).where == "json:/result/nextCursor"
    assert len(conversation) == 8  # two pages, "a" and "b" twice, two pages


def test_cursors_that_never_end_are_followed_for_a_few_pages():
    numbers = iter(range(10**6))
    server = Server(
        **{"tools/list": lambda params: {"tools": [], "nextCursor": f"c{next(numbers)}"}}
    )
    conversation = held(server)
    assert len(server.asked) == 2 * MOST_PAGES
    assert f"more than {MOST_PAGES} pages" in conversation.notes[0]


@pytest.mark.parametrize("cursor", ["again", "", 7, None, ["x"]])
def test_cursor_that_is_none_or_the_same_again_ends_the_list(cursor):
    server = offering()
    server.results["tools/list"] = {"tools": [], "nextCursor": cursor}
    held(server)
    assert len(server.asked) <= 4


def test_tools_are_called_in_part_where_there_are_many():
    server = offering(*(a_tool(f"t{n}") for n in range(30)))
    conversation = held(server)
    assert server.methods.count("t0") == 2
    assert len(server.asked) == 2 + 2 * MOST_TOOLS
    assert "there are too many" in conversation.notes[0]


def test_tool_without_a_value_is_left_out_and_named():
    broken = {"type": "object", "properties": {"a": False}, "required": ["a"]}
    server = offering(a_tool("broken", broken), a_tool("add", NUMBERS))
    conversation = held(server)
    assert "broken" not in server.methods
    assert "broken was not called" in conversation.notes[0]
    assert "--call 'broken={…}'" in conversation.notes[0]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"tools"', b"[" * 5000, b"x" * 2_000_000])
def test_list_that_cannot_be_read_is_an_error_that_says_so(body):
    with pytest.raises(LabError, match="gives no readable list: tools/list"):
        held(Server(**{"tools/list": body}))


def test_list_that_cannot_be_read_beside_one_that_can_is_a_note():
    server = offering(a_tool("add", NUMBERS), **{"prompts/list": b"{"})
    conversation = held(server, EVERYTHING)
    assert conversation.notes[0].startswith(
        "prompts/list: answered 200 with something other than a whole JSON-RPC"
    )


@pytest.mark.parametrize("listed", [None, 7, "x", {}, [None, 7, [], {"name": 3}, {"name": ""}]])
def test_damaged_lists_have_nothing_in_them(listed):
    result = {"tools": listed, "prompts": listed, "resources": listed}
    assert [*tools(result), *prompts(result), *resources(result)] == []


def test_damaged_tools_are_taken_as_far_as_they_go():
    item = {"name": "a", "inputSchema": 7, "annotations": []}
    assert [*tools({"tools": [item, {"name": "x" * 5000}]})] == [Tool("a")]


def test_arguments_with_a_header_are_found_and_odd_headers_are_not():
    schema = {
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "evil": {"type": "string", "x-mcp-header": "A: b\r\nC"},
            "list": {"type": "array", "x-mcp-header": "List"},
        }
    }
    found = Tool("q", schema).mirrored({"region": "eu", "evil": "x", "list": [1]})
    assert found == {"Region": "eu"}
