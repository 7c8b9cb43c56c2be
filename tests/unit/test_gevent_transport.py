"""The crowd's transport is the shopper's equal, and puts a request on the wire at most once.

gevent is not patched here: a server in threads, and the transport in the test's own thread.
"""

import errno
import json
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile

import pytest
from clocks import TickingClock
from conftest import wait_for

from lab.core.environment import current_environment
from lab.core.http import ConnectionRefused, ReadTimedOut
from lab.crowd.gevent_transport import ConnectionPool, GeventTransport
from lab.evidence.exchange import OpStatus
from lab.evidence.record import Record
from lab.evidence.requests_transport import RequestsTransport
from lab.evidence.shopper import Shopper
from lab.processes.ports import free_ports, is_open

DEADLINE_S = 60
SOON_S = 0.2
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


class Asked:
    """One request as it was on the wire, and which connection it came on."""

    def __init__(self, connection, head, body):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.connection, self.body = connection, body
        self.method, self.target, self.version = first.split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines]

    def header(self, name):
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(found) < 2, f"{name} was sent {len(found)} times"
        return found[0] if found else None


class Server:
    """Speaks bytes: it reads a request and sends what the test has laid ready, or hangs up.

    An answer is the bytes to send; `HANG_UP` behind them closes the connection, `WAIT` keeps
    it open and says no more.
    """

    HANG_UP, WAIT = object(), object()

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.asked, self.answers, self.connections = [], [], []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def will(self, *answer):
        """Lay one answer ready; without one left it is 200 `{}`."""
        self.answers.append(answer)
        return self

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with connection, suppress(OSError):  # it has gone already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection, len(self.connections) - 1)
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection, number):
        try:
            with connection, connection.makefile("rb") as reader:
                while head := list(takewhile(lambda line: line.strip(), reader)):
                    asked = Asked(number, b"".join(head).removesuffix(b"\r\n"), b"")
                    asked.body = reader.read(int(asked.header("Content-Length") or 0))
                    self.asked.append(asked)
                    for part in self.answers.pop(0) if self.answers else (OK,):
                        if part is self.HANG_UP:
                            return
                        if part is not self.WAIT:
                            connection.sendall(part)
        except OSError:
            pass  # the client has gone


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def lines(server):
    lines = ConnectionPool("127.0.0.1", server.port)
    yield lines
    lines.close()


@pytest.fixture(params=["fast", "requests"])
def either(request, server, lines):
    """A transport of each kind: what holds for a script holds for a crowd."""
    transport = GeventTransport(lines) if request.param == "fast" else RequestsTransport()
    yield transport
    transport.close()


@pytest.fixture
def fast(lines):
    return GeventTransport(lines)


def answer(*headers, status="200 OK", body=b"{}"):
    head = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def shopper_of(url, transport):
    return Shopper(lambda server: url, Record("x"), transport=transport)


def get(transport, url, headers=None, timeout_s=DEADLINE_S):
    return transport.send("GET", url, headers or {}, b"", timeout_s)


# --- at most once


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "used connection"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"])
@pytest.mark.parametrize("said", [b"", b"HTT"], ids=["nothing", "half"])
def test_server_that_hangs_up_was_asked_once(server, either, method, warm, said):
    if warm:
        assert get(either, f"{server.url}/warm").status == 200
    server.will(said, Server.HANG_UP)
    shopper = shopper_of(server.url, either)
    exchange = shopper.request(method, "/api/cart", json={} if method[0] == "P" else None)
    assert [each.method for each in server.asked[warm:]] == [method]
    assert (exchange.status, exchange.answered) == (None, False)
    assert exchange.error
    unsafe = method not in ("GET", "HEAD")
    assert exchange.outcome is (OpStatus.UNKNOWN if unsafe else OpStatus.FAILED)
    assert shopper.tracker.unsettled_writes == unsafe


