/** The end of the lesson: every prediction beside what was measured, and a guide made of it; to print or to keep. */

import { go } from "./address.js";
import { bar, button } from "./card.js";
import { h } from "./dom.js";
import { forgetting } from "./forget.js";
import { findingsOf, resultOf } from "./scenes.js";
import { GUESS_SIGNS, TITLES } from "./words.js";

const RIGHT = { yes: "right", no: "another came true", none: "none fitted", skipped: "not predicted", open: "your choice" };
const HEADS = ["Chapter", "You said", "Right?", "What came of the claim", "Measured"];
const TITLE = "Two Desks: what I predicted, and what was measured";

/** One row for each chapter: {title, claim, verdict, desks, said, right}; without a result only title and claim. Pure. */
export function rowsOf(chapters, lesson) {
  return chapters.map((chapter) => {
    const result = resultOf(lesson[chapter.slug] ?? { acts: {} }, chapter);
    const { title, claim } = chapter;
    if (!result) return { title, claim, verdict: null };
    const { verdict, desks, right } = findingsOf(chapter, result);
    const said = typeof result.guess === "number" ? chapter.predict.choices[result.guess].text : "–";
    return { title, claim, verdict, desks: desks.map(({ desk, words, numbers }) => [`${TITLES[desk]}: ${words}`, ...numbers.map(({ number, unit }) => `${number} ${unit}`)].join(", ")), said, right };
  });
}

/**
 * The situations of the last chapter, with what speaks for an answer: [{situation, advice, chosen,
 * measured: [{number: of a chapter, title, desks: null if it was not run}]}]. Pure.
 */
export function guideOf(chapters, lesson) {
  const { slug, predict, evidence } = chapters.at(-1);
  const rows = rowsOf(chapters, lesson);
  return evidence.map((slugs, n) => ({
    situation: predict.choices[n].text, advice: predict.choices[n].because, chosen: lesson[slug]?.guess === n,
    measured: slugs.map((each) => chapters.findIndex((other) => other.slug === each)).map((at) => ({ number: at + 1, title: rows[at].title, desks: rows[at].desks ?? null })),
  }));
}

/** The same as Markdown. Pure. */
export function asMarkdown(rows, when, guide = []) {
  const cell = (text) => text.replaceAll("|", "\\|");
  const lines = rows.map((row, n) => `| ${n + 1} | ${cellsOf(row).map(cell).join(" | ")} |`);
  const advice = guide.flatMap(({ situation, advice: what, chosen, measured }) => [`- **${situation}**${chosen ? " (my choice)" : ""} ${what}`, ...measured.map((each) => `  - ${inWords(each)}`)]);
  return [`# ${TITLE}`, "", when, "", ...(guide.length ? ["## Which would I choose?", "", ...advice, ""] : []),
    `| | ${HEADS.join(" | ")} |`, "|---|---|---|---|---|---|", ...lines, ""].join("\n");
}

/** Draw it; `openChallenges` is what follows, null if there are none. */
export function drawEnding(chapters, lesson, openChallenges) {
  const rows = rowsOf(chapters, lesson);
  const guide = guideOf(chapters, lesson);
  // Neither skipped questions nor the last one, which has no right answer, are predictions.
  const known = rows.filter(({ verdict, right: how }) => verdict && how !== "open" && how !== "skipped");
  const right = known.filter(({ right: how }) => how === "yes").length;
  const open = rows.filter(({ verdict }) => !verdict).length;
  const score = [known.length ? `${right} of ${known.length} predictions came true` : "No predictions so far", open > 0 && `${open} ${open === 1 ? "chapter" : "chapters"} not run`].filter(Boolean).join("; ");
  const today = new Date().toISOString().slice(0, 10);
  const keep = () => save(new Blob([asMarkdown(rows, today, guide)], { type: "text/markdown" }), "two-desks.md");
  const picture = async () => {
    const { pictureOf } = await import("./picture.js");
    save(await pictureOf(partsOf(rows, guide, `${score}; ${today}`)), "two-desks.png");
  };
  return h("section", { class: "ending", "aria-label": "All predictions" },
    h("h2", {}, score),
    h("table", {}, h("thead", {}, h("tr", {}, HEADS.map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", {}, rows.map((row) => h("tr", { "data-right": row.right }, cellsOf(row).map((text, n) => (n ? h("td", {}, text) : h("th", { scope: "row" }, text))))))),
    h("h2", {}, "Your guide"),
    h("ul", { class: "guide" }, guide.map(advise)),
    bar(openChallenges && button("Challenges ▸", openChallenges, { main: true, name: "challenges" }), button("Keep as Markdown", keep, { name: "keep" }),
      button("Keep as PNG", picture, { name: "keep-picture" }), button("Print", () => print(), { name: "print" }), forgetting()));
}

function advise({ situation, advice, chosen, measured }) {
  const open = measured.filter(({ desks }) => !desks);
  return h("li", { "data-chosen": chosen }, h("strong", {}, `${chosen ? "Your choice: " : ""}${situation}`), ` ${advice}`,
    h("ul", {}, measured.filter(({ desks }) => desks).map((each) => h("li", {}, inWords(each)))),
    open.length > 0 && bar("Not measured yet: ", open.map(({ number, title }) => button(title, () => go({ step: number }), { name: "to-chapter" }))));
}

function inWords({ title, desks }) {
  return `${title}: ${desks ? desks.join("; ") : "not measured yet"}`;
}

function cellsOf({ title, verdict, desks, said, right }) {
  return [title, ...(verdict ? [said, `${GUESS_SIGNS[right]} ${RIGHT[right]}`, verdict, desks.join("; ")] : ["–", "not run", "–", "–"])];
}

/** The lines of the picture: {cells, widths in parts of the whole, size, bold}. */
function partsOf(rows, guide, score) {
  const widths = [0.17, 0.24, 0.12, 0.2, 0.27];
  const line = (text, more) => ({ cells: [text], widths: [1], ...more });
  return [
    line(TITLE, { size: 26, bold: true }), line(score), { cells: HEADS, widths, bold: true }, ...rows.map((row) => ({ cells: cellsOf(row), widths })),
    line("Which would I choose?", { size: 20, bold: true }),
    ...guide.flatMap(({ situation, advice, chosen, measured }) => [line(`${chosen ? "My choice: " : ""}${situation} ${advice}`, { bold: chosen }), ...measured.map((each) => line(`•  ${inWords(each)}`))]),
  ];
}

function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
