"""The messages of an MCP client: what a request carries in each version of the protocol."""

import base64
import json

import pytest

from lab.check.conversation import Ref, recorded
from lab.check.correlation import fill
from lab.check.mcp.messages import FromAnswer, Wire, header_text, in_session, written
from lab.core.http import Answer

META = "io.modelcontextprotocol/"


def headers_of(call):
    return {name: recorded(value) for name, value in call.headers}


def body_of(call):
    return json.loads(recorded(call.body))


def test_request_without_sessions_brings_version_and_capabilities():
    call = Wire("/mcp", "2026-07-28").request(3, "tools/call", {"name": "add", "arguments": {}})
    sent = body_of(call)
    assert sent["id"] == 3
    assert sent["params"]["_meta"][f"{META}protocolVersion"] == "2026-07-28"
    assert sent["params"]["_meta"][f"{META}clientCapabilities"] == {}
    headers = headers_of(call)
    assert headers["MCP-Protocol-Version"] == "2026-07-28"
    assert headers["Mcp-Method"] == "tools/call"
    assert headers["Mcp-Name"] == "add"
    assert headers["Accept"] == "application/json, text/event-stream"


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26"])
def test_request_of_a_version_with_sessions_brings_the_version_alone(version):
    call = Wire("/mcp", version).request(3, "tools/list", {})
    assert body_of(call)["params"] == {}
    assert headers_of(call)["MCP-Protocol-Version"] == version
    assert "Mcp-Method" not in headers_of(call)


def test_initialize_names_the_version_in_its_body():
    call = Wire("/mcp", "2025-11-25").initialize(0)
    assert body_of(call)["params"]["protocolVersion"] == "2025-11-25"
    assert "MCP-Protocol-Version" not in headers_of(call)


def test_notification_has_no_id():
    assert "id" not in body_of(Wire("/mcp", "2025-11-25").notification("notifications/initialized"))


def test_name_of_a_resource_goes_into_the_header():
    call = Wire("/mcp", "2026-07-28").request(1, "resources/read", {"uri": "file:///a b"})
    assert headers_of(call)["Mcp-Name"] == "file:///a b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("us-west1", "us-west1"),
        (42, "42"),
        (True, "true"),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
    ],
)
def test_values_are_written_into_headers_as_the_protocol_says(value, text):
    assert header_text(value) == text


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "\ud800", "", "\x00"])
def test_hostile_values_cannot_leave_their_header(value):
    text = header_text(value)
    assert text.isascii() and text.isprintable()
    decoded = base64.b64decode(text.removeprefix("=?base64?").removesuffix("?="))
    assert decoded == value.encode("utf-8", "surrogatepass")


def test_arguments_that_are_mirrored_become_headers():
    wire = Wire("/mcp", "2026-07-28")
    call = wire.request(1, "tools/call", {"name": "q"}, mirrored={"Region": "eu", "Many": False})
    assert headers_of(call)["Mcp-Param-Region"] == "eu"
    assert headers_of(call)["Mcp-Param-Many"] == "false"


@pytest.mark.parametrize(("value", "now"), [("one", '"tw\\"o"'), (7, "8")])
def test_value_that_an_answer_gives_is_looked_up_in_it(value, now):
    ref = Ref(0, "json:/result/id", str(value), "json")
    template = written({"a": "\ue0005\ue001", "basket": FromAnswer(ref, value)})
    assert json.loads(recorded(template))["basket"] == value
    answer = Answer(200, content=b'{"result": {"id": %s}}' % now.encode())
    filled = fill(template, {0: answer})
    assert json.loads(filled)["basket"] == json.loads(now)
    assert json.loads(filled)["a"] == "\ue0005\ue001"


def test_session_is_one_header_more():
    call = Wire("/mcp", "2025-11-25").request(1, "tools/list", safe=True, topic="lists")
    within = in_session(call, ("abc",))
    assert headers_of(within) == {**headers_of(call), "Mcp-Session-Id": "abc"}
    assert (within.body, within.safe, within.topic, within.rpc) == (call.body, True, "lists", True)
