/** Copies a text and says so, to the eye and to the ear. */

import { h, say } from "./dom.js";

const SAID_MS = 2000;

/** A button that copies what `text()` gives when it is pressed; `of` is for those who only hear it. */
export function copied(label, of, text) {
  const word = h("span", { "aria-live": "polite" }, label);
  let later = 0;
  return h("button", { type: "button", class: "small copy", onclick: async () => {
    clearTimeout(later);
    say(word, (await copy(text())) ? "✓ Copied" : "✕ This browser does not let us copy");
    later = setTimeout(() => say(word, label), SAID_MS);
  } }, word, h("span", { class: "unseen" }, `, ${of}`));
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
  const focused = document.activeElement;
  const area = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: -1 });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
