"""The whole lesson, by mouse and by keyboard alone; in light and dark, without an axe finding."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import wait_for

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
    page.locator(".question input").first.check()
    page.locator(".question .seal").click()
    page.locator(".act.script .run").first.click()


def predict_by_keyboard(page):
    tab_to(page, ".question input")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")  # the arrow is the radio's here, not the clicker's
    tab_to(page, ".question .seal")
    page.keyboard.press("Enter")
    tab_to(page, ".act.script .run")
    page.keyboard.press("Enter")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("scheme", "predict", "turn"),
    [
        ("light", predict_by_mouse, lambda page, way: page.locator(f"#{way}").click()),
        pytest.param(
            *("dark", predict_by_keyboard, lambda page, way: page.keyboard.press(PAGES[way])),
            marks=pytest.mark.long,
        ),
    ],
    ids=["by mouse, light", "by keyboard, dark"],
)
def test_whole_tour(window, scheme, predict, turn):
    page = window(color_scheme=scheme, reduced_motion="reduce")  # nothing to wait for
    chapters = page.evaluate("async () => (await (await fetch('/lab/chapters')).json()).chapters")
    assert len(chapters) == 11
    for number, chapter in enumerate(chapters, start=1):
        page.wait_for_url(re.compile(f"step={number}"))
        said = page.locator("#claim").inner_text
        wait_for(lambda said=said, claim=chapter["claim"]: said() == claim)
        # Nothing has run, so nothing is measured and nothing explained.
        assert page.locator(".judged").count() == 0
        assert page.locator(".part.explain").inner_text() == ""
        predict(page)
        judged = page.locator(".act.script .judged").first
        judged.wait_for()
        assert judged.get_attribute("data-right") in ("yes", "no") or number == 11, chapter["slug"]
        assert chapter["explain"][:40] in page.locator(".part.explain").inner_text()
        measured = page.locator(".act.script .measured").first.inner_text()
        assert "{" not in measured and measured
        settled(page)
        assert findings(page) == [], chapter["slug"]
        if number < len(chapters):
            turn(page, "next")
    turn(page, "back")
    page.locator(".judged").first.wait_for()  # Back: what was measured there is still there
    page.wait_for_url(re.compile(f"step={len(chapters) - 1}"))
    page.go_back()
    page.wait_for_url(re.compile(f"step={len(chapters)}"))


def test_every_tab_is_without_a_finding(window):
    page = window(where="?step=1")
    page.locator(".question .skip-it").click()
    page.locator(".act .run").first.click()
    page.locator(".judged").wait_for()
    settled(page)
    for tab in ("shop", "token", "code", "sequence", "runs", "control"):
        page.locator(f"#tab-{tab}").click()
        panel = page.locator(f"#panel-{tab}")
        wait_for(lambda panel=panel: len(panel.inner_text()) > 20)
        assert findings(page) == [], tab
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    assert findings(page) == []


def test_experiment_runs_beside_the_stage_and_is_played_back(window):
    page = window(where="?step=8")
    act = page.locator(".act.experiment").first
    if act.get_attribute("open") is None:
        act.locator("summary").click()
    act.locator(".skip-it").click()
    act.locator(".run").click()
    act.locator(".play-back").wait_for(timeout=60_000)
    assert "holds" in act.inner_text()
    act.locator(".play-back").click()
    page.locator("#badge[data-state=recorded]").wait_for()
    assert page.locator("#badge").inner_text() == "RECORDED"
    page.locator("lab-timeline .to-live").click()
    page.locator("#badge[data-state=live]").wait_for()
