/** One act of a chapter, as a card that shows what can be done with it now. */

import { h, mark, refill } from "./dom.js";

/** How a window gets the instructor's rights. */
export const RIGHTS = "This needs the instructor's rights: open the link that `lab up` printed, or let `lab open` make another.";

/**
 * The base of both kinds of card. A subclass has `status(now)`, its state and what else it shows,
 * and `show(now, state)`, its nodes; `update(now)` may refresh them while the status stays.
 */
export class Card {
  constructor(chapter, number) {
    Object.assign(this, { chapter, number, act: chapter.acts[number] });
    this.body = h("div", { class: "card-body" });
  }

  draw(now) {
    const status = this.status(now);
    const [state, key] = [status[0], status.join(" ")];
    const changed = this.body.dataset.key !== key;
    const within = this.body.contains(document.activeElement);
    refill(this.body, key, () => this.show(now, state).flat().filter((each) => each instanceof Node));
    mark(this.node, "data-state", state);
    this.update?.(now);
    if (changed && within) this.comeInto();
  }

  /** Continue where it was started: keep the focus. */
  comeInto() {
    this.body.querySelector("[data-next]")?.focus();
  }
}

/** A button; the one with `next` gets the focus after a change. */
export function button(label, onclick, { main = false, next = false, name = "", disabled = false } = {}) {
  return h("button", { type: "button", class: [main && "main", name].filter(Boolean).join(" ") || null, "data-next": next, disabled, onclick }, label);
}

/** A focusable heading, so that a screen reader continues from there. */
export function heading(text) {
  return h("h3", { tabindex: -1, "data-next": true }, text);
}

/** An error message with a sign. */
export function trouble(text) {
  return h("p", { class: "trouble", role: "alert" }, `✕ ${text}`);
}

/** Elements side by side. */
export function bar(...children) {
  return h("p", { class: "bar" }, children);
}

/** A small button with a sign and an accessible name. */
export function signed(sign, name, onclick, disabled = false) {
  return h("button", { type: "button", class: "step", "aria-label": name, disabled, onclick }, sign);
}
