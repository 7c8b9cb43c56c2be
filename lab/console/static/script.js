/** Runs a script of a chapter, and notes what it measured. */

import { HURRIED, keepSpeed, runSteps } from "./acts.js";
import { noteAct, noteOf } from "./notes.js";
import { takeOwnStage } from "./own-stage.js";
import { followed, measuredOf, ranNow } from "./scenes.js";
import { ownCustomers, set, state } from "./state.js";
import { Stopped } from "./steps.js";

/** True if this window may run scripts: on the room's stage, or on one of its own. */
export function mayRun(now) {
  return now.live && !followed(now) && (now.instructor || now.ownStages);
}

/** Run a script of a chapter as runSteps() does, on a stage that this window may change: {since, facts, load}. */
export async function measure(chapter, steps, { onCaption = () => {}, ...how }) {
  if (!state.instructor) await takeOwnStage();
  const mark = (text, at) => {
    set({ ran: ranNow(state) });
    onCaption(text, at);
  };
  const { since } = await runSteps(steps, { ...how, onCaption: mark });
  return { since, ...measuredOf(chapter, state.scene, since, ownCustomers().map(({ who }) => who)) };
}

/** Run the chapter's script `number`. The prediction is noted with it, and cannot be changed later. */
export async function runScript(chapter, number) {
  const { slug, acts } = chapter;
  const { label, steps } = acts[number];
  const { guess = "skip" } = noteOf(slug);
  const record = (patch) => noteAct(slug, number, patch);
  set({ wanted: null });
  record({ state: "running", at: 0, of: steps.length, guess, since: state.scene.id, ran: null, facts: null, trouble: null });
  try {
    const found = await measure(chapter, steps, { label, where: `${slug}/${number}`, onCaption: (text, at) => record({ at, ran: state.ran }) });
    record({ state: "done", took: Date.now(), ...found });
  } catch (error) {
    const isLost = error.status === 0 || state.connection === "lost"; // once it is back, the error's advice is void
    record(error instanceof Stopped ? { state: "stopped" } : isLost ? { state: "interrupted", trouble: "a lost connection" } : { state: "failed", trouble: error.message });
  }
}

/** Run several of the chapter's scripts, one after the other and fast, as long as each comes to its end. */
export async function runScripts(chapter, numbers) {
  const { speed } = state.tempo;
  keepSpeed(HURRIED);
  for (const number of numbers) {
    await runScript(chapter, number);
    if (noteOf(chapter.slug).acts[number].state !== "done") break;
  }
  if (state.tempo.speed === HURRIED) keepSpeed(speed); // else the reader has chosen one meanwhile
}
