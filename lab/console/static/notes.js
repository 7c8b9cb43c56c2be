/** Predictions and results of each chapter: this browser keeps them until they are forgotten. */

import { onKept, recall, recallJson, remember, WINDOW } from "./kept.js";
import { findingsOf, resultOf } from "./scenes.js";
import { recorded } from "./source.js";
import { set, state } from "./state.js";

const KEPT = `lesson-3${recorded ? ` ${recorded.made}` : ""}`; // each recording has its own
const THIS_WINDOW = recall("window", WINDOW) ?? String(Math.random()).slice(2);

let leaving = false; // a reload interrupts what is running: that is not noted as a failure
addEventListener("beforeunload", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

remember("window", THIS_WINDOW, WINDOW);
set({ lesson: interrupted(read() ?? {}) });
onKept(KEPT, () => {
  set({ lesson: read() ?? {} });
  if (state.plan) fitNotes(state.plan.chapters);
});

/**
 * A chapter's notes: {guess: index of a choice, "skip", or undefined; acts: {0: {state, …}}}.
 * An act's `state` is "running", "done", "failed", "stopped", "interrupted"; or it has none yet.
 */
export function noteOf(slug) {
  return state.lesson[slug] ?? { acts: {} };
}

/** Change a chapter's notes. */
export function note(slug, patch) {
  keep({ ...state.lesson, ...read(), [slug]: { ...noteOf(slug), ...patch } });
}

/** Change the notes of one act. */
export function noteAct(slug, number, patch) {
  if (leaving) return;
  const { acts } = noteOf(slug);
  note(slug, { acts: { ...acts, [number]: { ...acts[number], ...patch, by: THIS_WINDOW } } });
}

/** Forget every prediction and every result. */
export function forgetNotes() {
  keep({});
}

/** Forget what does not fit these chapters: it was measured with another lesson. */
export function fitNotes(chapters) {
  const fits = (chapter) => {
    const { guess, acts } = noteOf(chapter.slug);
    try {
      if (typeof guess === "number" && !chapter.predict.choices[guess]) return false;
      const result = resultOf({ acts });
      return !result || Boolean(findingsOf(chapter, result));
    } catch {
      return false;
    }
  };
  set({ lesson: Object.fromEntries(chapters.filter(fits).map(({ slug }) => [slug, noteOf(slug)])) });
}

/** True if a script of the chapter has shown something in this browser: then its prediction is final. */
export function hasBegun(chapter) {
  const { acts } = noteOf(chapter.slug);
  return chapter.acts.some((act, number) => act.steps && acts[number]?.at > 0);
}

function keep(lesson) {
  remember(KEPT, JSON.stringify(lesson));
  set({ lesson });
}

/** What is kept, as far as it has the shape of notes; null if nothing is. */
function read() {
  const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const lesson = recallJson(KEPT);
  if (!isTable(lesson)) return null;
  return Object.fromEntries(Object.entries(lesson).filter(([, each]) => isTable(each?.acts) && Object.values(each.acts).every(isTable)));
}

/** A script that this window ran when it was left was interrupted. */
function interrupted(lesson) {
  for (const { acts } of Object.values(lesson)) {
    for (const act of Object.values(acts)) {
      if (act.state === "running" && act.by === THIS_WINDOW && !act.run) act.state = "interrupted";
    }
  }
  return lesson;
}
