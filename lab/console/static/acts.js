/**
 * Runs a script, one step after the other: each waits for its evidence, then for the eye. One at a
 * time; it can be paused, continued and stopped. How far it is, is in the state as `act`.
 */

import { announce } from "./announce.js";
import { post } from "./api.js";
import { come } from "./customer.js";
import { backToLive, set, state } from "./state.js";
import { captionOf, perform, until } from "./steps.js";

const EYE_MS = 1600; // about one flight over the stage
const STILL_MS = 200; // where nothing moves
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const ASKED = new URLSearchParams(location.search).get("pace"); // ?pace=0: for tests, no pauses
const IDLE = { running: false, paused: false, label: "", where: "", at: 0, of: 0, caption: "" };

let stopping = null;
set({ act: IDLE });

/**
 * Run `steps` and return {since}: the id of the last event before them. Throws what a step threw;
 * Stopped if it was stopped. `where` says who shows it; `onCaption(text, number)` is told each step.
 */
export async function runSteps(steps, { label = "", where = "", onCaption = () => {}, signal } = {}) {
  if (state.act.running) throw new Error(`“${state.act.label}” is still running: wait for it, or stop it.`);
  stopping = new AbortController();
  signal?.addEventListener("abort", () => stopping.abort());
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

/** Pause the act, or go on. */
export function toggleAct() {
  if (state.act.running) change({ paused: !state.act.paused });
}

/** End the act after what it is doing now. */
export function stopAct() {
  stopping?.abort();
}

/** A clean stage, with the knobs as they are. What was running on the old one ends. */
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

function rest(signal) {
  const ms = ASKED === null ? (STILL.matches ? STILL_MS : EYE_MS) : 1000 * Number(ASKED) || 0;
  const end = performance.now() + ms;
  return until(() => !state.act.paused && performance.now() >= end, signal, "", Infinity);
}

function change(patch) {
  set({ act: { ...state.act, ...patch } });
}
