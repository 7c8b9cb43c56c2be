/** Playback of a kept run: open, play, leave. No servers are involved. */

import { showSteps, stopAct } from "./acts.js";
import { go } from "./address.js";
import { notice } from "./announce.js";
import { get } from "./api.js";
import { backToLive, openRecording, seek, set, state, subscribe } from "./state.js";
import { Stopped, until } from "./steps.js";

let asked = 0;
let open = false;

/** Open an experiment of a kept run and play it: openRun("20261124-…-crash", 0, "memory", "token"). */
export async function openRun(name, index = 0, left = null, right = null) {
  if (state.act.running && !state.recording) throw new Error(`“${state.act.label}” is still running: wait for it, or stop it.`);
  const query = new URLSearchParams();
  if (left) query.set("left", left);
  if (right) query.set("right", right);
  const path = `/lab/runs/${encodeURIComponent(name)}/${index}`;
  const turn = (asked += 1);
  const [playback] = await Promise.all([get(query.size ? `${path}?${query}` : path), import("./timeline.js")]);
  if (turn !== asked) return; // another one was opened meanwhile
  await halt();
  openRecording({ ...playback, index });
  set({ selected: null }); // the selected request is not in it
  go({ run: name });
  open = true;
  play();
}

/** Open the run that the URL names, or show why that fails. */
export async function openAsked(name) {
  try {
    await openRun(name);
  } catch (error) {
    go({ run: null });
    notice(`✕ The run ${name.slice(0, 80)} cannot be opened: ${error.message}`);
  }
}

/** Continue from here; at the end, or if `again`, from the beginning. */
export function play(again = false) {
  const { events, steps, cursor } = state.recording;
  if (again || cursor >= events.length) seek(1);
  const left = steps.filter(({ to }) => to > state.recording.cursor);
  const shown = left.map(({ say, to }) => ({ caption: say, by: "", perform: () => { while (state.recording?.cursor < to) seek(state.recording.cursor + 1); } }));
  showSteps(shown, state.recording.name, steps.length - left.length).catch((error) => {
    if (!(error instanceof Stopped)) throw error;
  });
}

/** Stop playing, and show the first `cursor` events. */
export async function seekTo(cursor) {
  await halt();
  seek(cursor);
}

async function halt() {
  if (state.act.running) stopAct();
  await until(() => !state.act.running);
}

/** Keep the URL and the stage on the same run, whichever changed. */
function keepInStep({ recording, view, live }) {
  if (!open || (recording && view.run)) return;
  if (recording && !live) return; // another step, and no live stage to return to
  open = false;
  if (state.act.running) stopAct();
  if (recording) backToLive();
  set({ selected: null });
  if (view.run) go({ run: null });
}

subscribe(keepInStep);
