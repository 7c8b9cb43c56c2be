"""The shopper is a browser's equal: what it keeps, what it sends, what it cannot know."""

import json
import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest
from clocks import TickingClock

from lab.core.errors import ScriptMistake
from lab.core.http import ConnectionRefused, ConnectionReset, ReadTimedOut
from lab.core.op_key import OP_KEY
from lab.evidence.exchange import OpStatus
from lab.evidence.record import Record
from lab.evidence.requests_transport import RequestsTransport
from lab.evidence.shopper import Shopper

DEADLINE_S = 60
SOON_S = 0.2


class Shop(ThreadingHTTPServer):
    """A shop that answers as the test sets it, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.answers = []
        self.asked_once = threading.Event()
        self.go_on = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def will(self, status=200, body=b"{}", headers=(), *, wait=False, hang_up=False):
        """Answer the next request so; without an answer left it is 200 `{}`."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, body, tuple(headers), wait, hang_up))
        return self


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.asked.append(
            (self.command, self.path, dict(self.headers), self.rfile.read(length))
        )
        self.server.asked_once.set()
        status, body, headers, wait, hang_up = (
            self.server.answers.pop(0) if self.server.answers else (200, b"{}", (), False, False)
        )
        if wait:
            self.server.go_on.wait(DEADLINE_S)
        if hang_up or wait:
            self.close_connection = True
        if hang_up:
            return
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            if wait:
                self.send_header("Connection", "close")  # said, so that it is not used again
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            assert wait, "the client left although it was not kept waiting"

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, *_):
        pass


@pytest.fixture
def shop():
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join(DEADLINE_S)


@contextmanager
def customer_at(url, **who):
    shopper = Shopper(lambda server: f"{url}/@{server}" if server else url, Record("x"), **who)
    with closing(shopper.transport):
        yield shopper


@pytest.fixture
def shopper(shop):
    with customer_at(shop.url) as shopper:
        yield shopper


def header(shop, name, request=-1):
    return shop.asked[request][2].get(name)


# --- what it says


@pytest.mark.parametrize(
    ("say", "method", "path", "body"),
    [
        (lambda s: s.login(), "POST", "/api/login", {"user_id": "123", "name": "John"}),
        (lambda s: s.add("mug", 2), "POST", "/api/cart/items", {"sku": "mug", "quantity": 2}),
        (lambda s: s.change("a/b", 3), "PATCH", "/api/cart/items/a%2Fb", {"quantity": 3}),
        (lambda s: s.remove("a b"), "DELETE", "/api/cart/items/a%20b", None),
        (lambda s: s.clear(), "DELETE", "/api/cart", None),
        (lambda s: s.view_cart(), "GET", "/api/cart", None),
        (lambda s: s.ship_to("Here 1"), "PUT", "/api/shipping-address", {"address": "Here 1"}),
        (lambda s: s.checkout(), "POST", "/api/checkout", None),
        (lambda s: s.logout(), "POST", "/api/logout", None),
    ],
)
def test_verbs_are_the_shops(shop, shopper, say, method, path, body):
    exchange = say(shopper)
    asked_method, asked_path, _, asked_body = shop.asked[0]
    assert (asked_method, asked_path) == (method, path) == (exchange.method, exchange.path)
    assert (json.loads(asked_body) if asked_body else None) == body
    assert shopper.last is exchange
    assert header(shop, "X-Op") == exchange.op
    assert header(shop, "X-Op-Key") == OP_KEY
    assert OP_KEY not in f"{vars(exchange)}"  # records are shown to others


def test_named_server_is_addressed_and_each_request_has_an_id_of_its_own(shop, shopper):
    assert shopper.view_cart(server="B").target == "B"
    assert shopper.view_cart().target is None
    assert [path for _, path, *_ in shop.asked] == ["/@B/api/cart", "/api/cart"]
    assert header(shop, "X-Op", 0) != header(shop, "X-Op", 1)


def test_request_is_known_by_headers_that_stand_before_any_that_may_be_refused(shop, shopper):
    shop.will(body={"token": "x" * 100}, headers=[("Set-Cookie", "desk_session=1; Path=/")])
    shopper.view_cart()
    shopper.view_cart()
    names = list(shop.asked[1][2])
    assert {"Authorization", "Cookie"} <= set(names)
    first = min(map(names.index, ("Authorization", "Cookie")))
    assert max(map(names.index, ("X-Op", "X-Op-Key"))) < first


# --- what it keeps


def test_shopper_sends_back_the_last_token(shop, shopper):
    shop.will(body={"token": "one"}).will(body={"token": "two"}).will(body={"cart": {}})
    for _ in range(4):
        shopper.view_cart()
    sent = [headers.get("Authorization") for _, _, headers, _ in shop.asked]
    assert sent == [None, "Bearer one", "Bearer two", "Bearer two"]


