/** The end of the lesson: every prediction beside what was measured, to print or to keep. */

import { bar, button } from "./card.js";
import { h } from "./dom.js";
import { findingsOf, resultOf } from "./scenes.js";
import { TITLES } from "./words.js";

const RIGHT = { yes: "✓ right", no: "≠ another came true", none: "? none fitted", skipped: "• not predicted", open: "• your choice" };

/** One row for each chapter: {title, claim, verdict, desks, said, right}; without a result only title and claim. Pure. */
export function rowsOf(chapters, lesson) {
  return chapters.map((chapter) => {
    const result = resultOf(lesson[chapter.slug] ?? { acts: {} });
    const { title, claim } = chapter;
    if (!result) return { title, claim, verdict: null };
    const { verdict, desks, right } = findingsOf(chapter, result);
    const said = typeof result.guess === "number" ? chapter.predict.choices[result.guess].text : "–";
    return { title, claim, verdict, desks: desks.map(({ desk, words, numbers }) => [`${TITLES[desk]}: ${words}`, ...numbers.map(({ number, unit }) => `${number} ${unit}`)].join(", ")), said, right };
  });
}

/** The same as Markdown. Pure. */
export function asMarkdown(rows, when) {
  const cell = (text) => text.replaceAll("|", "\\|");
  const lines = rows.map(({ title, verdict, desks, said, right }, n) => (verdict
    ? `| ${n + 1} | ${[title, said, RIGHT[right], verdict, desks.join("; ")].map(cell).join(" | ")} |`
    : `| ${n + 1} | ${cell(title)} | – | not run | – | – |`));
  return ["# Two Desks: what I predicted, and what was measured", "", when, "",
    "| | chapter | I said | | what came of the claim | measured |", "|---|---|---|---|---|---|", ...lines, ""].join("\n");
}

/** Draw the table, and what can be done with it. */
export function drawEnding(chapters, lesson, openChallenges) {
  const rows = rowsOf(chapters, lesson);
  // Neither skipped questions nor the last one, which has no right answer, are predictions.
  const known = rows.filter(({ verdict, right: how }) => verdict && how !== "open" && how !== "skipped");
  const right = known.filter(({ right: how }) => how === "yes").length;
  const keep = () => save(asMarkdown(rows, new Date().toISOString().slice(0, 10)));
  return h("section", { class: "ending", "aria-label": "All predictions" },
    h("h2", {}, known.length ? `${right} of ${known.length} predictions came true` : "No predictions so far"),
    h("table", {}, h("thead", {}, h("tr", {}, ["Chapter", "You said", "", "What came of the claim", "Measured"].map((word) => h("th", { scope: "col" }, word || h("span", { class: "unseen" }, "Right?"))))),
      h("tbody", {}, rows.map(row))),
    bar(button("Challenges ▸", openChallenges, { main: true, name: "challenges" }), button("Keep as Markdown", keep, { name: "keep" }), button("Print", () => print(), { name: "print" })));
}

function row({ title, verdict, desks, said, right }) {
  const cells = verdict ? [said, RIGHT[right], verdict, desks.join("; ")] : ["–", "not run", "–", "–"];
  return h("tr", { "data-right": right }, h("th", { scope: "row" }, title), cells.map((text) => h("td", {}, text)));
}

function save(text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "text/markdown" })), download: "two-desks.md" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
