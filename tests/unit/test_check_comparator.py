"""What cannot be compared makes a call unknown: it is never taken for no difference."""

import json

import pytest

from lab.check.comparator import LIMITED, NOISY, STATUS_ONLY, ResponseComparator
from lab.check.conversation import Answer
from lab.check.differences import HEADERS
from lab.check.judge import Finding, Level
from lab.check.workers import apart

FINE = Finding(0, "GET /", Level.SELF_CONTAINED)


def answer(document=None, status=200):
    return Answer(status, (), document if isinstance(document, bytes) else _json(document))


def _json(document):
    return json.dumps(document).encode()


def learnt(one, other, ignored=frozenset()):
    comparator = ResponseComparator(ignored, HEADERS)
    comparator.learn(0, one, other)
    return comparator


def test_what_varies_is_masked_and_the_rest_is_compared():
    comparator = learnt(answer({"a": 1, "b": 1}), answer({"a": 2, "b": 1}))
    assert comparator.masked == {0: ("/a",)}
    assert not comparator(0, answer({"a": 1, "b": 1}), answer({"a": 3, "b": 1}))
    assert comparator(0, answer({"a": 1, "b": 1}), answer({"a": 1, "b": 2}))
    assert comparator.doubts(FINE) is FINE


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (answer(b"abc"), answer(b"def"), STATUS_ONLY),
        (answer([1]), answer({}), STATUS_ONLY),
        (answer(1), answer({}, 409), NOISY),
        (answer(1, 429), answer(1, 429), LIMITED),
        (answer(1), answer(1, 429), LIMITED),
    ],
)
def test_a_call_of_which_nothing_is_left_to_compare_is_unknown(one, other, why):
    doubted = learnt(one, other).doubts(FINE)
    assert doubted.level is Level.UNKNOWN and doubted.why == why
    assert doubted.counts is (why != LIMITED)


def test_who_has_said_to_ignore_it_knows_it():
    assert learnt(answer(b"abc"), answer(b"def"), frozenset({"body"})).doubts(FINE) is FINE


def test_a_429_in_any_play_makes_it_unknown():
    comparator = learnt(answer(1), answer(1))
    assert not comparator(0, answer(1), answer(1, 429))
    assert comparator.doubts(FINE).why == LIMITED


def test_to_be_limited_when_it_carries_nothing_shows_nothing_and_spoils_nothing():
    comparator = learnt(answer(1), answer(1))
    assert not comparator.depends(0, answer(1), answer(1, 429))
    assert comparator.depends(0, answer(1), answer(1, 401))
    assert comparator.doubts(FINE) is FINE


@pytest.mark.parametrize(
    ("recorded", "live", "said"),
    [
        (answer({}, 201), True, "answered 409, recorded 201"),
        (answer({}, 201), False, "answered 409, recorded 201"),
        (answer({"new": True}, 409), True, "/new True"),
        (answer({"new": True}, 409), False, None),
        (answer({}, 304), False, None),
        (Answer(None), False, None),
        (answer({}, 429), True, LIMITED),
        (answer({"new": False}, 409), True, None),
    ],
)
def test_a_replay_that_is_not_as_recorded_is_no_proof(recorded, live, said):
    replayed = answer({"new": False}, 409)
    comparator = learnt(replayed, replayed)
    comparator.learn_recorded(0, recorded, replayed, live)
    doubted = comparator.doubts(FINE)
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
def test_several_memories_are_told_from_one_that_changes(seen, odd):
    comparator = ResponseComparator(frozenset({"/at"}), HEADERS)
    answers = [answer({"cart": kind, "at": n}) for n, kind in enumerate(seen)]
    found = apart(answers, lambda one, other: comparator.apart(one, other, ()))
    assert (found and found[0]) == odd
