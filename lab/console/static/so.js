/** The last scene: the claim with what was measured, and what decided it. */

import { bar, button } from "./card.js";
import { h } from "./dom.js";
import { findingsOf } from "./scenes.js";
import { TITLES } from "./words.js";

const SIGNS = { yes: "✓", no: "≠", none: "?", open: "•", skipped: "•" };

/** Draw it: `given` is {chapter, result, others, mayRun, ending: what closes the last chapter, or null}; `does` {next(), closer(), watch(), run(number)}. */
export function drawSo({ chapter, result, others, mayRun, ending }, does) {
  const { desks, verdict, good, right, said, because } = findingsOf(chapter, result);
  return [
    h("p", { class: "claimed" }, "The claim"),
    h("h1", { id: "claim", tabindex: -1, "data-next": true }, chapter.claim),
    h("p", { class: "verdict-line", "data-good": good }, verdict),
    right !== "open" && h("div", { class: "desks" }, desks.map(card)), // no verdict on what the reader has to choose
    h("p", { class: "judged", "data-right": right }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[right]),
      h("span", {}, h("strong", {}, said), because && ` ${because}`)),
    h("p", { class: "decided" }, chapter.explain),
    bar(
      !ending && button("Next chapter ▸", does.next, { main: true, name: "onward" }),
      button("Look closer", does.closer, { name: "look-closer" }),
      mayRun && others.map(({ number, label }) => button(label, () => does.run(number), { name: "run other" })),
      mayRun && button("Run it again", () => does.run(result.number), { name: "run again" }),
    ),
    ending,
  ].filter(Boolean);
}

function card({ desk, good, words, numbers }) {
  return h("section", { class: "desk-card", "data-desk": desk, "data-good": good },
    h("h2", {}, `${TITLES[desk]} desk`),
    h("p", { class: "outcome" }, h("span", { "aria-hidden": "true" }, good ? "✓ " : "✕ "), words),
    h("p", { class: "number" }, numbers.map(({ number, unit }, n) => [n > 0 && ", ", h("b", {}, number), ` ${unit}`])));
}
