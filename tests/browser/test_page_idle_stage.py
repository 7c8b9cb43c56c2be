"""“Watch” shows a chapter's own run, or its stage before anything has run on it."""

import re

import pytest
from conftest import wait_for
from playwright.sync_api import expect

from browser.tour import predict, run_chapter, watch

CALM = {"reduced_motion": "reduce"}
GONE = "This run is no longer on the stage."
OVER = "That was all. So?"
OWN = "async () => (await import('/lab/static/state.js')).state.own"
WORDS = ".lane :is(.cart, .credential code, .tally, .recent button)"


def assert_idle(page, servers, caption=GONE):
    """Nothing of any run is drawn or said, and the run can be had again."""
    watch(page)
    wait_for(lambda: page.locator(".caption").inner_text() == caption)
    states = page.locator(".server").evaluate_all("all => all.map((one) => one.dataset.state)")
    assert states == ["up"] * 2 * servers
    assert page.locator(WORDS).all_inner_texts() == []
    assert page.locator("[data-ran]").count() == 0
    expect(page.locator(".controls .again")).to_have_text("Again" if caption == GONE else "Run ▸")


# The captions that are read while the servers they speak of are not there yet.
EARLY = """
() => {
  window.early = [];
  const frame = () => {
    const caption = document.querySelector(".caption")?.textContent;
    const ready = document.querySelector(".ids")?.textContent.includes("pid");
    if (!ready && window.early.at(-1) !== caption) window.early.push(caption);
    requestAnimationFrame(frame);
  };
  frame();
}
"""


def turn_to(page, step):
    page.locator("#where").select_option(str(step))
    page.wait_for_url(re.compile(f"step={step}"))


def test_stage_of_another_chapter_is_not_this_ones(window):
    page = window(where="?step=6", **CALM)
    assert_idle(page, 3, "Not run yet.")
    page.evaluate(EARLY)
    page.locator(".controls .again").click()
    page.locator(".so .judged").wait_for()
    assert page.evaluate("window.early") == ["Not run yet.", "Getting ready …"]
    watch(page)
    expect(page.locator(".caption")).to_have_text(OVER)
    expect(page.locator(".lane .tally").first).to_be_attached()
    turn_to(page, 2)
    assert_idle(page, 1, "Not run yet.")
    page.locator(".controls .again").click()
    page.locator(".so .judged").wait_for()
    page.go_back()  # through the browser's history, too
    page.locator(".so .judged").wait_for()
    assert_idle(page, 3)
    page.reload()
    page.locator(".so .judged").wait_for()
    assert_idle(page, 3)
    # The chapter that ran last has its run, also after a reload.
    turn_to(page, 2)
    page.reload()
    page.locator(".so .judged").wait_for()
    watch(page)
    expect(page.locator(".caption")).to_have_text(OVER)
    expect(page.locator(".lane .cart").first).to_be_attached()
    # What is done by hand is seen wherever it is done.
    turn_to(page, 6)
    assert_idle(page, 3)
    page.keyboard.press("r")
    page.locator("lab-stage .ids", has_text="pid").first.wait_for(state="attached")
    expect(page.locator(".caption")).to_have_text(GONE)


def test_run_stops_where_the_reader_turns_to_another_chapter(window):
    page = window(where="?step=6", pace=30, **CALM)
    predict(page)
    wait_for(lambda: page.locator(".controls .count").inner_text().startswith("step 1"))
    page.keyboard.press("PageDown")
    page.locator(".ask .skip-it").wait_for()
    assert_idle(page, 3, "Not run yet.")
    page.keyboard.press("PageUp")
    wait_for(lambda: "Stopped" in page.locator(".ask .trouble").inner_text())


@pytest.mark.long
def test_run_of_what_if_is_not_the_chapters(window):
    page = window(where="?step=2", **CALM)
    run_chapter(page)
    watch(page)
    page.locator(".controls .what-if").click()
    page.locator(".what-if-box .run-so").click()
    wait_for(lambda: page.locator(".caption").inner_text().startswith("As it was: "))
    expect(page.locator(".lane .cart").first).to_be_attached()
    page.locator(".controls .again").click()  # and what was said of it is not said of the next
    page.locator("main[data-scene=watch]").wait_for()
    page.locator(".so .judged").wait_for()
    watch(page)
    expect(page.locator(".caption")).to_have_text(OVER)
    page.locator(".controls .what-if").click()
    page.locator(".what-if-box .run-so").click()
    wait_for(lambda: page.locator(".caption").inner_text().startswith("As it was: "))
    turn_to(page, 1)
    turn_to(page, 2)
    assert_idle(page, 1)


@pytest.mark.long
def test_room_stage_is_not_what_a_learner_ran_on_its_own(window):
    room = window(where="?step=2", **CALM)
    run_chapter(room)
    learner = window(instructor=False, where="?step=2", **CALM)
    watch(learner)  # nothing of its own: the room's run of this chapter
    expect(learner.locator(".lane .cart").first).to_be_attached()
    learner.locator("#scenes [data-scene=ask]").click()
    top = learner.locator(".asks").bounding_box()["y"]
    learner.evaluate("""() => {
        window.moved = [];
        const frame = () => {
            const asks = document.querySelector(".asks")?.getBoundingClientRect().y;
            const notes = document.querySelectorAll(".toast:not([hidden]), lab-role:not([hidden])");
            window.moved.push([asks ?? null, notes.length]);
            requestAnimationFrame(frame);
        };
        frame();
    }""")
    run_chapter(learner)
    # Nobody waited before it, so nothing pushed the page down.
    frames = learner.evaluate("window.moved")
    assert {notes for _, notes in frames} == {0}
    assert {y for y, _ in frames} <= {top, None}
    assert learner.evaluate(OWN)
    watch(learner)
    expect(learner.locator(".caption")).to_have_text(OVER)
    expect(learner.locator("#about")).to_have_text(re.compile(r"\s*This is a stage of your own"))
    learner.reload()
    learner.locator(".so .judged").wait_for()
    assert_idle(learner, 1)
