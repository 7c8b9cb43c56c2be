"""A process that has served others: memory is found, and chance and clocks are not taken for it."""

import itertools
import json
import random

import pytest

from lab.check.comparator import ResponseComparator
from lab.check.conversation import Call, Conversation, plain
from lab.check.trace import Trace
from lab.check.used import (
    FEWER,
    MOST_ROUND_S,
    TIMES,
    USED_ROUNDS,
    differs_when_used,
    how_often,
    outlives_the_process,
)
from lab.core.http import Answer

TALK = Conversation(tuple(Call("GET", plain(f"/{n}"), origin=f"talk.py:{n}") for n in range(2)))


def trace(*documents, status=200, took_s=0.01):
    answers = [Answer(status, content=json.dumps(each).encode()) for each in documents]
    times = [took_s * n / len(answers) for n in range(len(answers))]
    return Trace(calls=list(TALK.calls), answers=answers, sent={*range(len(answers))}, times=times)


class Playing:
    """A runner of a service that answers by how many have had the conversation before."""

    def __init__(self, answer):
        self.answer, self.rounds = answer, 0

    def one(self, conversation):
        return trace(*(self.answer(0, n) for n in range(2)))

    def used(self, conversation, times, *, restart=False):
        self.rounds += 1
        return trace(*(self.answer(times, n) for n in range(2)))


def found(answer, baseline=None):
    comparator = ResponseComparator(frozenset())
    runner = Playing(answer)
    first = baseline or runner.one(TALK)
    comparator.learn_plays([first, runner.one(TALK), runner.one(TALK)])
    return differs_when_used(runner, TALK, first, comparator), runner.rounds


def test_process_that_remembers_others_is_found_with_the_first_call_that_shows_it():
    seen, rounds = found(lambda times, n: {"visits": n * times, "path": n})
    assert rounds == USED_ROUNDS
    index, differences = seen
    assert index == 1 and [str(each) for each in differences] == [f"/visits: 0 became {TIMES}"]


def test_process_that_remembers_nothing_is_looked_at_once():
    assert found(lambda times, n: {"path": n}) == (None, 1)


def test_coin_is_not_taken_for_a_memory():
    chance = random.Random(3)
    for _ in range(200):
        assert found(lambda times, n: {"coin": chance.random() < 0.5})[0] is None


def test_value_that_varies_by_itself_is_not_memory():
    count = itertools.count()
    assert found(lambda times, n: {"id": f"id-{next(count)}"})[0] is None


@pytest.mark.parametrize("status", [None, 429])
def test_no_answer_and_a_limiter_show_no_memory(status):
    """A limiter counts what was sent to find this; a connection that was kept may be closed."""
    comparator = ResponseComparator(frozenset())
    runner = Playing(lambda times, n: {})
    runner.used = lambda *_, **__: trace({"error": "many"}, {}, status=status)
    assert differs_when_used(runner, TALK, trace({}, {}), comparator) is None


def test_state_that_a_fresh_process_on_the_same_disk_has_too_is_on_the_disk():
    comparator, baseline = ResponseComparator(frozenset()), trace({"visits": 0}, {"visits": 1})
    for kept in (0, 7):
        runner = Playing(lambda times, n, kept=kept: {"visits": n + kept})
        on_disk = outlives_the_process(runner, TALK, baseline, comparator, 1)
        assert on_disk is bool(kept)


def test_long_conversation_is_held_less_often_or_not_at_all():
    many = [{}] * 9
    assert how_often(trace({}, {})) == TIMES and how_often(trace(*many)) == FEWER
    assert how_often(trace({}, {}, took_s=MOST_ROUND_S)) == 2  # two calls, the last at half of it
    assert how_often(trace({}, {}, took_s=3 * MOST_ROUND_S)) == 0
