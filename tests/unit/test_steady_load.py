"""The steady load of `lab plan`: every request answered, credentials carried on, failures loud."""

import socket
import threading
from contextlib import closing

import pytest

from lab.capacity.steady_load import LoadCustomer, Request, run_load
from lab.core.errors import LabError
from lab.evidence.exchange import Exchange, OpStatus

READ = Request("GET", "/desk/api/cart", {"Accept": "*/*"}, b"")


class Shop:
    """A server that answers each connection as `answer(number, request)` says, number from 1."""

    def __init__(self, answer):
        self._answer = answer
        self.seen = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line):
        waiting = b""
        with line:
            while chunk := line.recv(65536):
                waiting += chunk
                while b"\r\n\r\n" in waiting:
                    request, _, waiting = waiting.partition(b"\r\n\r\n")
                    self.seen.append(request.decode())
                    for part in self._answer(len(self.seen), request):
                        line.sendall(part)

    def close(self):
        self._socket.close()


def success(body=b"{}", more=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), more, body)


@pytest.fixture
def shop():
    shops = []

    def make(answer):
        shops.append(Shop(answer))
        return shops[-1]

    yield make
    for each in shops:
        each.close()


def customers(shop, number):
    return [LoadCustomer(shop.address) for _ in range(number)]


@pytest.mark.parametrize("rate", [None, 5000.0])
def test_every_request_is_sent_once_and_answered(shop, rate):
    shop = shop(lambda number, request: [success()])
    theirs = customers(shop, 3)
    assert run_load(theirs, [READ] * 50, rate) > 0
    assert len(shop.seen) == 50
    for each in theirs:
        each.close()


def test_answer_that_comes_in_pieces_is_awaited(shop):
    whole = success(b"x" * 3000)
    shop = shop(lambda number, request: [whole[:10], whole[10:200], whole[200:]])
    with closing(LoadCustomer(shop.address)) as one:
        run_load([one], [READ] * 5, None)
    assert len(shop.seen) == 5


def test_credentials_that_were_given_last_are_sent(shop):
    def answer(number, request):
        cookie = b"Set-Cookie: desk_session=s%d; HttpOnly\r\n" % number
        return [success(b'{"token":"t%d"}' % number, cookie)]

    shop = shop(answer)
    with closing(LoadCustomer(shop.address, {"Authorization": "Bearer first"})) as one:
        run_load([one], [READ] * 3, None)
    assert "Authorization: Bearer first" in shop.seen[0] and "Cookie" not in shop.seen[0]
    assert "Authorization: Bearer t2" in shop.seen[2]
    assert "Cookie: desk_session=s2" in shop.seen[2] and "HttpOnly" not in shop.seen[2]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 401 UNAUTHORIZED\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01 nonsense\r\n\r\n",
    ],
)
def test_request_that_fails_ends_the_measurement(shop, answer):
    shop = shop(lambda number, request: [success() if number < 4 else answer])
    with closing(LoadCustomer(shop.address)) as one, pytest.raises(LabError, match="measure again"):
        run_load([one], [READ] * 10, None)


def test_server_that_hangs_up_ends_the_measurement():
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    with closing(LoadCustomer(address)) as one:
        listener.accept()[0].close()
        with pytest.raises(LabError, match="measure again"):
            run_load([one], [READ], None)
    listener.close()
    with pytest.raises(LabError, match="nothing answers"):
        LoadCustomer(address)


def test_request_is_like_the_exchange_without_what_is_someones_own():
    sent = {"X-Op": "a-1", "Authorization": "Bearer t", "Cookie": "c", "Accept": "*/*"}
    exchange = Exchange(
        *("a-1", "John", "PATCH", "/api/cart/items/pen", None, 0.0, 1.0, 200, OpStatus.OK),
        *(sent | {"Content-Length": "15"}, b'{"quantity": 1}', {}, b""),
    )
    request = Request.like(exchange, "/desk/api/cart/items/pen")
    text = request.rendered({"Authorization": "Bearer other"}).decode()
    assert text.startswith("PATCH /desk/api/cart/items/pen HTTP/1.1\r\n")
    assert text.endswith('\r\n\r\n{"quantity": 1}') and "Content-Length: 15" in text
    assert "Bearer other" in text and "Bearer t\r" not in text and "X-Op" not in text
