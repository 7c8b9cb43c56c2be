"""At the projector: keys, scenes, faults on the screen, and what everybody else may not do."""

import re

import psutil
import pytest
import requests
from conftest import wait_for
from playwright.sync_api import expect

from browser.tour import look_closer, watch

BOUGHT = {"do": "add", "sku": "laptop", "quantity": 1}
# Puts the moment of a key press and the moment of the change it causes on one clock.
STOPWATCH = """
() => { window.took = new Promise((done) => {
  let pressed = 0;
  const press = () => { pressed = performance.now(); };
  addEventListener("keydown", press, { capture: true, once: true });
  const stage = document.querySelector("lab-stage");
  const dead = () => stage.querySelector('[data-desk="stateful"] .server[data-state="dead"]');
  const drawn = () => requestAnimationFrame(() => done(performance.now() - pressed));
  new MutationObserver(() => dead() && drawn())
    .observe(stage, { subtree: true, childList: true, attributes: true });
}); }
"""
MOST_MS = 300  # from the key to the screen, in the best of at most ten: machines are noisy
FATES = """
async () => [...(await import('/lab/static/state.js')).state.scene.exchanges.values()]
  .map(({ fate }) => fate)
"""
RUNNING = "async () => (await import('/lab/static/state.js')).state.act.running"
BEGUN = "async () => (await import('/lab/static/state.js')).state.scene.begun"


def shop(page, **order):
    """Let this window's customer do something, through the page's own module."""
    return page.evaluate(
        "async (order) => (await import('/lab/static/customer.js')).act(order)", order
    )


def fill_a_cart(page):
    watch(page)
    for order in ({"do": "login"}, BOUGHT, {"do": "view"}):
        shop(page, **order, server="A")
    page.locator('.server[data-desk="stateful"][data-server="A"] .cart').wait_for()


def score(page, desk, name):
    return page.locator(f'td[data-desk="{desk}"][data-score="{name}"]').inner_text()


def test_kill_by_key_is_on_the_screen_and_the_cart_falls(window, lab):
    page = window(where="?step=6")  # its servers are drawn as processes
    fill_a_cart(page)
    server = page.locator('.server[data-desk="stateful"][data-server="A"]')
    pid = int(re.search(r"pid (\d+)", server.inner_text())[1])
    assert psutil.pid_exists(pid)
    page.evaluate(STOPWATCH)
    page.keyboard.press("k")
    page.locator(".falling").first.wait_for()  # the one big motion
    wait_for(lambda: server.get_attribute("data-state") == "dead")
    took = [page.evaluate("window.took")]
    assert window.asked(page).count("/lab/kill") == 2  # one for each desk
    assert not psutil.pid_exists(pid)
    expect(server).to_contain_text("gone with its process")
    # At the other desk the cart is in his hand, and stays there.
    expect(page.locator('[data-desk="stateless"] .customer .cart')).to_be_visible()
    announcer = page.locator("#announcer")
    wait_for(lambda: "killed" in announcer.inner_text())
    look_closer(page, "evidence")
    page.locator('.fault[data-fault="kill"]').first.wait_for()
    shop(page, do="view", server="B")
    wait_for(
        lambda: (score(page, "stateful", "lost"), score(page, "stateless", "kept")) == ("1", "1")
    )
    # On restart it is another process, and says so.
    again = lab.post("/lab/restart", server="stateful/A")["done"][0]
    wait_for(lambda: server.get_attribute("data-state") == "up")
    assert again["pid"] != pid
    page.locator("#look-closer").click()  # with more room the stage shows process ids again
    wait_for(lambda: str(again["pid"]) in server.inner_text())
    lab.post("/lab/restart", server="stateless/A")
    took += [killed_again(page, lab), killed_again(page, lab)]
    while min(took) > MOST_MS and len(took) < 10:
        took.append(killed_again(page, lab))
    print("from the key to the screen:", ", ".join(f"{ms:.0f} ms" for ms in took))
    assert min(took) <= MOST_MS, took


def killed_again(page, lab):
    """Kill by key the servers that served last, here B; restart them. How long it took, in ms."""
    dead = page.locator('.server[data-state="dead"]')
    wait_for(lambda: dead.count() == 0)
    page.evaluate(STOPWATCH)
    page.keyboard.press("k")
    took = page.evaluate("window.took")
    wait_for(lambda: dead.count() == 2)
    for desk in ("stateful", "stateless"):
        lab.post("/lab/restart", server=f"{desk}/B")
    return took


def test_reset_by_key_leaves_a_clean_stage(window):
    page = window()
    fill_a_cart(page)
    page.keyboard.press("r")
    wait_for(lambda: page.locator(".cart").count() == 0)
    assert score(page, "stateful", "kept") == "0"


