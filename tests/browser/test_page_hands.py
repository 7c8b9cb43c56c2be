"""Following, queue, challenges and the speaker's window: by keys alone, and by touch alone."""

import re

import pytest
from conftest import wait_for
from playwright.sync_api import expect

from browser.conftest import RunningLab, Windows
from browser.test_page_tour import tab_to

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

CALM = {"reduced_motion": "reduce"}
STATE = "async () => (await import('/lab/static/state.js')).state"
LEAVE = "async () => (await import('/lab/static/own-stage.js')).leaveOwnStage()"
CLEAN = "async () => (await import('/lab/static/state.js')).state.scene.begun"


class Keys:
    """Hands that have a keyboard only."""

    size, context = (1280, 720), {}

    def press(self, page, selector):
        tab_to(page, selector)
        page.keyboard.press("Enter")

    def choose(self, page, selector, label):
        tab_to(page, selector)
        page.keyboard.type(label)
        expect(page.locator(f"{selector} option:checked")).to_have_text(label)


class Touch:
    """Hands that have a touch screen only. A list is the system's own to draw."""

    size, context = (375, 667), {"has_touch": True, "is_mobile": True}

    def press(self, page, selector):
        page.locator(selector).first.tap()

    def choose(self, page, selector, label):
        page.locator(selector).tap()
        page.locator(selector).select_option(label=label)


@pytest.fixture(scope="module")
def small_lab(tmp_path_factory):
    """A lab with one stage for learners."""
    lab = RunningLab(tmp_path_factory.mktemp("hands"), "--learners", "1")
    yield lab
    lab.stop()


@pytest.fixture
def windows(browser, small_lab):
    small_lab.clean()
    opened = Windows(browser, small_lab)
    yield opened
    try:
        opened.check()
    finally:
        for page in opened.opened:
            if page.url.startswith(small_lab.origin):
                page.evaluate(LEAVE)
        opened.close()


both = pytest.mark.parametrize("hands", [Keys(), Touch()], ids=["keys", "touch"])


def learner_of(windows, hands, where):
    return windows(*hands.size, where=where, instructor=False, **hands.context, **CALM)


@both
def test_learner_follows_and_leaves(windows, hands):
    room = windows(where="?step=3&present", **CALM)
    learner = learner_of(windows, hands, "?step=1")
    learner.locator("lab-role .follow").wait_for()
    hands.press(learner, "lab-role .follow")
    learner.wait_for_url(re.compile("step=3"))
    hands.press(learner, ".choice >> nth=2" if isinstance(hands, Touch) else '[data-choice="2"]')
    hands.press(learner, ".scene .seal")
    wait_for(lambda: "Your answer stands" in learner.locator(".ask").inner_text())
    room.keyboard.press("PageDown")
    learner.wait_for_url(re.compile("step=4"))
    hands.press(learner, "lab-role .unfollow")
    learner.locator("lab-role .follow").wait_for()
    assert not learner.evaluate(f"async () => (await ({STATE})()).following")


@both
def test_learner_waits_for_a_stage_and_leaves_the_queue(windows, hands):
    first, second = (learner_of(windows, hands, "?step=2") for _ in "12")
    for page in (first, second):
        hands.press(page, '[data-choice="0"]')
        hands.press(page, ".scene .seal")
        if page is first:
            page.locator(".so .judged").wait_for()
    second.locator("lab-role .leave-queue").wait_for()
    hands.press(second, "lab-role .leave-queue")
    second.locator("lab-role").wait_for(state="hidden")
    expect(second.locator(".ask .trouble")).to_contain_text("Stopped")


@both
def test_challenge_is_solved(windows, hands):
    page = windows(*hands.size, where="?step=1", **hands.context, **CALM)
    panel = page.locator("lab-challenges")
    hands.press(page, "#look-closer")
    if isinstance(hands, Keys):
        tab_to(page, "[role=tab][aria-selected=true]")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
    else:
        hands.press(page, "#tab-challenges")
    before = page.evaluate(CLEAN)
    hands.press(page, "lab-challenges .begin")
    wait_for(lambda: page.evaluate(CLEAN) != before)
    panel.locator("[name=server]").wait_for()
    hands.choose(page, "lab-challenges [name=server]", "the one that answered last")
    for name in ("Log in", "Put a laptop in"):
        act(page, hands, name)
    home = page.evaluate(HOME)
    hands.press(page, "#scenes [data-scene=watch]")
    hands.press(page, f'.lane[data-desk=stateful] [data-server="{home}"] .opener')
    kill = ".stage-menu .grave"
    page.locator(kill).first.wait_for()
    hands.press(page, kill)
    page.locator(f'.lane[data-desk=stateful] [data-server="{home}"][data-state=dead]').wait_for()
    act(page, hands, "Look at every server")
    panel.locator("[data-challenge=lose-the-cart][data-solved]").wait_for(state="attached")


HOME = """
async () => {
  const { state } = await import('/lab/static/state.js');
  const own = (each) => each.desk === "stateful" && each.who === state.me.who && each.served_by;
  return [...state.scene.exchanges.values()].findLast(own).served_by;
}
"""


def act(page, hands, name):
    """Press the button of that name, and wait until it is done."""
    page.evaluate(
        """(name) => { for (const each of document.querySelectorAll("lab-challenges button"))
          each.dataset.named = String(each.textContent === name); }""",
        name,
    )
    page.locator("lab-challenges:not([aria-busy])").wait_for(state="attached")
    hands.press(page, "lab-challenges [data-named=true]")
    page.locator("lab-challenges:not([aria-busy])").wait_for(state="attached")
    calm = "async () => (await import('/lab/static/state.js')).state.shown.travelling.size === 0"
    wait_for(lambda: page.evaluate(calm))


@both
def test_speaker_leads_from_the_second_window(windows, hands):
    page = windows(*hands.size, where="?step=6&present", **hands.context, **CALM)
    with page.expect_popup() as opened:
        if isinstance(hands, Keys):
            page.keyboard.press("s")
        else:
            hands.press(page, "#look-closer")
            hands.press(page, "#tab-control")
            hands.press(page, "lab-instructor .speaker-view")
    speaker = opened.value
    speaker.locator("#answers li").first.wait_for()
    if isinstance(hands, Keys):
        speaker.keyboard.press("3")
        page.locator(".choice[aria-pressed=true]").wait_for()
        speaker.keyboard.press("PageDown")
        page.wait_for_url(re.compile("step=7"))
    else:
        hands.press(page, "#look-closer")  # which has had the window, as the page is presented
        hands.press(page, '[data-choice="2"]')
        hands.press(speaker, ".go")
        page.locator("main[data-scene=watch]").wait_for()
        page.locator(".so .judged").wait_for()
        hands.press(speaker, ".go")
        page.wait_for_url(re.compile("step=7"))
