/** Does one step of a script, and waits until its events have arrived. */

import { doStep } from "./customer.js";
import { state } from "./state.js";

const LOOK_EVERY_MS = 25;
const UNSEEN = "The page has not seen it. Is the connection lost, or was the stage reset meanwhile? Try again.";
const LOG_LATE_MS = 1000; // nginx sends its log line as a datagram, which may be lost

/** The caption of a step. */
export function captionOf(step) {
  return step.say ?? step.text ?? `${step.do} ${step.sku ?? step.target ?? step.what ?? ""}`.trim();
}

/** Do step `number` of the script `name`. Throws what the console refused, Stopped by `signal`. */
export async function perform(name, number, { as }, settings, signal) {
  const { id, ops } = await doStep({ script: name, step: number, settings }, as);
  await until(() => state.scene.id >= id, signal);
  const logged = () => ops.every((op) => state.scene.requests.some((each) => each.op === op));
  const end = performance.now() + LOG_LATE_MS;
  await until(() => logged() || performance.now() > end, signal);
}

/** The server that answered this window's customer last at that desk, or undefined. */
export function servedAt(desk, { scene, me } = state) {
  const own = (each) => each.desk === desk && each.who === me?.who && each.served_by;
  return [...scene.exchanges.values()].filter(own).at(-1)?.served_by;
}

/** The user stopped the act: not a failure. */
export class Stopped extends Error {
  constructor() {
    super("Stopped.");
  }
}

/** Resolve once `test()` holds; throw `late` after `ms`, Stopped as soon as `signal` says so. */
export async function until(test, signal = null, late = UNSEEN, ms = 15_000) {
  // Not by animation frames: a window in the background has none.
  const end = performance.now() + ms;
  for (;;) {
    if (signal?.aborted) throw new Stopped();
    if (test()) return;
    if (performance.now() > end) throw new Error(late);
    await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
  }
}
