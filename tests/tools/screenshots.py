"""Takes the three pictures of README.md: `python tests/tools/screenshots.py [FOLDER]`.

Each is what a real run shows in headless Chromium: the question before anything runs, the
moment in which a server has been killed, and the result. Nothing is drawn for the picture.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[2] / ".github" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SIZE = {"width": 1280, "height": 720}
DEADLINE_S = 30
CHAPTER = 6  # the crash


def main(folder: Path) -> int:
    """Run the chapter once, slowly enough for the eye, and keep three moments of it."""
    chromium = next((path for name in NAMES if (path := shutil.which(name))), None)
    if chromium is None:
        print("no Chromium on PATH (Debian: apt install chromium)", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as here, sync_playwright() as playwright:
        lab = subprocess.Popen(
            [sys.executable, "-m", "lab", "up", "--port", "0", "--no-open"],
            cwd=here,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_context(viewport=SIZE).new_page()
            page.goto(link_of(lab).replace("/#", f"/?step={CHAPTER}#"))
            take(page, folder)
            browser.close()
        finally:
            lab.send_signal(signal.SIGINT)
            lab.wait(DEADLINE_S)
    return 0


def link_of(lab: "subprocess.Popen[str]") -> str:
    """Return the link that `lab up` prints."""
    assert lab.stdout is not None
    for line in lab.stdout:
        if found := re.search(r"http://\S+#ticket=\S+", line):
            return found[0]
    raise SystemExit("lab up ended without printing its link")


def take(page: Page, folder: Path) -> None:
    """Predict, run, and keep the pictures."""
    page.locator("#line[data-state=open]").wait_for()
    scroll_to(page, ".part.question")
    page.locator(".question input").nth(2).check()
    page.screenshot(path=folder / "predict.png")
    page.locator(".question .seal").click()
    page.locator(".act.script .run").click()
    page.locator(".falling").first.wait_for(timeout=DEADLINE_S * 1000)
    until(lambda: page.locator(".server[data-state=dead]").count() == 2)
    page.screenshot(path=folder / "crash.png")
    page.locator(".judged").wait_for(timeout=DEADLINE_S * 1000)
    until(lambda: page.locator(".dot, .falling").count() == 0)
    scroll_to(page, ".part.acts")
    page.screenshot(path=folder / "result.png")


def scroll_to(page: Page, selector: str) -> None:
    """Bring a part of the lesson into the picture."""
    page.locator(selector).evaluate("node => node.scrollIntoView({block: 'start'})")


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, up to a deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the page did not come to rest")
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
