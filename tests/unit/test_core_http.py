"""The HTTP answer that every script is given, and the typed ways in which none comes."""

import errno
import json
import socket
import ssl
import threading

import pytest
import requests
import urllib3

from lab.core.http import (
    Answer,
    BadAnswer,
    ConnectionRefused,
    ConnectionReset,
    ConnectTimedOut,
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


def serve(answer, scheme="http"):
    """Return the error that requests has with a server that says this, or says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

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
            url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
            requests.get(url, timeout=0.3 if answer is None else 60)
        except requests.RequestException as error:
            return error
        finally:
            done.set()
            thread.join(60)
    raise AssertionError("it was answered")


def error_of(url="http://127.0.0.1:1/", **how):
    """Return the error that requests has with a request that does not get out."""
    with pytest.raises((requests.RequestException, urllib3.exceptions.HTTPError)) as caught:
        requests.get(url, timeout=60, **how)
    return caught.value


def test_refused_connection_was_not_sent():
    found = transport_error(error_of(f"http://127.0.0.1:{closed_port()}/"))
    assert type(found) is ConnectionRefused and not found.sent


@pytest.mark.parametrize(
    ("system", "kind", "words"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name not known"),
            NotSent,
            "not sent (Name not known)",
        ),
        (OSError(errno.ENETUNREACH, "No way there"), NotSent, "not sent (No way there)"),
        (ConnectionResetError(errno.ECONNRESET, "Reset"), NotSent, "not sent (Reset)"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "No"), ConnectionRefused, "connection refused"),
        (TimeoutError("timed out"), ConnectTimedOut, "timed out while connecting"),
    ],
)
def test_request_whose_connection_was_not_made_was_not_sent(monkeypatch, system, kind, words):
    """In urllib3 the errors of all of them are a kind of ConnectTimeoutError."""

    def fails(*_, **__):
        raise system

    monkeypatch.setattr("urllib3.util.connection.create_connection", fails)
    error = error_of()
    assert issubclass(type(error.args[0].reason), urllib3.exceptions.ConnectTimeoutError)
    for found in (transport_error(error), transport_error(system, connecting=True)):
        assert type(found) is kind and not found.sent
        assert str(found).startswith(words)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, ReadTimedOut),
        (b"", ConnectionReset),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ConnectionReset),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", ConnectionReset),
        (b"no http\r\n\r\n", BadAnswer),
        # An answer, and urllib3's InvalidHeader, has the name of an error of requests.
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 5\r\n\r\nyes", BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip", BadAnswer),
    ],
)
def test_request_that_was_sent_may_have_been_carried_out(answer, kind):
    found = transport_error(serve(answer))
    assert type(found) is kind and found.sent


@pytest.mark.parametrize(
    ("answer", "kind"), [(None, ConnectTimedOut), (b"", NotSent), (b"no TLS at all", NotSent)]
)
def test_request_whose_handshake_failed_was_not_sent(answer, kind):
    found = transport_error(serve(answer, "https"))
    assert type(found) is kind and not found.sent


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), NotSent),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), NotSent),
        (TimeoutError("timed out"), ReadTimedOut),
        (ConnectionAbortedError(), ConnectionReset),
        (BrokenPipeError(), ConnectionReset),
        (ssl.SSLEOFError(8, "EOF occurred"), ConnectionReset),
        (ssl.SSLError(1, "bad record"), BadAnswer),
        # On a connection that stood it comes after minutes of silence: there was a request.
        (OSError(errno.EHOSTUNREACH, "No route to host"), ConnectionReset),
    ],
)
def test_error_of_the_system_itself(raw, kind):
    found = transport_error(raw)
    assert type(found) is kind and found.sent is (kind is not NotSent)


@pytest.mark.parametrize(
    ("url", "how"),
    [
        ("http://[/", {}),
        ("http://127.0.0.1:99999/", {}),
        (f"http://{'a' * 64}.invalid/", {}),
        ("ftp://127.0.0.1/", {}),
        ("/", {}),
        ("http://127.0.0.1:1/", {"headers": {"X-A": "a\nb"}}),
    ],
)
def test_request_that_cannot_be_written_was_not_sent(url, how):
    found = transport_error(error_of(url, **how))
    assert type(found) is NotSent and not found.sent
