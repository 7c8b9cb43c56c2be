"""The feed sends every page everything, in order and once, and waits for none of them."""

import json
import re
import threading
from itertools import pairwise

import pytest

from lab.console import feed as feed_module
from lab.console.events import RequestEvent, StackEvent
from lab.console.feed import Feed, Full
from lab.core.errors import LabError

DEADLINE_S = 60
BEAT_S = 0.05
MOST_BEATS = 200


class Clock:
    """Time that passes when a test says so."""

    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def feed(clock):
    feed = Feed(beat_s=BEAT_S, clock=clock)
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


def read(stream, until=lambda shown: True):
    """Read on until the condition holds; what was sent, without the beats."""
    shown = []
    for _ in range(MOST_BEATS):
        shown += [each for each in parsed(next(stream)) if each[0] != "beat"]
        if until(shown):
            return shown
    pytest.fail(f"only {shown} was sent")


def snapshot(stream):
    ((kind, number, data),) = read(stream)
    assert kind == "snapshot"
    return number, data


def request(op="x-1", **changes):
    base = {"desk": "stateful", "op": op, "status": 200, "bytes_in": 1, "bytes_out": 2}
    base |= {"method": "GET", "path": "/", "asked": "", "served_by": "A", "instance": "a"}
    return base | {"tried": [], "ms": 1.0, "who": "c1"} | changes


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
    feed = Feed(most=3, beat_s=BEAT_S)
    for number in range(10):
        publish(feed, "stack", stack={"n": number})
    _, data = snapshot(feed.stream())
    assert [event["id"] for event in data["events"]] == [8, 9, 10]
    assert data["dropped"] == 7
    begin(feed, {"n": 10})
    assert snapshot(feed.stream())[1]["dropped"] == 0


def test_history_is_bounded_in_bytes_too(monkeypatch):
    monkeypatch.setattr(feed_module, "MOST_KEPT_BYTES", 10_000)
    feed = Feed()
    for _ in range(10):
        publish(feed, "request", **request("x" * 2600))
    assert len(history(feed)) == 3
    publish(feed, "request", **request("x" * 30_000))  # sent to all, kept for none
    assert history(feed) == []
    assert snapshot(feed.stream())[1]["dropped"] == 11


# --- what a page is sent


def test_fresh_page_is_reported_everything_and_then_what_happens(feed):
    begin(feed, {"servers": 1})
    publish(feed, "stack", stack={"servers": 2})
    stream = feed.stream()
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
    assert snapshot(feed.stream())[1]["stack"] == {"n": 2}


def test_first_words_say_how_soon_to_come_back(feed):
    assert next(feed.stream()).startswith(b"retry: 500\n\n")
    assert next(feed.stream(f"{feed.epoch}.0")).startswith(b"retry: 500\n\n")


def test_page_that_comes_back_is_reported_only_what_it_missed(feed):
    shown = [publish(feed, "stack", stack={"n": n}) for n in range(5)]
    stream = feed.stream(f"{feed.epoch}.2")
    assert [each[2] for each in read(stream, lambda shown: len(shown) == 3)] == shown[2:]
    again = feed.stream(f"{feed.epoch}.5")
    assert parsed(next(again)) == [("beat", None, {})]
    sixth = publish(feed, "stack", stack={})
    assert [each[2] for each in read(again, bool)] == [sixth]


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
    stream = feed.stream(last and last.replace("EPOCH", feed.epoch))
    assert snapshot(stream)[1]["events"] == history(feed)


def test_page_that_has_been_away_too_long_is_reported_everything():
    feed = Feed(most=3, beat_s=BEAT_S)
    for n in range(10):
        publish(feed, "stack", stack={"n": n})
    assert len(read(feed.stream(f"{feed.epoch}.7"), lambda shown: len(shown) == 3)) == 3
    assert len(snapshot(feed.stream(f"{feed.epoch}.6"))[1]["events"]) == 3


def test_page_that_was_away_while_the_stage_was_set_up_is_reported_from_there(feed):
    for n in range(5):
        publish(feed, "stack", stack={"n": n})
    begin(feed, {})
    publish(feed, "request", **request())
    shown = read(feed.stream(f"{feed.epoch}.3"), lambda shown: len(shown) == 2)
    assert [(kind, data["kind"]) for kind, _, data in shown] == [
        ("message", "stage"),
        ("message", "request"),
    ]


def test_reader_that_fell_behind_is_reported_everything_anew():
    feed = Feed(most=3, beat_s=BEAT_S)
    stream = feed.stream()
    next(stream)
    for n in range(10):
        publish(feed, "stack", stack={"n": n})
    number, data = snapshot(stream)
    assert number == f"{feed.epoch}.10"
    assert [event["id"] for event in data["events"]] == [8, 9, 10]
    publish(feed, "stack", stack={})
    assert [data["id"] for _, _, data in read(stream)] == [11]


