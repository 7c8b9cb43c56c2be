"""Hostile phones change nothing for the others, and reach nothing of the instructor's.

The lab stands in a network of its own, as a lecturer's laptop does, and the phones in another.
"""

import os
import resource
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from conftest import LabHere, wait_for
from namespaces import can_be_made, ip, namespace, within
from rooms import POST, Phone, Room

from lab.console.app import create_app
from lab.console.guard import Guard
from lab.console.kept_runs import KeptRuns
from lab.console.lesson import plan
from lab.console.services import Services

pytestmark = pytest.mark.long

LAPTOP, HALL = (f"two-desks-{os.getpid()}-{name}" for name in ("laptop", "hall"))
LISTEN = "192.0.2.1"  # RFC 5737: addresses that belong to no machine
HONEST = "192.0.2.2"
# The lab counts by address: no test of a hostile phone uses up what the next one may send.
EVILS = [f"192.0.2.{number}" for number in range(60, 100)]
SOON_S = 10.0  # an honest phone is answered within that, on a busy machine, too


@pytest.fixture(scope="module")
def network():
    if not can_be_made():
        pytest.skip("phones in a network of their own are network namespaces: Linux, root and `ip`")
    with ExitStack() as made:
        try:
            for name in (LAPTOP, HALL):
                made.enter_context(namespace(name))
            words = ("type", "veth", "peer", "name", "wlan0", "netns", HALL)
            ip("-n", LAPTOP, "link", "add", "wlan0", *words)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this system allows no network namespaces: {error.stderr.strip()}")
        for name, addresses in ((LAPTOP, [LISTEN]), (HALL, [HONEST, *EVILS])):
            for address in addresses:
                ip("-n", name, "addr", "add", f"{address}/24", "dev", "wlan0")
            ip("-n", name, "link", "set", "wlan0", "up")
        yield


@pytest.fixture(scope="module")
def room(network, tmp_path_factory):
    here = LabHere(tmp_path_factory.mktemp("class"))
    here.command = ("ip", "netns", "exec", LAPTOP, *here.command)
    try:
        room = Room(here, "--yes", "--servers", "2", listen=LISTEN, inside=partial(within, LAPTOP))
        yield room
        room.stop()
    finally:
        here.end_started()
    here.assert_nothing_left()


@pytest.fixture
def evil_at():
    """The address of a hostile phone; each test has one of its own."""
    return EVILS.pop()


class FromAddress(requests.adapters.HTTPAdapter):
    """Connections from one of the hall's addresses."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *given, **how):
        super().init_poolmanager(*given, source_address=(self.address, 0), **how)


class HallPhone(Phone):
    """A phone in the hall, at an address."""

    def __init__(self, room, name="Zoë", address=HONEST):
        self.address = address
        with within(HALL):
            super().__init__(room.phones_at, room.code, name, FromAddress(address))

    def post(self, route, **body):
        with within(HALL):
            return super().post(route, **body)

    def state(self):
        with within(HALL):
            return super().state()


@pytest.fixture
def voting(room):
    """The room with a vote that is open: a new one for each test."""
    chapter = next(voting_on)
    room.order("/lab/room/ask", chapter=chapter)
    room.order("/lab/room/vote", do="open")
    yield room
    room.order("/lab/room/decide", seen=0)


voting_on = iter([each.slug for each in plan.load().chapters] * 2)


def counts(room):
    if room.wall()["vote"]["phase"] == "open":
        room.order("/lab/room/vote", do="close")
    room.order("/lab/room/vote", do="show")
    return room.wall()["vote"]["histogram"]


def test_control_routes_are_unreachable_whatever_the_headers_say(room):
    services = Services(Guard("http://127.0.0.1:8000"), KeptRuns(None), plan.load())
    paths = {rule.rule: rule.methods for rule in create_app(services).url_map.iter_rules()}
    paths |= {"/lab/room": {"GET"}, "/lab/room/vote": {"POST"}, "/lab/room/ask": {"POST"}}
    paths |= {"/stateful/api/cart": {"GET"}, "/stateful/@A/api/server": {"GET"}}
    paths |= {"/lab-config": {"GET"}, "//lab/kill": {"POST"}, "/room/../lab/kill": {"POST"}}
    paths |= {"/room/state/../../lab/kill": {"POST"}, "/%6cab/kill": {"POST"}, "/docs/": {"GET"}}
    del paths["/"]
    own = urlsplit(room.origin).netloc
    with within(HALL), requests.Session() as web:
        web.trust_env = False
        for host in (urlsplit(room.phones_at).netloc, own, "127.0.0.1", "localhost", "evil.test"):
            headers = {
                **POST, "Host": host, "Origin": room.origin, "X-Lab-Secret": room.secret,
                "X-Lab-Console": "1", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1",
                "X-Phone-Address": "127.0.0.1", "Forwarded": "for=127.0.0.1",
                "X-Original-URL": "/lab/kill",
            }  # fmt: skip
            for path, methods in paths.items():
                for method in methods - {"OPTIONS", "HEAD"}:
                    request = requests.Request(
                        method, room.phones_at, headers=headers, json={"server": "A"}
                    )
                    sent = web.prepare_request(request)
                    sent.url = room.phones_at + path  # as it is written: nothing made neat
                    answer = web.send(sent, timeout=60)
                    assert answer.status_code in (400, 403, 404, 405), (host, method, path)
    assert {state for _, state in room.wall()["desks"]["stateful"]["servers"]} == {"up"}


def test_no_other_port_of_the_laptop_is_reachable(room):
    with within(LAPTOP):
        open_here = listening()
    port = urlsplit(room.phones_at).port
    assert {port, urlsplit(room.origin).port} <= set(open_here), "the test sees what listens"
    with within(HALL):
        reached = [each for each in open_here if connects(LISTEN, each)]
    assert reached == [port]


def listening():
    """Ports at which something listens in this thread's network."""
    table = Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in table]
    return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"})


