"""The feed sends every page everything, in order and once, and waits for none of them."""

import json
import re
import threading
from itertools import pairwise

import pytest
from clocks import Clock

from lab.console import feed as feed_module
from lab.console.events import RequestEvent, StackEvent
from lab.console.feed import Feed

DEADLINE_S = 60


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def feed(clock):
    feed = Feed(clock=clock)
    yield feed
    feed.close()


def parsed(message):
    """The messages in some bytes, as (event, id, data); `retry` and comments are left out."""
    shown = []
    for block in message.decode().split("\n\n"):
        fields = dict(re.findall(r"^(\w+): (.*)$", block, re.MULTILINE))
        if "data" in fields:
            data = json.loads(fields["data"])
            shown.append((fields.get("event", "message"), fields.get("id"), data))
    return shown


def taken(reader):
    """The bytes that the reader has not seen yet."""
    return b"".join(reader.take().parts)


def read(reader):
    """What it has not seen yet, parsed, without the beats."""
    return [each for each in parsed(taken(reader)) if each[0] != "beat"]


def snapshot(reader):
    ((kind, number, data),) = read(reader)
    assert kind == "snapshot"
    return number, data


def request(op="x-1", **changes):
    base = {"desk": "stateful", "op": op, "status": 200, "bytes_in": 1, "bytes_out": 2}
    base |= {"method": "GET", "path": "/", "asked": "", "served_by": "A", "instance": "a"}
    return base | {"tried": [], "ms": 1.0, "who": "c1", "mark": ["plain", "", ""]} | changes


KINDS = {"request": RequestEvent, "stack": StackEvent}


def publish(feed, kind, **fields):
    """Publish an event; return it as a page gets it."""
    return feed.publish(KINDS[kind](**fields)).json()


def begin(feed, stack=None):
    return feed.begin(stack).json()


def history(feed):
    return [each.json() for each in feed.history()]


# --- what is published


def test_event_is_stamped_with_id_time_and_the_score_after_it(feed, clock):
    clock.now_s += 1.5
    first = publish(feed, "request", **request())
    clock.now_s += 2.5
    second = publish(feed, "request", **request())
    assert (first["id"], second["id"]) == (1, 2)
    assert (first["at"], second["at"]) == (1.5, 4.0)
    assert [e["score"]["stateful"]["requests"] for e in (first, second)] == [1, 2]
    assert first | {"kind": "request", **request()} == first
    assert history(feed) == [first, second]


def test_stage_starts_history_score_and_clock_anew_and_ids_go_on(feed, clock):
    publish(feed, "request", **request())
    clock.now_s += 90
    assert feed.now_s() == 90
    stage = begin(feed, {"desks": {}})
    assert (stage["kind"], stage["id"], stage["stack"]) == ("stage", 2, {"desks": {}})
    assert stage["at"] == 0
    assert stage["score"]["stateful"]["requests"] == 0
    assert history(feed) == [stage]


def test_stage_names_its_script_to_pages_that_come_later_too(feed):
    assert feed.begin(None, "the-crash/0").json()["script"] == "the-crash/0"
    publish(feed, "request", **request())
    assert snapshot(feed.reader())[1]["script"] == "the-crash/0"
    assert begin(feed)["script"] == snapshot(feed.reader())[1]["script"] == ""


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), object()])
def test_event_that_is_no_json_is_refused_and_leaves_nothing_behind(feed, odd):
    with pytest.raises((TypeError, ValueError)):
        publish(feed, "request", **request(ms=odd))
    with pytest.raises((TypeError, ValueError)):
        begin(feed, {"odd": odd})
    assert history(feed) == []
    shown = publish(feed, "request", **request())
    assert (shown["id"], shown["score"]["stateful"]["requests"]) == (1, 1)


def test_history_is_bounded_and_says_how_much_is_missing():
    feed = Feed(most=3)
    for number in range(10):
        publish(feed, "stack", stack={"n": number})
    _, data = snapshot(feed.reader())
    assert [event["id"] for event in data["events"]] == [8, 9, 10]
    assert data["dropped"] == 7
    begin(feed, {"n": 10})
    assert snapshot(feed.reader())[1]["dropped"] == 0


