"""The access log: every datagram of ours becomes one entry, whatever bytes are in it."""

import json
import socket
import sys
import threading
from contextlib import closing

import pytest

from lab.core.op_key import OP_KEY
from lab.processes.waiting import wait_until
from lab.stack import access_log
from lab.stack.access_log import LOG_FIELDS, AccessLog, parse

VALUES = {
    **dict.fromkeys(LOG_FIELDS, ""),
    "op": "crash-1-3",
    "key": OP_KEY,
    "path": "/stateful/@B/api/cart",
    "status": "200",
    "request_time": "0.003",
    "bytes": "321",
    "request_bytes": "99",
    "ended_at": "1795503304.636",
}

DEADLINE_S = 60


def datagram(tag="lab_1", **changes):
    return f"<190>Nov 24 06:55:04 {tag}: ".encode() + json.dumps({**VALUES, **changes}).encode()


@pytest.fixture
def log():
    log = AccessLog()
    yield log
    log.close()


def send(log, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for data in datagrams:
            s.sendto(data, ("127.0.0.1", log.port))


def test_entry_has_its_types_and_knows_pool_and_target():
    entry = parse(datagram(), "lab_1")
    assert (entry.op, entry.status, entry.bytes) == ("crash-1-3", 200, 321)
    assert entry.request_time == 0.003
    assert (entry.pool, entry.target) == ("stateful", "B")


NO_KEYS = {
    "none": "",
    "another": "0" * 32,
    "shorter": OP_KEY[:-1],
    "longer": OP_KEY + "0",
    "upper": OP_KEY[:-1] + "G",
    "other digits": "\u0660" * 32,
}


@pytest.mark.parametrize("key", NO_KEYS.values(), ids=NO_KEYS.keys())
def test_op_without_the_labs_key_is_no_op_of_the_lab(log, key):
    send(log, datagram(log.tag, key=key), datagram(log.tag, op="ours"))
    assert log.wait_for(["ours"], DEADLINE_S) == set()
    assert [entry.op for entry in log.entries()] == ["", "ours"]
    assert log.count("crash-1-3") == 0


def test_key_is_in_no_entry():
    assert OP_KEY not in repr(parse(datagram(), "lab_1"))


@pytest.mark.parametrize(
    ("path", "pool", "target"),
    [
        ("/stateful/api/cart", "stateful", ""),
        ("/stateful/@B", "stateful", ""),
        ("/", "", ""),
        ("", "", ""),
        ("/@B/x/y", "@B", ""),
    ],
)
def test_pool_and_target_of_a_path(path, pool, target):
    entry = parse(datagram(path=path), "lab_1")
    assert (entry.pool, entry.target) == (pool, target)


def test_bytes_that_are_no_utf8_are_shown_not_fatal():
    data = datagram(op="HERE").replace(b"HERE", b"\xff\xfe\xc3(")
    assert parse(data, "lab_1").op.startswith("\ufffd")


def test_client_cannot_forge_a_second_entry_or_a_tag():
    assert parse(datagram(op='x"} lab_1: {"op":"y'), "lab_1").op == 'x"} lab_1: {"op":"y'


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"\x00" * 50,
        datagram(tag="lab_2"),
        datagram(status="many"),
        datagram()[:-1],
        b"<1>t lab_1: {}",
        b"<1>t lab_1: []",
        b"<1>t lab_1: 7",
    ],
)
def test_datagram_that_is_no_entry_is_none(data):
    assert parse(data, "lab_1") is None


def test_access_log_counts_waits_and_publishes(log):
    heard = []
    stop = log.subscribe(heard.append)
    send(log, *(datagram(log.tag, op=op) for op in ("a", "b", "b")))
    assert log.wait_for(["a", "b"], DEADLINE_S) == set()
    assert wait_until(lambda: len(heard) == 3, DEADLINE_S)
    assert (log.count("a"), log.count("b"), log.count("c")) == (1, 2, 0)
    stop()
    send(log, datagram(log.tag, op="d"))
    assert log.wait_for(["d"], DEADLINE_S) == set()
    assert log.wait_for(["d", "e"], 0.01) == {"e"}
    assert [entry.op for entry in log.entries()] == ["a", "b", "b", "d"]
    assert len(heard) == 3


