"""Takes the pictures of lab/docs/room.md: `python tests/tools/screenshots.py [FOLDER]`.

Each is what a real run shows in headless Chromium: the question before anything runs, the
moment in which a server has been killed, and the result. Nothing is drawn for the picture.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browsing import lab_up

FOLDER = Path(__file__).resolve().parents[2] / ".github" / "screenshots"
SIZE = {"width": 1280, "height": 720}
DEADLINE_S = 30
CHAPTER = 6  # the crash


def main(folder: Path) -> int:
    """Run the chapter once, slowly enough for the eye, and keep three moments of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with lab_up() as (browser, link, _):
        page = browser.new_context(viewport=SIZE).new_page()
        page.goto(link.replace("/#", f"/?step={CHAPTER}#"))
        take(page, folder)
    return 0


def take(page: Page, folder: Path) -> None:
    """Predict, run, and keep the pictures."""
    page.locator("#line[data-state=open]").wait_for(state="attached")
    page.locator(".scene .choice").nth(2).click()
    page.screenshot(path=folder / "predict.png")
    page.locator(".scene .seal").click()
    page.locator(".falling").first.wait_for(timeout=DEADLINE_S * 1000)
    until(lambda: page.locator(".server[data-state=dead]").count() == 2)
    page.screenshot(path=folder / "crash.png")
    page.locator(".so .judged").wait_for(timeout=DEADLINE_S * 1000)
    page.screenshot(path=folder / "result.png")


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, up to a deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the page did not come to rest")
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
