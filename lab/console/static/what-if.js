/**
 * “What if …?”: the script that was watched once more, with other settings. It says what came of
 * it, and judges no prediction: the chapter's own result stays.
 */

import { button } from "./card.js";
import { h, mark } from "./dom.js";
import { findingsOf, runOf } from "./scenes.js";
import { measure } from "./script.js";
import { isRunnable } from "./source.js";
import { set, state } from "./state.js";
import { Stopped } from "./steps.js";
import { CHOICES, SETTINGS } from "./words.js";

export class WhatIf {
  constructor() {
    this.selects = Object.entries(CHOICES).map(([name, values]) => h("select", { name, onchange: () => this.forbid() },
      values.map((value) => h("option", { value }, SETTINGS[name].values[value]))));
    this.box = h("div", { class: "what-if-box", popover: "auto", id: "what-if" },
      h("p", { class: "menu-title" }, "The same steps, with"),
      this.selects.map((select) => h("label", {}, SETTINGS[select.name].label, select)),
      button("Run it so ▸", () => this.run(), { main: true, name: "run-so" }));
    this.box.addEventListener("beforetoggle", ({ newState }) => newState === "open" && this.offer());
    this.opener = h("button", { type: "button", class: "what-if", popovertarget: "what-if" }, "What if …?");
    this.node = [this.opener, this.box];
  }

  /** `script` {number, steps} is one of the chapter's. */
  draw(chapter, script, mayRun) {
    mark(this.opener, "hidden", !mayRun);
    if (chapter === this.chapter && script.number === this.script.number) return;
    Object.assign(this, { chapter, script, said: "" });
  }

  /** Begin with the settings of the script. */
  offer() {
    for (const select of this.selects) select.value = this.script.steps[0][select.name];
    this.forbid();
  }

  /** Where the script's stage differs from what is chosen. */
  settings(chosen = {}) {
    const wanted = this.selects.map(({ name, value }) => [name, chosen[name] ?? value]);
    return Object.fromEntries(wanted.filter(([name, value]) => this.script.steps[0][name] !== value));
  }

  /** A script that breaks the store needs one; a recording has not everything. */
  forbid() {
    const needsStore = this.script.steps.some((step) => step.do === "store");
    for (const { name, options } of this.selects) {
      for (const option of options) {
        const { value } = option;
        option.disabled = (needsStore && name === "store" && value !== "redis") || !isRunnable(this.name, this.settings({ [name]: value }));
      }
    }
  }

  get name() {
    return `${this.chapter.slug}/${this.script.number}`;
  }

  async run() {
    const { chapter, script } = this;
    const settings = this.settings();
    this.box.hidePopover();
    this.said = "";
    try {
      const { facts } = await measure(chapter, script.steps, { label: "What if …?", where: this.name, settings });
      const changed = Object.entries(settings).map(([name, value]) => `${SETTINGS[name].label} ${SETTINGS[name].values[value]}`);
      const found = findingsOf(chapter, { number: script.number, facts }).desks.map(({ desk, words, numbers }) => `${desk} desk ${words}, ${numbers.at(-1).number} ${numbers.at(-1).unit}`);
      this.said = `${changed.join(", ") || "As it was"}: ${found.join("; ")}.`;
    } catch (error) {
      if (!(error instanceof Stopped)) this.said = `✕ ${error.message}`;
    }
    this.since = runOf(state)?.since; // it is said of this run
    set({}); // it is drawn
  }
}
