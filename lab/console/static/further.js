/** <lab-further>: why a chapter asks its question, everything it measured, and how to measure more. */

import { copied } from "./clipboard.js";
import { h, refill } from "./dom.js";
import { fill } from "./facts.js";
import { forgetting } from "./forget.js";
import { noteOf } from "./notes.js";
import { RunCard } from "./run-card.js";
import { resultOf } from "./scenes.js";
import { keptRuns } from "./source.js";
import { subscribe } from "./state.js";

class LabFurther extends HTMLElement {
  connectedCallback() {
    if (this.why) return;
    [this.why, this.measured, this.acts, this.commands] = ["why", "measured-part", "acts", "commands"].map((name) => h("div", { class: `part ${name}` }));
    this.append(this.measured, this.why, this.acts, this.commands,
      h("p", { class: "bar part" }, forgetting(), h("span", { class: "note" }, "This browser keeps your predictions and what you measured, until you forget them.")));
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    const chapter = now.plan?.chapters[now.view.step - 1];
    if (!chapter) return;
    if (chapter !== this.chapter) this.turnTo(chapter);
    const result = resultOf(noteOf(chapter.slug));
    refill(this.measured, `${chapter.slug} ${result?.took}`, () => (result ? [h("h2", {}, "Measured"), h("ul", { class: "measured" },
      chapter.measured.map((line) => h("li", { "data-desk": /\{(stateful|stateless)\./.exec(line)?.[1] }, fill(line, result.facts))))] : []));
    for (const card of this.cards) card.draw(now);
  }

  turnTo(chapter) {
    this.chapter = chapter;
    this.cards = chapter.acts.flatMap((act, number) => (act.experiment && isAtHand(act.experiment) ? [new RunCard(chapter, number, false)] : []));
    this.why.replaceChildren(h("h2", {}, "Why"), ...chapter.text.map((paragraph) => h("p", {}, paragraph)));
    this.acts.replaceChildren(...(this.cards.length ? [h("h2", {}, "Measure it with more customers")] : []), ...this.cards.map(({ node }) => node));
    this.commands.replaceChildren(h("h2", {}, "In a terminal"), h("ul", { class: "commands" },
      chapter.commands.map((line) => h("li", {}, h("code", {}, line), copied("Copy", line, () => line)))));
  }
}

/** True if the experiment can be run here, or a run of it shown. */
function isAtHand(experiment) {
  return !keptRuns || keptRuns.some(({ experiments }) => experiments.includes(experiment));
}

customElements.define("lab-further", LabFurther);
