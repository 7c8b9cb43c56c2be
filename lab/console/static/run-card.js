/** A bundled experiment of a chapter: run beside the stage, with more customers; then its verdict. */

import { get, post } from "./api.js";
import { bar, button, Card, heading, RIGHTS, trouble } from "./card.js";
import { h, say } from "./dom.js";
import { noteAct, noteOf } from "./notes.js";
import { asking, judged, sealed } from "./question.js";
import { openRun } from "./recording.js";
import { state } from "./state.js";
import { VERDICT_SIGNS } from "./words.js";

const GONE = "Nothing more was heard of it since the page was reloaded. If it has ended, it is under Runs; or run it again.";

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
    if (state === "done") return [state, now.instructor, took];
    if (!now.instructor) return ["locked"];
    return state ? [state, took] : ["ready", guess];
  }

  show(now, state) {
    const { guess, trouble: sentence } = this.noted;
    const start = (label, next) => button(label, () => this.run(), { main: next, next, name: "run" });
    switch (state) {
      case "locked": return [h("p", { class: "note" }, RIGHTS)];
      case "running": return [
        h("p", { class: "label", tabindex: -1, "data-next": true }, "It runs on servers of its own, beside the stage."),
        this.line = h("p", { class: "caption" }),
      ];
      case "done": return [...this.showResult(this.noted), now.instructor && bar(start("Run it again", false))];
      case "ready": return this.showQuestion(guess, start);
      default: return [trouble(sentence ?? GONE), bar(start("Run it again", true))];
    }
  }

  showQuestion(guess, start) {
    const { question, choices } = this.asked;
    if (guess === undefined) return asking(`${this.chapter.slug}-${this.number}`, question, choices, (chosen) => this.note({ guess: chosen }));
    return [...sealed(question, choices, guess, () => this.note({ guess: undefined })), bar(start("Run the experiment", true))];
  }

  showResult({ outline, run, guess }) {
    const { verdict, condition, claim, question, variants } = outline;
    const outcomes = variants.map(({ name, outcome }) => h("li", { "data-verdict": outcome?.verdict ?? "unknown" },
      h("strong", {}, name), `: ${VERDICT_SIGNS[outcome?.verdict] ?? "?"} ${outcome ? `${outcome.verdict}, ${outcome.text}` : "no outcome"}`));
    const seen = question?.observed ?? null;
    return [
      heading(`${VERDICT_SIGNS[verdict] ?? "?"} ${verdict} ${condition}`.trim()), h("p", { class: "claimed" }, claim),
      h("ul", { class: "measured" }, outcomes),
      seen !== null && judged(this.asked.choices, guess ?? "skip", seen),
      h("p", { class: "explained" }, this.asked.explanation),
      bar(button("Play it back", () => this.play(run), { main: true, name: "play-back" })),
      this.refusal = h("p", { class: "trouble", role: "alert" }),
    ];
  }

  play(run) {
    return openRun(run).catch((error) => say(this.refusal, `✕ ${error.message}`));
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

  /** Whether an event belongs to the run that was started here, not to an earlier one. */
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
      const { experiments } = await get(`/lab/runs/${encodeURIComponent(run)}`);
      this.end({ state: "done", outline: experiments[0] });
    } catch (error) {
      this.end(this.known ? { state: "gone" } : { state: "failed", trouble: error.message });
    }
    this.fetching = false;
  }

  end(patch) {
    this.note({ ...patch, took: Date.now() });
  }
}