def test_letters_can_be_switched_off_and_are_text_where_one_types(window):
    page = window()
    look_closer(page, "shop")
    page.locator("lab-shop .self summary").click()
    name = page.locator("lab-shop input[name=name]").first
    name.fill("")
    name.press_sequentially("kkrb")
    assert name.input_value() == "kkrb"
    page.keyboard.press("Escape")
    page.locator("#line").click()
    page.keyboard.press("?")
    help_ = page.locator("dialog[open]")
    help_.wait_for()
    help_.locator("input[type=checkbox]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")  # the clicker's keys are not letters
    page.wait_for_url(re.compile("step=2"))
    assert "/lab/kill" not in window.asked(page)


def test_blank_presenter_and_the_clicker(window):
    page = window()
    page.keyboard.down("b")
    page.locator("dialog#blank[open]").wait_for()
    page.keyboard.down("b")  # still held: a repeat is not a second press
    expect(page.locator("dialog#blank[open]")).to_have_count(1)
    page.keyboard.up("b")
    page.keyboard.press("b")
    page.locator("dialog#blank[open]").wait_for(state="hidden")
    page.keyboard.press("p")
    page.wait_for_url(re.compile("present"))
    page.keyboard.press("PageDown")
    page.wait_for_url(re.compile("step=2"))
    page.keyboard.press("PageUp")
    page.wait_for_url(re.compile("step=1"))


def test_key_right_after_the_black_screen_is_the_pages(window):
    page = window()
    page.keyboard.press("b")
    page.locator("dialog#blank[open]").wait_for()
    page.evaluate(
        """() => {
            const press = (key) => document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
            press("b");  // closes, and no frame is drawn before the next key
            press("p");
        }"""
    )
    wait_for(lambda: "present" in page.url)
    assert page.locator("dialog#blank[open]").count() == 0


@pytest.mark.long
def test_every_scene_runs(window):
    page = window()
    look_closer(page, "control")
    scenes = page.evaluate("async () => (await (await fetch('/lab/chapters')).json()).scenes")
    for scene in scenes:
        before = page.evaluate(BEGUN)
        page.locator("lab-instructor").get_by_role("button", name=scene["title"]).click()
        # Its first step is a new stage. That it runs may be over before one can see it.
        wait_for(lambda before=before: page.evaluate(BEGUN) != before)
        wait_for(lambda: not page.evaluate(RUNNING))
        trouble = page.locator("lab-instructor [role=alert]").all_inner_texts()
        assert not "".join(trouble), (scene["slug"], trouble)
    # The last one: a cache that goes by the path alone gave Bob what is John's.
    assert "wrong" in page.evaluate(FATES)


def test_server_is_killed_by_its_menu_and_a_stranger_needs_a_ticket(window, lab):
    page = window()
    watch(page)
    server = page.locator('.server[data-desk="stateless"][data-server="B"]')
    server.locator(".opener").click()
    page.locator(".stage-menu").get_by_role("menuitem", name=re.compile("^Kill")).click()
    wait_for(lambda: server.get_attribute("data-state") == "dead")
    stranger = window(instructor=False, refusals=True)
    assert stranger.locator(".scene .run").count() == 0
    watch(stranger)
    stranger.locator('.server[data-desk="stateful"][data-server="A"] .opener').click()
    menu = stranger.locator(".stage-menu")
    assert menu.get_by_role("menuitem", name=re.compile("^Kill")).count() == 0
    assert "lab open" in menu.inner_text() or "lab up" in menu.inner_text()
    answer = stranger.evaluate(
        """async () => (await fetch("/lab/kill", {method: "POST", body: '{"server":"A"}',
            headers: {"Content-Type": "application/json", "X-Lab-Console": "1"}})).status"""
    )
    assert answer == 403
    assert requests.get(f"{lab.origin}/stateful/@A/api/server", timeout=60).status_code == 200
    # A link with a ticket, opened in this page: it is the instructor's now, without a reload.
    stranger.keyboard.press("Escape")
    stranger.evaluate("hash => { location.hash = hash; }", lab.link().partition("#")[2])
    look_closer(stranger, "control")
    stranger.locator("lab-instructor .orders").wait_for()
    assert "ticket" not in stranger.evaluate("location.href")
    stranger.keyboard.press("k")
    wait_for(lambda: stranger.locator('.server[data-state="dead"]').count() == 3)


def test_ticket_leaves_the_address_and_no_script_can_read_the_cookie(window):
    page = window()
    assert "ticket" not in page.evaluate("location.href")
    assert page.evaluate("document.cookie") == ""
    cookies = [each for each in page.context.cookies() if each["name"].startswith("lab_")]
    assert [each["name"] for each in cookies if "instructor" in each["name"]]
    for cookie in cookies:
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/lab"
    page.reload()
    page.locator("#line[data-state=open]").wait_for()
    assert page.evaluate("async () => (await (await fetch('/lab/whoami')).json()).instructor")
