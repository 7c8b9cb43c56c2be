"""The proxy of a suite: what goes through it comes out as it went in, at the process it is for."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest
import requests

from lab.check.address import Address
from lab.check.suite.exchanges import SuiteJournal
from lab.check.suite.proxy import SuiteProxy
from lab.core.errors import LabError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DEADLINE_S = 60


class Upstream:
    """A server that reads until `until`, keeps what it read, and sends one answer in pieces."""

    def __init__(self, *pieces, until=b"\r\n\r\n", wait=lambda number: None):
        self.got, self._pieces, self._until, self._wait = [], pieces, until, wait
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                with connection:
                    self._answer(connection)

    def _answer(self, connection):
        text = b""
        while not text.endswith(self._until):
            if not (piece := connection.recv(4096)):
                return
            text += piece
        self.got.append(text)
        for number, piece in enumerate(self._pieces):
            self._wait(number)
            connection.sendall(piece)

    def close(self):
        self._listener.close()


@contextmanager
def proxied(*upstreams, choose=lambda test: 0):
    """A proxy before these servers: its port, and what it has seen."""
    proxy, journal = SuiteProxy(), SuiteJournal(choose)
    proxy.serve(journal, lambda number: upstreams[number].address)
    try:
        yield int(proxy.url.rpartition(":")[2]), journal
    finally:
        proxy.close()
        for each in upstreams:
            each.close()


@contextmanager
def client(port):
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as connection:
        yield connection


def read(connection, size=None):
    """Read so many bytes, or to the end."""
    text = b""
    while size is None or len(text) < size:
        if not (piece := connection.recv(4096)):
            break
        text += piece
    return text


def test_request_and_answer_pass_unchanged():
    sent = (
        b"POST /cart?x=%20 HTTP/1.1\r\nHost: shop.example:1\r\nCookie: a=1;b\r\nX-Odd:\xff\r\n"
        b"Content-Length: 3\r\n\r\n\x00\xffz"
    )
    answer = (
        b"HTTP/1.1 201 Made\r\nset-cookie: a=2\r\nSet-Cookie: b=3\r\nContent-Length: 4\r\n\r\n"
        b"\x00\xff\r\n"
    )
    upstream = Upstream(answer, until=b"\xffz")
    with proxied(upstream) as (port, journal), client(port) as connection:
        connection.sendall(sent)
        assert read(connection, len(answer)) == answer
        (exchange,) = journal.exchanges
        assert upstream.got == [sent]
        assert (exchange.title, exchange.status) == ("POST /cart?x=%20", 201)
        assert exchange.answer().content == b"\x00\xff\r\n"
        assert exchange.answer().headers.all("set-cookie") == ["a=2", "b=3"]


def test_requests_of_one_connection_go_to_processes_in_turn():
    one, two = Upstream(OK), Upstream(OK.replace(b"ok", b"no"))
    turn = iter([0, 1, 0])
    with proxied(one, two, choose=lambda test: next(turn)) as (port, journal):
        with client(port) as connection:
            for body in (b"ok", b"no", b"ok"):
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert read(connection, len(OK)).endswith(body)
        assert (len(one.got), len(two.got)) == (2, 1)
        assert [each.process for each in journal.exchanges] == [0, 1, 0]


def test_stream_arrives_as_it_is_sent():
    """The head is there before any event, and the first event before the second is sent."""
    may_go_on = [threading.Event() for _ in range(3)]
    pieces = (b"HTTP/1.1 200 OK\r\n\r\n", b"data: 1\n\n", b"data: 2\n\n")
    may_go_on[0].set()
    upstream = Upstream(*pieces, wait=lambda number: may_go_on[number].wait(DEADLINE_S))
    with proxied(upstream) as (port, _), client(port) as connection:
        connection.sendall(b"GET /events HTTP/1.1\r\n\r\n")
        for number, piece in enumerate(pieces):
            may_go_on[number].set()
            assert read(connection, len(piece)) == piece
        assert read(connection) == b""


def test_chunks_and_trailers_pass_unchanged():
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n"
    with proxied(Upstream(chunks)) as (port, journal), client(port) as connection:
        for _ in range(2):  # the connection is kept
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read(connection, len(chunks)) == chunks
        assert [each.body for each in journal.exchanges] == [b"ok", b"ok"]


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        (b"GET / HTTP/1.1", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET / HTTP/1.1", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    ],
)
def test_answer_without_a_body_keeps_the_connection(request_line, answer):
    with proxied(Upstream(answer)) as (port, _), client(port) as connection:
        for _ in range(2):
            connection.sendall(request_line + b"\r\n\r\n")
            assert read(connection, len(answer)) == answer


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n", OK),
        (b"GET / HTTP/1.1\r\n", OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")),
        (b"GET / HTTP/1.0\r\n", OK),
        (b"GET / HTTP/1.1\r\n", OK.replace(b"1.1", b"1.0")),
        (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n\r\nto the end"),
    ],
)
def test_connection_ends_where_one_of_both_sides_says_so(head, answer):
    with proxied(Upstream(answer)) as (port, _), client(port) as connection:
        connection.sendall(head + b"\r\n")
        assert read(connection) == answer


def test_client_that_asks_before_it_sends_is_answered():
    upstream = Upstream(OK, until=b"body")
    with proxied(upstream) as (port, _), client(port) as connection:
        head = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        connection.sendall(head)
        go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert read(connection, len(go_on)) == go_on
        connection.sendall(b"body")
        assert read(connection, len(OK)) == OK
        assert upstream.got == [head.replace(b"Expect: 100-continue\r\n", b"") + b"body"]


def test_websocket_goes_both_ways():
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    upstream = Upstream(switch + b"hello")
    with proxied(upstream) as (port, journal), client(port) as connection:
        connection.sendall(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
        assert read(connection) == switch + b"hello"
        assert [each.status for each in journal.exchanges] == [101]


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 20"]
)
def test_service_that_does_not_answer_closes_the_connection(answer):
    with proxied(Upstream(answer)) as (port, journal), client(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(connection) == b""
        assert [each.status for each in journal.exchanges] == [None]


def test_answer_that_is_cut_is_cut_for_the_client_too():
    with proxied(Upstream(OK[:-1])) as (port, _), client(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(connection) == OK[:-1]


def test_process_that_does_not_start_is_a_bad_gateway():
    proxy, journal = SuiteProxy(), SuiteJournal(lambda test: 0)

    def address_of(number):
        raise LabError("it did not start: look at the log")

    proxy.serve(journal, address_of)
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(proxy.url, timeout=DEADLINE_S)
        assert answer.status_code == 502
        assert "it did not start: look at the log" in answer.text
    finally:
        proxy.close()


@pytest.mark.parametrize(
    "text", [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_request_that_is_no_http_is_refused(text):
    with proxied(Upstream(OK)) as (port, _), client(port) as connection:
        connection.sendall(text)
        assert read(connection).startswith(b"HTTP/1.1 400 ")


def test_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LabError, match="end what"):
        SuiteProxy(taken.getsockname()[1])
