"""The stream server, over real sockets: hundreds of pages, and none that holds another up."""

import json
import re
import selectors
import socket
from contextlib import ExitStack, contextmanager

import pytest
from clocks import Clock
from conftest import DEADLINE_S, wait_for
from werkzeug.exceptions import Forbidden

from lab.console.events import StackEvent
from lab.console.feed import Feed
from lab.console.places import Places, Watcher
from lab.console.stream_server import SLOW_S, Admitted, StreamServer

WATCHERS = 600
HUGE = "x" * 1_000_000  # more than the buffers of a socket take
NEVER_S = 1000.0


class Served:
    """A stream server; pages name themselves in the header X-Id."""

    def __init__(self, **how):
        self.feed = Feed()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=WATCHERS)
        self.address = self.listener.getsockname()
        self.refused = None
        self.server = StreamServer(self.listener, self.admit, **how)
        self.server.start()

    def admit(self, request):
        if self.refused:
            raise self.refused
        name = request.headers.get("X-Id", "")
        return Admitted(self.feed, Watcher(name, instructor=name == "instructor"))

    def open(self, name="", method="GET", **headers):
        """Send a request; the connection."""
        page = socket.create_connection(self.address, timeout=DEADLINE_S)
        lines = [f"{method} /lab/events HTTP/1.1", "Host: x", f"X-Id: {name}"]
        lines += [f"{each.replace('_', '-')}: {value}" for each, value in headers.items()]
        page.sendall("\r\n".join([*lines, "", ""]).encode())
        return page

    def stack(self, **stack):
        return self.feed.publish(StackEvent(stack))


@contextmanager
def serving(**how):
    served = Served(**how)
    try:
        yield served
    finally:
        served.server.close()


@pytest.fixture
def served():
    with serving(beat_s=NEVER_S) as it:
        yield it


def read_until(page, wanted):
    """What comes, up to the end of the event with `wanted`: the server has nothing more to send."""
    seen = b""
    while wanted not in seen or not seen.endswith(b"\n\n"):
        data = page.recv(65536)
        assert data, seen
        seen += data
    return seen


def read_all(page):
    seen = b""
    while data := page.recv(65536):
        seen += data
    return seen


def ids(seen):
    return [int(each) for each in re.findall(rb"^id: \w+\.(\d+)$", seen, re.MULTILINE)]


# --- what is answered


def test_page_gets_the_stage_and_then_each_event_at_once(served):
    served.stack(n=1)
    with served.open() as page:
        seen = read_until(page, b"]}\n\n")
        head, _, body = seen.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Type: text/event-stream" in head
        assert b"X-Accel-Buffering: no" in head and b"no-store" in head
        assert body.startswith(b"retry: 500\n\nid: ")
        served.stack(n=2)
        assert json.loads(read_until(page, b"\n\n").partition(b"data: ")[2])["stack"] == {"n": 2}


def test_page_comes_back_where_it_was(served):
    for n in range(5):
        served.stack(n=n)
    with served.open(Last_Event_ID=f"{served.feed.epoch}.3") as page:
        assert ids(read_until(page, b'"n":4')) == [4, 5]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_methods_other_than_get_have_no_stream(served, method):
    with served.open(method=method) as page:
        seen = read_all(page)
    assert b"snapshot" not in seen
    if method == "HEAD":
        assert seen.startswith(b"HTTP/1.1 200 OK\r\n") and seen.endswith(b"\r\n\r\n")
    else:
        assert seen.startswith(b"HTTP/1.1 405 ") and b"Allow: GET, HEAD\r\n" in seen


@pytest.mark.parametrize(
    ("error", "status"),
    [(Forbidden("open its own page"), 403), (RuntimeError("secret of the code"), 500)],
    ids=["guard", "bug"],
)
def test_refusal_is_a_problem_and_ends_the_connection(served, error, status):
    served.refused = error
    with served.open() as page:
        head, _, body = read_all(page).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert b"secret of the code" not in body
    served.refused = None
    with served.open() as page:
        read_until(page, b"snapshot")


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 300_000 + b"\r\n\r\n"],
    ids=["bytes", "no path", "long"],
)
def test_garbage_is_refused_and_the_others_are_served(served, garbage):
    with socket.create_connection(served.address, timeout=DEADLINE_S) as page:
        try:
            page.sendall(garbage)
            seen = read_all(page)
        except ConnectionError:  # cut off while it was still sending
            seen = b""
    assert b"snapshot" not in seen
    with served.open() as page:
        read_until(page, b"snapshot")


def test_full_house_says_so_and_a_page_that_leaves_frees_its_place():
    with serving(beat_s=NEVER_S, places=Places(most=2)) as served, ExitStack() as stack:
        pages = [stack.enter_context(served.open(name)) for name in "ab"]
        for page in pages:
            read_until(page, b"snapshot")
        with served.open("c") as page:
            seen = read_all(page)
        assert seen.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 5\r\n" in seen
        with served.open("instructor") as page:
            read_until(page, b"snapshot")
        pages[0].close()
        wait_for(lambda: len(served.server.places) == 1)
        with served.open("c") as page:
            read_until(page, b"snapshot")


