"""Which connections of a server are overdue, and which one gives way; no clock is read."""

from types import SimpleNamespace

import pytest

from lab.shop.bounded_server import (
    ARRIVES_WITHIN_S,
    READS_WITHIN_S,
    BoundedChannel,
    BoundedTcpServer,
)

NOW = 1000.0


def channel(**state):
    """A connection without a socket: silent since NOW, until `state` says more."""
    made = BoundedChannel.__new__(BoundedChannel)
    vars(made).update({"requests": [], "request": None, "last_activity": NOW, **state})
    return made


PARTLY = object()


@pytest.mark.parametrize(
    ("state", "after_s", "overdue"),
    [
        ({}, 10**6, False),  # waitress' own channel_timeout is for these
        ({"request": PARTLY, "began_s": NOW}, ARRIVES_WITHIN_S, False),
        ({"request": PARTLY, "began_s": NOW}, ARRIVES_WITHIN_S + 1, True),
        ({"request": PARTLY, "began_s": NOW, "last_activity": NOW + 11}, 11, True),  # it trickles
        ({"request": PARTLY, "began_s": NOW, "requests": [PARTLY]}, 10**6, False),  # it is served
        ({"requests": [PARTLY], "total_outbufs_len": 9}, READS_WITHIN_S + 1, True),  # none is read
        ({"total_outbufs_len": 9, "last_activity": NOW + 50}, 55, False),
    ],
)
def test_connection_is_overdue_that_sends_or_reads_too_slowly(state, after_s, overdue):
    assert channel(**state).is_overdue(NOW + after_s) is overdue


def server_with(*channels, limit):
    """A server without a socket that has accepted these."""
    server = BoundedTcpServer.__new__(BoundedTcpServer)
    server.adj = SimpleNamespace(connection_limit=limit, channel_timeout=120)
    server._map = dict(enumerate(channels))
    server.active_channels = dict(enumerate(channels))
    server.accept = lambda: None  # as where a connection is gone again
    closed = []
    for each in channels:
        each.handle_close = lambda each=each: closed.append(each)
    return server, closed


def test_connection_that_waits_longest_gives_way_where_the_last_place_is_taken():
    fresh = channel(last_activity=NOW + 9)
    slow = channel(request=PARTLY, began_s=NOW - 5, last_activity=NOW + 9)
    idle = channel(last_activity=NOW - 4)
    served = channel(requests=[PARTLY], last_activity=NOW - 50)
    unread = channel(total_outbufs_len=7, last_activity=NOW - 50)
    every = (fresh, slow, idle, served, unread)
    server, closed = server_with(*every, limit=5)
    server.handle_accept()
    assert closed == [slow]
    server, closed = server_with(*every, limit=6)
    server.handle_accept()
    assert closed == []


def test_no_connection_gives_way_where_all_are_served():
    server, closed = server_with(channel(requests=[PARTLY]), channel(requests=[PARTLY]), limit=2)
    server.handle_accept()
    assert closed == []


def test_maintenance_ends_what_is_overdue():
    slow, idle = channel(request=PARTLY, began_s=NOW), channel()
    server, _ = server_with(slow, idle, limit=9)
    server.maintenance(NOW + ARRIVES_WITHIN_S + 1)
    assert (slow.will_close, idle.will_close) == (True, False)


class FakeParser:
    """A request that is complete at its first ";"."""

    def __init__(self, adj):
        self.got, self.completed, self.empty = b"", False, False
        self.expect_continue = False

    def received(self, data):
        taken = data.find(b";") + 1 or len(data)
        self.got += data[:taken]
        self.completed = self.got.endswith(b";")
        return taken


def test_time_of_a_request_counts_from_its_own_first_byte():
    from threading import Lock

    made = channel(requests_lock=Lock(), adj=None, parser_class=FakeParser)
    made.server = SimpleNamespace(add_task=lambda channel: None)
    for at_s, data in ((NOW, b"a"), (NOW + 5, b"b"), (NOW + 7, b";c"), (NOW + 8, b"d")):
        made.last_activity = at_s
        made.received(data)
    assert len(made.requests) == 1
    assert made.began_s == NOW + 7
