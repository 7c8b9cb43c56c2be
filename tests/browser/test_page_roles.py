"""Everybody can do it: follow the instructor, wait for a stage, keep one's predictions."""

import re

import pytest
from conftest import wait_for
from playwright.sync_api import expect

from browser.conftest import RunningLab, Windows
from browser.test_page_tour import findings
from browser.tour import look_closer, pause_at_once, predict

CALM = {"reduced_motion": "reduce"}
STATE = "async () => (await import('/lab/static/state.js')).state"
NOTES = "async () => (await import('/lab/static/state.js')).state.lesson"


def present(page):
    """Turn to the page from which the instructor leads the room."""
    page.keyboard.press("p")
    page.wait_for_url(re.compile("present"))


def judged(page):
    page.locator(".so .judged").wait_for()
    return page.locator(".so .judged").get_attribute("data-right")


@pytest.mark.timeout(240)
def test_learner_follows_the_instructor_and_is_judged_by_its_own_prediction(window):
    room = window(where="?step=6", **CALM)
    learner = window(instructor=False, where="?step=1", **CALM)
    bar = learner.locator("lab-role")
    expect(bar).to_be_hidden()  # nothing is presented yet
    present(room)
    wait_for(lambda: "chapter 6" in bar.inner_text())
    bar.locator(".follow").click()
    learner.wait_for_url(re.compile("step=6"))
    # It predicts for itself, and the instructor runs.
    asked = room.locator(".ask h1").inner_text()
    wait_for(lambda: learner.locator(".ask h1").inner_text() == asked)
    learner.keyboard.press("3")
    learner.locator(".scene .seal").click()
    assert learner.locator(".scene .run").count() == 0
    expect(learner.locator(".ask")).to_contain_text("The instructor runs it")
    assert findings(learner) == []
    room.keyboard.press("1")
    room.keyboard.press("Enter")
    learner.locator("main[data-scene=watch]").wait_for()
    expect(learner.locator(".controls .pause")).to_be_hidden()
    captions = {
        step["say"]
        for step in learner.evaluate(f"async () => (await ({STATE})()).plan.chapters[5]")["acts"][
            0
        ]["steps"]
    }
    wait_for(lambda: learner.locator(".caption").inner_text() in captions)
    assert (judged(room), judged(learner)) == ("no", "yes")
    # One stage, one run, the same measurements.
    mine, theirs = (page.evaluate(NOTES)["the-crash"]["acts"]["0"] for page in (learner, room))
    assert mine["facts"] == theirs["facts"]
    assert (mine["guess"], theirs["guess"]) == (2, 0)
    assert "/lab/step" not in window.asked(learner) and "/lab/own" not in window.asked(learner)
    # The instructor goes on, and so does who follows.
    room.keyboard.press("PageDown")
    learner.wait_for_url(re.compile("step=7"))
    # Going back by hand leaves; the bar brings back.
    learner.keyboard.press("PageUp")
    bar.locator(".follow").wait_for()
    learner.wait_for_url(re.compile("step=6"))
    bar.locator(".follow").click()
    learner.wait_for_url(re.compile("step=7"))
    # A reload keeps following; the end of the presentation lets go on alone.
    learner.reload()
    bar.locator(".unfollow").wait_for()
    room.keyboard.press("p")
    bar.wait_for(state="hidden")
    learner.locator(".scene .skip-it").wait_for()


@pytest.mark.long
@pytest.mark.timeout(240)
def test_learner_comes_in_the_middle_and_from_a_stage_of_its_own(window):
    learner = window(instructor=False, where="?step=2", **CALM)
    predict(learner)
    judged(learner)
    assert learner.evaluate(f"async () => (await ({STATE})()).own")
    room = window(where="?step=3", pace=0.3, **CALM)
    present(room)
    bar = learner.locator("lab-role")
    wait_for(lambda: "chapter 3" in bar.inner_text())  # heard on its own stage, too
    room.keyboard.press("2")
    pause_at_once(room)
    room.keyboard.press("Enter")
    bar.locator(".follow").click()
    learner.locator("main[data-scene=watch]").wait_for()
    assert not learner.evaluate(f"async () => (await ({STATE})()).own")
    room.locator(".controls .pause").click()
    assert (judged(room), judged(learner)) == ("no", "skipped")
    # The instructor's window is gone: nothing is presented any more.
    room.goto("about:blank")
    bar.wait_for(state="hidden")


def test_predictions_are_kept_by_the_browser_until_they_are_forgotten(window):
    page = window(instructor=False, where="?step=1", **CALM)
    predict(page)
    judged(page)
    other = page.context.new_page()  # another window of the same browser
    other.goto(page.url)
    other.locator(".so .judged").wait_for()
    look_closer(other, "further")
    forget = other.locator("lab-further .forget")
    forget.click()
    expect(other.locator(".so .judged")).to_have_count(1)  # it asks once more
    forget.click()
    for each in (other, page):
        each.locator(".ask .skip-it").wait_for()
    page.reload()
    page.locator(".ask .skip-it").wait_for()


