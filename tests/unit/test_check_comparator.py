"""What varies is masked, what is always the same stays so, and what cannot be compared is said."""

import itertools
import json

import pytest

from lab.check.comparator import NOISY, POLLED, ResponseComparator
from lab.check.conversation import Call, Conversation, plain
from lab.check.differences import Relation, varying
from lab.check.judge import Finding, Level
from lab.check.trace import Trace
from lab.check.workers import MOST_ROUNDS, first_difference, script_of, separate_memory
from lab.core.http import Answer, Headers, ReadTimedOut

FINE = Finding(0, "GET /", Level.SELF_CONTAINED)


def answer(document=None, status=200, **headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, Headers(headers.items()), body)


def play(*answers, origins=None, ended=""):
    """One play of as many calls, each of a line of its own unless `origins` says otherwise."""
    trace = Trace(ended=ended)
    for number, each in enumerate(answers):
        origin = origins[number] if origins else f"talk.py:{number}"
        trace.calls.append(Call("GET", plain(f"/{number}"), origin=origin))
        trace.answers.append(each)
        trace.sent.add(number)
    return trace


def learnt(*plays, ignored=frozenset(), ids=()):
    comparator = ResponseComparator(ignored)
    comparator.learn_plays(list(plays), ids)
    return comparator


def pair(one, other):
    return learnt(play(one), play(other))


def test_varying_parts_are_masked_and_the_rest_is_compared():
    comparator = pair(answer({"a": 1, "b": 1}), answer({"a": 2, "b": 1}))
    assert comparator.masked == {0: ("/a",)}
    assert not comparator(0, answer({"a": 1, "b": 1}), answer({"a": 3, "b": 1}))
    assert comparator(0, answer({"a": 1, "b": 1}), answer({"a": 1, "b": 2}))
    assert comparator.unless_noisy(FINE) is FINE


@pytest.mark.parametrize("seen", [None, "", 7, [], {}, ...])
def test_place_that_varies_still_has_to_be_of_its_kind(seen):
    """A random user id that is null in a fresh process is not noise."""
    comparator = pair(answer({"a": "one"}), answer({"a": "two"}))
    document = {} if seen is ... else {"a": seen}
    assert not comparator(0, answer({"a": "one"}), answer({"a": "three"}))
    assert comparator(0, answer({"a": "one"}), answer(document))


def test_list_in_any_order_is_the_same_and_one_of_another_length_is_not():
    comparator = pair(answer({"a": ["x", "y", "z"]}), answer({"a": ["z", "x", "y"]}))
    assert not comparator(0, answer({"a": ["x", "y", "z"]}), answer({"a": ["y", "z", "x"]}))
    assert comparator(0, answer({"a": ["x", "y", "z"]}), answer({"a": ["x", "y", "w"]}))
    assert comparator(0, answer({"a": ["x", "y", "z"]}), answer({"a": ["x", "y"]}))


@pytest.mark.parametrize("root", [[1, 2, 3], {"a": [1, 2, 3]}])
def test_list_whose_length_varies_is_left_out(root):
    def of(items):
        return answer(items if isinstance(root, list) else {"a": items})

    comparator = pair(of([1, 2, 3]), of([4]))
    assert not comparator(0, of([1, 2, 3]), of([9, 8]))


def test_text_of_which_parts_vary_keeps_the_rest():
    one = answer(b"<ul><li>a7<li>b9</ul><p>ada</p>")
    other = answer(b"<ul><li>c3</ul><p>ada</p>")
    comparator = pair(one, other)
    assert not comparator(0, one, answer(b"<ul><li>x<li>y<li>z</ul><p>ada</p>"))
    assert comparator(0, one, answer(b"<ul><li>x<li>y<li>z</ul><p>log in</p>"))
    assert comparator.status_only == []


def test_body_that_varies_as_a_whole_leaves_the_status():
    comparator = pair(answer(b"\x89\x00abc"), answer(b"\x89\x00xyz"))
    assert comparator.status_only == [0] and comparator.unless_noisy(FINE) is FINE
    assert not comparator(0, answer(b"\x89\x00abc"), answer(b"\x89\x00123"))
    assert comparator(0, answer(b"\x89\x00abc"), answer(b"\x89\x00123", 404))


def test_status_that_differs_the_second_time_is_unknown():
    comparator = pair(answer(1), answer({}, 409))
    doubted = comparator.unless_noisy(FINE)
    assert doubted.level is Level.UNKNOWN and doubted.why == NOISY


def test_no_answer_on_both_sides_is_unknown():
    nothing = Answer(None, failure=ReadTimedOut())
    doubted = pair(nothing, nothing).unless_noisy(FINE)
    assert doubted.level is Level.UNKNOWN and "--timeout" in doubted.why


