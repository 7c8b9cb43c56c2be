"""The speaker's window: what to say, what comes next, and a clicker that works in either window."""

import re

import pytest
from conftest import wait_for
from playwright.sync_api import expect

from browser.test_page_tour import findings

VOTES = {"chapter": "the-crash", "phase": "shown", "round": 2, "voted": 9}
VOTES |= {"histogram": [[1, 2, 6, 0], [0, 1, 8, 0]]}
FILL = "async (votes) => (await import('/lab/static/state.js')).set({ votes })"


def speaker_of(page):
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    speaker.locator("#answers li").first.wait_for()
    return speaker


@pytest.mark.timeout(240)
def test_speaker_view_says_what_comes_and_works_from_either_window(window):
    page = window(where="?step=6&present", reduced_motion="reduce")
    chapters = page.evaluate("async () => (await (await fetch('/lab/chapters')).json()).chapters")
    crash, storage = chapters[5], chapters[6]
    speaker = speaker_of(page)
    text, now, upcoming = (speaker.locator(part) for part in ("#text", "#now", "#upcoming"))
    for paragraph in crash["text"]:
        expect(text).to_contain_text(paragraph)
    expect(now).to_have_text(crash["predict"]["question"])
    expect(upcoming).to_contain_text(crash["acts"][0]["label"])
    for each in crash["predict"]["choices"]:
        expect(speaker.locator("#answers")).to_contain_text(each["because"])
    expect(speaker.locator("#elapsed")).to_have_text(re.compile(r"^\d+:\d\d$"))
    assert findings(speaker) == []
    # The room's votes are data: whoever has them sets them.
    expect(speaker.locator("#votes")).to_contain_text("No vote")
    page.evaluate(FILL, VOTES)
    wait_for(lambda: "9 voted" in speaker.locator("#votes").inner_text())
    expect(speaker.locator("#answers li").nth(2)).to_contain_text("6 → 8")
    # Either window may be loaded again.
    speaker.reload()
    wait_for(lambda: now.inner_text() == crash["predict"]["question"])
    page.reload()
    page.locator(".ask h1").wait_for()
    wait_for(lambda: speaker.locator("#trouble").inner_text() == "")
    # The clicker works in the window that has the focus.
    speaker.keyboard.press("1")
    page.locator(".choice[aria-pressed=true]").wait_for()
    speaker.locator(".go").click()
    page.locator("main[data-scene=watch]").wait_for()
    wait_for(lambda: re.match(r"Step \d of \d", now.inner_text()))
    answers = speaker.locator("#answers li")
    wait_for(lambda: "(chosen)" in answers.nth(0).inner_text())
    assert "✓" not in speaker.locator("#answers").inner_text()  # which is right is not known yet
    page.locator(".so .judged").wait_for()
    expect(page.locator(".so .judged")).to_have_attribute("data-right", "no")
    wait_for(lambda: now.inner_text() == crash["claim"])
    marks = [("✓" in each, "(chosen)" in each) for each in answers.all_inner_texts()]
    assert marks == [(False, True), (False, False), (True, False), (False, False)]
    expect(upcoming).to_contain_text(storage["predict"]["question"])
    speaker.locator(".go").click()
    page.wait_for_url(re.compile("step=7"))
    wait_for(lambda: now.inner_text() == storage["predict"]["question"])
    speaker.keyboard.press("b")
    page.locator("dialog#blank[open]").wait_for()
    speaker.keyboard.press("b")
    page.locator("dialog#blank[open]").wait_for(state="hidden")
    # Without the lesson it says so, and goes on when that is back.
    address = page.url
    page.goto("about:blank")
    wait_for(lambda: "is closed" in speaker.locator("#trouble").inner_text())
    page.goto(address)
    wait_for(lambda: speaker.locator("#trouble").inner_text() == "")


@pytest.mark.long
def test_speaker_view_is_without_a_finding_in_the_dark_and_on_a_phone(window):
    page = window(375, 667, where="?step=2", color_scheme="dark")
    speaker = speaker_of(page)
    assert findings(speaker) == []
    assert speaker.evaluate("document.documentElement.scrollWidth <= innerWidth")