def test_history_is_bounded_in_bytes_too(monkeypatch):
    monkeypatch.setattr(feed_module, "MOST_KEPT_BYTES", 10_000)
    feed = Feed()
    for _ in range(10):
        publish(feed, "request", **request("x" * 2600))
    assert len(history(feed)) == 3
    publish(feed, "request", **request("x" * 30_000))  # sent to all, kept for none
    assert history(feed) == []
    assert snapshot(feed.reader())[1]["dropped"] == 11


# --- what a page is sent


def test_fresh_page_is_reported_everything_and_then_what_happens(feed):
    begin(feed, {"servers": 1})
    publish(feed, "stack", stack={"servers": 2})
    stream = feed.reader()
    number, data = snapshot(stream)
    assert number == f"{feed.epoch}.2"
    assert data["epoch"] == feed.epoch
    assert data["stack"] == {"servers": 2}
    assert data["score"] == history(feed)[-1]["score"]
    assert 0 <= data["now_s"] < DEADLINE_S
    assert data["events"] == history(feed)
    third = publish(feed, "request", **request())
    assert read(stream) == [("message", f"{feed.epoch}.3", third)]


def test_newest_stack_is_reported_and_an_event_without_one_changes_nothing(feed):
    begin(feed, {"n": 1})
    publish(feed, "stack", stack={"n": 2})
    publish(feed, "request", **request())
    publish(feed, "stack", stack=None)
    assert snapshot(feed.reader())[1]["stack"] == {"n": 2}


def test_first_words_say_how_soon_to_come_back(feed):
    assert taken(feed.reader()).startswith(b"retry: 500\n\n")
    assert taken(feed.reader(f"{feed.epoch}.0")).startswith(b"retry: 500\n\n")


def test_page_that_comes_back_is_reported_only_what_it_missed(feed):
    shown = [publish(feed, "stack", stack={"n": n}) for n in range(5)]
    stream = feed.reader(f"{feed.epoch}.2")
    assert [each[2] for each in read(stream)] == shown[2:]
    again = feed.reader(f"{feed.epoch}.5")
    assert parsed(taken(again)) == [("beat", None, {})]
    assert taken(again) == b""
    sixth = publish(feed, "stack", stack={})
    assert [each[2] for each in read(again)] == [sixth]


@pytest.mark.parametrize(
    "last",
    [
        *(None, "", "x", "3", ".3", "EPOCH.", "EPOCH.-1", "EPOCH.99", "EPOCH.3 ", "EPOCH.3x"),
        *("other.3", "EPOCHx3", "EPOCH.3\n", "EPOCH.\u0663", "EPOCH." + "9" * 5000, "EPOCH.3.3"),
        *("\x00", "EPOCH.0003" + "0" * 20, "\ud800"),
    ],
)
def test_last_event_id_is_believed_only_if_it_can_be_true(feed, last):
    for n in range(3):
        publish(feed, "stack", stack={"n": n})
    stream = feed.reader(last and last.replace("EPOCH", feed.epoch))
    assert snapshot(stream)[1]["events"] == history(feed)


def test_page_that_has_been_away_too_long_is_reported_everything():
    feed = Feed(most=3)
    for n in range(10):
        publish(feed, "stack", stack={"n": n})
    assert len(read(feed.reader(f"{feed.epoch}.7"))) == 3
    assert len(snapshot(feed.reader(f"{feed.epoch}.6"))[1]["events"]) == 3


def test_page_that_was_away_while_the_stage_was_set_up_is_reported_from_there(feed):
    for n in range(5):
        publish(feed, "stack", stack={"n": n})
    begin(feed, {})
    publish(feed, "request", **request())
    shown = read(feed.reader(f"{feed.epoch}.3"))
    assert [(kind, data["kind"]) for kind, _, data in shown] == [
        ("message", "stage"),
        ("message", "request"),
    ]


