"""The whole lesson, by mouse and by keyboard alone; in light and dark, without an axe finding."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import wait_for
from playwright.sync_api import expect

from browser.tour import look_closer, pause_at_once, run_chapter, watch

AXE_OPTIONS = {"resultTypes": ["violations"]}
PAGES = {"next": "PageDown", "back": "PageUp"}


def findings(page):
    """What axe finds: empty, or rule, page part and what to do."""
    found = Axe().run(page, options=AXE_OPTIONS).response["violations"]
    return [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in found
        for node in each["nodes"]
    ]


def settled(page):
    """Wait until nothing flies any more."""
    wait_for(lambda: page.locator(".dot, .falling").count() == 0)


def tab_to(page, selector):
    """Press Tab until the focus is there; fail if it cannot be reached."""
    for _ in range(80):
        if page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached by Tab")


def predict_by_mouse(page):
    page.locator(".scene .choice").first.click()
    page.locator(".scene .seal").click()


def predict_by_keyboard(page):
    tab_to(page, ".scene .choice")
    page.keyboard.press("Space")
    tab_to(page, ".scene .seal")
    page.keyboard.press("Enter")


def predict_by_number(page):
    page.keyboard.press("2")
    page.keyboard.press("Enter")


def predict_by_touch(page):
    page.locator(".scene .choice").last.tap()
    page.locator(".scene .seal").tap()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("scheme", "predict", "turn"),
    [
        ("light", predict_by_mouse, lambda page, way: page.locator(f"#{way}").click()),
        pytest.param(
            *("dark", predict_by_keyboard, lambda page, way: page.keyboard.press(PAGES[way])),
            marks=pytest.mark.long,
        ),
        pytest.param(
            *("light", predict_by_touch, lambda page, way: page.locator(f"#{way}").tap()),
            marks=pytest.mark.long,
        ),
    ],
    ids=["by mouse, light", "by keyboard, dark", "by touch, light"],
)
def test_whole_tour(window, scheme, predict, turn):
    touch = predict is predict_by_touch
    size = (375, 667) if touch else (1280, 720)
    # Nothing moves, so there is nothing to wait for.
    page = window(*size, color_scheme=scheme, reduced_motion="reduce", has_touch=touch)
    chapters = page.evaluate("async () => (await (await fetch('/lab/chapters')).json()).chapters")
    assert len(chapters) == 11
    for number, chapter in enumerate(chapters, start=1):
        page.wait_for_url(re.compile(f"step={number}"))
        said = page.locator(".ask h1").inner_text
        wait_for(lambda said=said, asks=chapter["predict"]["question"]: said() == asks)
        # Nothing has run, so nothing is measured and nothing explained.
        assert page.locator(".so").count() == 0
        assert findings(page) == [], chapter["slug"]
        predict(page)
        judged = page.locator(".so .judged")
        judged.wait_for()
        assert judged.get_attribute("data-right") in ("yes", "no") or number == 11, chapter["slug"]
        expect(page.locator("#claim")).to_have_text(chapter["claim"])
        act = chapter["acts"][chapter["predict"]["choices"][-1 if touch else 0].get("act", 0)]
        expect(page.locator(".decided")).to_have_text(act.get("explain", chapter["explain"]))
        cards = page.locator(".so .desk-card")
        expect(cards).to_have_count(2)
        assert "not measured" not in "".join(cards.all_inner_texts())
        used = page.locator(".so :is(.desk-card, .verdict-line, .split, .whole)").all_inner_texts()
        for word in page.locator(".so .meanings b").all_inner_texts():  # what is defined is there
            assert word.lower() in "".join(used), chapter["slug"]
        settled(page)
        assert findings(page) == [], chapter["slug"]
        watch(page)
        assert findings(page) == [], chapter["slug"]
        if number < len(chapters):
            turn(page, "next")
    turn(page, "back")
    page.locator(".so .judged").wait_for()  # Back: what was measured there is still there
    page.wait_for_url(re.compile(f"step={len(chapters) - 1}"))
    page.go_back()
    page.wait_for_url(re.compile(f"step={len(chapters)}"))


def test_answer_is_chosen_by_its_number(window):
    page = window(reduced_motion="reduce")
    predict_by_number(page)
    judged = page.locator(".so .judged")
    judged.wait_for()
    expect(judged).to_have_attribute("data-right", "yes")
    expect(judged).to_contain_text("You said")


def test_wrong_answer_gets_its_own_reason(window):
    page = window(reduced_motion="reduce")
    [chapter, *_] = page.evaluate(
        "async () => (await (await fetch('/lab/chapters')).json()).chapters"
    )
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    judged = page.locator(".so .judged")
    judged.wait_for()
    expect(judged).to_have_attribute("data-right", "no")
    expect(judged).to_contain_text(chapter["predict"]["choices"][0]["because"])


@pytest.mark.timeout(240)
def test_learner_without_rights_does_a_chapter_on_a_stage_of_its_own(window):
    page, room = window(instructor=False, where="?step=6"), window(where="?step=6")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    judged = page.locator(".so .judged")
    judged.wait_for()
    assert judged.get_attribute("data-right") in ("yes", "no")
    state = "async () => (await import('/lab/static/state.js')).state"
    assert page.evaluate(f"async () => (await ({state})()).own")
    # The room has seen nothing of it: no customer of the page's, and no server that was killed.
    seen = f"async () => [...(await ({state})()).scene.exchanges.values()].length"
    assert room.evaluate(seen) == 0
    assert room.locator(".server[data-state=dead]").count() == 0


SMALLEST_PRINT = """
() => Math.min(...[...document.querySelectorAll(".so *")].filter((node) => node.checkVisibility()
  && [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim()))
  .map((node) => parseFloat(getComputedStyle(node).fontSize)))