@pytest.mark.parametrize(
    "cut",
    [
        b'HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{"cart": ',
        b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"cart": ',
        b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n",
    ],
    ids=["body", "chunk", "headers"],
)
def test_answer_that_was_cut_off_is_no_answer(server, fast, cut):
    server.will(cut, Server.HANG_UP)
    added = shopper_of(server.url, fast).add("laptop")
    assert (added.status, added.outcome) == (None, OpStatus.UNKNOWN)
    assert added.failure.sent and len(server.asked) == 1
    assert get(fast, server.url + "/").status == 200  # on another connection
    assert [each.connection for each in server.asked] == [0, 1]


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b"\x00\xff" * 50, b"HTTP/9.9 abc\r\n\r\n"])
def test_bytes_that_are_no_http_are_no_answer(server, fast, said):
    server.will(said, Server.HANG_UP)
    result = get(fast, server.url + "/")
    assert (result.status, result.sent, len(server.asked)) == (None, True, 1)
    assert result.error


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_request_without_an_answer_times_out_and_uses_another_connection(
    server, lines, monkeypatch, said
):
    server.will(said, Server.WAIT)
    take, taken = lines.take, []
    monkeypatch.setattr(lines, "take", lambda: taken.append(take()) or taken[-1])
    shopper = shopper_of(server.url, GeventTransport(lines, clock=TickingClock(0.25)))
    added = shopper.add("laptop", timeout_s=SOON_S)
    assert (added.status, added.outcome) == (None, OpStatus.UNKNOWN)
    assert taken[0].gettimeout() == SOON_S  # so that the limit was this one
    assert isinstance(added.failure, ReadTimedOut) and added.elapsed_ms == 250
    assert shopper.view_cart().status == 200
    assert [each.connection for each in server.asked] == [0, 1]


def test_port_without_a_listener_gets_nothing():
    with socket.socket() as closed:  # bound and not listening: no other process can take it
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        transport = GeventTransport(ConnectionPool("127.0.0.1", port))
        result = get(transport, f"http://127.0.0.1:{port}/")
        added = shopper_of(f"http://127.0.0.1:{port}", transport).add("laptop")
    assert (result.sent, result.status) == (False, None)
    assert isinstance(result.error, ConnectionRefused)
    assert (added.status, added.outcome) == (None, OpStatus.FAILED)


def test_host_without_a_way_to_it_gets_nothing(monkeypatch):
    def no_way(*_):
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr("gevent.socket.create_connection", no_way)
    result = get(GeventTransport(ConnectionPool("192.0.2.1", 80)), "http://192.0.2.1/")
    assert (result.sent, str(result.error)) == (False, "not sent (No route to host)")


@pytest.mark.parametrize("name", ["requests", "gevent"])
def test_host_whose_name_is_too_long_gets_nothing(name):
    host = f"{'a' * 64}.invalid"  # not an OSError in gevent, not one of requests in requests
    pool = ConnectionPool(host, 80)
    transport = RequestsTransport() if name == "requests" else GeventTransport(pool)
    added = shopper_of(f"http://{host}", transport).add("laptop")
    assert (added.status, added.outcome) == (None, OpStatus.FAILED)


def test_redirect_is_an_answer_and_is_not_followed(server, either):
    server.will(answer(f"Location: {server.url}/elsewhere", status="302 Found"))
    result = get(either, server.url + "/here")
    assert (result.status, result.headers["Location"]) == (302, f"{server.url}/elsewhere")
    assert [each.target for each in server.asked] == ["/here"]


# --- connections


def test_connection_is_used_again_for_the_next_request(server, lines):
    for _ in range(3):
        assert get(GeventTransport(lines), server.url + "/").status == 200
    assert [each.connection for each in server.asked] == [0, 0, 0]
    assert all(each.version == "HTTP/1.1" for each in server.asked)


@pytest.mark.parametrize(
    "said",
    [
        answer("Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",  # no length: it ends where the connection ends
    ],
    ids=["said", "1.0", "no length"],
)
def test_connection_that_is_to_be_closed_is_closed(server, fast, said):
    server.will(said, Server.HANG_UP).will(answer("X-New: 1"))
    first, second = (get(fast, server.url + "/") for _ in range(2))
    assert (first.status, first.body, first.error) == (200, b"{}", None)
    assert second.headers["X-New"] == "1"
    assert [each.connection for each in server.asked] == [0, 1]


@pytest.mark.parametrize(
    ("method", "said", "status", "body"),
    [
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304, b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, b""),
        ("GET", CHUNKED, 200, b"abcde"),
        ("GET", answer(body=b"x" * 100_000), 200, b"x" * 100_000),
    ],
    ids=["204", "304", "HEAD", "chunked", "large"],
)
def test_end_of_an_answer_is_known(server, either, method, said, status, body):
    server.will(said)
    result = either.send(method, server.url + "/", {}, b"", DEADLINE_S)
    assert (result.status, result.body) == (status, body)
    assert get(either, server.url + "/").body == b"{}"
    assert [each.connection for each in server.asked] == [0, 0]


# --- what is sent


