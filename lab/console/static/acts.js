/**
 * Runs one script at a time, step by step: each waits for its evidence, and then long enough to be
 * seen. It can be paused, continued and stopped. Its progress is in the state as `act`.
 */

import { announce } from "./announce.js";
import { post } from "./api.js";
import { come } from "./customer.js";
import { isMoving } from "./flight.js";
import { backToLive, set, state } from "./state.js";
import { captionOf, perform, until } from "./steps.js";

const LEAST_MS = 1000; // even if nothing moves
const MOST_MS = 3200; // the longest way over the stage takes 2.7 s
const ASKED = new URLSearchParams(location.search).get("pace"); // seconds; tests use ?pace=0, no pauses
const IDLE = { running: false, paused: false, label: "", where: "", at: 0, of: 0, caption: "" };

let stopping = null;
set({ act: IDLE });

/**
 * Run `steps` and return {since}: the id of the last event before them. Throws what a step threw;
 * Stopped if it was stopped. `where` names what shows it; `onCaption(text, number)` gets each step.
 */
export async function runSteps(steps, { label = "", where = "", onCaption = () => {} } = {}) {
  if (state.act.running) throw new Error(`“${state.act.label}” is still running: wait for it, or stop it.`);
  stopping = new AbortController();
  set({ act: { ...IDLE, running: true, label, where, of: steps.length } });
  try {
    backToLive();
    await until(() => state.connection === "open", stopping.signal, "The connection is lost: wait until it is back, then run it again.");
    await come();
    const since = state.scene.id;
    await follow(steps, onCaption, stopping.signal);
    return { since };
  } finally {
    set({ act: IDLE });
  }
}

/** Pause the act, or continue it. */
export function toggleAct() {
  if (state.act.running) change({ paused: !state.act.paused });
}

/** Stop the act after its current step. */
export function stopAct() {
  stopping?.abort();
}

/** Set up a clean stage with the same settings, and stop what was running on the old one. */
export function resetStage() {
  stopAct();
  return post("/lab/stage", {});
}

async function follow(steps, onCaption, signal) {
  const memory = {};
  for (const [number, step] of steps.entries()) {
    const caption = captionOf(step);
    change({ at: number + 1, caption });
    announce(caption, "act");
    onCaption(caption, number + 1);
    await perform(step, memory, signal);
    await rest(signal);
  }
}

/** Wait until everything that the step has set in motion has arrived. */
function rest(signal) {
  const began = performance.now();
  const rested = () => {
    const ms = performance.now() - began;
    if (ASKED !== null) return ms >= (1000 * Number(ASKED) || 0);
    return ms >= MOST_MS || (ms >= LEAST_MS && !isMoving());
  };
  return until(() => !state.act.paused && rested(), signal, "", Infinity);
}

function change(patch) {
  set({ act: { ...state.act, ...patch } });
}
