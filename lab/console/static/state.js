/** The state of this window, in one place; whoever shows something of it is told once a frame. */

import { emptyScene, reduce, sceneOf } from "./scene.js";

/** Read it anywhere; change it only through the functions below. */
export const state = {
  me: null, // {id, who, name, user_id, credentials}: this window's customer
  second: null, // another one, where a lesson needs two
  instructor: false, // may this window break things?
  live: true, // false where nothing runs (`lab play`)
  connection: "connecting", // "open", "lost"
  refused: null, // why the console lets no more pages watch
  plan: null, // {chapters, scenes}
  view: { step: 1, servers: null, present: false, run: null }, // what the address says
  scene: emptyScene(), // what is live
  recording: null, // {name, index, outline, events, sequence, cursor, playing, scene}
  keys: true, // are single letters commands?
};

let epoch = ""; // which lab it is that numbers its events
const viewers = new Set();
const witnesses = new Set();
let frame = 0;

/** Be called with the state, now and in each frame after it has changed; returns how to stop. */
export function subscribe(viewer) {
  viewers.add(viewer);
  viewer(state);
  return () => viewers.delete(viewer);
}

/** Be called with each event as it happens (not with history), for what moves. */
export function witness(viewer) {
  witnesses.add(viewer);
  return () => witnesses.delete(viewer);
}

/** Change part of the state: set({connection: "open"}). */
export function set(patch) {
  Object.assign(state, patch);
  frame ||= requestAnimationFrame(draw);
}

/** What the stage shows now: the recording that is open, else what is live. */
export function shown(now = state) {
  return now.recording ? now.recording.scene : now.scene;
}

/** A fresh connection told everything that is known. */
export function begin(snapshot) {
  const scene = sceneOf(snapshot);
  const anew = epoch && (epoch !== snapshot.epoch || scene.begun !== state.scene.begun);
  epoch = snapshot.epoch;
  set({ ...(anew && withEmptyHands()), scene });
}

/** One live event. */
export function happen(event) {
  set({ ...(event.kind === "stage" && withEmptyHands()), scene: reduce(state.scene, event) });
  if (!state.recording) tell(event);
}

/** Open a recording at its beginning: GET /lab/runs/<name>/<index>. */
export function openRecording(playback) {
  const recording = { ...playback, cursor: 0, playing: false, scene: emptyScene() };
  set({ recording });
  seek(1); // the stage itself
}

/** Show the first `cursor` events of the recording; one step forward is shown as it happened. */
export function seek(cursor) {
  const { recording } = state;
  if (!recording) return;
  const to = Math.max(0, Math.min(cursor, recording.events.length));
  const onward = to === recording.cursor + 1;
  const passed = recording.events.slice(onward ? recording.cursor : 0, to);
  const scene = passed.reduce(reduce, onward ? recording.scene : emptyScene());
  set({ recording: { ...recording, cursor: to, scene } });
  if (onward) tell(passed[0]);
}

/** Leave the recording; what is live has gone on meanwhile. */
export function backToLive() {
  set({ recording: null });
}

/** On a new stage everybody stays who they are, and what they carried is worth nothing. */
function withEmptyHands() {
  const emptied = (customer) => customer && { ...customer, credentials: null };
  return { me: emptied(state.me), second: emptied(state.second) };
}

function tell(event) {
  for (const viewer of witnesses) attempt(viewer, event);
}

/** One part of the page that fails must not stop the others. */
function attempt(viewer, what) {
  try {
    viewer(what);
  } catch (error) {
    reportError(error);
  }
}

function draw() {
  frame = 0;
  for (const viewer of viewers) attempt(viewer, state);
}