def connects(host, port):
    with socket.socket() as s:
        s.settimeout(60)
        return s.connect_ex((host, port)) == 0


def test_phone_that_votes_200_times_counts_once_and_the_others_as_they_chose(voting, evil_at):
    honest = [HallPhone(voting, f"Phone {number}") for number in range(3)]
    evil = HallPhone(voting, "Many", evil_at)
    for phone in honest:
        assert phone.post("vote", choice=1, round=1).status_code == 200
    answers = [evil.post("vote", choice=number % 4, round=1).status_code for number in range(200)]
    assert set(answers) <= {200, 429}
    for choice in (-1, 4, "1", None, 1.5, True, 10**40):
        assert 400 <= evil.post("vote", choice=choice, round=1).status_code < 500
    total = counts(voting)[0]
    assert sum(total) == 4 and total[1] >= 3


def test_copied_cookie_of_another_phone_and_made_up_ones_are_no_customer(voting, evil_at):
    victim = HallPhone(voting, "Victim")
    assert victim.post("cart", sku="laptop", by=1).status_code == 200
    assert victim.post("vote", choice=2, round=1).status_code == 200
    thief = HallPhone(voting, "Thief", evil_at)
    own = thief.web.cookies["room_phone"]
    copied = victim.web.cookies["room_phone"]
    changed = own[:-1] + ("0" if own[-1] != "0" else "1")
    for cookie in (copied, changed, "A" * 16 + own[16:], copied.upper(), ""):
        thief.web.cookies.clear()
        thief.web.cookies.set("room_phone", cookie)
        for route, body in (
            ("vote", {"choice": 0, "round": 1}),
            ("cart", {"sku": "laptop", "by": 1}),
            ("me", {}),
            ("leave", {}),
            ("join", {"code": voting.code, "name": "Victim"}),
        ):
            answer = thief.post(route, **body)
            assert answer.status_code in (403, 404, 409, 429), (route, answer.text)
    assert victim.me()["desks"]["stateful"]["lines"][0]["quantity"] == 1
    assert counts(voting) == [[0, 0, 1, 0]]


def test_foreign_session_ids_and_tokens_reach_no_desk(room, evil_at):
    victim, thief = HallPhone(room, "Victim"), HallPhone(room, "Thief", evil_at)
    victim.post("cart", sku="pen", by=1)
    before = victim.me()["desks"]
    for name in ("desk_session", "desk_affinity"):
        thief.web.cookies.set(name, "A" * 43)
    thief.web.headers["Authorization"] = "Bearer " + "x" * 500
    answer = thief.post("cart", sku="mouse", by=1)
    assert answer.status_code == 200
    own = [desk["lines"] for desk in answer.json()["desks"].values()]
    assert all([line["sku"] for line in lines] == ["mouse"] for lines in own), own
    assert victim.me()["desks"] == before


@pytest.mark.parametrize("name", ["\u202edaB", "a\u2066b", "x" * 25, "", "\u200b", "a\nb"])
def test_nickname_that_hides_or_reorders_text_does_not_come_in(room, name, evil_at):
    refused = HallPhone(room, name, evil_at).joined
    assert refused.status_code in (422, 429) and refused.json()["detail"]


def test_nickname_with_markup_is_text_and_no_part_of_what_all_phones_read(room, evil_at):
    phone = HallPhone(room, "<script>alert(1)", evil_at)
    assert phone.joined.json()["name"] == "<script>alert(1)"
    assert "alert" not in phone.state().text


