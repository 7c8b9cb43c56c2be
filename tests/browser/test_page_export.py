"""The exported page, opened from a file: the whole tour without a server and without a request."""

import re

import pytest
from conftest import wait_for

from browser.test_page_tour import predict_by_mouse


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What `lab record` and `lab export` make here, and the recording in it."""
    from datetime import datetime

    from lab.console.offline import recording
    from lab.console.offline.one_file import one_file
    from lab.console.offline.session import record

    folder = tmp_path_factory.mktemp("recorded")
    made = record(folder / "stack", lambda title: None, datetime.now())
    file = folder / "walkthrough.html"
    file.write_text(one_file(made, folder), encoding="utf-8")
    kept = recording.read(recording.keep(made, folder))
    return file, kept


class FileWindow:
    """A page from a file, and everything it must not do."""

    def __init__(self, browser, file, query=""):
        self.page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        self.page.set_default_timeout(60_000)
        self.faults, self.asked = [], []
        self.page.on("console", lambda said: self._heard(f"{said.type}: {said.text}", said.type))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.address = file.as_uri() + query
        self.page.goto(self.address)

    def _heard(self, text, kind):
        if kind in ("error", "warning"):
            self.faults.append(text)

    def check(self):
        assert not self.faults, self.faults
        assert self.asked == [self.address]  # the file itself, and nothing more


@pytest.fixture
def opened(browser, exported):
    windows = []

    def open_at(query=""):
        windows.append(FileWindow(browser, exported[0], query))
        return windows[-1]

    yield open_at
    for window in windows:
        window.page.context.close()


@pytest.mark.timeout(300)
def test_exported_page_does_the_whole_tour_from_a_file(opened, exported):
    window = opened("?step=1&pace=0")
    page = window.page
    chapters = page.evaluate("async () => (await import('lab/state.js')).state.plan.chapters")
    assert len(chapters) == 11
    for number, chapter in enumerate(chapters, start=1):
        said = page.locator("#claim").inner_text
        wait_for(lambda said=said, claim=chapter["claim"]: said() == claim)
        predict_by_mouse(page)
        judged = page.locator(".act.script .judged").first
        judged.wait_for()
        assert judged.get_attribute("data-right") in ("yes", "no") or number == 11, chapter["slug"]
        assert page.locator("#badge").inner_text() == "RECORDED"
        if number < len(chapters):
            page.locator("#next").click()
    assert exported[1].made[:10] in page.locator("#line").inner_text()
    window.check()
