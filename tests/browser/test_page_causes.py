"""Cause before effect: the page draws nothing of a request before its dot has been there."""

import re

import pytest
from conftest import wait_for

from browser.tour import look_closer, run_chapter

# Watches the real positions of the dots, as the browser has them in each frame, and holds
# whatever is drawn against them. `faults` lists what came too early, `seen` what was compared.
WATCH = """
async () => {
  const { onEvent } = await import("/lab/static/state.js");
  const all = (root, parts) => [...root.querySelectorAll(parts)];
  const stage = document.querySelector("lab-stage");
  const lanes = all(stage, ".lane").map((lane) => [lane.dataset.desk, lane]);
  const each = (make) => Object.fromEntries(lanes.map(([desk]) => [desk, make(desk)]));
  const RECENT = 5; // frames: a change that was caused is drawn by then
  const deepest = new Map(); // op -> how far from its customer its dot has been
  const known = each(() => ({ dots: new Map(), heard: new Set(), loose: new Set(), requests: 0 }));
  const last = { turn: each(() => -Infinity), end: each(() => -Infinity) }; // the frame of each
  const texts = new Map();
  const stale = {};
  let frames = 0;
  const causes = window.causes = { faults: new Set(), seen: {}, both: false };
  const saw = (what) => { causes.seen[what] = (causes.seen[what] ?? 0) + 1; };
  const fault = (desk, what) => causes.faults.add(`${desk}: ${what}`);
  const middle = (node) => new DOMMatrix(getComputedStyle(node).transform).m42;
  // People are above their customers, servers below them: there a dot stops under the counter.
  const peopled = () => document.querySelector("main").hasAttribute("data-people");
  const edge = (node, lane) => {
    const { top } = lane.querySelector(".flight").getBoundingClientRect();
    const at = node.getBoundingClientRect();
    const label = 2.3 * parseFloat(getComputedStyle(lane).fontSize);
    return peopled() ? top - at.bottom - label : at.top - top - 1;
  };
  const flying = (desk, op) => known[desk].dots.has(op);
  const happened = (desk) => { for (const kind of ["turn", "end"]) last[kind][desk] = frames; };

  // What shows without a dot, because it has no way, is its own cause.
  onEvent((event) => {
    const { kind, op, desk } = event;
    if (["stage", "fault", "setting"].includes(kind)) for (const [one] of lanes) happened(one);
    if (kind === "stage") {
      for (const [one] of lanes) Object.assign(known[one], { requests: 0, loose: new Set() });
      stale.axis = axis();
    }
    if (!["request", "exchange"].includes(kind)) return;
    const { dots, heard, loose } = known[desk];
    track();
    if (kind === "request") known[desk].requests += 1;
    if (!dots.has(op) && (kind === "request" || heard.has(op))) happened(desk);
    if (kind === "request") heard.add(op) && loose.delete(op);
    else if (!heard.has(op)) loose.add(op);
  });

  const track = () => lanes.forEach(([desk, lane]) => {
    const { dots } = known[desk];
    const there = all(lane, ".dot");
    for (const dot of there) {
      const { op } = dot.dataset;
      const back = dot.classList.contains("back");
      if (!dots.has(op)) saw("dots");
      if (back && !dots.get(op)) last.turn[desk] = frames;
      dots.set(op, back);
      // One that is on its way back has been at its turn, also between two frames.
      const depth = back ? Infinity : peopled() ? -middle(dot) : middle(dot);
      deepest.set(op, Math.max(deepest.get(op) ?? -Infinity, depth));
    }
    for (const op of [...dots.keys()]) {
      if (there.some((dot) => dot.dataset.op === op)) continue;
      dots.delete(op);
      happened(desk);
    }
  });

  const look = () => {
    track();
    for (const [desk, lane] of lanes) {
      compareCarts(desk, lane);
      compareOps(desk, lane);
      compareBadges(desk, lane);
      compareTexts(desk, lane);
      compareAxis(desk);
    }
  };

  const compareCarts = (desk, lane) => {
    for (const cart of all(lane, ".cart[data-cause]")) {
      const { cause } = cart.dataset;
      if (!flying(desk, cause)) continue;
      saw("carts");
      const home = cart.closest("[data-place]");
      const reached = deepest.get(cause) >= edge(home, lane);
      const held = home.dataset.place.startsWith("customer");
      if (held || !reached) fault(desk, `cart of ${cause}`);
    }
  };

  // Answers below the lane, bytes and rows of the diagram: those whose dots are back.
  const compareOps = (desk, lane) => {
    const at = (part) => `${part} .exchange[data-desk=${desk}]`;
    for (const [what, nodes] of [
      ["answers", all(lane, ".recent button")],
      ["evidence", all(document, `${at("lab-evidence")}[data-op]`)],
      ["rows", all(document, `${at("lab-sequence")} [data-op]`)],
    ]) {
      for (const { dataset: { op }, ...node } of nodes.map((one) => (
        { dataset: one.dataset, away: one.hasAttribute("hidden") }))) {
        if (known[desk].dots.size) saw(what);
        if (!flying(desk, op)) continue;
        if (node.away) saw("waiting rows");
        else fault(desk, `${what} of ${op}`);
      }
    }
  };

  // What a server found for the last request does not stand there while the next is on its way.
  const compareBadges = (desk, lane) => {
    const row = edge(lane.querySelector(".servers"), lane);
    const badges = all(lane, ".server[data-looks], .code-line[data-ran]").length;
    if (badges) saw("badges");
    const dead = lane.querySelector(".server[data-state=dead][data-looks]");
    if (dead) fault(desk, `a badge at ${dead.dataset.server}, which is dead`);
    const leaves = lane.querySelector(".server[data-leaves]:not([data-leaves=left])");
    if (leaves) saw("leaving");
    if (leaves?.dataset.state === "dead") fault(desk, `${leaves.dataset.server} gone, and here`);
    for (const dot of all(lane, ".dot:not(.back)")) {
      const early = badges && deepest.get(dot.dataset.op) < row;
      if (early) fault(desk, `a badge before ${dot.dataset.op}`);
    }
  };

  // While a dot is on its way, totals change only because one has turned, or has come back.
  const compareTexts = (desk, lane) => {
    const { dots, loose } = known[desk];
    const scored = all(document, `lab-score td[data-desk=${desk}]`);
    const counted = all(lane, ".tally, .load");
    for (const [what, nodes, kind, on] of [
      ["numbers", counted, "turn", [...dots.values()].some((back) => !back)],
      ["score", scored, "end", dots.size > 0],
    ]) {
      const text = nodes.map((node) => node.textContent).join("|");
      const key = `${what} of ${desk}`;
      const changed = texts.has(key) && texts.get(key) !== text;
      texts.set(key, text);
      if (on && text) saw(what);
      if (changed) saw(`new ${what}`);
      if (changed && on && !loose.size && frames - last[kind][desk] > RECENT) fault(desk, what);
    }
  };

  // The axis of time has a mark for each request that is back.
  const axis = () => document.querySelector("lab-timeline svg").getAttribute("aria-label") ?? "";
  const compareAxis = (desk) => {
    if (axis() !== stale.axis) delete stale.axis; // that of the stage before stands a moment longer
    const { dots, requests } = known[desk];
    const drawn = Number(new RegExp(`(\\\\d+) ${desk}`).exec(axis())?.[1] ?? 0);
    if (stale.axis !== undefined || !dots.size) return;
    if (drawn) saw("timeline");
    if (drawn > requests - dots.size) fault(desk, `${drawn} of ${requests} on the axis`);
  };

  // Both tabs at once.
  for (const id of ["panel-evidence", "panel-sequence"]) document.getElementById(id).hidden = false;
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true,
    characterData: true, attributes: true });
  const frame = () => { frames += 1; look(); requestAnimationFrame(frame); };
  frame();
}
"""
RESULT = """() => {
  const { faults, seen } = window.causes;
  window.causes.seen = {};
  return { faults: [...faults], seen };
}"""
COMPARED = ("carts", "answers", "badges", "evidence", "numbers", "new numbers", "new score")
# Every chapter has the same stage: the usual command tries three, `pytest -m long` the others,
# with every script of those that have several.
CHAPTERS = [
    (1, 4, 8),
    *(pytest.param(each, marks=pytest.mark.long) for each in ((2, 3, 5), (6, 7, 9), (10,), (11,))),
]


