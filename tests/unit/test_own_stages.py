"""Learners' stages: started when asked for, ended when idle, few, and a queue for the others."""

import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from clocks import Clock
from conftest import wait_for

from lab.console import own_stages
from lab.console.events import LessonEvent
from lab.console.feed import Feed
from lab.console.own_stages import (
    GONE_S,
    MOST_WAITING,
    STAGE_IDLE_S,
    STAGE_IDLE_WAITED_FOR_S,
    OwnStages,
)
from lab.console.places import Full
from lab.core.errors import LabError

DEADLINE_S = 60


class Stack:
    """Pretends to start and end stages, and remembers which are there."""

    def __init__(self):
        self.alive, self.begun, self.trouble = set(), [], None
        self.may_start = threading.Event()
        self.may_start.set()

    @contextmanager
    def open(self, number):
        assert self.may_start.wait(DEADLINE_S)
        if self.trouble:
            raise self.trouble
        self.begun.append(number)
        self.alive.add(number)
        try:
            yield f"stage {number}"
        finally:
            self.alive.discard(number)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(own_stages, "STAGES_LOOK_S", 0.01)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stack():
    return Stack()


@pytest.fixture
def stages(stack, clock):
    stages = OwnStages(stack.open, most=2, clock=clock)
    stages.start()
    yield stages
    stack.may_start.set()
    stages.close()
    assert stack.alive == set()


def become(stages, browser, state):
    wait_for(lambda: stages.ask(browser).state == state)


def test_stage_is_started_when_asked_for_and_is_this_browsers_alone(stages, stack):
    assert stack.begun == []
    become(stages, "a", "ready")
    become(stages, "b", "ready")
    assert {stages.live("a"), stages.live("b")} == {"stage 1", "stage 2"}
    with pytest.raises(LabError, match="POST /lab/own"):
        stages.live("c")


def test_page_hears_that_its_stage_starts(stages, stack):
    stack.may_start.clear()
    become(stages, "a", "starting")
    with pytest.raises(LabError, match="no stage now"):
        stages.live("a")
    stack.may_start.set()
    become(stages, "a", "ready")


def test_browser_waits_only_where_all_stages_are_taken(stages, stack, clock):
    stack.may_start.clear()
    assert [stages.ask(browser).state for browser in "abc"] == ["starting", "starting", "waiting"]
    stack.may_start.set()
    for browser in "ab":
        become(stages, browser, "ready")
    assert stages.ask("c").state == "waiting"
    clock.now_s += STAGE_IDLE_WAITED_FOR_S + 1  # both stand idle: they are about to end
    assert stages.ask("c").state in ("starting", "ready")


def test_others_wait_in_order_and_the_first_gets_the_stage_that_is_given_up(stages):
    for browser in "ab":
        become(stages, browser, "ready")
    assert [stages.ask(browser).ahead for browser in "cdc"] == [0, 1, 0]
    assert stages.ask("d") == own_stages.OwnStageState("waiting", 1, 2)
    stages.leave("b")
    become(stages, "c", "ready")
    assert stages.ask("d").ahead == 0
    assert stages.ask("a").state == "ready"
    stages.leave("d")
    assert stages.ask("e").ahead == 0


def test_idle_stage_ends_sooner_where_others_wait(stages, stack, clock):
    for browser in "ab":
        become(stages, browser, "ready")
    clock.now_s += STAGE_IDLE_WAITED_FOR_S + 1
    stages.live("a")  # it is used; b is not
    assert len(stack.alive) == 2
    become(stages, "c", "ready")
    assert stages.ask("a").state == "ready"
    with pytest.raises(LabError):
        stages.live("b")


def test_idle_stage_ends_after_a_while_where_no_one_waits(stages, stack, clock):
    become(stages, "a", "ready")
    clock.now_s += STAGE_IDLE_S - 1
    stages.live("a")
    clock.now_s += STAGE_IDLE_S + 1
    wait_for(lambda: not stack.alive)
    become(stages, "a", "ready")  # and comes again when it is needed
    assert stack.begun == [1, 2]


def test_browser_that_no_longer_asks_loses_the_place_in_the_queue(stages, clock):
    for browser in "ab":
        become(stages, browser, "ready")
    stages.ask("gone")
    stages.ask("patient")
    clock.now_s += GONE_S
    assert stages.ask("patient").ahead == 1
    clock.now_s += 1
    wait_for(lambda: stages.ask("patient").ahead == 0)


def test_queue_has_an_end(stages):
    for browser in "ab":
        become(stages, browser, "ready")
    for number in range(MOST_WAITING):
        stages.ask(str(number))
    with pytest.raises(Full, match="wait for a stage"):
        stages.ask("late")
    assert stages.ask("7").ahead == 7


@pytest.mark.parametrize("error", [LabError("no nginx here"), RuntimeError("a bug")])
def test_stage_that_does_not_start_says_why_and_the_next_one_starts(stages, stack, error):
    stack.trouble = error
    become(stages, "a", "failed")
    assert str(error) in stages.ask("a").trouble
    stack.trouble = None
    become(stages, "b", "ready")
    stages.leave("a")
    become(stages, "a", "ready")


def test_browser_without_an_id_gets_none(stages):
    for ask in (stages.ask, stages.live):
        with pytest.raises(LabError, match="open the page first"):
            ask("")


def test_stages_can_be_turned_off(stack):
    stages = OwnStages(stack.open, most=0)
    stages.start()
    assert stages.ask("a").state == "off"
    stages.close()
    assert stages.ask("a").state == "off"


def test_close_ends_a_stage_that_is_just_starting(stack):
    stages = OwnStages(stack.open, most=1)
    stages.start()
    stack.may_start.clear()
    become(stages, "a", "starting")
    closing = threading.Thread(target=stages.close)
    closing.start()
    stack.may_start.set()
    closing.join(DEADLINE_S)
    assert not closing.is_alive()
    assert stack.alive == set()


def test_every_stage_hears_where_the_instructor_is_also_one_that_starts_later():
    feeds = []

    @contextmanager
    def open_stage(number):
        feeds.append(Feed())
        yield SimpleNamespace(feed=feeds[-1])

    stages = OwnStages(open_stage, most=2)
    stages.start()
    try:
        become(stages, "a", "ready")
        stages.publish(LessonEvent(chapter="caching", state="asking"))
        become(stages, "b", "ready")
        heard = [[each.event.chapter for each in feed.history()] for feed in feeds]
        assert heard == [["caching"], ["caching"]]
    finally:
        stages.close()