def test_page_that_has_more_than_one_stream_loses_one_to_a_new_page():
    with serving(beat_s=NEVER_S, places=Places(most=2)) as served, ExitStack() as stack:
        first, second = (stack.enter_context(served.open("a")) for _ in range(2))
        for page in (first, second):
            read_until(page, b"snapshot")
        with served.open("b") as page:
            read_until(page, b"snapshot")
            read_all(second)  # it ends
            served.stack(n=1)
            read_until(first, b'"n":1')


# --- many, and slow ones


def test_six_hundred_pages_get_every_event_in_order_and_a_slow_one_holds_none_up(served):
    events = 30
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        slow = stack.enter_context(served.open("slow"))
        read_until(slow, b"snapshot")  # and never again
        seen = {}
        for number in range(WATCHERS - 1):
            page = stack.enter_context(served.open(str(number)))
            page.setblocking(False)
            selector.register(page, selectors.EVENT_READ)
            seen[page] = b""
        wait_for(lambda: len(served.server.places) == WATCHERS)
        for n in range(events):
            served.stack(n=n)
        last = f"id: {served.feed.epoch}.{events}\n".encode()
        waiting = set(seen)

        def all_have_the_last():
            for key, _ in selector.select(1):
                seen[key.fileobj] += key.fileobj.recv(1_000_000)
                if last in seen[key.fileobj] and seen[key.fileobj].endswith(b"\n\n"):
                    waiting.discard(key.fileobj)
            return not waiting

        wait_for(all_have_the_last)
        for stream in seen.values():
            numbers = ids(stream)
            # A page that came in the middle has the earlier ones in its snapshot.
            assert numbers == list(range(numbers[0], events + 1))
    wait_for(lambda: len(served.server.places) == 0)


def test_page_that_takes_nothing_is_dropped_and_others_are_not():
    clock = Clock()
    with serving(beat_s=0.01, clock=clock) as served, ExitStack() as stack:
        slow, quick = (stack.enter_context(served.open(name)) for name in ("slow", "quick"))
        for page in (slow, quick):
            read_until(page, b"snapshot")
        for n in range(8):
            served.stack(n=n, text=HUGE)
        read_until(quick, b'"n":7')
        clock.now_s += 1.0
        read_until(quick, b"beat")  # a second is nothing
        assert len(served.server.places) == 2
        for _ in range(3):  # what it does is sent until the buffers are full
            clock.now_s += SLOW_S / 2
            read_until(quick, b"beat")
        wait_for(lambda: len(served.server.places) == 1)
        served.stack(n=9)
        read_until(quick, b'"n":9')


def is_closed(connection):
    """Wait for its end: an orderly one, or a reset where the server left something unread."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connection_that_says_nothing_is_closed():
    clock = Clock()
    with (
        serving(beat_s=0.01, clock=clock) as served,
        socket.create_connection(served.address, timeout=DEADLINE_S) as silent,
        socket.create_connection(served.address, timeout=DEADLINE_S) as half,
        served.open() as page,
    ):
        half.sendall(b"GET /lab/events HT")
        read_until(page, b"snapshot")
        clock.now_s += SLOW_S
        assert is_closed(silent) and is_closed(half)
        read_until(page, b"beat")


def test_idle_page_gets_beats_without_an_id():
    clock = Clock()
    with serving(beat_s=0.01, clock=clock) as served, served.open() as page:
        read_until(page, b"]}\n\n")
        clock.now_s += 1
        assert ids(read_until(page, b"event: beat\ndata: {}\n\n")) == []


# --- the end


def test_cut_pages_come_back_one_after_the_other(served):
    with ExitStack() as stack:
        pages = [stack.enter_context(served.open(str(n))) for n in range(5)]
        for page in pages:
            read_until(page, b"snapshot")
        served.feed.cut()
        ends = [read_all(page).rpartition(b"retry: ")[2] for page in pages]
    times = [int(end) for end in ends]
    assert sorted(times) == [30, 32, 34, 36, 38]
    with served.open() as page:  # and who comes now is served
        read_until(page, b"snapshot")


def test_closed_feed_ends_its_pages_without_calling_them_back(served):
    with served.open() as page:
        read_until(page, b"]}\n\n")
        served.feed.close()
        assert read_all(page) == b""


def test_close_ends_every_connection():
    with serving(beat_s=NEVER_S) as served:
        page = served.open()
        read_until(page, b"]}\n\n")
    with page:
        assert page.recv(1) == b""
    with pytest.raises(OSError):
        socket.create_connection(served.address, timeout=1)
