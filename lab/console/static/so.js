/** The last scene: the claim with what was measured, and what decided it. */

import { bar, button } from "./card.js";
import { h } from "./dom.js";
import { findingsOf } from "./scenes.js";
import { bars } from "./server-box.js";
import { DESKS, GUESS_SIGNS, TITLES, VERDICT_SIGNS } from "./words.js";

/** Draw it: `given` is {chapter, result, others, cases, mayRun, ending: what closes the last chapter, or null}; `does` {next(), closer(), watch(), run(number), rest(numbers): runs them all, show(number)}. */
export function drawSo({ chapter, result, others, cases, mayRun, ending }, does) {
  const { desks, verdict, good, right, said, because } = findingsOf(chapter, result);
  const { explain = chapter.explain, ...act } = chapter.acts[result.number];
  return [
    h("p", { class: "claimed" }, act.result ? `${act.label}. ` : "", "The claim: ", h("q", { id: "claim" }, chapter.claim)),
    h("h1", { class: "verdict-line", tabindex: -1, "data-next": true, "data-good": good }, verdict),
    h("div", { class: "desks" }, desks.map((each) => card(each, result.load?.[each.desk]))),
    !cases.length && h("p", { class: "note meanings" }, meaningsOf(result.facts, [verdict, because, explain, result.load ? "refused" : "", ...desks.flatMap(({ words, numbers }) => [words, numbers.at(-1).unit])].join(" "))),
    h("div", { class: cases.length ? "split" : "whole" }, h("div", {},
      said && h("p", { class: "judged", "data-right": right }, h("span", { class: "sign", "aria-hidden": "true" }, GUESS_SIGNS[right]),
        h("span", {}, h("strong", {}, said), because && ` ${because}`)),
      h("p", { class: "decided" }, explain)),
    cases.length > 0 && scores(cases, result.number, mayRun, does)),
    bar(
      !ending && button("Next chapter ▸", does.next, { main: true, name: "onward" }),
      button("Look closer", does.closer, { name: "look-closer" }),
      mayRun && others.map(({ number, label }) => button(label, () => does.run(number), { name: "run other" })),
      mayRun && button("Run it again", () => does.run(result.number), { name: "run again" }),
    ),
    ending,
  ].filter(Boolean);
}

/** What “refused”, “failed” and “unknown” mean, as far as the `text` beside it has them. */
function meaningsOf(facts, text) {
  const some = (name) => text.includes(name) && DESKS.some((desk) => facts[`${desk}.${name}`] > 0);
  return [some("refused") && [h("b", {}, "Refused"), " (401): a server answered, and did not know who asks. "],
    some("failed") && [h("b", {}, "Failed"), " (502, 503): the server, or the store it needs, was down. "],
    some("unknown") && [h("b", {}, "Unknown"), ": a change without an answer. It may have been made."]];
}

function card({ desk, good, words, numbers }, load) {
  return h("section", { class: "desk-card", "data-desk": desk, "data-good": good },
    h("h2", {}, `${TITLES[desk]} desk`),
    h("p", { class: "outcome" }, h("span", { "aria-hidden": "true" }, `${VERDICT_SIGNS[good ? "holds" : "fails"]} `), words),
    load ? shares(load) : oneNumber(numbers.at(-1)));
}

/** One is enough here: the stage counts the others as well. */
function oneNumber({ number, unit }) {
  return h("p", { class: "number" }, h("b", {}, number), ` ${unit}`);
}

/** The requests of each server, before servers were added and after. */
function shares({ before, after }) {
  const rows = [["before:", before], ["after:", after]].flatMap(([when, servers]) =>
    Object.keys(servers).sort().map((name, n, names) => h("tr", {}, n === 0 && h("th", { rowspan: names.length, scope: "rowgroup" }, when), h("th", { scope: "row" }, name), h("td", {}, bars(servers[name])))));
  return h("table", { class: "shares" }, h("tbody", {}, rows));
}

/** The chapter's own score: one row for each case, and the way to run those that have not run, or to have one explained. */
function scores(cases, shown, mayRun, does) {
  const cell = ({ harm, number }) => h("td", { "data-harm": harm }, `${VERDICT_SIGNS[harm ? "fails" : "holds"]} ${number}`);
  const left = cases.filter(({ desks }) => !desks).map(({ number }) => number);
  return h("table", { class: "case-scores" },
    h("caption", {}, left.length ? `${left.length} of these ${cases.length} cases have not run yet. ` : "Each case had a run of its own:",
      mayRun && left.length > 1 && button("Run the rest ▸", () => does.rest(left), { name: "run-rest" })),
    h("thead", {}, h("tr", {}, ["Case", "What is counted"].map((name) => h("th", { scope: "col" }, name)), DESKS.map((desk) => h("th", { scope: "col", "data-desk": desk }, TITLES[desk])))),
    h("tbody", {}, cases.map(({ number, label, unit, desks }) => h("tr", { "aria-current": number === shown ? "true" : null },
      h("th", { scope: "row" }, desks && number !== shown ? button(label, () => does.show(number), { name: "show-case" }) : label),
      h("td", { class: "unit" }, desks || !mayRun ? unit : button("Run ▸", () => does.run(number), { name: "run other" })),
      desks?.map(cell) ?? h("td", { colspan: DESKS.length }, "not run yet")))));
}