def test_limit_that_is_forgotten_is_a_difference():
    comparator = pair(answer(1, 429), answer(1, 429))
    found = comparator(0, answer(1, 429), answer(1))
    assert [str(each) for each in found] == ["status: 429 became 200"]


def test_limit_on_a_client_that_carries_nothing_shows_nothing():
    comparator = pair(answer(1), answer(1))
    assert not comparator.depends(0, answer(1), answer(1, 429))
    assert comparator.depends(0, answer(1), answer(1, 401))


def orders(first, second):
    return play(answer({"id": first}), answer({"id": second}))


def test_equality_of_two_answers_that_always_holds_is_an_observation():
    comparator = learnt(orders("pay_1a2b", "pay_1a2b"), orders("pay_9z8y", "pay_9z8y"))
    (relation,) = comparator.relations
    assert relation == Relation(1, "/id", 0, "/id")
    expected = orders("pay_1a2b", "pay_1a2b").answered
    assert not comparator.compare(1, expected, orders("pay_5555", "pay_5555").answered)
    (found,) = comparator.compare(1, expected, orders("pay_5555", "pay_6666").answered)
    assert "no longer that of answer 1 (/id)" in str(found)
    comparator.drop(relation)
    assert not comparator.compare(1, expected, orders("pay_5555", "pay_6666").answered)


@pytest.mark.parametrize(
    ("first", "second", "ids"),
    [
        ("x1", "y2", ()),  # too short: it may be the same by chance
        ("12:00:01", "12:00:02", ()),  # a clock, read twice in a second
        ("1770000001", "1770000002", ()),
        ("20260101T100001Z", "20260101T100002Z", ()),
        (41234, 41235, (41234,)),  # a process id
        ("the same", "the same", ()),  # compared as it is
    ],
)
def test_equality_by_chance_or_by_the_clock_is_no_observation(first, second, ids):
    assert not learnt(orders(first, first), orders(second, second), ids=ids).relations


def test_plays_of_a_script_that_polls_are_compared_by_their_last_answer():
    lines = ["t.py:1", "t.py:2", "t.py:2", "t.py:3"]
    slow = play(*map(answer, ("made", "running", "done", "end")), origins=lines)
    quick = play(*map(answer, ("made", "done", "end")), origins=["t.py:1", "t.py:2", "t.py:3"])
    comparator = learnt(slow, quick)
    assert comparator.aligned(slow, quick)[2].body == "done"
    assert comparator.aligned(slow, quick)[3].body == "end"
    assert comparator.unless_noisy(Finding(1, "GET /", Level.SELF_CONTAINED)).why == POLLED
    assert not comparator.masked


def test_script_that_ended_early_is_compared_up_to_there():
    lines = ["t.py:1", "t.py:2", "t.py:2", "t.py:2"]
    whole = play(*map(answer, (1, 2, 3, 4)), origins=lines)
    cut = play(*map(answer, (1, 2)), origins=lines[:2], ended="KeyError")
    comparator = learnt(whole, whole)
    assert [*comparator.aligned(whole, cut)] == [0, 1] and not comparator.polled


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (answer({}, 201), "answered 409, recorded 201"),
        (answer({"new": True}, 409), None),
        (answer({}, 304), None),
        (Answer(None), None),
    ],
)
def test_replay_that_is_not_as_recorded_elsewhere_is_no_proof(recorded, said):
    replayed = answer({"new": False}, 409)
    comparator = pair(replayed, replayed)
    comparator.learn_recorded(0, recorded, replayed)
    doubted = comparator.unless_noisy(FINE)
    assert (doubted.level is Level.UNKNOWN) == (said is not None)
    assert (said or "") in doubted.why


@pytest.mark.parametrize(
    ("seen", "odd"),
    [
        ("aaaa", None),
        ("abbb", None),  # changed once
        ("abcd", None),  # a counter
        ("aabbc", None),
        ("abab", 2),
        ("aabaa", 1),
        ("abca", 2),
    ],
)
def test_memories_of_several_workers_differ_from_one_that_changes(seen, odd):
    comparator = ResponseComparator(frozenset({"/at"}))
    answers = [answer({"cart": kind, "at": n}) for n, kind in enumerate(seen)]
    found = first_difference(answers, lambda one, other: comparator.differences(one, other, ()))
    assert (found and found[0]) == odd


def stream(*events, wanted):
    body = b"".join(b"data: %s\n\n" % event for event in events)
    return Answer(200, Headers(), body, complete=False, events=wanted)


def test_streams_without_an_end_are_compared_by_what_belongs_together():
    comparator = pair(stream(b"a", b"b", b"c", wanted=2), stream(b"a", b"b", wanted=2))
    assert not comparator.masked and not comparator.unsure
    whole = stream(b"a", b"b", wanted=2)
    assert not comparator(0, whole, stream(b"a", b"b", b"x", wanted=2))
    assert comparator(0, whole, stream(b"a", wanted=2))  # what is missing is a difference
    assert comparator(0, whole, stream(b"a", b"x", wanted=2))


