"""When a play sends its calls: a clock, an age or a wait must not look like a memory."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from clocks import SleepingClock

from lab.check import parts, target_runner
from lab.check import runner as runner_module
from lab.check.budget import Budget
from lab.check.conversation import Call, Conversation, plain
from lab.check.parts import APART_S
from lab.check.runner import Runner
from lab.check.target_runner import MORE_PATIENTLY, MOST_PACED_S, PATIENTLY
from lab.check.trace import Trace
from lab.core.http import Answer


@pytest.fixture
def clock(monkeypatch):
    clock = SleepingClock()
    for module in (target_runner, parts, runner_module):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr("lab.check.http.send", lambda *args, **more: Answer(200))
    return clock


def runner_of(clock, started_s_ago=0.0):
    def fresh(elsewhere=False, since=0.0):
        return SimpleNamespace(started=clock.now - started_s_ago, kill=lambda: None, address=None)

    pool = SimpleNamespace(reset=lambda: None, fresh=fresh, expect=lambda count: None)
    return Runner(pool, Budget())


def calls(count, origin=""):
    return tuple(Call("GET", plain(f"/{n}"), origin=origin or f"talk.py:{n}") for n in range(count))


@pytest.mark.parametrize("age", [0.0, 0.25, 5.0])
def test_second_play_asks_a_process_that_is_older_by_a_second(clock, age):
    """However long the first play took: uptime in seconds differs between the two."""
    conversation = Conversation(calls(3))
    first = runner_of(clock, age).one(conversation)
    clock.now += 50
    second = runner_of(clock).one(conversation, after=first)
    assert first.ages == [age] * 3
    assert all(two > one + APART_S - 0.01 for one, two in zip(first.ages, second.ages, strict=True))


def test_second_play_is_in_another_second(clock):
    conversation = Conversation(calls(2))
    first = runner_of(clock).one(conversation)
    second = runner_of(clock, 20).one(conversation, after=first)
    assert second.times[0] >= first.times[0] + APART_S


def polls(clock, origin, same=True, **more):
    """A part of a conversation: the first call and the last of four; the others as recorded."""
    waited_s = [0.0, 0.5, 1.0, 1.5]
    recorded = Trace(answers=[Answer(200, elapsed_s=0.0)] * 4)
    recorded.times = [10 + each for each in waited_s]
    made = calls(4, origin)
    if origin and same:
        made = tuple(replace(each, path=plain("/job")) for each in made)
    conversation = Conversation(made, script=lambda client: [*map(client, made)])
    runner = runner_of(clock)
    for name, value in more.items():
        setattr(runner, name, value)
    trace = runner.part(conversation, [0, 3], recorded)
    return trace.times[3] - trace.times[0]


def test_call_that_a_script_repeats_comes_no_sooner_than_it_did(clock):
    assert polls(clock, "talk.py:7") == PATIENTLY * 1.5
    assert polls(clock, "") == 0.0  # each is a line of its own
    assert polls(clock, "talk.py:7", same=False) == 0.0  # a loop over other things


def test_first_call_of_a_line_that_polls_keeps_the_pace_too(clock):
    """On a busy machine the first one came late, and what it asks for was there already."""
    assert polls(clock, "", polled={("talk.py:3", "GET")}) == PATIENTLY * 1.5


def test_patience_lengthens_the_pace(clock):
    assert polls(clock, "talk.py:7", patience=MORE_PATIENTLY / 2) == MORE_PATIENTLY / 2 * 1.5


def test_pace_is_kept_for_a_while_only(clock):
    recorded = Trace(answers=[Answer(200)] * 2, times=[0.0, 1e6])
    made = tuple(replace(each, path=plain("/job")) for each in calls(2, "x"))
    conversation = Conversation(made, script=lambda client: [*map(client, made)])
    trace = runner_of(clock).part(conversation, [0, 1], recorded)
    assert trace.times[1] - trace.times[0] == MOST_PACED_S


@pytest.mark.parametrize("name", ["safe", "hinted"])
def test_calls_that_are_said_to_change_nothing_share_a_fresh_process(clock, name):
    """Each other call has a process of its own, and so has what follows it."""
    runner = runner_of(clock)
    said = [True, True, False, False, True, True, True, True]
    paths = ["/0", "/1", "/2", "/3", "/4", "/5", "/4", "/5"]
    made = tuple(
        Call("POST", plain(path), topic="lists" if n == 5 else "", **{name: one})
        for n, (path, one) in enumerate(zip(paths, said, strict=True))
    )
    asked = []
    runner.during = lambda process: asked.append(id(process)) or nullcontext()
    kept = []
    fresh = runner.pool.fresh
    runner.pool.fresh = lambda **more: kept.append(fresh(**more)) or kept[-1]
    runner.fresh(Conversation(made))
    # A topic of its own may be what another one has changed; and nothing is asked twice.
    assert [asked.index(each) for each in asked] == [0, 0, 2, 3, 4, 5, 6, 6]
