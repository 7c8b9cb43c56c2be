/** For a projector: presenter mode, full screen, black screen, and the list of keys. */

import { go } from "./address.js";
import { notice } from "./announce.js";
import { $, h, refill } from "./dom.js";
import { recall, remember } from "./kept.js";
import { set, state, subscribe } from "./state.js";

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

const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "Fn"]);

let black = null;
let dialog = null;

set({ keys: recall("keys") !== "off" });

/** Toggle large type and strong contrast; the URL keeps it. */
export function togglePresent() {
  go({ present: !state.view.present });
}

/** Toggle full screen. */
export async function toggleFullScreen() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
  } catch {
    notice("This browser does not give the page the whole screen: try its own key, mostly F11.");
  }
}

/** Make the screen black until a key or a click. */
export function blank() {
  black ??= makeBlack();
  if (!black.open) black.showModal();
}

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

function makeBlack() {
  const back = h("button", { type: "button", class: "unseen" }, "The screen is black: any key brings the page back");
  const dialog = h("dialog", { id: "blank", "aria-label": "Black screen" }, back);
  const end = (event) => {
    if (!dialog.open) return; // the focus stays here until the next frame: this key is the page's
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat && !MODIFIERS.has(event.key)) dialog.close(); // the key that opened it may still be held
  };
  dialog.addEventListener("keydown", end);
  dialog.addEventListener("click", end);
  return document.body.appendChild(dialog);
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