HOSTILE = [
    "not json",
    "[]",
    "null",
    '{"the-crash": 5, "affinity": {"acts": 7}, "caching": {"acts": {"0": null}}}',
    '{"the-crash": {"guess": 99, "acts": {}}}',
    '{"the-crash": {"guess": 1, "acts": {"0": {"state": "done", "took": 1, "facts": {}}}}}',
]


@pytest.mark.long
def test_notes_of_another_lesson_are_no_notes(window):
    page = window(instructor=False, where="?step=6", **CALM)
    for kept in HOSTILE:
        page.evaluate("text => localStorage.setItem('two-desks:lesson-3', text)", kept)
        page.reload()
        page.locator(".ask .skip-it").wait_for()
        assert page.locator(".choice[aria-pressed=true]").count() == 0, kept


@pytest.mark.long
@pytest.mark.timeout(240)
def test_learner_without_a_free_stage_waits_in_a_queue_that_says_so(browser, tmp_path):
    lab = RunningLab(tmp_path, "--learners", "1")
    windows = Windows(browser, lab)
    try:
        first, second, third = (
            windows(instructor=False, where="?step=2", color_scheme="dark", **CALM) for _ in "123"
        )
        predict(first)
        judged(first)
        predict(second)
        bar = second.locator("lab-role")
        wait_for(lambda: "All 1 stages for learners are taken; you are next" in bar.inner_text())
        expect(bar).to_contain_text("lab record")  # none is at hand, and how to get one
        expect(second.locator(".ask .bar")).to_have_text(
            "Waiting for a stage …", use_inner_text=True
        )
        expect(second.locator(".ask .main")).to_be_disabled()
        predict(third)
        wait_for(lambda: "1 waits before you" in third.locator("lab-role").inner_text())
        assert findings(third) == []
        bar.locator(".leave-queue").click()
        bar.wait_for(state="hidden")
        expect(second.locator(".ask .trouble")).to_contain_text("before its first step")
        expect(second.locator(".ask .run")).to_have_text("Run ▸")  # and nothing has run yet
        second.locator(".ask .change").click()
        second.locator(".ask .seal").wait_for()
        wait_for(lambda: "you are next" in third.locator("lab-role").inner_text())
        # The first one leaves: its stage is the next one's.
        first.evaluate("async () => (await import('/lab/static/own-stage.js')).leaveOwnStage()")
        judged(third)
        windows.check()
    finally:
        windows.close()
        lab.stop()


@pytest.mark.long
@pytest.mark.timeout(240)
def test_own_stage_that_has_ended_gives_way_to_the_room(window):
    page = window(instructor=False, where="?step=2", refusals=True, **CALM)
    predict(page)
    judged(page)
    leave = "async () => (await import('/lab/static/api.js')).post('/lab/own/leave')"
    page.evaluate(leave)  # as if it had stood idle
    wait_for(lambda: "own stage has ended" in page.locator(".toast").inner_text())
    page.locator("#badge[data-state=live]").wait_for()
    assert not page.evaluate(f"async () => (await ({STATE})()).own")
    page.locator(".scene .run.again").click()  # and the next run has one again
    page.locator("main[data-scene=watch]").wait_for()
    judged(page)
    assert page.evaluate(f"async () => (await ({STATE})()).own")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_learner_sees_the_kept_result_of_an_experiment_against_its_own_prediction(
    browser, tmp_path
):
    lab = RunningLab(tmp_path)
    windows = Windows(browser, lab)
    try:
        page = windows(instructor=False, where="?step=6", **CALM)
        look_closer(page, "further")
        act = page.locator(".act.experiment").first
        if act.get_attribute("open") is None:
            act.locator("summary").click()
        act.locator("input[type=radio]").first.check()
        act.locator(".seal").click()
        act.locator(".show-kept").wait_for()
        assert act.locator(".run").count() == 0
        said = act.inner_text()
        assert "the instructor alone runs it" in said and "lab run crash" in said
        act.locator(".show-kept").click()
        act.locator(".trouble", has_text="No run of it is kept here yet").wait_for()
        assert lab.here("run", "first-visit", "crash", "--quick").status == 0
        act.locator(".show-kept").click()
        act.locator(".judged").wait_for()
        assert act.locator(".judged").get_attribute("data-right") in ("yes", "no")
        assert act.locator(".run").count() == 0
        assert findings(page) == []
        act.locator(".play-back").click()  # of the second experiment of that run
        page.locator("#about", has_text="lab run crash").wait_for(state="attached")
        look_closer(page, "runs")
        expect(page.locator("lab-crowd")).to_contain_text("the instructor alone sends it")
        # The instructor's own page runs it, and shows what came of it.
        mine = windows(where="?step=6", **CALM)
        look_closer(mine, "further")
        mine.locator(".act.experiment summary").first.click()
        mine.locator(".act.experiment .skip-it").first.click()
        mine.locator(".act.experiment .run").first.wait_for()
        assert mine.locator(".show-kept").count() == 0
        windows.check()
    finally:
        windows.close()
        lab.stop()