def test_garbage_is_counted_and_the_log_goes_on(log):
    send(log, datagram(log.tag)[:-1], datagram(log.tag, op="after"))
    assert log.wait_for(["after"], DEADLINE_S) == set()
    assert (log.malformed, log.foreign) == (1, 0)


FOREIGN = [
    *(b"", b"\xff{", datagram("lab_foreign"), bytes(60_000)),
    *(datagram("lab_" + "0" * 24), datagram("lab_" + "0" * 24)[:40]),
]


@pytest.mark.parametrize("filtered", [True, False])
def test_datagrams_of_others_are_ignored_and_do_not_end_the_log(monkeypatch, filtered):
    if not filtered:
        monkeypatch.setattr(access_log, "keep_only", lambda *_: False)
    elif sys.platform != "linux":
        return
    with closing(AccessLog()) as log:
        send(log, *FOREIGN, datagram(log.tag, op="after"))
        assert log.wait_for(["after"], DEADLINE_S) == set()
        assert (log.malformed, log.trouble) == (0, "")
        assert log.foreign == (0 if filtered else len(FOREIGN))
        send(log, datagram(log.tag, op="last"))
    assert log.count("last") == 1  # `close` has taken in what was sent before
    assert not log._thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter is Linux's")
def test_flood_of_others_datagrams_takes_no_room_of_the_log(log):
    busy, free = threading.Event(), threading.Event()
    log.subscribe(lambda entry: (busy.set(), free.wait(DEADLINE_S)))
    send(log, datagram(log.tag, op="first"))
    assert busy.wait(DEADLINE_S)  # nothing is read now
    small = datagram("lab_" + "0" * 24)  # there may be room for one when there is none for more
    send(log, *([bytes(60_000)] * 200), *([small] * 1000), datagram(log.tag, op="after"))
    free.set()
    assert log.wait_for(["after"], DEADLINE_S) == set()


def test_log_that_ends_by_itself_says_why(log):
    log._socket.close()
    send(log, datagram(log.tag))  # it may still wait for one, and fails at the next
    assert wait_until(lambda: "cannot be read" in log.trouble, DEADLINE_S)


def test_subscriber_that_fails_costs_no_other_subscriber_the_log(log, caplog):
    log.subscribe(lambda entry: 1 / 0)
    send(log, datagram(log.tag, op="a"), datagram(log.tag, op="b"))
    assert log.wait_for(["a", "b"], DEADLINE_S) == set()
    assert wait_until(lambda: "a subscriber of the access log failed" in caplog.text, DEADLINE_S)


@pytest.mark.parametrize(
    ("logged", "kept"),
    [
        *[("", None), ("0", 0), ("2", 2), ("-", None), ("-1", None), ("2, 3", None)],
        *[("two", None), ("\u0663", None), ("9" * 5000, None), ("1e3", None), (" 2", None)],
    ],
)
def test_store_operations_are_a_count_or_nothing_and_never_cost_the_entry(logged, kept):
    assert parse(datagram(store_operations=logged), "lab_1").store_operations == kept


def test_bounded_log_keeps_and_counts_the_newest_entries():
    log = AccessLog(most=3)
    try:
        send(log, *(datagram(log.tag, op=op) for op in ("a", "a", "b", "a", "c")))
        assert log.wait_for(["c"], DEADLINE_S) == set()
        assert [entry.op for entry in log.entries()] == ["b", "a", "c"]
        assert (log.count("a"), log.count("b"), log.count("c")) == (1, 1, 1)
        send(log, *(datagram(log.tag, op=str(n)) for n in range(100)))
        assert log.wait_for(["99"], DEADLINE_S) == set()
        assert log.wait_for(["a", "c"], 0.01) == {"a", "c"}
        assert len(log._ops) == 3  # a lab that runs for days does not grow
    finally:
        log.close()


def test_closing_takes_in_what_was_sent_and_keeps_it():
    log = AccessLog()
    send(log, *(datagram(log.tag, op=str(n)) for n in range(200)))
    log.close()
    assert len(log.entries()) == 200
    log.close()