def test_flood_of_one_address_is_refused_and_another_is_served(voting, evil_at):
    honest = HallPhone(voting)
    evil = HallPhone(voting, "Flood", evil_at)
    answers = flood(voting, evil_at, evil.web.cookies["room_phone"], voting.code)
    assert set(answers) == {b"200", b"429"}
    assert honest.post("vote", choice=3, round=1).status_code == 200
    assert counts(voting) == [[0, 0, 0, 1]]


def flood(room, address, cookie, code):
    """Send 500 posts at once from an address, each over its own connection; return the statuses."""
    at = urlsplit(room.phones_at)
    head = f"POST /room/me HTTP/1.1\r\nHost: {at.netloc}\r\nCookie: room_phone={cookie}\r\n"
    head += f"X-Room: 1\r\nX-Room-Code: {code}\r\nContent-Type: application/json\r\n"
    post = f"{head}Content-Length: 2\r\n\r\n{{}}".encode()
    with within(HALL), ExitStack() as held:
        tried = [hold(address, (LISTEN, at.port), b"") for _ in range(500)]
        sockets = [held.enter_context(each) for each in tried if each]
        for each in sockets:
            each.sendall(post)
        return [each.recv(12)[-3:] for each in sockets]


def test_wrong_codes_are_few_and_right_ones_pass_meanwhile(room, evil_at):
    wrong = "AAAA" if room.code != "AAAA" else "BBBB"
    with within(HALL):
        guess = Phone(room.phones_at, wrong, "Guess", FromAddress(evil_at))
    assert guess.joined.status_code in (409, 429), "the right code is another"
    answers = flood(room, evil_at, guess.web.cookies["room_phone"], wrong)
    assert answers.count(b"429") > 400 and set(answers) <= {b"404", b"429"}
    assert HallPhone(room, "Right").joined.status_code == 200


@contextmanager
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 7000), max(hard, 7000)))
    except (ValueError, OSError):
        pytest.skip("this system allows no network namespaces with 5,000 connections in one test")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold(address, at, first):
    """Open a connection, send the beginning of something, and never read; None if refused."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.bind((address, 0))
    s.settimeout(10)
    try:
        s.connect(at)
        s.sendall(first)
    except OSError:
        s.close()
        return None
    return s


def test_5000_connections_and_slow_readers_hold_no_one_up(voting, evil_at):
    honest = HallPhone(voting)
    at = (LISTEN, urlsplit(voting.phones_at).port)
    host = f"Host: {urlsplit(voting.phones_at).netloc}\r\n"
    whole = f"GET /room/phone.js HTTP/1.1\r\n{host}\r\n".encode() * 20
    slow_post = f"POST /room/me HTTP/1.1\r\n{host}Content-Length: 900\r\n\r\n{{".encode()
    firsts = [b"", b"GET /room/sta", whole, slow_post]
    with many_files(), ExitStack() as held:
        with within(HALL):
            tried = [hold(evil_at, at, firsts[number % len(firsts)]) for number in range(5000)]
        connected = [held.enter_context(each) for each in tried if each]
        assert len(connected) > 4000, "the test holds them"
        for choice in range(4):
            began_s = time.monotonic()
            assert honest.state().status_code == 200
            assert honest.post("vote", choice=choice, round=1).status_code == 200
            assert honest.post("cart", sku="pen", by=1).status_code == 200
            assert time.monotonic() - began_s < SOON_S
        began_s = time.monotonic()
        assert voting.wall()["vote"]["voted"] == 1, "the wall is not part of that"
        assert time.monotonic() - began_s < SOON_S
    assert counts(voting) == [[0, 0, 0, 1]]


@pytest.fixture
def another(network, tmp_path):
    """Where another lab can run on the laptop; it is ended with its test."""
    here = LabHere(tmp_path)
    here.command = ("ip", "netns", "exec", LAPTOP, *here.command)
    yield here
    here.end_started()
    here.assert_nothing_left()


def test_phone_comes_back_to_its_cart_and_after_a_restart_of_the_lab_to_the_room(another):
    here = another
    first = Room(here, "--yes", listen=LISTEN, inside=partial(within, LAPTOP))
    phone = HallPhone(first)
    phone.post("cart", sku="laptop", by=1)
    phone.web.close()  # it leaves the network, and is back
    again = phone.post("join", code=first.code, name="Zoë").json()
    assert again["number"] == phone.number
    assert again["desks"]["stateful"]["lines"][0]["sku"] == "laptop"
    first.stop()

    ports = ("--phone-port", str(urlsplit(first.phones_at).port))
    second = Room(here, "--yes", *ports, listen=LISTEN, inside=partial(within, LAPTOP))
    assert (second.code, second.phones_at) == (first.code, first.phones_at)
    assert phone.post("me").status_code == 404, "what the phone's page answers by joining again"
    assert phone.post("join", code=first.code, name="Zoë").status_code == 200
    assert phone.post("cart", sku="pen", by=1).status_code == 200
    wait_for(lambda: "-" not in second.marks())
    second.stop()
