"""A Chromium that the machine has already, and a `lab up` to look at with it.

For the browser tests, and for the tools that picture or measure the page.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
END_S = 30


def chromium() -> str | None:
    """Return the path of a Chromium on PATH, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """Start it headless, and without a sandbox: as root it has none, and it sees our page only."""
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


@contextmanager
def lab_up() -> Iterator[tuple[Browser, str, int]]:
    """Yield a browser, the link that a fresh `lab up` prints, and its process id."""
    path = chromium()
    if path is None:
        raise SystemExit("no Chromium on PATH (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as here, sync_playwright() as playwright:
        up = subprocess.Popen(
            [sys.executable, "-m", "lab", "up", "--port", "0", "--no-open"],
            cwd=here,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            browser = launch(playwright, path)
            yield browser, _link(up), up.pid
            browser.close()
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(END_S)


def _link(up: "subprocess.Popen[str]") -> str:
    """Read what it prints until it is ready; return the link."""
    link = None
    for line in up.stdout or ():
        link = link or re.search(r"http://\S+#ticket=\S+", line)
        if link and "Ctrl-C stops" in line:
            return link[0]
    raise SystemExit("lab up ended before it was ready")
