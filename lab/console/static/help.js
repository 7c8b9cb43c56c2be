/** The list of keys, and whether single letters are commands: loaded when it is asked for. */

import { $, h, refill } from "./dom.js";
import { remember } from "./kept.js";
import { set, subscribe } from "./state.js";

const KEYS = [
  [["→", "Page Down"], "next step"],
  [["←", "Page Up"], "back"],
  [["Space"], "pause or continue what is running, or the recording"],
];
const LETTER_KEYS = [
  [["1", "2", "3", "4"], "choose that answer"],
  [["K"], "kill the server that served your customer last, at both desks", "servers"],
  [["R"], "reset: a clean stage, with the settings as they are", "servers"],
  [["B"], "black screen; any key brings the page back"],
  [["F"], "full screen"],
  [["P"], "presenter mode: large type"],
  [["S"], "speaker view, in a window of its own", "servers"],
  [["?"], "this list"],
];

const ROOM = [
  [["W"], "hide or show the wall"],
  [["V"], "open or close the vote"],
  [["H"], "show the votes"],
];

let dialog = null;

/** Open the list of keys. */
export function openHelp() {
  dialog ??= makeHelp();
  const keys = [...KEYS, ...LETTER_KEYS, ...(document.querySelector("room-wall") ? ROOM : [])];
  refill($("dl", dialog), keys.length, () => keys.flatMap(row));
  if (!dialog.open) dialog.showModal();
}

/** A labelled checkbox for single-letter commands. */
export function letterSwitch() {
  const box = h("input", { type: "checkbox", onchange: () => useLetters(box.checked) });
  subscribe(({ keys }) => { box.checked = keys; });
  return h("label", { class: "switch" }, box, h("span", {}, "Single letters, digits and ? are commands"));
}

/** Turn single-letter commands on or off; this browser remembers it (WCAG 2.1.4). */
function useLetters(on) {
  set({ keys: on });
  remember("keys", on ? "on" : "off");
}

function makeHelp() {
  return document.body.appendChild(h("dialog", { id: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h("dl"),
    letterSwitch(),
    h("p", { class: "note" }, "They do nothing while you type.", h("span", { "data-needs": "servers" }, " K and R need the instructor's rights.")),
    h("p", { class: "bar" }, h("button", { type: "button", class: "main", autofocus: true, onclick: () => dialog.close() }, "Close"))));
}

function row([keys, what, needs]) {
  return [h("dt", { "data-needs": needs }, keys.map((key, n) => [n > 0 && " or ", h("kbd", {}, key)])), h("dd", { "data-needs": needs }, what)];
}
