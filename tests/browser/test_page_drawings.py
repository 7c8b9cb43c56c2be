"""What is drawn and moves: people who leave, drawers that open, a thief's copy, harm in red."""

import pytest
from conftest import wait_for

from browser.tour import run_chapter, watch

OPACITY = "(node) => Number(getComputedStyle(node).opacity)"
# Everything that a style sheet moves on the stage: the compositor moves these alone.
MOVED = """
() => {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  const flat = rules.flatMap((rule) => [rule, ...(rule.cssRules ?? [])]);
  const moved = flat.flatMap(({ style }) =>
    (style?.transitionProperty ?? "").split(",").map((each) => each.trim()));
  const frames = flat.filter((rule) => rule instanceof CSSKeyframeRule)
    .flatMap(({ style }) => [...style]);
  return [...new Set([...moved, ...frames])].filter((each) => each && each !== "none").sort();
}
"""


def opacity(page, selector):
    return page.locator(selector).first.evaluate(OPACITY)


@pytest.mark.long
def test_server_that_leaves_is_gone_from_the_desk_and_the_chair_stays(window):
    page = window(where="?step=1", reduced_motion="reduce")
    run_chapter(page)
    watch(page)
    left, stayed = '.server[data-server="A"]', '.server[data-server="B"]'
    for selector, seen in (
        *((f"{left} .goes", 0), (f"{left} .chair", 1)),
        *((f"{stayed} .goes", 1), (f"{stayed} .chair", 0), (".lane .door", 1)),
    ):
        wait_for(lambda selector=selector, seen=seen: opacity(page, selector) == seen)
    # The same picture as servers, and back.
    for seen in (0, 1):
        page.locator(".controls .people").click()
        for selector in (f"{stayed} .clerk", ".lane .door"):
            wait_for(lambda selector=selector, seen=seen: opacity(page, selector) == seen)


@pytest.mark.long
@pytest.mark.parametrize(
    ("step", "people_left", "servers", "new"),
    [(1, 1, 0, 0), (3, 0, 2, 1), (4, 0, 3, 2), (6, 0, 3, 0), (8, 0, 1, 1)],
)
def test_question_is_drawn_with_who_left_and_which_servers_are_new(
    window, step, people_left, servers, new
):
    page = window(where=f"?step={step}")
    for desk in ("stateful", "stateless"):
        drawn = page.locator(f'.desks-picture [data-desk="{desk}"]')
        drawn.wait_for()
        assert drawn.locator(".chair").count() == people_left
        assert drawn.locator(".rack").count() == servers
        assert drawn.locator(".rack.fresh").count() == new


@pytest.mark.long
def test_question_is_drawn_with_cookies_and_with_every_place_for_a_cart(window):
    page = window(where="?step=5")
    drawn = page.locator('.desks-picture [data-desk="stateful"]')
    drawn.locator(".cookie").nth(2).wait_for()
    ways = drawn.locator(".cookie").evaluate_all("all => all.map((each) => each.getAttribute('d'))")
    ends = [way.partition("L")[2] for way in ways]
    assert len(ends) == 3 and ends[0] == ends[2] != ends[1]  # John and Carol, and Bob
    page.goto(page.url.replace("step=5", "step=11"))
    drawn.get_by_text("or a store").wait_for()


@pytest.mark.long
def test_style_sheets_move_only_what_the_compositor_moves(window):
    page = window(where="?step=1")
    moved = page.evaluate(MOVED)
    assert "transform" in moved
    assert set(moved) <= {"transform", "opacity"}


@pytest.mark.long
@pytest.mark.timeout(240)
def test_each_case_of_the_drawbacks_is_scored_where_it_bites(window):
    page = window(where="?step=10", reduced_motion="reduce")
    run_chapter(page)
    rows = page.locator(".case-scores tbody tr")
    assert rows.count() == 5
    for done in range(1, 5):
        page.locator(".case-scores .run").first.click()
        wait_for(lambda done=done: page.locator(".case-scores .run").count() == 4 - done)
        page.locator(".so .verdict-line").wait_for()
    for row in range(5):
        # At the desk that is harmed, and there alone, with a sign beside the colour.
        stateful, stateless = rows.nth(row).locator("td").all()[1:]
        assert stateful.get_attribute("data-harm") is None and "✓ 0" in stateful.inner_text()
        assert stateless.get_attribute("data-harm") is not None
        assert "✕" in stateless.inner_text()
    watch(page)
    assert "has the signing key" in page.locator('[data-desk="stateless"] .copier').inner_text()
    harmed = page.locator(".tally[data-harm]")
    assert harmed.count() == 2  # a forgery was accepted, and John was refused
    assert harmed.first.locator("xpath=ancestor::section").get_attribute("data-desk") == "stateless"


@pytest.mark.long
def test_requests_of_each_server_are_shown_before_and_after_one_was_added(window):
    page = window(where="?step=4", reduced_motion="reduce")
    run_chapter(page)
    shares = page.locator(".so .shares")
    assert shares.count() == 2
    stateful, stateless = (each.locator("tr").all_inner_texts() for each in shares.all())
    assert [row.split()[:2] for row in stateful] == [
        *(["before", "A"], ["after", "A"], ["after", "B"], ["after", "C"]),
    ]
    assert all("refused" in row for row in stateful[2:])
    assert all("refused" not in row and "served" in row for row in stateless)
