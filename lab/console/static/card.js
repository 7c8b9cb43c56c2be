/** One act of a chapter, as a card that shows what can be done with it now. */

import { stopAct, toggleAct } from "./acts.js";
import { h, mark, refill, say } from "./dom.js";

/** In a sentence: how a window gets the right to break things. */
export const RIGHTS = "This needs the instructor's rights: open the link that `lab up` printed, or let `lab open` make another.";

/**
 * The base of both kinds of card. A subclass says what it is at (`status(now)`, a text), how that
 * looks (`show(now, status)`, nodes), and may keep it true while it lasts (`update(now)`).
 */
export class Card {
  constructor(chapter, number) {
    Object.assign(this, { chapter, number, act: chapter.acts[number] });
    this.body = h("div", { class: "card-body" });
  }

  draw(now) {
    const status = this.status(now);
    const changed = this.body.dataset.key !== status;
    const within = this.body.contains(document.activeElement);
    refill(this.body, status, () => this.show(now, status).flat().filter((each) => each instanceof Node));
    mark(this.node, "data-state", status.split(" ")[0]);
    this.update?.(now);
    if (changed && within) this.comeInto();
  }

  /** What was begun here goes on here: for the keyboard, and at the top of the column. */
  comeInto() {
    this.body.querySelector("[data-next]")?.focus({ preventScroll: true });
    const column = this.node.closest("lab-lesson");
    column.scrollTop += this.node.getBoundingClientRect().top - column.getBoundingClientRect().top - 12;
  }
}

/** A button; the one with `next` is where the keyboard is after a change. */
export function button(label, onclick, { main = false, next = false, name = "", disabled = false } = {}) {
  return h("button", { type: "button", class: [main && "main", name].filter(Boolean).join(" ") || null, "data-next": next, disabled, onclick }, label);
}

/** A heading that can be given the focus, so that a screen reader goes on from there. */
export function heading(text) {
  return h("h3", { tabindex: -1, "data-next": true }, text);
}

/** What went wrong, as a sentence with a sign. */
export function trouble(text) {
  return h("p", { class: "trouble", role: "alert" }, `✕ ${text}`);
}

/** Buttons and the like, side by side. */
export function bar(...children) {
  return h("p", { class: "bar" }, children);
}

/** A small button whose name is longer than its sign. */
export function signed(sign, name, onclick, disabled = false) {
  return h("button", { type: "button", class: "step", "aria-label": name, disabled, onclick }, sign);
}

/** What runs: its caption, how far it is, Pause and Stop; `tell(act)` keeps it true. */
export class Strip {
  constructor(label) {
    this.bar = h("progress", { "aria-label": label, max: 1, value: 0 });
    this.count = h("span", { class: "count" });
    this.caption = h("p", { class: "caption" });
    this.pause = button("Pause", toggleAct, { next: true, name: "pause" });
    this.nodes = [h("p", { class: "label" }, label), this.caption, bar(this.bar, this.count), bar(this.pause, button("Stop", stopAct, { name: "stop" }))];
  }

  tell({ at, of, caption, paused }) {
    say(this.caption, caption || "Getting ready …");
    say(this.count, `${paused ? "paused at " : ""}step ${at} of ${of}`);
    say(this.pause, paused ? "Continue" : "Pause");
    mark(this.bar, "max", of);
    mark(this.bar, "value", at);
  }
}
