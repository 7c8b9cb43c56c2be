"""What happens to a page in real life: reloads, two windows, a lost line, curls, odd names."""

import contextlib
import http.server
import os
import re
import signal
import threading
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
import requests
from conftest import LabHere, wait_for
from playwright.sync_api import expect

from browser.conftest import RunningLab, Windows, opener
from browser.tour import assert_header_fits, look_closer, predict, run_chapter, watch


@pytest.mark.long
def test_reload_in_the_middle_keeps_prediction_and_says_what_it_broke(window):
    page = window(pace=0)
    page.locator(".scene .choice").nth(3).click()
    run, held = page.locator(".scene :is(.seal, .run)"), []
    for _ in range(4):  # whether a request that is cut off is heard of first is the browser's luck
        held.clear()
        page.route("**/lab/step", lambda route: held.append(route))  # asked, not answered yet
        run.click()
        # Playwright hands on what happens only while one of its calls waits.
        wait_for(lambda: page.wait_for_timeout(10) or held)
        page.reload()  # before the route is given up, which lets go on what it held
        page.unroute("**/lab/step")
        page.locator("#line[data-state=open]").wait_for()
        expect(page.locator(".ask .trouble")).to_contain_text("Interrupted by a reload")
        expect(page.locator(".scene .choice[aria-pressed=true]")).to_contain_text("Neither")
    run.click()
    page.locator(".so .judged").wait_for()
    page.reload()  # and a finished one stays finished
    page.locator(".so .judged").wait_for()


def test_windows_have_customers_of_their_own_and_see_the_same_stage(window):
    one, other = window(), window()
    predict(one)
    one.locator(".judged").first.wait_for()
    for page in (one, other):
        wait_for(
            lambda page=page: (
                page.locator('.server[data-desk="stateful"][data-server="A"]').get_attribute(
                    "data-state"
                )
                == "dead"
            )
        )
        lost = page.locator('td[data-desk="stateful"][data-score="lost"]')
        wait_for(lambda lost=lost: lost.inner_text() == "1")
    # What one window's customer did is not counted as the other's measurement.
    assert other.locator(".judged").count() == 0
    who = "async () => (await import('/lab/static/state.js')).state.me.who"
    mine = other.evaluate(who)
    assert one.evaluate(who) != mine
    assert other.locator(f'[data-desk="stateless"] .customer[data-who="{mine}"] .cart').count() == 0


def test_curl_from_elsewhere_is_on_the_stage(window, lab):
    page = window()
    watch(page)
    token = "eyJhIjoxfQ.abcdef.0123456789012345678901234567890123456789012"
    requests.get(f"{lab.origin}/stateless/api/cart?token={token}&userId=1", timeout=60)
    recent = page.locator('.lane[data-desk="stateless"] .recent button').first
    recent.wait_for()
    expect(recent).to_contain_text("401")
    expect(recent).to_contain_text("from elsewhere")
    # Looking at it, from whatever tab, shows what is known of it.
    look_closer(page, "code")
    recent.click()
    page.locator("#panel-evidence").wait_for()
    evidence = page.locator('lab-evidence [data-desk="stateless"]')
    wait_for(lambda: "from elsewhere" in evidence.inner_text())
    assert token[:20] not in page.content()


@pytest.mark.long
def test_requests_from_elsewhere_do_not_hold_up_a_script(window, lab):
    page, enough = window(pace=0.01), threading.Event()  # at the usual speed: dots stay for a while

    def go_on_asking():
        while not enough.wait(0.1):
            requests.get(f"{lab.origin}/stateful/api/server", timeout=30)

    asking = threading.Thread(target=go_on_asking)
    asking.start()
    try:
        run_chapter(page)
    finally:
        enough.set()
        asking.join()


NAMES = [
    "<img src=x onerror=alert(1)>"[:24],
    "<b>Zoë</b> & 'co' \"x\"",
    "Ωμέγα 山田太郎 🛒",
    "{{constructor}}",
    "W" * 24,
]


