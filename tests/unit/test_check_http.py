"""One request, one answer: cookies as a browser keeps them, and services that do not behave."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import requests

from lab.check.conversation import Call, Ref, plain
from lab.check.plays import NOTHING, new_jar, request_of, without_refs
from lab.check.wire import send


@contextmanager
def server(*answers):
    """Answer each connection with the next of some bytes; keep what was asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65536).decode())
                    for piece in answer if isinstance(answer, list) else [answer]:
                        try:
                            connection.sendall(piece)
                        except OSError:
                            break
                        time.sleep(0.05 if isinstance(answer, list) else 0)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        thread.join(10)


def http(*headers, body=b""):
    head = "".join(f"{line}\r\n" for line in headers)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def get(port, jar, path="/", timeout_s=5):
    return send(port, requests.Request("GET", path), jar, timeout_s)


@pytest.mark.parametrize(
    ("given", "path", "carried"),
    [
        ("a=1", "/shop/x", True),
        ("a=1; Path=/shop", "/shop/x", True),
        ("a=1; Path=/other", "/shop/x", False),
        ("a=1; Path=/other", "/other/x", True),
        ("a=1; Secure; HttpOnly; SameSite=Lax", "/", True),
        ("a=1; Domain=elsewhere.example", "/", False),
        ("a=1; Max-Age=0", "/", False),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/", False),
    ],
)
def test_cookies_are_kept_as_a_browser_keeps_them(given, path, carried):
    jar = new_jar()
    with server(http(f"Set-Cookie: {given}"), http()) as (port, asked):
        get(port, jar, "/")
        get(port, jar, path)
    assert ("Cookie: a=1" in asked[1]) is carried


def test_a_copy_of_a_jar_learns_for_itself():
    jar = new_jar()
    copy = jar.copy()
    with server(http("Set-Cookie: a=1"), http(), http()) as (port, asked):
        get(port, jar)
        get(port, copy)
        get(port, jar)
    assert ["Cookie" in each for each in asked] == [False, False, True]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_answer_is_none(answer):
    with server(answer) as (port, _):
        got = get(port, new_jar())
    assert got.status is None and got.error


def test_an_answer_that_never_ends_is_given_up_in_time():
    drops = [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100]
    with server(drops) as (port, _):
        assert get(port, new_jar(), timeout_s=0.5).status is None  # it would end after 5 s with 200


@pytest.mark.parametrize("path", ["@evil.example/x", "evil", ":80/", "/a b", "/\ud800"])
def test_a_value_cannot_lead_to_another_host(path):
    request = request_of(Call("GET", plain(path)), {})
    assert request.url.startswith("/")
    if "\ud800" in path:
        assert get(9, new_jar(), path).status is None


def test_who_carries_nothing_says_nothing():
    bare = without_refs(
        Call("GET", ("/c/", Ref(0, "json:/id", "7")), (), (Ref(0, "json:/id", "7"),))
    )
    assert bare.path == ("/c/", NOTHING) and bare.body == (NOTHING,)
