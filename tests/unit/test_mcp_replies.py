"""Replies of MCP servers: JSON, event streams, and what is neither."""

import json

import pytest

from lab.check.mcp.replies import as_one_message, has_come, id_of, reply_of
from lab.core.http import Answer, Headers

RESULT = {"jsonrpc": "2.0", "id": 7, "result": {"tools": []}}


def as_json(document, status=200):
    return Answer(
        status, Headers([("Content-Type", "application/json")]), json.dumps(document).encode()
    )


def stream(*events, end="\n"):
    text = "".join(f"event: message{end}data: {each}{end}{end}" for each in events)
    return Answer(200, Headers([("Content-Type", "text/event-stream")]), text.encode())


def test_reply_in_an_event_stream_is_read_as_if_it_were_json():
    progress = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress"})
    for end in ("\n", "\r\n", "\r"):
        answer = as_one_message(stream(progress, json.dumps(RESULT), end=end), 7)
        assert answer.body == RESULT
        assert answer.header("content-type") == "application/json"
        assert reply_of(answer, 7).result == {"tools": []}


def test_data_of_several_lines_and_an_empty_event_before_it():
    text = 'id: 1\ndata: \n\n: ping\n\ndata: {"jsonrpc": "2.0", "id": 7,\ndata: "result": {}}\n\n'
    answer = Answer(
        200, Headers([("Content-Type", "text/event-stream; charset=utf-8")]), text.encode()
    )
    assert reply_of(as_one_message(answer, 7), 7).result == {}


def test_event_that_was_cut_off_is_no_reply():
    whole = stream(json.dumps(RESULT))
    for cut in range(1, len(whole.content) - 1):
        half = Answer(200, whole.headers, whole.content[:cut])
        reply = reply_of(as_one_message(half, 7), 7)
        assert reply.result is None
        assert not has_come(half.content, 7)
    assert has_come(whole.content, 7)


@pytest.mark.parametrize("other", ["7", 7.5, True, None, 8, [7], {}])
def test_id_of_another_request_is_no_reply(other):
    message = {**RESULT, "id": other}
    assert as_one_message(stream(json.dumps(message)), 7).body is None
    reply = reply_of(as_json(message), 7)
    assert reply.result is None
    assert "no result for 7" in reply.error


def test_true_is_not_the_id_one():
    assert reply_of(as_json({"jsonrpc": "2.0", "id": True, "result": {}}), 1).result is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id": 7, "result": [}',
        b"null",
        b"[]",
        b'"x"',
    ],
)
def test_answer_that_is_not_a_message_says_so(body):
    answer = Answer(200, Headers([("Content-Type", "application/json")]), body)
    reply = reply_of(as_one_message(answer, 7), 7)
    assert reply.result is None
    assert "other than a whole JSON-RPC message: " in reply.error
    assert not reply.error.endswith(" ")


@pytest.mark.parametrize("result", [None, [], "x", 3])
def test_result_that_is_no_object_is_none(result):
    assert reply_of(as_json({"jsonrpc": "2.0", "id": 7, "result": result}), 7).result is None


def test_error_comes_on_one_line_with_its_code():
    error = {"code": -32601, "message": "no\nsuch\x1b[31m method" + "x" * 5000, "data": [1]}
    reply = reply_of(as_json({"jsonrpc": "2.0", "id": None, "error": error}, 404), 7)
    assert (reply.result, reply.code, reply.data) == (None, -32601, [1])
    assert reply.error.startswith("answered 404, error -32601: no such")
    assert "\x1b" not in reply.error
    assert len(reply.error) < 300


@pytest.mark.parametrize("code", ["x", None, True, [], 1.5])
def test_code_that_is_no_number_is_none(code):
    answer = as_json({"jsonrpc": "2.0", "id": 7, "error": {"code": code}})
    assert reply_of(answer, 7).code is None


def test_result_with_a_failed_status_is_none():
    assert reply_of(as_json(RESULT, 500), 7).result is None


def test_no_answer_says_why():
    assert reply_of(Answer(None), 7).error


def test_batch_has_the_reply_among_its_messages():
    assert as_one_message(as_json([{"jsonrpc": "2.0", "method": "x"}, RESULT]), 7).body == RESULT


def test_stream_without_an_end_is_left_when_the_reply_has_come():
    body = stream(json.dumps(RESULT)).content
    assert has_come(body + b": ping\n\n", 7)
    assert not has_come(body, 8)
    assert not has_come(b'{"jsonrpc": "2.0", "id": 7, "result": {}}\n', 7)  # no event stream


@pytest.mark.parametrize(
    ("body", "number"), [('{"id": 3}', 3), ("[]", None), ("{", None), ("", None)]
)
def test_id_of_a_request(body, number):
    assert id_of(body) == number
