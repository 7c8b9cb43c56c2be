"""Counts and latencies of a crowd: they add up, and they travel between processes whole."""

import math
import socket

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.errors import LabError
from lab.crowd.json_channel import PORT_VARIABLE, SECRET_VARIABLE, ChannelListener, JsonChannel
from lab.crowd.load_profile import LoadProfile
from lab.crowd.messages import CrowdJob, IterationResult, NewReport, StartJob, WorkerReport
from lab.crowd.tally import Histogram, Tally
from lab.crowd.timetable import PlannedFault
from lab.evidence.cart_tracker import Fate

latencies = st.lists(st.floats(0.001, 1e7), min_size=1, max_size=120)


def filled(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def nearest_rank(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


@given(values=latencies, share=st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]))
def test_percentile_is_within_one_per_cent_of_the_exact_one(values, share):
    assert filled(values).quantile(share) == pytest.approx(nearest_rank(values, share), rel=0.01)


@given(first=latencies, second=latencies)
def test_histograms_of_two_workers_add_up_to_that_of_one(first, second):
    merged = filled(first)
    merged.merge(filled(second))
    assert merged == filled(first + second)
    assert merged.n == len(first) + len(second)


@pytest.mark.parametrize(
    ("n", "known"),
    [
        *((0, []), (1, ["p50_ms"]), (99, ["p50_ms"]), (100, ["p50_ms", "p95_ms"])),
        *((999, ["p50_ms", "p95_ms"]), (1000, ["p50_ms", "p95_ms", "p99_ms"])),
    ],
)
def test_percentiles_are_few_where_values_are(n, known):
    percentiles = msgspec.to_builtins(filled(range(1, n + 1)).percentiles())
    assert percentiles.pop("n") == n
    withheld = percentiles.pop("withheld")
    assert {f"{name}_ms" for name in withheld} == percentiles.keys() - set(known)
    assert all(f"n = {n} is too small for it: at least " in why for why in withheld.values())
    assert [name for name, value in percentiles.items() if value is not None] == known


@pytest.mark.parametrize("value", [0.0, -0.0, -5.0, 1e-12])
def test_value_next_to_nothing_counts_as_a_microsecond(value):
    assert filled([value]).quantile(0.5) == pytest.approx(0.001, rel=0.01)


COUNTS = ("ok", "failed", "unknown", "warm_up", "closing", "responses", "reads", "reads_kept")


@given(
    values=latencies,
    late=latencies,
    counts=st.lists(st.integers(0, 10**9), min_size=8, max_size=8),
)
def test_tally_travels_as_json_and_arrives_whole(values, late, counts):
    sent = Tally(**dict(zip(COUNTS, counts, strict=True)), last_s=3.0)
    sent.latency, sent.lateness = filled(values), filled(late)
    arrived = msgspec.json.decode(msgspec.json.encode(sent), type=Tally)
    assert arrived == sent
    arrived.add(sent)
    assert (arrived.ok, arrived.requests) == (2 * sent.ok, 2 * sent.requests)
    assert (arrived.lateness.n, arrived.last_s) == (2 * len(late), 3.0)


# --- the channel

JOB = CrowdJob(
    name="stateful-1",
    url="http://127.0.0.1:9",
    servers=("A", "B"),
    profile=LoadProfile("x.py", timetable=(PlannedFault("kill", "B", 3.0),)),
)
REPORT = WorkerReport(
    worker=1, at_s=2.0, closing=False, in_flight=3, tally=Tally(ok=2, latency=filled([1.0, 9.0])),
    iterations=[IterationResult("c1-1", "b1", 1.5, Fate.LOST, 0.5)],
    trouble=None, cpu=0.25, rss=4096,
)  # fmt: skip


@pytest.fixture
def channel():
    """Both ends of a connection, as `JsonChannel`s."""
    left, right = map(JsonChannel, socket.socketpair())
    yield left, right
    left.close()
    right.close()


@pytest.mark.parametrize("message", [StartJob(JOB), NewReport(REPORT)])
def test_message_arrives_as_it_was_sent(channel, message):
    channel[0].send(message)
    assert channel[1].receive() == message


@pytest.mark.parametrize(
    "line",
    [
        *(b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b'{"type":"Nobody"}\n'),
        *(b'{"type":"Hello"}\n', b'{"type":"Hello","secret":1}\n', b"[" * 10_000 + b"\n"),
        b'{"type":"StartJob","job":{"name":"x","url":"","servers":[],"profile":{"script":"x",'
        b'"shoppers":-1}}}\n',
    ],
)
def test_line_that_is_no_message_is_an_error_with_its_reason(channel, line):
    channel[0]._connection.sendall(line)
    with pytest.raises(LabError, match="cannot read a message"):
        channel[1].receive()


def test_line_that_was_cut_off_is_the_end(channel):
    channel[0]._connection.sendall(b'{"type":"Done"')
    channel[0].close()
    assert channel[1].receive() is None


@pytest.mark.parametrize(
    "hello", [b'{"type":"Hello","secret":"guess"}\n', b'{"type":"Done"}\n', b"GET / HTTP/1.1\r\n"]
)
def test_process_without_the_secret_is_refused(hello):
    listener = ChannelListener()
    try:
        port = int(listener.environment[PORT_VARIABLE])
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(hello)
            with pytest.raises(LabError, match="another process connected"):
                while listener.accept() is None:
                    pass
    finally:
        listener.close()


def test_process_with_the_secret_is_accepted(monkeypatch):
    listener = ChannelListener()
    try:
        for name in (PORT_VARIABLE, SECRET_VARIABLE):
            monkeypatch.setenv(name, listener.environment[name])
        theirs = JsonChannel.to_lab()
        while (ours := listener.accept()) is None:
            pass
        ours.send(StartJob(JOB))
        assert theirs.receive() == StartJob(JOB)
        ours.close()
        theirs.close()
    finally:
        listener.close()
