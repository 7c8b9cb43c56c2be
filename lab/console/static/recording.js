/** A kept run, played back: opened, moved through, and left again. Nothing runs for it. */

import { go } from "./address.js";
import { notice } from "./announce.js";
import { get } from "./api.js";
import { backToLive, openRecording, seek, set, state, subscribe } from "./state.js";

const LONGEST_MS = 1500; // a longer pause of the run is shortened to this
const LEAST_MS = 350; // and what came at once is told one by one, where it is not very much
const LEAST_IN_ALL_MS = 60_000;

let timer = 0;
let asked = 0;
let open = false;

/** Open an experiment of a kept run and play it: openRun("20261124-…-crash", 0, "memory", "token"). */
export async function openRun(name, index = 0, left = null, right = null) {
  const query = new URLSearchParams();
  if (left) query.set("left", left);
  if (right) query.set("right", right);
  const path = `/lab/runs/${encodeURIComponent(name)}/${index}`;
  const turn = (asked += 1);
  const playback = await get(query.size ? `${path}?${query}` : path);
  if (turn !== asked) return; // another one was asked for meanwhile
  clearTimeout(timer);
  openRecording({ ...playback, index });
  set({ selected: null }); // what was chosen is not in it
  go({ run: name });
  open = true;
  play();
}

/** Open the run that the address asks for; where that cannot be, say why. */
export async function openAsked(name) {
  try {
    await openRun(name);
  } catch (error) {
    go({ run: null });
    notice(`✕ The run ${name.slice(0, 80)} cannot be opened: ${error.message}`);
  }
}

/** Go on from where it is; at its end, from the beginning. */
export function play() {
  const { recording } = state;
  if (!recording) return;
  if (recording.cursor >= recording.events.length) seek(1);
  set({ recording: { ...state.recording, playing: true } });
  next();
}

/** Stand still. */
export function pause() {
  clearTimeout(timer);
  if (state.recording) set({ recording: { ...state.recording, playing: false } });
}

function next() {
  clearTimeout(timer);
  const { recording } = state;
  if (!recording?.playing) return;
  const { events, cursor } = recording;
  if (cursor >= events.length) {
    pause();
    return;
  }
  timer = setTimeout(() => {
    if (state.recording?.cursor === cursor) seek(cursor + 1);
    next();
  }, waitBefore(events, cursor));
}

/** How long after the event before it `events[n]` is told, in ms. */
function waitBefore(events, n) {
  const gap = 1000 * (events[n].at - (events[n - 1]?.at ?? 0));
  // A request and the exchange it was are one thing seen twice.
  const least = events[n].kind === "exchange" ? 0 : Math.min(LEAST_MS, LEAST_IN_ALL_MS / events.length);
  return Math.min(Math.max(gap, least), LONGEST_MS);
}

/** The address and the stage tell of the same run, whichever of them was changed. */
function keepInStep({ recording, view, live }) {
  if (!open || (recording && view.run)) return;
  if (recording && !live) return; // another step of the lesson, where there is nothing to go back to
  open = false;
  clearTimeout(timer);
  if (recording) backToLive();
  set({ selected: null });
  if (view.run) go({ run: null });
}

subscribe(keepInStep);

// Back and forward in the browser's history: address.js has read the address already.
addEventListener("popstate", () => {
  const { run } = state.view;
  if (run && run !== state.recording?.name) openAsked(run);
});
