/**
 * The keyboard and the clicker. A key never does two things: what is typed stays text, and what
 * a control uses itself stays the control's.
 */

import { resetStage, toggleAct } from "./acts.js";
import { step } from "./address.js";
import { notice } from "./announce.js";
import { post } from "./api.js";
import { RIGHTS } from "./card.js";
import { blank, toggleFullScreen, togglePresent } from "./present.js";
import { mayBreak, state } from "./state.js";
import { servedAt } from "./steps.js";
import { DESKS } from "./words.js";

const TYPING = "input:not([type=radio], [type=checkbox], [type=range], [type=button]), select, textarea, [contenteditable]";
const OWN_ARROWS = "[role=tab], [type=radio], [type=range], [role=slider], [role^=menuitem]";
const OWN_PAGES = "[type=range], [role=slider]";
const OWN_SPACE = "button, summary, a[href], input, [role=button], [role=tab], [role^=menuitem]";
const MOVES = {
  ArrowRight: [1, OWN_ARROWS], PageDown: [1, OWN_PAGES],
  ArrowLeft: [-1, OWN_ARROWS], PageUp: [-1, OWN_PAGES],
};
const LETTERS = {
  k: () => guarded(killServed), r: () => guarded(resetStage),
  b: blank, ".": blank, f: toggleFullScreen, p: togglePresent, s: async () => (await import("./speaker-link.js")).openSpeaker(), "?": async () => (await import("./help.js")).openHelp(),
};

/** Listen from now on. */
export function watchKeys() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.closest?.(TYPING) || document.querySelector("dialog[open], :popover-open")) return;
    if (obey(event)) event.preventDefault();
  });
}

function obey({ key, target, repeat }) {
  const its = (controls) => Boolean(target.closest?.(controls));
  const [by, own] = MOVES[key] ?? [];
  if (by) return !its(own) && turn(by);
  if (repeat) return false; // a key held down is one press
  if (state.keys && /^[1-4]$/.test(key)) return document.querySelector("lab-lesson").choose(Number(key) - 1, true);
  if (key === " ") return !its(OWN_SPACE) && toggle();
  const letter = state.keys && LETTERS[key.toLowerCase()];
  if (letter) letter();
  return Boolean(letter);
}

function turn(by) {
  step(by);
  return true;
}

/** Pause or continue what is moving. Nothing is: then Space is the browser's. */
function toggle() {
  if (state.act.running) toggleAct();
  else if (state.recording) import("./recording.js").then(({ play }) => play());
  else return false;
  return true;
}

async function guarded(order) {
  if (!state.has.includes("servers")) return notice("No servers run here, so there is nothing to break.");
  if (state.recording) return notice("This is a recording: go back to live before you break anything.");
  if (!mayBreak(state)) return notice(RIGHTS);
  return order().catch((error) => notice(`✕ ${error.message}`));
}

/** Kill, at each desk at once, the server that served this window's customer last, or the first that lives. */
async function killServed() {
  const servers = DESKS.map((desk) => [desk, victimAt(desk)]).filter(([, name]) => name);
  if (!servers.length) throw new Error("No server is alive at either desk: R sets up a clean stage.");
  await Promise.all(servers.map(([desk, name]) => post("/lab/kill", { server: `${desk}/${name}` })));
}

function victimAt(desk) {
  const living = (state.scene.stack?.desks[desk] ?? []).filter((each) => each.state !== "dead").map(({ name }) => name);
  const served = servedAt(desk);
  return living.includes(served) ? served : living[0];
}
