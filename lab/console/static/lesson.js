/**
 * <lab-lesson>: one chapter at a time, in the order predict, run, observe, explain. Nothing runs
 * by itself, and nothing is explained before it was seen.
 */

import { announce } from "./announce.js";
import { bar, button, Strip } from "./card.js";
import { copied } from "./clipboard.js";
import { $, h, refill } from "./dom.js";
import { hasBegun, note, noteOf } from "./notes.js";
import { asking, sealed } from "./question.js";
import { RunCard } from "./run-card.js";
import { ScriptCard } from "./script-card.js";
import { subscribe } from "./state.js";
import { showPanel } from "./tabs.js";

class LabLesson extends HTMLElement {
  connectedCallback() {
    if (this.parts) return;
    const names = ["elsewhere", "before", "question", "acts", "explain", "commands"];
    this.parts = Object.fromEntries(names.map((name) => [name, h("div", { class: `part ${name}` })]));
    this.append(...Object.values(this.parts));
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    const chapter = now.plan?.chapters[now.view.step - 1];
    if (!chapter) return;
    if (chapter !== this.chapter) this.turnTo(chapter);
    for (const name of ["question", "acts", "explain"]) this.parts[name].hidden = !now.live;
    this.drawElsewhere(now);
    if (!now.live) return;
    this.drawQuestion();
    for (const card of this.cards) card.draw(now);
    this.drawExplanation();
    this.moveFocus();
  }

  /** Another chapter: its text, its cards, from the top. */
  turnTo(chapter) {
    const turned = Boolean(this.chapter);
    this.chapter = chapter;
    this.cards = chapter.acts.map((act, number) => (
      act.steps ? new ScriptCard(chapter, number) : new RunCard(chapter, number, chapter.acts.length === 1)));
    refill(this.parts.before, chapter.slug, () => before(chapter));
    refill(this.parts.acts, chapter.slug, () => this.showActs(chapter));
    refill(this.parts.commands, chapter.slug, () => commands(chapter.commands));
    this.scrollTop = 0;
    if (turned) announce(`${chapter.title}. ${chapter.claim}`, "chapter");
    if (turned && this.contains(document.activeElement)) this.focus({ preventScroll: true });
  }

  showActs(chapter) {
    const scripts = this.cards.filter(({ act }) => act.steps);
    const further = this.cards.filter(({ act }) => !act.steps);
    return [
      scripts.length > 0 && h("h2", {}, "Run"), scripts.map(({ node }) => node),
      further.length > 0 && h("h2", {}, scripts.length ? "Go further: measure it" : "Run"), further.map(({ node }) => node),
    ].flat().filter(Boolean);
  }

  drawQuestion() {
    const { chapter } = this;
    const { guess } = noteOf(chapter.slug);
    const { question, choices } = chapter.predict;
    const begun = hasBegun(chapter);
    refill(this.parts.question, `${chapter.slug} ${guess ?? "?"} ${begun}`, () => {
      const title = h("h2", {}, "Predict");
      if (guess === undefined) return [title, ...asking(chapter.slug, question, choices, (chosen) => this.seal(chosen))];
      return [title, ...sealed(question, choices, guess, begun ? null : () => this.seal(undefined)).filter(Boolean)];
    });
  }

  seal(guess) {
    note(this.chapter.slug, { guess });
    this.next = guess === undefined ? ".question input" : ".act .run";
  }

  /** Once there is something to explain: an act has run to its end. */
  drawExplanation() {
    const { slug, explain, code } = this.chapter;
    const seen = Object.values(noteOf(slug).acts).some(({ state }) => state === "done");
    refill(this.parts.explain, seen ? slug : "not yet", () => (seen ? [
      h("h2", {}, "Explain"), h("p", {}, explain),
      code && bar(button("Show the code that ran", () => showPanel("panel-code"))),
    ].filter(Boolean) : []));
  }

  /** What runs and has no card here: a scene of the instructor's, or another chapter's act. */
  drawElsewhere({ act }) {
    const own = act.where.split("/")[0] === this.chapter.slug;
    const elsewhere = act.running && !own;
    refill(this.parts.elsewhere, elsewhere ? act.where : "", () => (elsewhere ? (this.strip = new Strip(act.label)).nodes : []));
    if (elsewhere) this.strip.update(act);
  }

  moveFocus() {
    if (!this.next) return;
    $(this.next, this)?.focus();
    this.next = null;
  }
}

function before({ analogy, text, code }) {
  return [
    analogy && h("p", { class: "analogy" }, analogy),
    ...text.map((paragraph) => h("p", {}, paragraph)),
    code && bar(button("Look at the code", () => showPanel("panel-code"), { name: "small" })),
  ].filter(Boolean);
}

function commands(lines) {
  return [h("h2", {}, "In a terminal"), h("ul", { class: "commands" }, lines.map((line) => h("li", {}, h("code", {}, line), copied("Copy", line, () => line))))];
}

customElements.define("lab-lesson", LabLesson);