def test_reader_that_fell_behind_is_reported_everything_anew():
    feed = Feed(most=3)
    stream = feed.reader()
    stream.take()
    for n in range(10):
        publish(feed, "stack", stack={"n": n})
    number, data = snapshot(stream)
    assert number == f"{feed.epoch}.10"
    assert [event["id"] for event in data["events"]] == [8, 9, 10]
    publish(feed, "stack", stack={})
    assert [data["id"] for _, _, data in read(stream)] == [11]


@pytest.mark.parametrize(
    "text", ["\n\ndata: {}\n\n", "\r\n", "\u2028", "\ud800", "\x00", "😀", "é"]
)
def test_no_text_can_forge_a_message(feed, text):
    stream = feed.reader()
    stream.take()
    publish(feed, "request", **request(text))
    ((kind, _, data),) = read(stream)
    assert (kind, data["op"]) == ("message", text)
    snapped = snapshot(feed.reader())[1]
    assert snapped["events"][0]["op"] == text


# --- threads, and the end


def test_every_page_is_sent_the_same_by_many_publishers(feed):
    publishers, each = 8, 50
    readers = [feed.reader() for _ in range(4)]
    for reader in readers:
        reader.take()
    results = [[] for _ in readers]

    def listen(reader, into):
        while len(into) < publishers * each:
            into += read(reader)

    def talk(number):
        for _ in range(each):
            publish(feed, "request", **request(f"{number}"))

    threads = [
        threading.Thread(target=listen, args=it, daemon=True)
        for it in zip(readers, results, strict=True)
    ]
    threads += [threading.Thread(target=talk, args=(number,)) for number in range(publishers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    for shown in results:
        assert [data["id"] for _, _, data in shown] == list(range(1, publishers * each + 1))
        counts = [data["score"]["stateful"]["requests"] for _, _, data in shown]
        assert counts == list(range(1, publishers * each + 1))
        assert all(a[2]["at"] <= b[2]["at"] for a, b in pairwise(shown))


def test_reader_that_reads_nothing_costs_the_history_nothing(feed):
    slow = feed.reader()
    slow.take()
    for _ in range(3000):
        publish(feed, "request", **request())
    assert snapshot(slow)[1]["dropped"] == 1000


def test_events_of_a_snapshot_are_shared_and_not_copied(feed):
    publish(feed, "request", **request("x" * 1000))
    one, other = feed.reader().take().parts, feed.reader().take().parts
    ours = [part.obj for part in one if isinstance(part, memoryview)]
    theirs = [part.obj for part in other if isinstance(part, memoryview)]
    assert ours and all(a is b for a, b in zip(ours, theirs, strict=True))


def test_listener_hears_of_everything_that_readers_may_find(feed):
    heard = []
    feed.on_news(lambda: heard.append(len(history(feed))))  # it may ask the feed
    publish(feed, "stack", stack={})
    begin(feed)
    feed.cut()
    feed.close()
    assert heard == [1, 1, 1, 1]


def test_cut_ends_the_readers_there_are_after_what_is_known(feed):
    reader = feed.reader()
    assert not reader.take().over
    last = publish(feed, "stack", stack={"n": 1})
    feed.cut()
    news = reader.take()
    assert [each[2] for each in parsed(b"".join(news.parts))] == [last]
    assert news.over
    missed = publish(feed, "stack", stack={"n": 2})
    again = feed.reader(f"{feed.epoch}.{last['id']}").take()
    assert [each[2] for each in parsed(b"".join(again.parts))] == [missed]
    assert not again.over


def test_reader_of_a_closed_feed_gets_what_is_known_and_is_over(feed):
    publish(feed, "stack", stack={})
    feed.close()
    news = feed.reader().take()
    assert [kind for kind, *_ in parsed(b"".join(news.parts))] == ["snapshot"]
    assert news.over


def test_feeds_do_not_take_each_others_ids():
    one, other = Feed(), Feed()
    publish(one, "stack", stack={})
    publish(other, "stack", stack={})
    assert snapshot(other.reader(f"{one.epoch}.1"))[1]["epoch"] == other.epoch