def run_every_script(page):
    """Run all scripts of the open chapter; yield after each."""
    run_chapter(page)
    yield
    others = page.locator(".case-scores .run")
    for left in range(others.count() - 1, -1, -1):
        others.first.click()
        wait_for(lambda left=left: others.count() == left)
        page.locator(".so .verdict-line").wait_for()
        yield


@pytest.mark.timeout(280)
@pytest.mark.parametrize("steps", CHAPTERS, ids=lambda steps: "-".join(map(str, steps)))
def test_no_effect_is_drawn_before_its_cause(window, steps):
    page = window(where=f"?step={steps[0]}")
    look_closer(page, "evidence")
    for part in ("lab-sequence .pair", "lab-timeline svg"):
        page.locator(part).first.wait_for(state="attached")
    page.evaluate(WATCH)
    rows = 0
    for step in steps:
        page.locator("#where").select_option(str(step))
        page.wait_for_url(re.compile(f"step={step}"))
        for number, _ in enumerate(run_every_script(page)):
            wait_for(lambda: page.locator(".dot, .falling").count() == 0)
            found = page.evaluate(RESULT)
            assert found["faults"] == [], (step, number)
            # And it did look: all of it was there while dots were on their way.
            assert found["seen"]["dots"] >= 6, (step, number)
            missing = [each for each in COMPARED if not found["seen"].get(each)]
            assert missing == [], (step, number)
            rows += found["seen"].get("waiting rows", 0)
    assert rows > 0  # drawings that held more than was shown
