"""How a reader goes through the page."""

# What of the stage is cut off at its lower edge, its lanes included.
CUT_OFF = """
() => [...document.querySelectorAll("lab-stage, .lane")]
  .filter((node) => node.scrollHeight > node.clientHeight + 1)
  .map((node) => `${node.className || node.localName} ${node.scrollHeight - node.clientHeight}`)
"""


def predict(page):
    """Choose the first answer, and run the chapter's script with it."""
    page.locator(".scene .choice").first.click()
    page.locator(".scene .seal").click()


def run_chapter(page):
    """Skip the question, run the chapter's first script, and wait for its result."""
    page.locator(".scene .skip-it").click()
    page.locator(".so .judged, .ask .trouble").first.wait_for()
    assert page.locator(".ask .trouble").all_inner_texts() == []


def watch(page):
    """Turn to the stage."""
    page.locator("#scenes [data-scene=watch]").click()
    page.locator("lab-stage .lanes").wait_for()


def look_closer(page, tab):
    """Open what is below the scene, at a tab."""
    if page.locator("#closer").is_hidden():
        page.locator("#look-closer").click()
    page.locator(f"#tab-{tab}").click()


OVERFLOW = """() => [...document.querySelectorAll("html, .top, .top button")].filter((each) =>
    each.scrollWidth > each.clientWidth + 1 || each.getBoundingClientRect().right > innerWidth + 1)
    .map((each) => each.outerHTML.slice(0, 80))"""


def assert_header_fits(page, width):
    """Nothing is wider than the window; the header is one row, beside the phone's list."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOW) == []
    chapters = page.locator("#where").bounding_box() if width < 400 else None
    rows = page.locator(".top").bounding_box()["height"] - (chapters["height"] if chapters else 0)
    assert rows < 62


PAUSE_AT_ONCE = """
() => new MutationObserver((changes, watch) => {
  if (!document.querySelector(".controls .count")?.textContent) return;
  watch.disconnect();
  document.querySelector(".controls .pause").click();
}).observe(document.body, { subtree: true, childList: true, characterData: true })
"""


def pause_at_once(page):
    """Press Pause as soon as a script runs: from outside, a busy machine is too late for it."""
    page.evaluate(PAUSE_AT_ONCE)