@pytest.mark.parametrize("body", [{"token": 5}, {"token": None}, ["token"], b'"token"', b'"token'])
def test_value_that_is_no_token_is_not_learnt(shop, shopper, body):
    shop.will(body={"token": "one"}).will(body=body)
    shopper.view_cart()
    shopper.view_cart()
    assert shopper.token == "one"


def test_logout_discards_the_token_unless_it_was_refused(shop, shopper):
    shop.will(body={"token": "one"}).will(status=401).will(status=204, body=b"")
    shopper.login()
    shopper.logout()
    assert shopper.token == "one"
    shopper.logout()
    assert shopper.token is None


def cookie(size, name="desk_session"):
    return ("Set-Cookie", f"{name}={'x' * (size - len(name))}; Path=/; HttpOnly")


@pytest.mark.parametrize(("size", "kept"), [(64, True), (4096, True), (4097, False), (5000, False)])
def test_cookie_past_4096_bytes_is_dropped_as_a_browser_does(shop, shopper, size, kept):
    shop.will(headers=[cookie(size)])
    shopper.login()
    shopper.view_cart()
    sent = header(shop, "Cookie")
    assert (sent is not None) is kept
    assert sent is None or len(sent) == size + len("=")


def test_shopper_shows_the_cookie_that_it_would_send(shop, shopper):
    assert shopper.cookie() is None
    shop.will(headers=[cookie(20), cookie(9, "b")])
    shopper.login()
    sent = shopper.cookie()
    shopper.view_cart()
    assert header(shop, "Cookie") == sent
    assert sorted(sent.split("; ")) == ["b=xxxxxxxx", "desk_session=xxxxxxxx"]


def test_cookie_that_is_too_big_does_not_replace_the_one_before(shop, shopper):
    shop.will(headers=[cookie(20)]).will(headers=[cookie(4097)])
    for _ in range(3):
        shopper.view_cart()
    assert len(header(shop, "Cookie")) == 21


def test_cookies_are_each_customers_own(shop, shopper):
    shop.will(headers=[cookie(20)])
    shopper.login()
    with customer_at(shop.url, user_id="124") as other:
        other.view_cart()
    assert header(shop, "Cookie") is None


def test_header_of_none_is_left_out_be_it_the_cookie_or_the_token(shop, shopper):
    shop.will(body={"token": "one"}, headers=[cookie(20)])
    shopper.login()
    shopper.view_cart(headers={"Cookie": None, "authorization": None, "User-Agent": None})
    assert header(shop, "Cookie") is None
    assert header(shop, "Authorization") is None
    assert "requests" not in (header(shop, "User-Agent") or "")
    shopper.view_cart(headers={"X-Mine": "1", "Authorization": "Bearer other"})
    assert header(shop, "Cookie") is not None
    assert (header(shop, "X-Mine"), header(shop, "Authorization")) == ("1", "Bearer other")


# --- what it admits not to know


def test_timeout_leaves_a_write_unknown_and_a_read_failed(shop, shopper):
    shop.will(wait=True).will(wait=True)
    added = shopper.add("laptop", timeout_s=SOON_S)
    assert (added.status, added.outcome) == (None, OpStatus.UNKNOWN)
    assert isinstance(added.failure, ReadTimedOut) and added.failure.sent
    assert added.error.startswith("timed out waiting for the answer")
    assert shopper.tracker.unsettled_writes == 1
    viewed = shopper.view_cart(timeout_s=SOON_S)
    assert (viewed.status, viewed.outcome) == (None, OpStatus.FAILED)


def test_time_of_an_exchange_is_that_of_its_transports_clock(shop):
    transport = RequestsTransport(clock=TickingClock(0.25))
    with customer_at(shop.url, transport=transport) as shopper:
        assert shopper.view_cart().elapsed_ms == 250
        assert shopper.replay(shopper.last).elapsed_ms == 250  # sent by a second client
    shop.will(hang_up=True)
    with customer_at(shop.url, transport=transport) as shopper:
        assert shopper.view_cart().elapsed.total_seconds() == 0.25


def test_server_that_hangs_up_leaves_a_write_unknown_and_it_is_not_sent_again(shop, shopper):
    shop.will(hang_up=True)
    added = shopper.add("laptop")
    assert added.outcome is OpStatus.UNKNOWN and isinstance(added.failure, ConnectionReset)
    assert len(shop.asked) == 1
    shop.will(hang_up=True)
    assert shopper.view_cart().outcome is OpStatus.FAILED
    assert len(shop.asked) == 2


