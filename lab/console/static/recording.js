/** Playback of a kept run: open, seek, leave. No servers are involved. */

import { go } from "./address.js";
import { notice } from "./announce.js";
import { get } from "./api.js";
import { backToLive, openRecording, seek, set, state, subscribe } from "./state.js";

const LONGEST_MS = 1500; // longer pauses of the run are shortened to this
const LEAST_MS = 350; // and events at the same moment are shown one by one, unless they are many
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
  if (turn !== asked) return; // another one was opened meanwhile
  clearTimeout(timer);
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

/** Continue from here; at the end, from the beginning. */
export function play() {
  const { recording } = state;
  if (!recording) return;
  if (recording.cursor >= recording.events.length) seek(1);
  set({ recording: { ...state.recording, playing: true }, tempo: { ...state.tempo, paused: false } });
  next();
}

/** Pause. */
export function pause() {
  clearTimeout(timer);
  const { recording, tempo } = state;
  if (recording) set({ recording: { ...recording, playing: false }, tempo: { ...tempo, paused: recording.cursor < recording.events.length } });
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
    if (isCalm(events) && isBusy(events[cursor])) return next(); // one request after the other
    if (state.recording?.cursor === cursor) seek(cursor + 1);
    return next();
  }, waitBefore(events, cursor));
}

/** Few enough to be followed one by one. */
function isCalm(events) {
  return events.length * LEAST_MS <= LEAST_IN_ALL_MS;
}

/** Whether something at the same desk is on its way still; a fault waits for both desks. */
function isBusy({ kind, desk }) {
  if (kind === "exchange") return false;
  return [...state.shown.travelling.values()].some((each) => kind !== "request" || each.desk === desk);
}

/** How long after the event before it `events[n]` is shown, in ms. */
function waitBefore(events, n) {
  const gap = 1000 * (events[n].at - (events[n - 1]?.at ?? 0));
  // A request and its exchange are the same event, seen twice.
  const least = events[n].kind === "exchange" ? 0 : Math.min(LEAST_MS, LEAST_IN_ALL_MS / events.length);
  return Math.min(Math.max(gap, least), LONGEST_MS);
}

/** Keep the URL and the stage on the same run, whichever changed. */
function keepInStep({ recording, view, live }) {
  if (!open || (recording && view.run)) return;
  if (recording && !live) return; // another step, and no live stage to return to
  open = false;
  clearTimeout(timer);
  if (recording) backToLive();
  set({ selected: null, tempo: { ...state.tempo, paused: false } });
  if (view.run) go({ run: null });
}

subscribe(keepInStep);

// Back and forward in the browser's history: address.js has read the address already.
addEventListener("popstate", () => {
  const { run } = state.view;
  if (run && run !== state.recording?.name) openAsked(run);
});
