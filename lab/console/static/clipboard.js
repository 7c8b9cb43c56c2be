/** Copies a text and says so, to the eye and to the ear. */

import { h, say } from "./dom.js";

const SAID_MS = 2000;

/** A button that copies what `text()` gives when it is pressed. */
export function copied(label, text) {
  const word = h("span", { "aria-live": "polite" }, label);
  return h("button", { type: "button", class: "small copy", onclick: async () => {
    say(word, (await copy(text())) ? "✓ Copied" : "✕ The browser does not let us copy");
    setTimeout(() => say(word, label), SAID_MS);
  } }, word);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return byHand(text); // no clipboard for a page that is not secure, or that has no focus
  }
}

function byHand(text) {
  const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
