"""What is drawn and moves: people who leave, drawers that open, a thief's copy, harm in red."""

import re

import pytest
from conftest import wait_for
from playwright.sync_api import expect

from browser.tour import pause_at_once, run_chapter, watch

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


# Where the one who leaves is, in every frame until the door is shut.
WALK = """
() => new Promise((done) => {
  const part = (name) => document.querySelector(`.lane[data-desk=stateless] .server${name}`);
  const ways = [];
  let ended = false;
  const frame = () => {
    const away = part("[data-leaves]:not([data-leaves=left])");
    if (away) {
      ended ||= Boolean(part("[data-state=dead]"));
      const at = part("[data-server=A] .goes .is-person").getBoundingClientRect();
      ways.push({ x: at.x, y: at.y, width: at.width, height: at.height });
    }
    if (ways.length && !away) done({ ways, ended });
    else requestAnimationFrame(frame);
  };
  frame();
})
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
        page.locator("#people").click()
        for selector in (f"{stayed} .clerk", ".lane .door"):
            wait_for(lambda selector=selector, seen=seen: opacity(page, selector) == seen)


# What travels may be gone before a test looks again.
SAID = """
() => {
  window.said = [];
  new MutationObserver((all) => {
    const added = all.flatMap(({ addedNodes }) => [...addedNodes]);
    const said = added.flatMap((one) => [...one.querySelectorAll(".said")]);
    window.said.push(...said.map((one) => one.textContent));
  }).observe(document.querySelector(".lane[data-desk=stateful] .flight"), { childList: true });
}
"""


def box(page, selector):
    return page.locator(selector).first.bounding_box()


@pytest.mark.long
def test_people_stand_behind_a_counter_and_john_before_it(window):
    page = window(where="?step=1")
    page.evaluate(SAID)
    page.locator(".scene .skip-it").click()
    page.locator(".so .verdict-line").wait_for()
    assert page.evaluate("[...new Set(window.said)]") == ["“I'm John”"]
    watch(page)
    for desk in ("stateful", "stateless"):
        lane = f'.lane[data-desk="{desk}"]'
        john, counter = (box(page, f"{lane} {part}") for part in (".customers", ".servers"))
        heads, mind = (box(page, f"{lane} {part}") for part in (".clerk", ".drawer"))
        # John, a way that an envelope travels, the counter, who stand behind it, their thoughts.
        assert john["y"] > counter["y"] + counter["height"] + 20
        assert counter["y"] < heads["y"] < counter["y"] + counter["height"]
        assert desk == "stateless" or mind["y"] + mind["height"] <= heads["y"] + 2
        expect(page.locator(f"{lane} .balancer")).to_be_hidden()
    # What John has is what the question's drawing gives him.
    assert page.locator('.lane[data-desk="stateful"] .card').count() == 0
    expect(page.locator('.lane[data-desk="stateless"] .card')).to_contain_text("form")
    page.locator("#people").click()
    page.locator(".lane .balancer").first.wait_for()
    servers, john = box(page, ".servers"), box(page, ".customers")
    assert john["y"] < servers["y"]


@pytest.mark.long
def test_representative_who_leaves_goes_behind_the_others_and_out_of_the_door(window):
    page = window(where="?step=1", pace=2)
    page.locator(".scene .skip-it").click()
    walk = page.evaluate(WALK)
    start, *ways = walk["ways"]
    assert not walk["ended"]  # what this ends shows when they are out
    door, last = (
        box(page, f'.lane[data-desk="stateless"] {part}')
        for part in (".door", '.server[data-server="C"] .clerk')
    )
    passing = [way for way in ways if last["x"] - 60 < way["x"] < last["x"] + last["width"]]
    assert passing, ways
    # Smaller than those at the counter, and with their feet higher: behind.
    assert all(way["height"] < start["height"] * 0.9 for way in passing)
    assert all(way["y"] + way["height"] < start["y"] + start["height"] for way in passing)
    middle = max(way["x"] + way["width"] / 2 for way in ways)
    assert door["x"] < middle < door["x"] + door["width"]
    # Those who stay are drawn over the one who passes.
    order = page.evaluate("""() => {
      const [a, , c] = document.querySelectorAll('[data-desk="stateless"] .clerk');
      return Boolean(a.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING);
    }""")
    assert order
    # Looked at again, they are away, and leave no second time.
    page.locator(".so .verdict-line").wait_for()
    watch(page)
    page.locator("#people").click()
    page.locator("#people").click()
    wait_for(lambda: opacity(page, '.server[data-server="A"] .goes') == 0)  # drawn in a moment
    assert page.locator(".server[data-leaves]").count() == 0


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (375, 667)])
def test_switch_to_people_is_in_every_scene_by_keyboard_and_by_touch(window, width, height):
    page = window(width, height, "?step=2", pace=2, has_touch=True)
    switch = page.get_by_role("button", name="People")
    pressed = lambda: switch.get_attribute("aria-pressed") == "true"  # noqa: E731

    def turned(on):
        wait_for(lambda: pressed() == on)
        size = switch.bounding_box()
        assert size["x"] >= 0 and size["x"] + size["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    turned(False)
    racks = page.locator(".desks-picture .is-server")
    expect(racks).to_have_count(2)
    switch.tap()
    turned(True)
    expect(racks).to_have_count(0)
    expect(page.locator(".desks-picture .thought")).to_have_count(1)
    switch.focus()
    page.keyboard.press("Enter")
    turned(False)
    page.locator(".scene .skip-it").click()
    page.locator(".dot").first.wait_for(state="attached")
    switch.tap()
    turned(True)
    page.locator(".lane .clerk").first.wait_for()
    page.locator(".so .verdict-line").wait_for()
    turned(True)
    switch.focus()
    page.keyboard.press("Space")
    turned(False)
    page.locator("#scenes [data-scene=watch]").click()
    page.locator(".lane .balancer").first.wait_for()


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
        expect(drawn.locator(".chair")).to_have_count(people_left)
        expect(drawn.locator(".rack")).to_have_count(servers)
        expect(drawn.locator(".rack.fresh")).to_have_count(new)


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
def test_sessions_of_customers_who_went_stay_in_the_store(window):
    page = window(where="?step=7", pace=0.01)
    pause_at_once(page)
    page.locator(".scene .skip-it").click()
    step = page.locator(".controls .count").inner_text
    wait_for(lambda: step().startswith("paused"))
    while not step().startswith("paused at step 9"):
        before = step()
        page.locator(".controls .next-request").click()
        wait_for(lambda before=before: step() != before and step().startswith("paused"))
    # John's, Bob's, and one of each browser that Carol came from: the store's own count.
    kept = {"stateful": "7 sessions kept", "stateless": "0 sessions kept"}
    for desk, count in kept.items():
        lane = page.locator(f'.lane[data-desk="{desk}"]')
        wait_for(lambda lane=lane, count=count: count in lane.locator(".sessions").inner_text())
        expect(lane.locator(".customer[data-away]")).to_have_count(2)
    expect(page.locator(".store .cart").filter(has_text="left behind")).to_have_count(2)
    page.locator(".controls .pause").click()  # Continue: the store crashes, and has nothing
    cards = page.locator(".so .desk-card")
    cards.first.wait_for()
    assert [each.split("\n")[-1] for each in cards.all_inner_texts()] == [
        "7 sessions kept, at most",
        "0 sessions kept, at most",
    ]
    watch(page)
    expect(page.locator(".sessions")).to_have_text(["0 sessions kept", "0 sessions kept"])


@pytest.mark.long
@pytest.mark.timeout(240)
def test_each_case_of_the_drawbacks_is_scored_where_it_bites(window):
    page = window(where="?step=10", reduced_motion="reduce")
    run_chapter(page)
    rows = page.locator(".case-scores tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.filter(has_text="not run yet")).to_have_count(4)
    assert not [
        cell for cell in page.locator(".case-scores :is(td, th)").all_inner_texts() if not cell
    ]
    page.locator(".case-scores .run").first.click()
    wait_for(lambda: rows.filter(has_text="not run yet").count() == 3)
    page.locator(".case-scores .run-rest").click()
    wait_for(lambda: page.locator(".so").count() and not page.locator(".case-scores .run").count())
    # It comes back to where it was, and any of the others is explained when it is wanted.
    expect(page.locator(".claimed")).to_contain_text("The same order again.")
    page.locator(".case-scores .show-case").first.click()
    page.locator(".so .judged").wait_for()
    page.locator(".case-scores .show-case").last.click()
    for row in range(5):
        # At the desk that is harmed, and there alone, with a sign beside the colour.
        stateful, stateless = rows.nth(row).locator("td").all()[1:]
        assert stateful.get_attribute("data-harm") is None and "✓ 0" in stateful.inner_text()
        assert stateless.get_attribute("data-harm") is not None
        expect(stateless).to_contain_text("✕")
    watch(page)
    expect(page.locator('[data-desk="stateless"] .copier')).to_contain_text("has the signing key")
    harmed = page.locator(".tally[data-harm]")
    expect(harmed).to_have_count(1)  # a forgery was accepted
    expect(harmed.first.locator("xpath=ancestor::section")).to_have_attribute(
        "data-desk", "stateless"
    )


@pytest.mark.long
def test_requests_of_each_server_are_shown_before_and_after_one_was_added(window):
    page = window(where="?step=4", reduced_motion="reduce")
    run_chapter(page)
    shares = page.locator(".so .shares")
    expect(shares).to_have_count(2)
    stateful, stateless = (each.locator("tr").all_inner_texts() for each in shares.all())
    assert [row.split()[:2] for row in stateful[:2]] == [["before:", "A"], ["after:", "A"]]
    assert [row.split()[0] for row in stateful[2:]] == ["B", "C"]
    assert all("refused" in row for row in stateful[2:])
    assert all("refused" not in row and "served" in row for row in stateless)
    # The numbers stand below each other, also where there is little room.
    page.set_viewport_size({"width": 375, "height": 667})
    for desk in shares.all():
        places = {round(each.bounding_box()["x"]) for each in desk.locator(".bars > span").all()}
        assert len(places) == 1


@pytest.mark.long
def test_log_line_that_a_url_leaves_behind_stands_at_the_balancer(window):
    page = window(where="?step=2", reduced_motion="reduce")
    assert page.locator(".log-line mark").count() == 0
    run_chapter(page)
    watch(page)
    lane = page.locator('.lane[data-desk="stateless"]')
    line = lane.locator(".log-line")
    assert re.fullmatch(r"token=[\w.-]{6}…", line.locator("mark").inner_text())
    logged = line.locator("code").inner_text()
    assert re.fullmatch(r'"GET /stateless/api/cart\?token=[\w.-]{6}…&userId=\d+" 200', logged)
    asked = re.compile(r"GET cart\?token=…&userId=\d+")
    expect(lane.locator(".recent")).to_have_text(asked)
    expect(lane.locator(".steps")).to_have_text(asked)
    expect(page.locator('.lane[data-desk="stateful"] .log-line')).to_be_hidden()


# What the stage shows during the first step of a script, in each frame in which it changes.
FIRST_STEP = """
() => {
  window.shown = [];
  const frame = () => {
    const step = document.querySelector(".watching .count")?.textContent ?? "";
    const servers = [...document.querySelectorAll(".server")].map((one) => one.dataset.state);
    const ran = [...document.querySelectorAll("[data-ran]")].map(() => "a line of code");
    const now = [...servers, ...ran].join();
    if (step.startsWith("step 1 ") && window.shown.at(-1) !== now) window.shown.push(now);
    requestAnimationFrame(frame);
  };
  frame();
}
"""


@pytest.mark.long
def test_stage_of_a_script_has_nothing_of_the_one_before(window):
    page = window(where="?step=6", pace=1)
    run_chapter(page)  # it ends with a dead server, and with the line of code that ran last
    page.evaluate(FIRST_STEP)
    page.locator(".so [data-name='run again'], .so button", has_text="Run it again").first.click()
    wait_for(lambda: page.evaluate("window.shown.at(-1)?.includes('up')"))
    shown = page.evaluate("window.shown")  # servers that are up, and no line of code
    assert {each.replace("up", "").strip(",") for each in shown} == {""}


COPIED = """
() => {
  window.copied = [];
  const frame = () => {
    for (const card of document.querySelectorAll(".copier .card")) {
      const [motion] = card.getAnimations();
      const lane = card.closest(".lane");
      if (motion?.currentTime === 0 || (motion && !window.copied.includes(lane.dataset.desk))) {
        window.copied.push(lane.dataset.desk);
      }
    }
    requestAnimationFrame(frame);
  };
  frame();
}
"""


@pytest.mark.long
def test_copy_is_taken_from_what_john_holds(window):
    page = window(where="?step=10", pace=1)
    page.evaluate(COPIED)
    run_chapter(page)
    assert sorted(set(page.evaluate("window.copied"))) == ["stateful", "stateless"]


# What an answer covers of the names around it, at the moment in which it is made and rests.
COVERED = """
() => {
  window.rested = 0;
  window.covered = [];
  const meet = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
    * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const look = (dot) => {
    const label = dot.querySelector(".answer").getBoundingClientRect();
    const names = ".server .opener b, .balancer .opener, .store .opener, .setting, .looks,"
      + " .customer .name, .card, .cache-box";
    for (const node of dot.closest(".lane").querySelectorAll(names)) {
      if (!node.checkVisibility({ visibilityProperty: true })) continue;
      const text = document.createRange();
      text.selectNodeContents(node);
      const box = text.getBoundingClientRect();
      if (meet(label, box) <= 0.2 * box.width * box.height) continue;
      window.covered.push(`${dot.textContent} covers ${node.textContent}`);
    }
  };
  const at = new Set();
  new MutationObserver((changes) => changes.forEach(({ target }) => {
    if (!target.classList.contains("back") || at.has(target)) return;
    at.add(target);
    window.rested += 1;
    look(target);
  })).observe(document.querySelector("lab-stage"), {
    subtree: true, attributes: true, attributeFilter: ["class"],
  });
}
"""


@pytest.mark.long
@pytest.mark.timeout(240)
def test_answer_that_rests_covers_no_name(window):
    # Answers of servers, of a dead server, of the store and of the cache, in two windows at once.
    for step in (6, 7, 9):
        phone = window(375, 667, f"?step={step}", pace=1)
        page = window(where=f"?step={step}", pace=1)
        watch(phone)
        for each in (phone, page):
            each.evaluate(COVERED)
        run_chapter(page)
        for each in (phone, page):
            wait_for(lambda each=each: each.evaluate("window.rested") > 4)
            assert each.evaluate("window.covered") == [], step
            each.close()


def test_recorded_request_comes_from_you_and_its_answer_shows_the_goods(window):
    page = window(where="?step=8", reduced_motion="reduce")
    run_chapter(page)
    watch(page)
    for desk, answer in (("stateful", "401 refused"), ("stateless", "200 · 2 × Laptop ✓")):
        lane = page.locator(f'.lane[data-desk="{desk}"]')
        expect(lane.locator(".copier.you .name")).to_have_text("you")
        expect(lane.locator(".copier.you .card")).to_have_text(re.compile("the record$"))
        expect(lane.locator(".recent button").first).to_have_text(f"GET cart A {answer}")
