/** The screen in a room: presenter mode, the whole screen, and nothing at all. */

import { go } from "./address.js";
import { notice } from "./announce.js";
import { h } from "./dom.js";
import { set, state } from "./state.js";

const KEPT = "two-desks:keys";

let black = null;

set({ keys: localStorage.getItem(KEPT) !== "off" });

/** Large type and strong contrast, or back. It is in the address, too. */
export function togglePresent() {
  go({ present: !state.view.present });
}

/** The whole screen, or back. */
export async function toggleFullScreen() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
  } catch {
    notice("This browser does not give the page the whole screen: try its own key, mostly F11.");
  }
}

/** Black, until any key or a click. */
export function blank() {
  black ??= makeBlack();
  if (!black.open) black.showModal();
}

/** Are single letters commands? Remembered by this browser (WCAG 2.1.4). */
export function useLetters(on) {
  localStorage.setItem(KEPT, on ? "on" : "off");
  set({ keys: on });
}

function makeBlack() {
  const back = h("button", { type: "button", class: "unseen" }, "The screen is black: any key brings the page back");
  const dialog = h("dialog", { id: "blank", "aria-label": "Black screen" }, back);
  const end = (event) => {
    event.preventDefault();
    event.stopPropagation();
    dialog.close();
  };
  dialog.addEventListener("keydown", end);
  dialog.addEventListener("click", end);
  return document.body.appendChild(dialog);
}
