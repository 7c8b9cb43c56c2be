/** This window's predictions and results for each chapter; kept through a reload. */

import { set, state } from "./state.js";

const KEPT = "two-desks:lesson-2";

let leaving = false; // a reload interrupts what is running: that is not noted as a failure
addEventListener("beforeunload", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

set({ lesson: read() });

/**
 * A chapter's notes: {guess: index of a choice, "skip", or undefined; acts: {0: {state, …}}}.
 * An act's `state` is "running", "done", "failed", "stopped", "interrupted"; or it has none yet.
 */
export function noteOf(slug) {
  return state.lesson[slug] ?? { acts: {} };
}

/** Change a chapter's notes. */
export function note(slug, patch) {
  const lesson = { ...state.lesson, [slug]: { ...noteOf(slug), ...patch } };
  sessionStorage.setItem(KEPT, JSON.stringify(lesson));
  set({ lesson });
}

/** Change the notes of one act. */
export function noteAct(slug, number, patch) {
  if (leaving) return;
  const { acts } = noteOf(slug);
  note(slug, { acts: { ...acts, [number]: { ...acts[number], ...patch } } });
}

/** Whether this window has started a script of the chapter: then its prediction is final. */
export function hasBegun(chapter) {
  const { acts } = noteOf(chapter.slug);
  return chapter.acts.some((act, number) => act.steps && acts[number]?.state);
}

/** Mark a script that was running when the page was left as interrupted. */
function read() {
  let lesson = {};
  try {
    lesson = JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
  for (const { acts } of Object.values(lesson)) {
    for (const act of Object.values(acts)) {
      if (act.state === "running" && !act.run) act.state = "interrupted";
    }
  }
  return lesson;
}
