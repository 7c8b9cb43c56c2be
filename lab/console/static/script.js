/** Runs a script of a chapter, and notes what it measured. */

import { runSteps } from "./acts.js";
import { facts } from "./facts.js";
import { noteAct, noteOf } from "./notes.js";
import { takeOwnStage } from "./own-stage.js";
import { followed } from "./scenes.js";
import { set, state } from "./state.js";
import { isGuarded, Stopped } from "./steps.js";

/** Whether this window may run the script: on the room's stage, or on one of its own. */
export function mayRun(now, steps) {
  const { instructor, live, ownStages } = now;
  return live && !followed(now) && (instructor || ownStages || !steps.some(isGuarded));
}

/** Run the chapter's script `number`. The prediction is noted with it, and cannot be changed later. */
export async function runScript(chapter, number) {
  const { slug, acts } = chapter;
  const { label, steps } = acts[number];
  const { guess = "skip" } = noteOf(slug);
  const record = (patch) => noteAct(slug, number, patch);
  set({ wanted: null });
  record({ state: "running", at: 0, of: steps.length, guess, since: state.scene.id, facts: null, trouble: null });
  try {
    if (!state.instructor && steps.some(isGuarded)) await takeOwnStage();
    const { since } = await runSteps(steps, { label, where: `${slug}/${number}`, onCaption: (text, at) => record({ at }) });
    record({ state: "done", since, took: Date.now(), facts: facts(state.scene, since, state.me.who, state.second?.who) });
  } catch (error) {
    record(error instanceof Stopped ? { state: "stopped" } : { state: "failed", trouble: error.message });
  }
}