def test_stream_that_was_slow_is_unknown():
    comparator = pair(stream(b"a", b"b", wanted=2), stream(b"a", wanted=2))
    assert comparator.unless_noisy(FINE).level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("after", "seen"), [("aabb" + "a", 2), ("ab", None), ("abbb", None), ("aaaa", None)]
)
def test_worker_that_was_seen_is_asked_for_until_another_comes_back(after, seen):
    """Of two workers one may serve for long before the other does."""
    answers = itertools.chain([answer({"sid": each}) for each in after], itertools.repeat(None))
    asked = []

    class Workers:
        def within(self, conversation, index, times, before=True, more=None):
            if not before:
                return [answer({"sid": "none"})] * times
            while len(asked) < times or more(asked):
                asked.append(next(answers) or asked[-1])
            return asked

    calls = Conversation(tuple(Call("GET", plain("/")) for _ in range(2)))
    found = separate_memory(Workers(), calls, ResponseComparator(frozenset()), 4)
    assert (found and found[1]) == seen
    assert len(asked) == (4 if len({*after}) == 1 else 5 if seen else 4 * MOST_ROUNDS)


@pytest.mark.parametrize(("plain_shows_it", "printable"), [(True, True), (False, False)])
def test_script_of_several_processes_is_tried_as_it_is_printed(plain_shows_it, printable):
    class Workers:
        def within(self, conversation, index, times, before=True, more=None):
            shows = before and (conversation.script is not None or plain_shows_it)
            return [answer({"a": each}) for each in (["x", "y"] * times if shows else ["x"] * 2)]

    calls = tuple(Call("GET", plain("/"), origin=f"talk.py:{n}") for n in range(3))
    conversation = Conversation(calls, script=lambda send: None)
    quiet = ResponseComparator(frozenset())
    found = separate_memory(Workers(), conversation, quiet, 4)
    script = script_of(found, Workers(), conversation, quiet, 4)
    assert script.calls == (0, 1, 2) and script.repeated == 4 and script.differences
    assert bool(script.unprintable) is not printable
    assert printable or "talk.py:2" in script.unprintable


def test_worker_that_takes_all_that_comes_is_not_taken_for_all_of_them():
    """The baseline has seen two statuses of this call: another server is asked, too."""
    servers = iter([["ok"] * 4, ["ok", "no", "ok", "no"]])

    class Workers:
        def within(self, conversation, index, times, before=True, more=None):
            return (
                [answer({}, 404 if each == "no" else 200) for each in next(servers)]
                if before
                else [answer({}, 404)] * 4
            )

    calls = Conversation(tuple(Call("POST", plain("/mcp")) for _ in range(2)))
    quiet = ResponseComparator(frozenset())
    assert separate_memory(Workers(), calls, quiet, 4) is None
    servers = iter([["ok"] * 4, ["ok", "no", "ok", "no"]])
    quiet.learn(1, answer({}), answer({}, 404))
    assert separate_memory(Workers(), calls, quiet, 4)[:2] == (1, 2)


@pytest.mark.parametrize("name", ["allow", "vary"])
def test_list_without_an_order_is_the_same_in_another_one(name):
    one, other, more = (
        Answer(200, Headers([(name, value)]), b"") for value in ("GET, Head", "head,GET", "GET")
    )
    assert not varying(one, other) and varying(one, more) == {f"header:{name}"}
    assert varying(one, Answer(200, Headers([]), b"")) == {f"header:{name}"}


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("5f123456789012345e0a1b2c3d4e5f60", True),  # a random id may have twelve digits together
        ("00:1b:44:11:3a:b7", True),
        ("ord-2026-11-27-8f3a9b", True),
        ("2026-11-27T10:54:13Z", False),
        ("2026-11-27 10:54:13.839201+00:00", False),
        ("27/Nov/2026:10:54:13 +0000", False),
        ("20261127T105413Z", False),
        ("202611271054", False),
        ("10:54:13 PM", False),
        ("at 10:54", False),
        ("1795776215", False),
    ],
)
def test_value_that_two_answers_share_is_a_relation_unless_a_clock_says_it(value, is_one):
    other = "9" + value[1:] if is_one else value.replace("54", "55").replace("6215", "6216")
    plays = [Trace(answers=[answer({"at": each})] * 2, sent={0, 1}) for each in (value, other)]
    for each in plays:
        each.calls = [Call("GET", plain("/"), origin=str(n)) for n in range(2)]
    for ignored, expected in ((), is_one), (("/at",), False):
        comparator = ResponseComparator(frozenset(ignored))
        comparator.learn_plays(plays)
        assert bool(comparator.relations) is expected