def test_name_is_text(window):
    page = window()
    look_closer(page, "shop")
    page.locator("lab-shop .self summary").click()
    field = page.locator("lab-shop input[name=name]").first
    said = page.locator(".lane .customer").first
    for name in NAMES:
        field.fill(name)
        field.press("Enter")
        wait_for(lambda name=name: name in said.inner_text())
        assert page.locator("lab-stage img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_name_with_controls_is_refused_with_a_reason(window):
    page = window(refusals=True)
    look_closer(page, "shop")
    page.locator("lab-shop .self summary").click()
    field = page.locator("lab-shop input[name=name]").first
    field.fill("a\u202eb")
    field.press("Enter")
    wait_for(lambda: "visible characters" in page.locator("lab-shop").inner_text())


def test_shop_by_hand_at_both_desks(window, lab):
    lab.post("/lab/stage", servers=1)  # of several, another one might not know this customer
    page = window(where="?step=2")  # among people, no ticket is handed out
    look_closer(page, "shop")
    shop = page.locator("lab-shop")
    shop.get_by_role("button", name="Show the catalogue").click()
    shop.get_by_role("button", name="Log in").click()
    wait_for(lambda: page.locator(".lane .customer .card:not(.none)").count() == 2)
    add = shop.get_by_role("button", name="Add: Laptop")
    quantities = shop.locator('tr[data-sku="laptop"] td')
    add.click()
    wait_for(lambda: quantities.all_inner_texts() == ["1", "1"])
    shop.get_by_label("Stateful only").check()
    add.click()
    wait_for(lambda: quantities.all_inner_texts() == ["2", "1"])
    # A desk that does not know the customer any more shows no cart, and so does the shop.
    lab.post("/lab/restart", server="stateful/A")
    shop.get_by_label("At both desks").check()
    shop.get_by_role("button", name="Look at the cart").click()
    wait_for(lambda: quantities.all_inner_texts() == ["–", "1"])
    totals = shop.locator("tfoot td").all_inner_texts()
    assert totals[0] == "not shown (401)" and re.fullmatch(r"[\d,]+\.\d\d", totals[1])


def test_look_closer_has_the_window_where_a_scene_is_presented(window):
    page = window(where="?step=2&present")
    look_closer(page, "code")
    top = "document.querySelector('#closer').getBoundingClientRect().top / innerHeight"
    wait_for(lambda: page.evaluate(top) < 0.2)
    page.locator("#look-closer").click()
    expect(page.locator(".ask h1")).to_be_visible()


def test_forged_token_is_refused_and_none_survives_a_reset(window):
    page = window()
    look_closer(page, "token")
    page.locator("lab-token").get_by_role("button", name="Log in").click()
    page.locator("lab-token .token-card").wait_for()
    page.locator("lab-token .show-whole").click()
    whole = page.locator("lab-token .whole").inner_text()
    assert whole.count(".") >= 2 and "…" not in whole
    page.locator("lab-token .verify").click()
    status = page.locator("lab-token .token-status")
    wait_for(lambda: "accepts it: 200" in status.inner_text())
    page.locator("lab-token textarea").fill('{"v": 1, "aud": "two-desks"}')
    page.locator("lab-token .verify").click()
    wait_for(lambda: "refuses it: 401" in status.inner_text())
    expect(page.locator("lab-token")).to_contain_text("readable, not secret")
    page.keyboard.press("r")
    page.locator("lab-token .token-card").wait_for(state="hidden")
    expect(page.locator("lab-token")).to_contain_text("No token yet")
    expect(status).to_be_hidden()


def test_evidence_shows_bytes_marks_credentials_and_copies_a_command(window):
    page = window(where="?step=6", permissions=["clipboard-read", "clipboard-write"])
    predict(page)
    page.locator(".so .judged").wait_for()
    look_closer(page, "evidence")
    left, right = (
        page.locator(f'lab-evidence [data-desk="{d}"]') for d in ("stateful", "stateless")
    )
    expect(left).to_contain_text("GET /@B/api/cart")
    expect(left).to_contain_text("HTTP/1.1 401")
    # What only one of the desks is sent: an id here, the whole cart there. Both have a cookie.
    for side, own in ((left, "session id"), (right, "token")):
        kinds = [each.inner_text().strip() for each in side.locator("mark .kind").all()]
        assert kinds == ["balancer's cookie", own] or kinds == [own, "balancer's cookie"]
    own_lines = ".message:first-child .line:has(.only)"
    only = [each.locator(own_lines).all_inner_texts() for each in (left, right)]
    assert len(only[0]) == 1 and re.search(r"only here\s+desk_session=", only[0][0])
    assert len(only[1]) == 1 and re.match(r"≠ only here\s+Authorization:", only[1][0])
    right.get_by_role("button", name="Copy as curl").click()
    wait_for(lambda: "Copied" in right.inner_text())
    command = page.evaluate("navigator.clipboard.readText()")
    assert "TOKEN='" in command and "curl" in command and "BASE=http" in command
    # What is in the clipboard works in a terminal; it is not on the screen.
    token = re.search(r"TOKEN='([^']+)'", command)[1]
    assert token not in page.content()
    left.get_by_role("button", name="Show the code").click()
    code = page.locator("lab-code")
    wait_for(lambda: "def view_cart" in code.inner_text())
    # The routes are the same; what finds the cart behind them is not.
    wait_for(lambda: "≠ marks what differs." in code.inner_text())
    for desk, line in (("stateful", "raise sessions.not_found()"), ("stateless", "_verified(")):
        shown = code.locator(f"[data-desk={desk}]")
        expect(shown).to_contain_text("_app/state.py")
        changed = shown.locator(".line.changed").all_inner_texts()
        assert any(line in each for each in changed) and not any("view_cart" in c for c in changed)


def test_page_without_javascript_explains_itself(window, lab):
    page = window.at(lab.origin, 375, 667, java_script_enabled=False)
    text = page.locator("body").inner_text()
    assert "needs JavaScript" in text and "lab run crash" in text
    assert len(page.locator("noscript h2, .plain h2").all()) == 11
    # JavaScript is off for the page, not for the question.
    expect(page.locator("main")).to_be_hidden()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_line_is_lost_and_found_again(browser, tmp_path):
    lab = RunningLab(tmp_path)
    try:
        with contextlib.ExitStack() as windows:
            page = windows.enter_context(opener(browser, lab, offline=True))()
            nginx = next(
                p for p in lab.here.processes() if "nginx: master" in " ".join(p.cmdline())
            )
            workers = nginx.children()
            for process in [nginx, *workers]:
                os.kill(process.pid, signal.SIGSTOP)
            page.locator("#line[data-state=lost]").wait_for(timeout=60_000)
            expect(page.locator("#line")).to_contain_text("lost")
            assert page.locator("#line").evaluate("(line) => line.scrollWidth <= line.clientWidth")
            expect(page.locator("#about")).to_contain_text("tries again")
            expect(page.locator("#badge")).to_have_text("NOT CONNECTED")
            for process in [nginx, *workers]:
                os.kill(process.pid, signal.SIGCONT)
            page.locator("#line[data-state=open]").wait_for(timeout=60_000)
            lab.post("/lab/kill", server="stateful/C")  # and it hears of what happens again
            watch(page)
            page.locator('.server[data-server="C"][data-state="dead"]').first.wait_for()
    finally:
        lab.stop()


@pytest.mark.long
@pytest.mark.parametrize("presented", ["", "&present"])
def test_long_trouble_is_read_in_a_page_that_keeps_its_width(window, presented):
    trouble = "The store at the other end of the building does not answer. " * 12
    page = window(where=f"?step=1{presented}")
    lose = """async (refused) =>
        (await import('/lab/static/state.js')).set({ connection: 'lost', refused })"""
    for width, height in ((1280, 720), (1366, 768), (1920, 1080), (375, 667)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(lose, trouble)
        assert_header_fits(page, width)
    page.locator("#badge").click()
    page.locator("#about").wait_for()
    expect(page.locator("#about")).to_contain_text(trouble.strip())
    box = page.locator("#about").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 375 and box["y"] + box["height"] <= 667
    page.evaluate("async () => (await import('/lab/static/state.js')).set({ connection: 'open' })")
    page.locator("#badge[data-state=live]:disabled").wait_for()


class Thief(http.server.BaseHTTPRequestHandler):
    """Has the port of a lab that has ended, and keeps what browsers send."""

    heard: ClassVar[list[str]] = []

    def do_GET(self):
        if cookie := self.headers["Cookie"]:
            self.heard.append(cookie)
        self.send_error(503)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.long
@pytest.mark.timeout(300)
def test_instructors_page_is_known_to_the_next_lab_and_what_it_sent_meanwhile_is_worth_nothing(
    browser, tmp_path
):
    lab = RunningLab(tmp_path)
    windows = Windows(browser, lab)
    try:
        page = windows()
        port = urlsplit(lab.origin).port
        lab.stop()
        with http.server.ThreadingHTTPServer(("127.0.0.1", port), Thief) as thief:
            threading.Thread(target=thief.serve_forever, daemon=True).start()
            page.locator("#line[data-state=lost]").wait_for()
            wait_for(lambda: any("lab_instructor" in each for each in Thief.heard))
            thief.shutdown()
        lab = RunningLab(tmp_path, port=port)
        page.locator("#line[data-state=open]").wait_for()
        look_closer(page, "control")
        page.locator("lab-instructor .orders").wait_for()
        ask = "async () => (await (await fetch('/lab/whoami')).json()).instructor"
        wait_for(lambda: page.evaluate(ask))
        for cookie in set(Thief.heard):
            stolen = requests.get(
                f"{lab.origin}/lab/status", headers={"Cookie": cookie}, timeout=60
            )
            assert stolen.status_code == 403
    finally:
        windows.close()
        lab.stop()


REQUESTS_SHOWN = """
async () => {
  const { shown } = await import("/lab/static/state.js");
  const at = (desk) => shown().requests.filter((each) => each.desk === desk).length;
  return [at("stateful"), at("stateless")];
}
"""


@pytest.mark.long
def test_recorded_run_needs_no_servers(browser, tmp_path):
    here = LabHere(tmp_path)
    assert here("run", "crash", "--quick", "--servers", "2").status == 0
    process = here.start("play", "--port", "0", "--no-open")
    windows = Windows(browser)
    try:
        wait_for(lambda: "http://" in process.out_path.read_text())
        address = re.search(r"http://127\.0\.0\.1:\d+\S*", process.out_path.read_text())[0]
        page = windows.at(address)
        page.locator("#badge[data-state=recorded]").wait_for()
        # Both lanes in step: paused after any request, each has sent as many.
        page.locator(".controls .pause").click()
        count = page.locator(".controls .count")
        wait_for(lambda: "paused" in count.inner_text())
        for _ in range(2):
            before = count.inner_text()
            page.locator(".controls .next-request").click()
            wait_for(lambda before=before: "paused" in count.inner_text() != before)
            wait_for(lambda: page.locator(".dot").count() == 0)
            left, right = page.evaluate(REQUESTS_SHOWN)
            assert left == right > 0
        scrubber = page.locator("lab-timeline input[type=range]")
        scrubber.wait_for()
        scrubber.focus()
        scrubber.press("End")
        wait_for(lambda: page.locator('.server[data-state="dead"]').count() > 0)
        lost = page.locator('td[data-desk="stateful"][data-score="lost"]')
        expect(lost).to_have_text(re.compile("[1-9]"))
        scrubber.press("Home")
        wait_for(lambda: page.locator('.server[data-state="dead"]').count() == 0)
        look_closer(page, "sequence")
        page.locator("lab-sequence svg").first.wait_for()
        windows.check()
    finally:
        windows.close()
        process.send_signal(signal.SIGINT)
        here.finish(process)
        here.assert_nothing_left()
