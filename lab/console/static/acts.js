/**
 * The player: shows one script or recording at a time, step by step. Each step waits for its
 * evidence, and then long enough to be seen. It can be paused, continued and stopped. Its progress
 * is in the state as `act`.
 */

import { announce } from "./announce.js";
import { post } from "./api.js";
import { come } from "./customer.js";
import { isMoving } from "./flight.js";
import { isRunnable } from "./source.js";
import { backToLive, IDLE, ownCustomers, set, state } from "./state.js";
import { captionOf, perform, until } from "./steps.js";

const LEAST_MS = 1000; // even if nothing moves
const MOST_MS = 3200; // what else moves, such as requests from elsewhere, holds nothing up for longer
const LAST_MS = 3500; // what the last step has shown stays for a while
const MOST_CALM = 400; // of more steps none is waited for
const ASKED = new URLSearchParams(location.search).get("pace"); // seconds; tests use ?pace=0: no pauses
export const HURRIED = 12; // everything moves so many times as fast where it is hurried

let stopping = null;
set({ tempo: { speed: ASKED === "0" ? HURRIED : 1, paused: false } });

/**
 * Run the script `where` of these steps and return {since}: the id of the last event before them.
 * Throws what a step threw; Stopped if it was stopped. `settings` replace those of its stage;
 * `onCaption(text, number)` gets each step.
 */
export function runSteps(steps, { label = "", where = "", settings = {}, onCaption = () => {} } = {}) {
  const { servers } = state.view;
  const wished = servers ? { ...settings, servers } : settings;
  const chosen = isRunnable(where, wished) ? wished : settings; // a recording has the servers that it has
  const shown = steps.map((step, n) => ({ caption: captionOf(step), by: step.do, perform: (signal) => perform(where, n, step, chosen, signal) }));
  return play({ label, where, of: steps.length, since: state.scene.id }, async (signal) => {
    backToLive();
    await until(() => state.connection === "open", signal, "The connection is lost: wait until it is back, then run it again.");
    await come();
    const since = state.scene.id;
    change({ since });
    await follow(shown, onCaption, signal);
    await until(() => !ownTravel(), signal, "", Infinity);
    return { since };
  });
}

/** Show the steps {caption, perform()} of a recording; `before` have been shown. */
export function showSteps(steps, label, before = 0) {
  return play({ label, of: before + steps.length, at: before }, (signal) => follow(steps, () => {}, signal));
}

async function play(what, work) {
  if (state.act.running) throw new Error(`“${state.act.label}” is still running: wait for it, or stop it.`);
  stopping = new AbortController();
  set({ act: { ...IDLE, ...what, running: true } });
  try {
    return await work(stopping.signal);
  } finally {
    set({ act: IDLE, tempo: { ...state.tempo, paused: false } });
  }
}

/** Pause the act and what moves, or continue. */
export function toggleAct() {
  if (state.act.running) pause(!state.act.paused);
}

/** Continue with the next step, and pause again after it. */
export function nextRequest() {
  if (!state.act.running) return;
  pause(false);
  change({ once: state.act.at + 1 });
}

/** Move at `speed` times the usual speed. */
export function keepSpeed(speed) {
  set({ tempo: { ...state.tempo, speed } });
}

function pause(paused) {
  change({ paused, once: 0 }); // once: the step after which it pauses again
  set({ tempo: { ...state.tempo, paused } });
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
  for (const { caption, by, perform: show } of steps) {
    const { at, of } = state.act;
    const last = at + 1 === of;
    change({ at: at + 1, caption, by });
    announce(caption, "act");
    onCaption(caption, at + 1);
    await show(signal);
    await rest(signal, last ? LAST_MS : LEAST_MS);
    if (state.act.once === at + 1 && !last) pause(true);
    await until(() => !state.act.paused, signal, "", Infinity);
  }
}

/** Wait until everything that the step has set in motion has arrived. */
function rest(signal, least) {
  const began = performance.now();
  const rested = () => {
    const ms = performance.now() - began;
    if (state.act.of > MOST_CALM) return ms >= MOST_CALM * least / state.act.of / state.tempo.speed;
    if (ownTravel()) return false;
    if (ASKED !== null) return ms >= (1000 * Number(ASKED) || 0);
    return ms >= least / state.tempo.speed && (!isMoving() || ms >= MOST_MS / state.tempo.speed);
  };
  return until(() => !state.act.paused && rested(), signal, "", Infinity);
}

/** True if a request of this window's customers, or of the recording's, is on its way over the stage, or a representative. */
function ownTravel() {
  const own = ownCustomers().map(({ who }) => who);
  return [...state.shown.travelling.values()].some(({ request, exchange, fault }) => fault || state.recording || own.includes((request ?? exchange).who));
}

function change(patch) {
  set({ act: { ...state.act, ...patch } });
}