def test_stream_sends_a_beat_without_an_id_while_nothing_happens(feed, monkeypatch):
    stream = feed.stream()
    next(stream)
    waited_s = []
    monkeypatch.setattr(feed.news, "wait_for", lambda cause, timeout: waited_s.append(timeout))
    assert next(stream) == b"event: beat\ndata: {}\n\n"
    assert waited_s == [BEAT_S]


@pytest.mark.parametrize(
    "text", ["\n\ndata: {}\n\n", "\r\n", "\u2028", "\ud800", "\x00", "😀", "é"]
)
def test_no_text_can_forge_a_message(feed, text):
    stream = feed.stream()
    next(stream)
    publish(feed, "request", **request(text))
    ((kind, _, data),) = read(stream)
    assert (kind, data["op"]) == ("message", text)
    snapped = snapshot(feed.stream())[1]
    assert snapped["events"][0]["op"] == text


# --- threads


def test_stream_waits_for_news_and_passes_it_on_at_once():
    feed = Feed(beat_s=DEADLINE_S)
    stream = feed.stream()
    next(stream)
    shown = []
    reader = threading.Thread(target=lambda: shown.append(next(stream)))
    reader.start()
    publish(feed, "stack", stack={})
    reader.join()
    ((_, _, data),) = parsed(shown[0])  # the news itself, and not the beat that comes after 10 s
    assert data["kind"] == "stack"
    feed.close()


def test_every_page_is_reported_the_same_by_many_publishers(feed):
    publishers, each = 8, 50
    streams = [feed.stream() for _ in range(4)]
    for stream in streams:
        next(stream)
    results = [[] for _ in streams]

    def listen(stream, into):
        into += read(stream, lambda shown: len(shown) == publishers * each)

    def talk(number):
        for _ in range(each):
            publish(feed, "request", **request(f"{number}"))

    threads = [
        threading.Thread(target=listen, args=it) for it in zip(streams, results, strict=True)
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


def test_slow_reader_holds_no_other_up(feed):
    slow = feed.stream()
    next(slow)  # and never again: a publisher that waited for it would wait for ever
    for _ in range(3000):
        publish(feed, "request", **request())
    assert snapshot(slow)[1]["dropped"] == 1000


# --- coming and going


def test_feed_has_twelve_places_and_a_closed_stream_frees_one(feed):
    streams = [feed.stream() for _ in range(12)]
    with pytest.raises(Full, match="12 pages are open: close one"):
        feed.stream()
    assert issubclass(Full, LabError)
    next(streams[0])
    streams[0].close()
    streams[0].close()
    streams[1].close()  # its reading had not begun
    for _ in range(2):
        feed.stream()
    with pytest.raises(Full):
        feed.stream()


def test_cut_ends_the_streams_there_are_and_they_come_back_where_they_were(feed):
    stream = feed.stream()
    next(stream)
    last = publish(feed, "stack", stack={"n": 1})
    feed.cut()
    assert [each[2] for each in parsed(next(stream))] == [last]  # what is known is still sent
    assert next(stream) == b"retry: 30\n\n"  # it is we who hang up: come back at once
    with pytest.raises(StopIteration):
        next(stream)
    missed = publish(feed, "stack", stack={"n": 2})
    again = feed.stream(f"{feed.epoch}.{last['id']}")
    assert [each[2] for each in read(again, bool)] == [missed]


@pytest.mark.parametrize(
    ("end", "said"), [(Feed.cut, [b"retry: 30\n\n"]), (Feed.close, [])], ids=["cut", "close"]
)
def test_end_wakes_who_waits_and_frees_the_places(end, said):
    feed = Feed(beat_s=DEADLINE_S)
    streams = [feed.stream() for _ in range(12)]
    for stream in streams:
        next(stream)
    ended = []
    threads = [
        threading.Thread(target=lambda each=each: ended.append(list(each))) for each in streams
    ]
    for thread in threads:
        thread.start()
    end(feed)
    for thread in threads:
        thread.join(DEADLINE_S / 2)
    assert ended == [said] * 12
    feed.stream()


def test_stream_of_a_closed_feed_says_what_is_known_and_ends(feed):
    publish(feed, "stack", stack={})
    feed.close()
    messages = list(feed.stream())
    assert [kind for message in messages for kind, *_ in parsed(message)] == ["snapshot"]


def test_two_feeds_do_not_take_each_others_ids():
    one, other = Feed(), Feed()
    publish(one, "stack", stack={})
    publish(other, "stack", stack={})
    assert snapshot(other.stream(f"{one.epoch}.1"))[1]["epoch"] == other.epoch
