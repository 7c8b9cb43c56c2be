/** A script of a chapter: run it, watch it, read what it measured. */

import { runSteps } from "./acts.js";
import { bar, button, Card, heading, RIGHTS, Strip, trouble } from "./card.js";
import { h } from "./dom.js";
import { borneOut, facts, fill } from "./facts.js";
import { noteAct, noteOf } from "./notes.js";
import { judged } from "./question.js";
import { state } from "./state.js";
import { isGuarded, Stopped } from "./steps.js";

export class ScriptCard extends Card {
  constructor(chapter, number) {
    super(chapter, number);
    this.where = `${chapter.slug}/${number}`;
    this.node = h("section", { class: "act script", "data-act": number, "aria-label": this.act.label }, this.body);
  }

  status(now) {
    const { guess, acts } = noteOf(this.chapter.slug);
    const seen = acts[this.number]?.state ?? "";
    if (seen === "running") return "running";
    if (!now.instructor && this.act.steps.some(isGuarded)) return seen === "done" ? "done locked" : "locked";
    if (guess === undefined) return "unasked";
    const busy = now.act.running ? "busy" : "";
    return `${seen || "ready"} ${busy} ${acts[this.number]?.took ?? ""}`.trim();
  }

  show(now, status) {
    const noted = noteOf(this.chapter.slug).acts[this.number] ?? {};
    const [kind] = status.split(" ");
    const busy = now.act.running;
    const run = (label, main) => button(label, () => this.run(), { main, next: main, name: "run", disabled: busy });
    switch (kind) {
      case "locked": return [h("p", { class: "label" }, this.act.label), h("p", { class: "note" }, RIGHTS)];
      case "unasked": return [h("p", { class: "label" }, this.act.label), h("p", { class: "note" }, "First predict, or skip the question.")];
      case "running": return (this.strip = new Strip(this.act.label)).nodes;
      case "done": return [...this.showResult(noted), status === "done locked" || bar(run("Run it again", false))];
      case "ready": return [run(this.act.label, true), this.act.say && h("p", { class: "note" }, this.act.say)];
      default: return [h("p", { class: "label" }, this.act.label), this.showEnded(kind, noted), bar(run("Run it again", true))];
    }
  }

  showEnded(kind, { at, of, trouble: sentence }) {
    const where = at ? ` at step ${at} of ${of}` : "";
    if (kind === "interrupted") return h("p", { class: "note" }, `? Interrupted by a reload of the page${where}: what it measured is incomplete.`);
    if (kind === "stopped") return h("p", { class: "note" }, `• Stopped${where}: what it measured is incomplete.`);
    return trouble(`It failed${where}. ${sentence}`);
  }

  showResult({ facts: found, guess }) {
    const { measured, predict: { choices } } = this.chapter;
    const lines = measured.map((line) => h("li", { "data-desk": /\{(stateful|stateless)\./.exec(line)?.[1] }, fill(line, found)));
    return [
      heading("Measured"), h("p", { class: "note" }, this.act.label), h("ul", { class: "measured" }, lines),
      judged(choices, guess, borneOut(choices, found)),
    ];
  }

  update({ act }) {
    if (act.where === this.where) this.strip?.update(act);
  }

  async run() {
    const { slug } = this.chapter;
    const { label, steps } = this.act;
    const { guess = "skip" } = noteOf(slug);
    const record = (patch) => noteAct(slug, this.number, patch);
    // Note the prediction with the act: it cannot be changed later.
    record({ state: "running", at: 0, of: steps.length, guess, since: state.scene.id, facts: null, trouble: null });
    try {
      const { since } = await runSteps(steps, { label, where: this.where, onCaption: (text, at) => record({ at }) });
      record({ state: "done", since, took: Date.now(), facts: facts(state.scene, since, state.me.who) });
    } catch (error) {
      record(error instanceof Stopped ? { state: "stopped" } : { state: "failed", trouble: error.message });
    }
  }
}
