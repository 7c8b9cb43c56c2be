"""What browser tests share: one real `lab up`, headless Chromium, windows that watch themselves.

A window fails its test at the end if the page wrote an error to the console, asked any other
origin for anything, or ran into its own content security policy.
"""

import re
import signal
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from browsing import chromium, launch
from conftest import LabHere, wait_for
from playwright.sync_api import expect, sync_playwright

NO_BROWSER = "no Chromium on PATH: browser tests are skipped (Debian: apt install chromium)"
SECRET = "X-Lab-Secret"
expect.set_options(timeout=60_000)  # milliseconds, as long as a page waits: machines are busy


def pytest_collection_modifyitems(items):
    """Skip every test of this folder where there is no browser."""
    if chromium() is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium."""
    with sync_playwright() as playwright:
        started = launch(playwright, chromium())
        yield started
        started.close()


class RunningLab:
    """A `lab up` and the calls a terminal would make."""

    def __init__(self, folder, *options, port=0):
        self.here = LabHere(folder)
        self.process = self.here.start("up", "--port", str(port), "--no-open", *options)
        wait_for(self._ready)
        self.origin = re.search(r"http://127\.0\.0\.1:\d+", self.output())[0]
        self.control = self._control()

    def output(self):
        """What `lab up` has printed."""
        return self.process.out_path.read_text()

    def post(self, path, **body):
        """Give an order as the terminal does."""
        with requests.Session() as session:
            session.trust_env = False
            headers = {SECRET: self.control["secret"]}
            answer = session.post(self.origin + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def clean(self):
        """A clean stage that nobody presents, as every test wants to find it."""
        self.post("/lab/lesson", chapter="the-crash", state="over")
        plain = {"affinity": "none", "retry": "off", "cache": "off", "store": "memory"}
        self.post("/lab/stage", servers=3, **plain)

    def link(self):
        """A page address with a fresh one-time ticket: what `lab open` prints."""
        return f"{self.origin}/#ticket={self.post('/lab/ticket')['ticket']}"

    def stop(self):
        """Ctrl-C, and nothing is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.here.finish(self.process)
        self.here.assert_nothing_left()

    def _ready(self):
        assert self.process.poll() is None, self.process.err_path.read_text()
        return "Ctrl-C stops" in self.output()

    def _control(self):
        import json

        return json.loads((self.here.runs / "up.json").read_text())


@pytest.fixture(scope="session")
def running_lab(tmp_path_factory):
    """One `lab up` for all browser tests that do not end it."""
    lab = RunningLab(tmp_path_factory.mktemp("page"))
    yield lab
    lab.stop()


@pytest.fixture
def lab(running_lab):
    """The running lab, with a clean stage."""
    running_lab.clean()
    return running_lab


@pytest.fixture
def window(browser, lab):
    """Make windows: window(width, height, "?step=3", instructor=True, **context)."""
    with opener(browser, lab) as make:
        yield make


@contextmanager
def opener(browser, lab, offline=False):
    """Yield what opens windows at `lab`; at the end each is held to its good behaviour.

    `offline`: the lab will not be there all the time, which a browser reports as errors.
    """
    windows = Windows(browser, lab, offline)
    try:
        yield windows
        windows.check()
    finally:
        windows.close()


class Windows:
    """Opens windows, each with a browser context of its own, and keeps what went wrong in them."""

    def __init__(self, browser, lab=None, offline=False):
        self.browser, self.lab, self.offline = browser, lab, offline
        self.opened = {}

    def __call__(self, width=1280, height=720, where="?step=1", instructor=True, pace=0, **how):
        """The page of the lesson, as soon as it can be used."""
        joint = "&" if "?" in where else "?"
        address = f"{self.lab.origin}/{where}{joint}pace={pace}"
        ticket = self.lab.link().partition("#")[2] if instructor else ""
        page = self.at(address + (f"#{ticket}" if ticket else ""), width, height, **how)
        page.locator("#line[data-state=open]").wait_for(state="attached")
        page.locator("#scenes [aria-current]").wait_for()
        return page

    def at(self, address, width=1280, height=720, refusals=False, **context):
        """Any page. `refusals`: the test provokes 4xx answers, errors for a browser."""
        viewport = {"width": width, "height": height}
        page = self.browser.new_context(viewport=viewport, **context).new_page()
        page.set_default_timeout(60_000)
        origin = "{0.scheme}://{0.netloc}/".format(urlsplit(address))
        self.opened[page] = Watched(page, origin, self.offline, refusals)
        page.goto(address)
        return page

    def asked(self, page):
        """The path of everything this page has asked for, in order."""
        return [urlsplit(url).path for url in self.opened[page].asked]

    def check(self):
        for watched in self.opened.values():
            watched.check()

    def close(self):
        for page in self.opened:
            page.context.close()


class Watched:
    """Notes what a page must not do."""

    def __init__(self, page, origin, offline, refusals):
        self.faults = []
        self.asked = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        self.origin = origin
        self.offline = offline
        self.refusals = refusals

    def _said(self, message):
        refused = self.refusals and re.search(r"status of 4\d\d", message.text)
        lost = self.offline and "net::ERR_" in message.text
        if message.type in ("error", "warning") and not refused and not lost:
            self.faults.append(f"{message.type}: {message.text}")

    def check(self):
        foreign = [url for url in self.asked if not url.startswith((self.origin, "data:", "blob:"))]
        assert not foreign, foreign
        assert not self.faults, self.faults
