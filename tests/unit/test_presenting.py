"""A presentation is over once its browser has had no page open for a while."""

from clocks import Clock

from lab.console.events import LessonEvent
from lab.console.presenting import LEASE_S, Presentation

HERE = LessonEvent(chapter="the-crash", state="running")


def presented(browser="one", event=HERE):
    clock, watching, ended = Clock(), {"one"}, []
    presentation = Presentation(lambda: watching, ended.append, clock)
    presentation.go_on(event, browser)
    return presentation, clock, watching, ended


def test_presentation_goes_on_while_its_browser_watches():
    presentation, clock, _, ended = presented()
    for _ in range(10):
        clock.now_s += LEASE_S
        presentation.look()
    assert ended == []


def test_presentation_of_a_browser_that_is_gone_is_over_once():
    presentation, clock, watching, ended = presented()
    watching.clear()
    clock.now_s += LEASE_S - 1
    presentation.look()
    assert ended == []
    clock.now_s += 1
    presentation.look()
    presentation.look()
    assert [(each.chapter, each.state) for each in ended] == [("the-crash", "over")]


def test_browser_that_comes_back_in_time_goes_on():
    presentation, clock, watching, ended = presented()
    watching.clear()
    clock.now_s += LEASE_S - 1
    watching.add("one")
    presentation.look()
    watching.clear()
    clock.now_s += LEASE_S - 1
    presentation.look()
    assert ended == []


def test_next_place_begins_a_new_lease():
    presentation, clock, watching, ended = presented()
    watching.clear()
    clock.now_s += LEASE_S - 1
    presentation.go_on(HERE, "one")
    clock.now_s += LEASE_S - 1
    presentation.look()
    assert ended == []


def test_presentation_from_a_terminal_or_one_that_is_over_has_no_lease():
    over = LessonEvent(chapter="the-crash", state="over")
    for browser, event in (("", HERE), ("one", over)):
        presentation, clock, watching, ended = presented(browser, event)
        watching.clear()
        clock.now_s += 10 * LEASE_S
        presentation.look()
        assert ended == []
