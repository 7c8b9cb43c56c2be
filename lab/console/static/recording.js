/** A kept run, played back: opened, moved through, and left again. Nothing runs for it. */

import { go } from "./address.js";
import { get } from "./api.js";
import { openRecording, seek, set, state, subscribe } from "./state.js";

const LONGEST_MS = 1500; // a longer pause of the run is shortened to this
const STEP_MS = 350; // and events that came at once are still told one by one

let timer = 0;

/** Open an experiment of a kept run and play it: openRun("20261124-…-crash", 0, "memory", "token"). */
export async function openRun(name, index = 0, left = null, right = null) {
  const query = new URLSearchParams();
  if (left) query.set("left", left);
  if (right) query.set("right", right);
  const path = `/lab/runs/${encodeURIComponent(name)}/${index}`;
  openRecording(await get(query.size ? `${path}?${query}` : path));
  go({ run: name });
  play();
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
  if (cursor >= events.length) return pause();
  const gap = 1000 * (events[cursor].at - (events[cursor - 1]?.at ?? 0));
  // A request and the exchange it was are one thing seen twice.
  const least = events[cursor].kind === "exchange" ? 0 : STEP_MS;
  timer = setTimeout(() => {
    seek(cursor + 1);
    next();
  }, Math.min(Math.max(gap, least), LONGEST_MS));
}

// Whoever goes back to live has closed it: the address says so as well.
subscribe(({ recording, view }) => {
  if (!recording && timer && view.run) {
    clearTimeout(timer);
    timer = 0;
    go({ run: null });
  }
});
