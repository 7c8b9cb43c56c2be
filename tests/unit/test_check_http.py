"""One request, one answer: cookies as a browser keeps them, and services that do not behave."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from clocks import TickingClock

from lab.check.address import Address
from lab.check.conversation import Call, Ref, plain
from lab.check.cookies import new_jar
from lab.check.http import send, session_of_its_own
from lab.check.trace import NOTHING, request_of, without_refs


@contextmanager
def server(*answers, pace=None):
    """Answer each connection with the next of some bytes; keep what was asked.

    Of an answer that is a list, each further piece is sent when `pace`, a semaphore, is released.
    """
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
                        if pace:
                            pace.acquire(timeout=60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        if pace:
            pace.release(1000)
        thread.join(60)


def http(*headers, body=b""):
    head = "".join(f"{line}\r\n" for line in headers)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def get(port, jar, path="/", timeout_s=60):
    return send(Address(port), requests.Request("GET", path), jar, timeout_s)


@pytest.mark.parametrize(
    ("given", "path", "carried"),
    [
        ("a=1", "/shop/x", True),
        ("a=1; Path=/shop", "/shop/x", True),
        ("a=1; Path=/other", "/shop/x", False),
        ("a=1; Path=/other", "/other/x", True),
        ("a=1; Secure; HttpOnly; SameSite=Lax", "/", True),
        ("a=1; Domain=elsewhere.example", "/", True),  # its own name, perhaps
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


def test_copy_of_a_jar_learns_for_itself():
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
def test_answer_that_is_no_http_is_none(answer):
    with server(answer) as (port, _):
        got = get(port, new_jar())
    assert got.status is None and got.error


@pytest.mark.parametrize("wanted", [0, 1])
def test_answer_that_never_ends_gives_what_came_in_time(wanted):
    drops = [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", *[b"x"] * 100]
    pace = threading.Semaphore(0)
    clock = TickingClock(0.25, at_each=pace.release)
    with server(drops, pace=pace) as (port, _):
        request = requests.Request("GET", "/")
        answer = send(Address(port), request, new_jar(), 8, wanted=wanted, clock=clock)
    assert answer.status == 200 and answer.content
    assert not answer.complete  # it would end by itself, after a hundred
    assert clock.now_s > 1000.5  # it was read by, not only before and after


def test_body_that_is_too_long_is_cut():
    body = b"x" * 3_000_000
    with server(http(body=body)) as (port, _):
        answer = get(port, new_jar())
    assert answer.status == 200 and len(answer.content) == 2_000_000 and not answer.complete


def test_own_port_is_no_difference_wherever_it_stands():
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
    answers = []
    for _ in range(2):
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]

        def serve(listener=listener, port=port):
            connection, _ = listener.accept()
            connection.recv(65536)
            body = f"see http://127.0.0.1:{port}/ or next=http%3A//localhost%3A{port}/a".encode()
            head = f"Location: http://127.0.0.1:{port}/b\r\nSet-Cookie: user-{port}={number}"
            connection.sendall(http(*head.split("\r\n"), body=body))
            connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        jar = new_jar()
        answers.append(get(port, jar))
        thread.join(60)
        listener.close()
        assert f"user-{port}" in jar  # it is sent back under its real name
    assert answers[0].content == answers[1].content and answers[0].headers == answers[1].headers


@pytest.mark.parametrize("path", ["@evil.example/x", "evil", ":80/", "/a b", "/\ud800"])
def test_value_cannot_lead_to_another_host(path):
    request = request_of(Call("GET", plain(path)), {})
    assert request.url.startswith("/")
    if "\ud800" in path:
        assert get(9, new_jar(), path).status is None


def test_client_that_carries_nothing_sends_nothing():
    bare = without_refs(
        Call("GET", ("/c/", Ref(0, "json:/id", "7")), (), (Ref(0, "json:/id", "7"),))
    )
    assert bare.path == ("/c/", NOTHING) and bare.body == (NOTHING,)


def test_name_is_sent_as_host_and_owns_cookies():
    jar = new_jar()
    given = ("Set-Cookie: a=1; Domain=shop.example", "Set-Cookie: b=1; Domain=elsewhere.example")
    with server(http(*given), http()) as (port, asked):
        address = Address(port, name="www.shop.example")
        for _ in range(2):
            send(address, requests.Request("GET", "/"), jar, 5)
    assert "\r\nHost: www.shop.example\r\n" in asked[0]
    assert "\r\nCookie: a=1\r\n" in asked[1] and "b=1" not in asked[1]


def test_connection_is_kept_where_that_is_asked_for():
    ends = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            ends.append(self.client_address)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = Address(server.server_address[1])
        for kept in (None, session_of_its_own()):
            for _ in range(2):
                send(address, requests.Request("GET", "/"), new_jar(), 5, kept=kept)
        server.shutdown()
    assert len({*ends[:2]}) == 2 and len({*ends[2:]}) == 1
    assert ends[2] not in ends[:2]


def test_stream_is_read_until_what_is_wanted_has_come():
    """A server that keeps its event stream open after the answer is not waited for."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    pieces = [head + b"data: 1\n\n", b"data: 2\n\n", *[b": ping\n\n"] * 400]
    pace = threading.Semaphore(0)

    def until(body):
        pace.release()
        return b"data: 2\n\n" in body

    with server(pieces, pace=pace) as (port, _):
        answer = send(Address(port), requests.Request("GET", "/"), new_jar(), 30, until=until)
    assert answer.complete
    assert b"data: 2" in answer.content
    assert answer.content.count(b"ping") < 400