"""


@pytest.mark.long
@pytest.mark.timeout(240)
def test_learner_without_rights_does_the_whole_tour_and_prints_each_chapter(window):
    page = window(instructor=False, reduced_motion="reduce")
    for number in range(1, 12):
        page.wait_for_url(re.compile(f"step={number}"))
        page.locator(".ask h1").wait_for()
        predict_by_mouse(page)
        judged = page.locator(".so .judged")
        judged.wait_for()
        assert judged.get_attribute("data-right") in ("yes", "no") or number == 11, number
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) == 1, number
        page.emulate_media(media="print", reduced_motion="reduce")
        assert page.evaluate(SMALLEST_PRINT) >= 9.9, number  # CSS px: 7.5 pt
        page.emulate_media(media="null", reduced_motion="reduce")
        if number < 11:
            page.locator("#next").click()


def test_chapter_that_is_not_there_is_said(window):
    page = window(where="?step=99")
    wait_for(lambda: "There is no chapter 99" in page.locator(".toast").inner_text())
    page.wait_for_url(re.compile("step=1$|step=1&"))


def test_script_pauses_goes_on_by_one_request_and_keeps_its_speed(window):
    page = window(pace=0.01)
    pause_at_once(page)
    page.locator(".scene .skip-it").click()
    count = page.locator(".controls .count")
    wait_for(lambda: "paused" in count.inner_text())
    page.locator('[data-speed="3"]').click()
    seen = []
    for _ in range(3):
        before = count.inner_text()
        page.locator(".controls .next-request").click()
        wait_for(
            lambda before=before: count.inner_text() != before and "paused" in count.inner_text()
        )
        seen.append(count.inner_text())
    assert len(set(seen)) == 3
    page.locator(".controls .pause").click()  # Continue
    page.locator(".so .judged").wait_for()
    watch(page)
    expect(page.locator('[data-speed="3"]')).to_have_attribute("aria-pressed", "true")


@pytest.mark.long
def test_every_tab_is_without_a_finding(window):
    page = window(where="?step=1")
    run_chapter(page)
    for tab in ("further", "shop", "token", "code", "sequence", "runs", "control"):
        look_closer(page, tab)
        panel = page.locator(f"#panel-{tab}")
        wait_for(lambda panel=panel: len(panel.inner_text()) > 20)
        assert findings(page) == [], tab
    watch(page)
    page.locator(".controls .what-if").click()
    page.locator(".what-if-box select").first.wait_for()
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    assert findings(page) == []


@pytest.mark.long
def test_experiment_runs_beside_the_stage_and_is_played_back(window):
    page = window(where="?step=8")
    look_closer(page, "further")
    act = page.locator(".act.experiment").first
    if act.get_attribute("open") is None:
        act.locator("summary").click()
    act.locator(".skip-it").click()
    act.locator(".run").click()
    act.locator(".play-back").wait_for(timeout=60_000)
    expect(act).to_contain_text("holds")
    act.locator(".play-back").click()
    page.locator("#badge[data-state=recorded]").wait_for()
    expect(page.locator("#badge")).to_have_text("RECORDED")
    for tab in ("shop", "token", "control"):
        look_closer(page, tab)
        panel = page.locator(f"#panel-{tab}")
        expect(panel).to_contain_text("A kept run is shown.")
        assert panel.locator(".at-stage:visible").count() == 0
    page.locator("lab-timeline .to-live").click()
    page.locator("#badge[data-state=live]").wait_for()
    expect(page.locator("lab-instructor .reset")).to_be_visible()
    # A challenge needs the stage, and goes back to it.
    look_closer(page, "further")
    act.locator(".play-back").click()
    page.locator("#badge[data-state=recorded]").wait_for()
    look_closer(page, "challenges")
    page.locator("lab-challenges .begin").click()
    page.locator("#badge[data-state=live]").wait_for()
    page.locator("lab-challenges [name=who]").wait_for()
