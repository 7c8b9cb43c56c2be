/** The list of keys, and the switch that takes the single letters out of it. */

import { h } from "./dom.js";
import { useLetters } from "./present.js";
import { subscribe } from "./state.js";

const KEYS = [
  [["→", "Page Down"], "next step"],
  [["←", "Page Up"], "back"],
  [["Space"], "pause or continue what is running, or the recording"],
];
const LETTERS = [
  [["K"], "kill the server that served your customer last, at both desks"],
  [["R"], "reset: a clean stage, with the knobs as they are"],
  [["B"], "black screen; any key brings the page back"],
  [["F"], "full screen"],
  [["P"], "presenter mode: large type"],
  [["?"], "this list"],
];

let dialog = null;

/** Open the list. */
export function openHelp() {
  dialog ??= make();
  if (!dialog.open) dialog.showModal();
}

/** A labelled checkbox: are single letters commands? */
export function letterSwitch() {
  const box = h("input", { type: "checkbox", onchange: () => useLetters(box.checked) });
  subscribe(({ keys }) => { box.checked = keys; });
  return h("label", { class: "switch" }, box, h("span", {}, "Single letters and ? are commands"));
}

function make() {
  const row = ([keys, what]) => [h("dt", {}, keys.map((key, n) => [n > 0 && " or ", h("kbd", {}, key)])), h("dd", {}, what)];
  return document.body.appendChild(h("dialog", { id: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h("dl", {}, [...KEYS, ...LETTERS].map(row)),
    letterSwitch(),
    h("p", { class: "note" }, "They do nothing while you type. K and R need the instructor's rights."),
    h("p", { class: "bar" }, h("button", { type: "button", class: "main", autofocus: true, onclick: () => dialog.close() }, "Close"))));
}
