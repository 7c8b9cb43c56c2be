/** What stands on the wall: answers with their bars, the desks, and the chapter's own numbers. */

import { $, h, mark, svg } from "/lab/static/dom.js";
import { DESKS, STATE_SIGNS, TITLES } from "/lab/static/words.js";
import { dotsOf, placesOf } from "./dots.js";

/** The first number of each desk, for the wall; null where there is none. */
export function ofChapter(numbers) {
  return numbers && DESKS.every((desk) => numbers[desk]?.length) ? DESKS.map((desk) => [numbers[desk][0].number, `${numbers[desk][0].unit}, ${desk}`]) : null;
}

/** The answers with a bar for each round; `seen` is the one that came true. Hidden: no bars. */
export function bars(choices, histogram, seen) {
  const most = Math.max(1, ...(histogram ?? []).flat());
  return h("ol", { class: "wall-choices" }, choices.map((text, n) => h("li", { "data-seen": String(seen === n) },
    h("span", { class: "wall-choice" }, h("b", {}, String(n + 1)), " ", text, seen === n && " ✓"),
    histogram && h("span", { class: "wall-bars" }, histogram.map((counts, round) => h("span", { class: "wall-row" },
      svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { width: (100 * counts[n]) / most, height: 4, "data-round": round })),
      h("span", { class: "wall-count" }, String(counts[n]), h("span", { class: "unseen" }, ` in vote ${round + 1}`))))))));
}

/** A desk: its servers, its store, and the heaps of carts that are nowhere. */
export function deskDrawing(desk, { servers, store }) {
  const { width, height, boxes } = placesOf(desk, { servers, store });
  return h("section", { class: "wall-desk", "data-desk": desk, "aria-label": `${TITLES[desk]} desk` }, svg("svg", { viewBox: `0 0 ${width} ${height}` },
    svg("text", { class: "wall-title", x: 0, y: 48 }, `${TITLES[desk]} desk`),
    boxes.map(({ label, state: how, heap, x, y, w, h: high }) => svg("g", { class: heap ? "wall-heap" : "wall-place", "data-state": how },
      svg("rect", { x, y, width: w, height: high, rx: 10 }), svg("text", { x: x + 14, y: y + 34 }, how ? `${label} ${STATE_SIGNS[how] ?? ""}` : label))),
    svg("g", { class: "dots" })));
}

/** Each phone's dot where its cart is now: those that are there already move. */
export function moveDots(body, desks) {
  for (const desk of DESKS) {
    const group = $(`[data-desk="${desk}"] g.dots`, body);
    const { servers, store, marks } = desks[desk];
    const places = placesOf(desk, { servers, store });
    const wanted = dotsOf(marks, places);
    const there = new Map([...group.children].map((dot) => [Number(dot.dataset.phone), dot]));
    for (const { number, mark: how, x, y, r } of wanted) {
      const dot = there.get(number) ?? group.appendChild(svg("circle", { "data-phone": number }));
      there.delete(number);
      mark(dot, "r", r.toFixed(1));
      mark(dot, "data-mark", how);
      const to = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
      if (dot.style.transform !== to) dot.style.transform = to;
    }
    for (const dot of there.values()) dot.remove();
  }
}