def test_request_is_what_was_asked_for(server, fast):
    headers = {"X-Op": "x-1", "User-Agent": None, "Accept": "text/plain", "X-Not": None}
    result = fast.send("POST", server.url + "/a/b?c=d&e=%20", headers, b'{"a": 1}', DEADLINE_S)
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/a/b?c=d&e=%20", b'{"a": 1}')
    assert dict(asked.headers) == result.request_headers
    assert asked.header("Host") == f"127.0.0.1:{server.port}"
    assert asked.header("Content-Length") == "8"
    assert asked.header("Accept") == "text/plain"
    assert [asked.header(name) for name in ("User-Agent", "X-Not", "Cookie")] == [None] * 3


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("GET", None), ("DELETE", None)])
def test_no_body_is_said_where_one_could_be(server, fast, method, length):
    fast.send(method, server.url + "/", {}, b"", DEADLINE_S)
    assert server.asked[0].header("Content-Length") == length


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {"X-Mine": "a\r\nX-Evil: 1"}),
        ("GET", "/", {"X-Mine": "a\nX-Evil: 1"}),
        ("GET", "/", {"X-Mine": "a\rX-Evil: 1"}),
        ("GET", "/", {"X\r\nX-Evil": "1"}),
        ("GET /x HTTP/1.1\r\nX-Evil: 1", "/", {}),
    ],
)
def test_header_of_two_lines_is_refused_and_nothing_is_sent(server, fast, method, path, headers):
    with pytest.raises(ValueError, match="one line"):
        fast.send(method, server.url + path, headers, b"", DEADLINE_S)
    assert (server.asked, server.connections) == ([], [])
    assert get(fast, server.url + "/").status == 200


def test_headers_that_come_twice_are_joined(server, either):
    server.will(answer("X-Two: a", "X-Two: b"))
    assert get(either, server.url + "/").headers["X-Two"] == "a, b"


# --- cookies


def set_cookie(text):
    return f"Set-Cookie: {text}"


def cookies_sent(server, transport, path):
    get(transport, server.url + path)
    sent = server.asked[-1].header("Cookie")
    return sorted(sent.split("; ")) if sent else []


def test_cookies_are_kept_and_go_where_they_belong(server, either):
    server.will(
        answer(
            set_cookie("all=1; Path=/"),
            set_cookie("desk=2; Path=/stateful; HttpOnly; SameSite=Lax"),
            set_cookie("when=3; Path=/; Expires=Wed, 01 Jan 2098 00:00:00 GMT"),
        )
    )
    get(either, server.url + "/stateful/api/login")
    assert cookies_sent(server, either, "/stateful/api/cart") == ["all=1", "desk=2", "when=3"]
    assert cookies_sent(server, either, "/stateless/api/cart") == ["all=1", "when=3"]
    assert either.cookie_for(server.url + "/stateless/api/cart") == server.asked[-1].header(
        "Cookie"
    )


def test_cookie_is_replaced_and_taken_back(server, either):
    server.will(answer(set_cookie("id=old; Path=/")))
    server.will(answer(set_cookie("id=new; Path=/")))
    server.will(answer(set_cookie("id=; Path=/; Max-Age=0")))
    assert cookies_sent(server, either, "/") == []
    assert cookies_sent(server, either, "/") == ["id=old"]
    assert cookies_sent(server, either, "/") == ["id=new"]
    assert cookies_sent(server, either, "/") == []


@pytest.mark.parametrize(("size", "kept"), [(4096, True), (4097, False), (9000, False)])
def test_cookie_past_4096_bytes_is_dropped(server, either, size, kept):
    server.will(answer(set_cookie(f"id={'x' * (size - 2)}; Path=/")))
    assert cookies_sent(server, either, "/") == []
    assert bool(cookies_sent(server, either, "/")) is kept


def test_header_of_none_leaves_the_cookies_out_and_does_not_forget_them(server, either):
    server.will(answer(set_cookie("id=1; Path=/")))
    get(either, server.url + "/")
    get(either, server.url + "/", {"Cookie": None})
    assert server.asked[-1].header("Cookie") is None
    assert cookies_sent(server, either, "/") == ["id=1"]


def test_cookies_put_in_the_jar_by_hand_are_sent_and_clients_do_not_share_theirs(server, lines):
    mine, other = GeventTransport(lines), GeventTransport(lines)
    server.will(answer(set_cookie("id=1; Path=/")))
    get(mine, server.url + "/")
    assert cookies_sent(server, mine, "/") == ["id=1"]
    mine.cookies.clear()
    assert cookies_sent(server, mine, "/") == []
    assert cookies_sent(server, other, "/") == []


