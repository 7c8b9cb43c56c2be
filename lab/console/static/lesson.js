/**
 * <lab-lesson>: a chapter in three scenes, ask → watch → so?, one on the screen at a time. Nothing
 * runs by itself, and nothing is explained before it was seen.
 */

import { step } from "./address.js";
import { stopAct } from "./acts.js";
import { announce } from "./announce.js";
import { drawAsk } from "./ask.js";
import { RIGHTS } from "./card.js";
import { $, h, mark, refill } from "./dom.js";
import { customer } from "./figures.js";
import { hasBegun, note, noteOf } from "./notes.js";
import { canTurnTo, casesOf, endedOf, followed, isElsewhere, isPeopled, resultOf, runOf, SCENES, sceneOf, scriptOf, scriptsOf } from "./scenes.js";
import { mayRun, runScript, runScripts } from "./script.js";
import { drawSo } from "./so.js";
import { isCoded } from "./stage.js";
import { set, settle, state, subscribe } from "./state.js";
import { captionOf } from "./steps.js";
import { openCloser, showPanel } from "./tabs.js";
import { Watch } from "./watch.js";

const LED = "The instructor runs it, for the whole room.";
const SCENE_NAMES = { ask: "Ask", watch: "Watch", so: "So?" };

class LabLesson extends HTMLElement {
  connectedCallback() {
    if (this.box) return;
    this.watch = new Watch({ again: (number) => (state.recording ? import("./recording.js").then(({ play }) => play(true)) : this.run(number)), onward: () => this.turnTo("so"), code: () => set({ coded: !isCoded(state) }) });
    this.box = h("div", { class: "scene" });
    this.append(this.box);
    this.turns = SCENES.map((scene) => h("button", { type: "button", class: "turn", "data-scene": scene, onclick: () => this.turnTo(scene) }, SCENE_NAMES[scene]));
    $("#scenes").append(...this.turns);
    $("#people").prepend(customer());
    $("#people").addEventListener("click", () => set({ people: !isPeopled(state) }));
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    const chapter = now.plan?.chapters[now.view.step - 1];
    if (!chapter) return;
    if (chapter !== this.chapter) this.open(chapter);
    const notes = noteOf(chapter.slug);
    const scene = sceneOf(now, chapter, notes);
    const turned = scene !== this.scene && this.scene !== undefined;
    this.scene = scene;
    // What a follower has chosen by now is its prediction.
    if (turned && followed(now) && this.chosen !== null && notes.guess === undefined) return note(chapter.slug, { guess: this.chosen });
    mark(this.closest("main"), "data-scene", scene);
    mark($("#people"), "aria-pressed", String(isPeopled(now)));
    mark($("#people"), "hidden", Boolean(now.recording));
    this.drawTurns(notes, now.act.running || Boolean(now.recording || followed(now)));
    const key = { ask: () => this.ask(now, notes), watch: () => this.look(now, notes), so: () => this.so(now, notes) }[scene]();
    if (turned && scene !== "watch") settle();
    if (this.shown !== key && (turned || this.box.contains(document.activeElement) || this.moves)) this.focusOn(scene);
    this.shown = key;
  }

  /** Another chapter, from its beginning. */
  open(chapter) {
    if (this.chapter) announce(`${chapter.title}. ${chapter.predict.question}`, "chapter");
    if (state.act.running && isElsewhere(state.act, chapter)) stopAct();
    set({ ran: null }); // it may be noted, too
    this.moves = Boolean(this.chapter);
    this.chapter = chapter;
    this.chosen = null;
  }

  /** The focus goes where the reader goes on. */
  focusOn(scene) {
    this.moves = false;
    const within = document.activeElement === document.body || this.contains(document.activeElement) || document.activeElement.closest("#scenes");
    if (within && !document.querySelector("dialog[open], :popover-open")) $("[data-next]", scene === "watch" ? this.watch.node : this.box)?.focus({ preventScroll: true });
  }

  drawTurns(notes, busy) {
    for (const turn of this.turns) {
      const { scene } = turn.dataset;
      mark(turn, "aria-current", scene === this.scene ? "step" : null);
      mark(turn, "disabled", scene !== this.scene && (busy || !canTurnTo(scene, notes)));
    }
  }

