/**
 * A bundled experiment of a chapter: run beside the stage, with more customers; then its verdict.
 * It starts a whole stack, so the instructor alone runs it; everybody may see a result that is kept.
 */

import { get, post } from "./api.js";
import { bar, button, Card, heading, trouble } from "./card.js";
import { h, say } from "./dom.js";
import { noteAct, noteOf } from "./notes.js";
import { asking, judged, sealed } from "./question.js";
import { openRun } from "./recording.js";
import { state } from "./state.js";
import { VERDICT_SIGNS } from "./words.js";

const GONE = "Nothing more was heard of it since the page was reloaded. If it has ended, it is under Runs; or run it again.";
const NO_SERVERS = "No servers run here";
const WHY = "It starts servers of its own on the instructor's machine, so the instructor alone runs it";
const NONE_KEPT = "No run of it is kept here yet. Once it has been run, its result is shown here.";

export class RunCard extends Card {
  constructor(chapter, number, open) {
    super(chapter, number);
    this.asked = this.act.question;
    this.known = noteOf(chapter.slug).acts[number]?.state === "running"; // from before a reload
    this.node = h("details", { class: "act experiment", "data-act": number, "data-experiment": this.act.experiment, open: open || this.noted.state },
      h("summary", {}, this.act.label), this.body);
  }

  get noted() {
    return noteOf(this.chapter.slug).acts[this.number] ?? {};
  }

  note(patch) {
    noteAct(this.chapter.slug, this.number, patch);
  }

  status(now) {
    const { state, guess, run, took } = this.noted;
    if (state === "running") return [state, run];
    return [state ?? "ready", mayRun(now), state ? took : guess];
  }

  show(now, state) {
    const { guess, trouble: sentence } = this.noted;
    const start = (label, next) => bar(button(label, () => this.run(), { main: next, next, name: "run" }));
    const onward = (label, show) => (mayRun(now) ? start(label, true) : this.showKeptPart(show));
    switch (state) {
      case "running": return [
        h("p", { class: "label", tabindex: -1, "data-next": true }, "It runs on servers of its own, beside the stage."),
        this.line = h("p", { class: "caption" }),
      ];
      case "done": return [...this.showResult(this.noted), mayRun(now) && start("Run it again", false)];
      case "ready": return this.showQuestion(guess, onward);
      default: return [trouble(sentence ?? GONE), onward("Run it again", "Look again")];
    }
  }

  showQuestion(guess, onward) {
    const { question, choices } = this.asked;
    if (guess === undefined) return asking(`${this.chapter.slug}-${this.number}`, question, choices, (chosen) => this.note({ guess: chosen }));
    return [...sealed(question, choices, guess, () => this.note({ guess: undefined })), onward("Run the experiment", "Show a kept result")];
  }

  /** What can be done where it must not be run. */
  showKeptPart(label) {
    return [h("p", { class: "note" }, `${state.has.includes("servers") ? WHY : NO_SERVERS}. You can see a result that is kept here, or run it on a machine of your own: `, h("code", {}, `lab run ${this.act.experiment}`)),
      bar(button(label, () => this.showKept(), { main: true, next: true, name: "show-kept" }))];
  }

  showResult({ outline, run, index, guess }) {
    const { verdict, condition, claim, question, variants } = outline;
    const outcomes = variants.map(({ name, outcome }) => h("li", { "data-verdict": outcome?.verdict ?? "unknown" },
      h("strong", {}, name), `: ${VERDICT_SIGNS[outcome?.verdict] ?? "?"} ${outcome ? `${outcome.verdict}, ${outcome.text}` : "no outcome"}`));
    const seen = question?.observed ?? null;
    return [
      heading(`${VERDICT_SIGNS[verdict] ?? "?"} ${verdict} ${condition}`.trim()), h("p", { class: "claimed" }, claim),
      h("ul", { class: "measured" }, outcomes),
      seen !== null && judged(this.asked.choices, guess ?? "skip", seen),
      h("p", { class: "explained" }, this.asked.explanation),
      bar(button("Play it back", () => this.play(run, index), { main: true, name: "play-back" })),
      this.refusal = h("p", { class: "trouble", role: "alert" }),
    ];
  }

  play(run, index) {
    return openRun(run, index).catch((error) => say(this.refusal, `✕ ${error.message}`));
  }

  async run() {
    const { guess } = this.noted;
    this.known = false;
    this.note({ state: "running", since: state.scene.id, run: null, outline: null, trouble: null });
    const predicted = typeof guess === "number" ? { predicted: guess } : {};
    try {
      const { run } = await post("/lab/run", { experiment: this.act.experiment, ...predicted });
      this.note({ run });
    } catch (error) {
      this.end({ state: "failed", trouble: error.message });
    }
  }

  /** Follow the run in the state until it ends. */
  update({ scene, connection }) {
    const { state, run } = this.noted;
    if (!run || this.fetching || (state !== "running" && state !== "gone")) return;
    const now = this.isOwn(scene.run) ? scene.run : null;
    if (now?.state === "running") this.follow(now.line);
    else if (now?.state === "failed") this.end({ state: "failed", trouble: now.trouble });
    else if (now) this.fetch(run);
    else if (this.known && connection === "open" && state === "running") this.fetch(run);
  }

  /** True if an event belongs to the run that was started here, not to an earlier one. */
  isOwn(event) {
    const { run, since = 0 } = this.noted;
    if (event?.experiment !== this.act.experiment) return false;
    return event.run ? event.run === run : event.id > since;
  }

  follow(line) {
    this.known = false; // its events arrive
    if (this.noted.state === "gone") this.note({ state: "running" });
    if (this.line) say(this.line, line);
  }

  async fetch(run) {
    this.fetching = true;
    try {
      await this.endWith(run);
    } catch (error) {
      this.end(this.known ? { state: "gone" } : { state: "failed", trouble: error.message });
    }
    this.fetching = false;
  }

  /** Show the newest kept run of it. */
  async showKept() {
    try {
      const { runs } = await get("/lab/runs");
      const kept = runs.find(({ experiments }) => experiments.includes(this.act.experiment));
      if (!kept) throw new Error(NONE_KEPT);
      await this.endWith(kept.name);
    } catch (error) {
      this.end({ state: "failed", trouble: error.message });
    }
  }

  /** End with what a run has found. */
  async endWith(run) {
    const { experiments } = await get(`/lab/runs/${encodeURIComponent(run)}`);
    const index = experiments.findIndex(({ name }) => name === this.act.experiment);
    if (index < 0) throw new Error(`The run ${run} has nothing of it.`);
    this.end({ state: "done", run, index, outline: experiments[index] });
  }

  end(patch) {
    this.note({ ...patch, took: Date.now() });
  }
}

/** True if this window may start servers beside the stage. */
function mayRun({ instructor, has }) {
  return instructor && has.includes("servers");
}