def test_second_tab_shares_the_cookies_and_a_replay_has_none(server, either):
    server.will(answer(set_cookie("id=1; Path=/")))
    get(either, server.url + "/")
    tab, stranger = either.another(either.cookies), either.another()
    assert cookies_sent(server, tab, "/") == ["id=1"]
    assert cookies_sent(server, stranger, "/") == []
    assert server.asked[-1].header("Accept") is None  # no header of its own either
    server.will(answer(set_cookie("id=2; Path=/")))
    get(tab, server.url + "/")
    assert cookies_sent(server, either, "/") == ["id=2"]
    for each in (tab, stranger):
        each.close()


@pytest.mark.parametrize(
    "text", ["", "=", ";", "a", "a=b; Path", "a=b; Expires=never", "\xff=\xfe"]
)
def test_cookie_that_is_none_hurts_no_request(server, either, text):
    server.will(answer(set_cookie(text)))
    assert get(either, server.url + "/").status == 200
    assert get(either, server.url + "/").status == 200


# --- at the desks


@contextmanager
def desk(app, folder):
    """A real desk of one server, alone."""
    (port,) = free_ports(1)
    with (folder / f"{app}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", app, "--port", str(port)],
            stdout=log,
            stderr=log,
            env={**current_environment(), "REPLICA": "A", "LAB_RUN_DIR": str(folder)},
        )
    try:
        wait_for(lambda: is_open(port) or process.poll() is not None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def desks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desks")
    with ExitStack() as opened:
        names = ("stateful_app", "stateless_app")
        yield {name: opened.enter_context(desk(name, folder)) for name in names}


def everything(shopper):
    """A visit with every verb, and with what a desk refuses."""
    shopper.view_cart()
    shopper.login()
    shopper.add("laptop")
    shopper.add("no-such-thing")
    shopper.view_cart()
    shopper.change("laptop", 3)
    shopper.view_cart(headers={"Authorization": None, "Cookie": None})
    shopper.request("POST", "/api/cart/items", json={"sku": "mouse", "quantity": "\u00fc"})
    shopper.request("GET", "/api/products")
    shopper.request("HEAD", "/api/cart")
    shopper.request("PUT", "/api/cart")
    shopper.add("mouse")
    shopper.remove("mouse")
    shopper.replay(shopper.view_cart())
    shopper.another_tab().add("keyboard")
    shopper.view_cart()
    shopper.ship_to("Straße 1")
    shopper.checkout()
    shopper.checkout()
    shopper.view_cart()
    shopper.add("monitor")
    shopper.clear()
    shopper.logout()
    shopper.view_cart()


@pytest.mark.parametrize("app", ["stateful_app", "stateless_app"])
def test_crowd_and_script_look_the_same_to_a_desk(app, desks):
    url = desks[app]
    lines = ConnectionPool("127.0.0.1", int(url.rpartition(":")[2]))
    seen = {}
    for transport in (RequestsTransport(), GeventTransport(lines)):
        shopper = shopper_of(url, transport)
        everything(shopper)
        seen[type(transport)] = (*_exchanges(shopper), *_credentials(shopper))
        transport.close()
    lines.close()
    assert seen[GeventTransport] == seen[RequestsTransport]
    statuses = [each[2] for each in seen[GeventTransport][0]]
    assert {200, 201, 204, 401, 404, 405, 409, 422} <= set(statuses)


def _exchanges(shopper):
    exchanges = [
        (
            *(each.method, each.path, each.status, each.outcome, each.fate, each.error),
            *(each.served_by, each.instance),
            sorted(name for name in each.headers if name not in ("date", "set-cookie")),
            _without_token(each.body),
        )
        for each in shopper._record.exchanges()
    ]
    tracker = shopper.tracker
    return exchanges, (
        tracker.owed,
        tracker.user,
        tracker.home,
        tracker.fate,
        tracker.unsettled_writes,
    )


def _without_token(body):
    body = json.loads(json.dumps(body))
    return {**body, "token": "…"} if isinstance(body, dict) and "token" in body else body


def _credentials(shopper):
    jar = [
        (each.name, each.path, len(each.value), each.expires, sorted(each._rest))
        for each in shopper.transport.cookies
    ]
    return jar, shopper.token is None, isinstance(shopper.cookie(), str)
