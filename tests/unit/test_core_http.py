"""The HTTP answer that every script is given, and the typed ways in which none comes."""

import json
import socket

import pytest
import requests

from lab.core.http import (
    Answer,
    BadAnswer,
    ConnectionRefused,
    ConnectionReset,
    Headers,
    NotSent,
    ReadTimedOut,
    transport_error,
)


def test_headers_are_found_in_any_case_and_kept_in_order():
    headers = Headers([("Set-Cookie", "a=1"), ("SET-COOKIE", "b=2"), ("ETag", "x")])
    assert headers["etag"] == headers["ETAG"] == "x" and "eTag" in headers
    assert headers.all("Set-Cookie") == ["a=1", "b=2"] and headers["set-cookie"] == "a=1"
    assert headers.get("Mcp-Session-Id") is None and list(headers) == ["set-cookie", "etag"]
    assert "a=1" not in repr(headers)
    with pytest.raises(KeyError):
        headers["none"]


def test_answer_has_the_names_of_requests():
    answer = Answer(201, Headers([("X-A", "1")]), b'{"a": 1}', elapsed_s=0.5)
    assert (answer.status_code, answer.json(), answer.ok) == (201, {"a": 1}, True)
    assert (answer.content, answer.text) == (b'{"a": 1}', '{"a": 1}')
    assert answer.headers["x-a"] == "1" and answer.elapsed.total_seconds() == 0.5
    assert answer.status == answer.status_code and answer.body == answer.json()


@pytest.mark.parametrize("body", [b"", b"no", b"[" * 5000 + b"]" * 5000])
def test_body_that_is_no_json_is_a_value_error_and_none(body):
    assert Answer(200, content=body).body is None
    with pytest.raises(ValueError):
        Answer(200, content=body).json()


@pytest.mark.parametrize("document", [None, [], {}, 0, "", [[[]]]])
def test_json_is_json(document):
    assert Answer(200, content=json.dumps(document).encode()).is_json


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def serve(answer):
    """Return the error that requests has with a server that says this, or says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        import threading

        def once():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                if answer is None:
                    done.wait(60)
                else:
                    connection.sendall(answer)

        done = threading.Event()
        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        try:
            requests.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.3)
        except requests.RequestException as error:
            return error
        finally:
            done.set()
            thread.join(60)
    raise AssertionError("it was answered")


def test_refused_connection_was_not_sent():
    with pytest.raises(requests.ConnectionError) as caught:
        requests.get(f"http://127.0.0.1:{closed_port()}/", timeout=2)
    found = transport_error(caught.value)
    assert type(found) is ConnectionRefused and not found.sent


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(None, ReadTimedOut), (b"", ConnectionReset), (b"no http\r\n\r\n", BadAnswer)],
)
def test_request_that_was_sent_may_have_been_carried_out(answer, kind):
    found = transport_error(serve(answer))
    assert type(found) is kind and found.sent


def test_host_that_is_none_was_not_sent():
    with pytest.raises(requests.RequestException) as caught:
        requests.get("http://[/", timeout=1)
    assert type(transport_error(caught.value)) is NotSent