  ask(now, { guess, acts }) {
    const { chapter } = this;
    const begun = hasBegun(chapter);
    const script = scriptOf(chapter, guess);
    const ended = endedOf(acts[script.number]);
    const given = { chapter, people: isPeopled(now), guess, chosen: this.chosen, begun, ended, mayRun: mayRun(now), waits: now.queue?.state, live: now.live, why: followed(now) ? LED : RIGHTS };
    const key = JSON.stringify([chapter.slug, "ask", guess, this.chosen, begun, ended, given.people, given.mayRun, given.waits, given.live, given.why]);
    const had = this.box.contains(document.activeElement) && document.activeElement.dataset.choice;
    refill(this.box, key, () => drawAsk(given, {
      choose: (number) => this.choose(number), predict: () => this.predict(this.chosen), skip: () => this.predict("skip"),
      change: () => note(chapter.slug, { guess: undefined }), run: () => this.run(script.number),
    }));
    if (had && this.chosen !== null) $(`[data-choice="${had}"]`, this.box)?.focus();
    mark(this.box, "class", "scene ask");
    return had ? this.shown : `${chapter.slug} ask ${guess}`;
  }

  so(now, notes) {
    const { chapter } = this;
    const result = resultOf(notes, null, now.wanted?.slug === chapter.slug ? now.wanted.number : null);
    const last = now.view.step >= now.plan.chapters.length;
    const may = mayRun(now);
    if (last && !this.drawEnding) this.loadEnding();
    const key = JSON.stringify([chapter.slug, "so", result.number, result.took, may, last && Boolean(this.drawEnding)]);
    const cases = casesOf(chapter, notes);
    const others = scriptsOf(chapter).filter(({ number }) => number !== result.number && !cases.some((each) => each.number === number));
    refill(this.box, key, () => drawSo({ chapter, result, others, cases, mayRun: may, ending: last && this.drawEnding?.(now.plan.chapters, now.lesson, now.has.includes("servers") && (() => this.openChallenges())) }, {
      next: () => step(1), closer: () => openCloser("panel-further"), run: (number) => this.run(number),
      rest: (numbers) => runScripts(chapter, numbers).then(() => this.turnTo("so", result.number)), show: (number) => this.turnTo("so", number),
    }));
    mark(this.box, "class", "scene so");
    return key;
  }

  /** The table and the guide, which only the last chapter needs. */
  async loadEnding() {
    const { drawEnding } = await import("./ending.js");
    this.drawEnding = drawEnding;
    set({});
  }

  look(now, notes) {
    refill(this.box, "watch", () => [this.watch.node]);
    mark(this.box, "class", "scene watch");
    const led = followed(now);
    const result = resultOf(notes);
    const run = runOf(now);
    const { number } = run ?? result ?? scriptOf(this.chapter, notes.guess);
    const script = { number, ...this.chapter.acts[number] };
    const act = led ? ledAct(led, this.chapter) : now.act;
    const ready = now.recording || (led ? run : now.scene.begun > now.act.since);
    this.watch.draw({ ...now, act: ready ? act : { ...act, caption: "" }, led, begun: hasBegun(this.chapter), coded: isCoded(now), chapter: this.chapter, script, said: this.saidOf(now, notes, run), since: run?.since, done: Boolean(result), mayRun: mayRun(now) });
    return `${this.chapter.slug} watch ${now.act.running}`;
  }

  /** What the stage shows while nothing runs. */
  saidOf({ scene }, { acts }, run) {
    const result = resultOf({ acts });
    const noted = acts[run?.number] ?? {};
    if (run) return run.stage && noted.ran?.stage !== run.stage ? "" : noted.state === "done" ? "That was all. So?" : endedOf(noted);
    return result ? "This run is no longer on the stage." : scene.script.startsWith(this.chapter.slug) ? "" : "Not run yet.";
  }

  /** Choose an answer: by a click, or by its number. */
  choose(number, byKey = false) {
    if (this.scene !== "ask" || noteOf(this.chapter.slug).guess !== undefined || !this.chapter.predict.choices[number]) return false;
    this.chosen = number;
    this.draw(state);
    if (byKey) $(".seal", this.box)?.focus();
    return true;
  }

  predict(guess) {
    note(this.chapter.slug, { guess });
    if (mayRun(state)) this.run(scriptOf(this.chapter, guess).number);
  }

  run(number) {
    runScript(this.chapter, number);
  }

  /** The stage, and below it the goals for a learner's own actions. */
  openChallenges() {
    this.turnTo("watch");
    showPanel("panel-challenges");
    scrollTo(0, 0); // both are in sight
  }

  turnTo(scene, number = null) {
    set({ wanted: { slug: this.chapter.slug, scene, number } });
  }
}

/** The instructor's run, as if it were this window's. */
function ledAct({ state: how, act, step: at, of }, { acts }) {
  const step = acts[act]?.steps?.[at - 1];
  return { running: how === "running", at, of, caption: step ? captionOf(step) : "" };
}

customElements.define("lab-lesson", LabLesson);