def test_port_without_a_listener_makes_a_request_fail():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with customer_at(f"http://127.0.0.1:{port}") as shopper:
        added = shopper.add("laptop")
    assert (added.status, added.outcome) == (None, OpStatus.FAILED)
    assert isinstance(added.failure, ConnectionRefused) and not added.failure.sent
    with pytest.raises(ConnectionRefused, match="connection refused"):
        added.raise_for_status()
    assert shopper.tracker.unsettled_writes == 0


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\x00", b'{"cart": ', b"[" * 10_000, b"7"])
def test_answer_that_is_no_json_is_an_answer(shop, shopper, body):
    shop.will(body=body).will(body=body)
    assert shopper.add("laptop").ok
    assert not isinstance(shopper.view_cart().body, dict)
    assert shopper.tracker.owed is None


@pytest.mark.parametrize("cart", [None, 5, {}, {"lines": [1]}, {"lines": [{"sku": "x"}]}])
def test_cart_that_is_no_cart_is_never_raised_at_a_script(shop, shopper, cart):
    good = {"lines": [{"sku": "laptop", "quantity": 1}], "total_cents": 1}
    shop.will(body={"cart": cart}).will(body={"cart": good}).will(body={"cart": cart})
    shopper.login()
    shopper.add("laptop")
    assert str(shopper.view_cart().fate) in ("wrong", "lost")


def test_redirects_are_answers_not_followed(shop, shopper):
    shop.will(status=302, headers=[("Location", f"{shop.url}/elsewhere")])
    assert shopper.view_cart().status == 302
    assert len(shop.asked) == 1


# --- tries


def test_tries_ask_again_until_a_server_answers(shop, shopper):
    shop.will(status=502).will(status=504).will(status=401)
    exchange = shopper.view_cart(tries=5)
    assert exchange.status == 401
    assert [each.status for each in shopper._record.exchanges()] == [502, 504, 401]
    assert len({each.op for each in shopper._record.exchanges()}) == 3


@pytest.mark.parametrize(("tries", "asked"), [(1, 1), (2, 2), (0, 1), (-1, 1)])
def test_tries_end(shop, shopper, tries, asked):
    for _ in range(3):
        shop.will(status=502)
    assert shopper.view_cart(tries=tries).status == 502
    assert len(shop.asked) == asked


# --- one at a time, and nothing from the environment


def test_second_request_at_the_same_time_is_refused(shop, shopper):
    shop.will(wait=True)
    first = threading.Thread(target=shopper.view_cart)
    first.start()
    assert shop.asked_once.wait(DEADLINE_S)
    with pytest.raises(ScriptMistake, match="one shopper for each"):
        shopper.view_cart()
    shop.go_on.set()
    first.join(DEADLINE_S)
    assert len(shop.asked) == 1
    assert shopper.view_cart().ok  # and afterwards it may go on


def test_proxies_and_netrc_of_the_environment_are_ignored(shop, shopper, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert shopper.view_cart().ok
    assert header(shop, "Authorization") is None


def test_exchange_is_recorded_as_it_was_sent_and_received(shop, shopper):
    shop.will(status=201, body={"a": 1}, headers=[("X-Served-By", "B"), ("X-Instance", "i1")])
    exchange = shopper.add("laptop")
    assert exchange.request_body == shop.asked[0][3]
    assert exchange.request_headers["X-Op"] == header(shop, "X-Op")
    assert (exchange.status, exchange.body) == (201, {"a": 1})
    assert (exchange.served_by, exchange.instance) == ("B", "i1")
    assert list(shopper._record.exchanges()) == [exchange]


# --- a record that is bounded, and one that goes on


@pytest.mark.parametrize("keep", [0, 1, 3, 7])
def test_bounded_record_keeps_the_newest_events_and_publishes_all(keep):
    published = []
    record = Record("x", published.append, keep=keep)
    for number in range(5):
        record.append(number)
        assert record.events == list(range(number + 1))[max(0, number + 1 - keep) :]
    assert published == [0, 1, 2, 3, 4]


def test_record_goes_on_counting_where_another_stopped():
    numbers = count(1)
    first, second = Record("x", numbers=numbers), Record("x", numbers=numbers)
    assert [first.next_op(), second.next_op(), first.next_op()] == ["x-1", "x-2", "x-3"]


def test_login_may_say_who_comes_in_any_script(shop, shopper):
    exchange = shopper.login(name="Zoë", user_id="李-1")
    assert exchange.customer == shopper.name == "Zoë"
    assert json.loads(exchange.request_body) == {"user_id": "李-1", "name": "Zoë"}
    assert json.loads(shopper.login().request_body) == {"user_id": "李-1", "name": "Zoë"}


def test_sku_of_any_script_is_sent_in_the_path(shop, shopper):
    assert shopper.change("Café/🛒", 1).path == "/api/cart/items/Caf%C3%A9%2F%F0%9F%9B%92"


@pytest.mark.parametrize("name", ["", "x" * 999, "\u202e", "\ud800", 5, True])
def test_login_sends_a_name_that_the_shop_has_to_refuse(shop, shopper, name):
    exchange = shopper.login(name=name)
    assert json.loads(exchange.request_body)["name"] == name
    assert exchange.customer == str(name)
