/** A copy button that confirms visibly and to screen readers. */

import { h, say } from "./dom.js";

const SAID_MS = 2000;

/** A button that copies `text()` when pressed; `of` is an addition to its accessible name. */
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
    return byHand(text); // the clipboard API needs a secure page with the focus
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
