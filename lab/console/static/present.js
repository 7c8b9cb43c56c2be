/** For a projector: presenter mode, full screen, black screen. */

import { go } from "./address.js";
import { notice } from "./announce.js";
import { h } from "./dom.js";
import { recall } from "./kept.js";
import { set, state } from "./state.js";

const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "Fn"]);

let black = null;

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
