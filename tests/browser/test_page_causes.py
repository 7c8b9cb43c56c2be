"""Cause before effect: the page draws nothing of a request before its dot has been there."""

import pytest
from conftest import wait_for

from browser.tour import run_chapter

# Watches the real positions of the dots, as the browser has them in each frame, and holds
# whatever is drawn against them. `faults` lists what came too early, `seen` what was compared.
WATCH = """
async () => {
  const { onEvent } = await import("/lab/static/state.js");
  const stage = document.querySelector("lab-stage");
  const scores = document.querySelector("lab-score");
  const events = [];
  onEvent((event) => { if (event.score) events.push(event); });
  const deepest = new Map(), departed = new Map();
  const seen = { dots: 0, carts: 0, answers: 0, scores: 0, badges: 0 };
  const faults = new Set();
  window.causes = { faults, seen };
  const middle = (node) => new DOMMatrix(getComputedStyle(node).transform).m42;
  const dots = () => [...stage.querySelectorAll(".dot")];
  const flying = (op) => dots().some((dot) => dot.dataset.op === op);
  const look = () => {
    for (const dot of dots()) {
      if (!deepest.has(dot.dataset.op)) seen.dots += 1;
      // One that is on its way back has been at its turn, also between two frames.
      const depth = dot.classList.contains("back") ? Infinity : middle(dot);
      deepest.set(dot.dataset.op, Math.max(deepest.get(dot.dataset.op) ?? 0, depth));
    }
    for (const lane of stage.querySelectorAll(".lane")) compare(lane, lane.dataset.desk);
  };
  const compare = (lane, desk) => {
    const top = lane.querySelector(".flight").getBoundingClientRect().top;
    for (const cart of lane.querySelectorAll(".cart[data-cause]")) {
      const { cause } = cart.dataset;
      if (!flying(cause)) continue;
      seen.carts += 1;
      const home = cart.closest("[data-place]");
      const reached = deepest.get(cause) >= home.getBoundingClientRect().top - top - 1;
      const held = home.dataset.place.startsWith("customer");
      if (held || !reached) faults.add(`${desk}: cart of ${cause}`);
    }
    for (const { dataset } of lane.querySelectorAll(".recent button, .customer[data-op]")) {
      seen.answers += 1;
      if (flying(dataset.op)) faults.add(`${desk}: the answer to ${dataset.op}`);
    }
    compareBadges(lane, desk, top);
    compareScore(desk);
  };
  // What a server found for the last request does not stand there while the next is on its way.
  const compareBadges = (lane, desk, top) => {
    const row = lane.querySelector(".servers").getBoundingClientRect().top - top;
    const badges = lane.querySelectorAll(".server[data-looks], .code-line[data-ran]").length;
    seen.badges += badges;
    const dead = lane.querySelector(".server[data-state=dead][data-looks]");
    if (dead) faults.add(`${desk}: a badge at ${dead.dataset.server}, which is dead`);
    for (const dot of lane.querySelectorAll(".dot:not(.back)")) {
      const early = badges && deepest.get(dot.dataset.op) < row;
      if (early) faults.add(`${desk}: a badge before ${dot.dataset.op}`);
    }
  };
  const counts = (score) => ["kept", "lost", "open"].map((name) => score?.[name] ?? 0).join();
  const compareScore = (desk) => {
    const shown = ["kept", "lost", "open"].map((name) =>
      scores.querySelector(`td[data-desk="${desk}"][data-score="${name}"]`).textContent).join();
    for (const dot of dots()) {
      const at = events.findIndex((each) => each.op === dot.dataset.op && each.kind === "exchange");
      if (at < 1 || events[at].desk !== desk) continue;
      const [before, after] = [events[at - 1], events[at]].map(({ score }) => counts(score[desk]));
      // In a burst the same totals come of others that are back already.
      const others = events.slice(Math.max(0, at - 40), at).filter((each) => each.desk === desk);
      if (before === after || others.some(({ score }) => counts(score[desk]) === after)) continue;
      seen.scores += 1;
      // Totals come again: only what has changed since this dot set out can have come too early.
      if (!departed.has(dot.dataset.op)) departed.set(dot.dataset.op, shown);
      if (shown === after && shown !== departed.get(dot.dataset.op)) {
        faults.add(`${desk}: the score after ${dot.dataset.op}`);
      }
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true,
    characterData: true, attributes: true });
  const frame = () => { look(); requestAnimationFrame(frame); };
  frame();
}
"""
# Every chapter has the same stage: the usual command tries three, `pytest -m long` the others.
STEPS = [
    pytest.param(step, marks=() if step in (1, 4, 8) else pytest.mark.long) for step in range(1, 12)
]
RESULT = "() => ({ faults: [...window.causes.faults], seen: window.causes.seen })"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("step", STEPS)
def test_no_effect_is_drawn_before_its_cause(window, step):
    page = window(where=f"?step={step}")
    page.evaluate(WATCH)
    run_chapter(page)
    wait_for(lambda: page.locator(".dot, .falling").count() == 0)
    found = page.evaluate(RESULT)
    assert found["faults"] == []
    # And it did look: dots flew, and carts, answers and scores were there while they did.
    assert found["seen"]["dots"] >= 6
    assert found["seen"]["answers"] and found["seen"]["scores"] and found["seen"]["badges"]
