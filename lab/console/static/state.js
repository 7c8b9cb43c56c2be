/** The state of this window, in one place; subscribers are called once a frame. */

import { emptyScene, reduce, sceneOf } from "./scene.js";

/** Read it anywhere; change it through the functions below only. */
export const state = {
  me: null, // {id, who, name, user_id, credentials}: this window's customer
  second: null, // another one, if a lesson needs two
  instructor: false, // has this window the instructor's rights?
  live: true, // false without servers (`lab play`)
  connection: "connecting", // "open", "lost"
  refused: null, // why the console accepts no more pages
  plan: null, // {chapters, scenes}
  view: { step: 1, servers: null, present: false, run: null }, // from the URL
  scene: emptyScene(), // the live stage
  recording: null, // {name, index, outline, events, sequence, cursor, playing, scene}
  keys: true, // are single letters commands?
};

let epoch = ""; // identifies the lab that numbers the events
const viewers = new Set();
const listeners = new Set();
let frame = 0;

/** Call `draw` with the state now and in each frame after a change; returns a function to stop. */
export function subscribe(viewer) {
  viewers.add(viewer);
  viewer(state);
  return () => viewers.delete(viewer);
}

/** Call it with each event as it happens, not with history: for animation. */
export function onEvent(viewer) {
  listeners.add(viewer);
  return () => listeners.delete(viewer);
}

/** Change part of the state: set({connection: "open"}). */
export function set(patch) {
  Object.assign(state, patch);
  frame ||= requestAnimationFrame(draw);
}

/** What the stage shows: the open recording, else the live state. */
export function shown(now = state) {
  return now.recording ? now.recording.scene : now.scene;
}

/** A new connection has sent its snapshot. */
export function begin(snapshot) {
  const scene = sceneOf(snapshot);
  const anew = epoch && (epoch !== snapshot.epoch || scene.begun !== state.scene.begun);
  epoch = snapshot.epoch;
  set({ ...(anew && withEmptyHands()), scene });
}

/** Take one live event. */
export function happen(event) {
  set({ ...(event.kind === "stage" && withEmptyHands()), scene: reduce(state.scene, event) });
  if (!state.recording) publish(event);
}

/** Open a recording at its beginning: GET /lab/runs/<name>/<index>. */
export function openRecording(playback) {
  const recording = { ...playback, cursor: 0, playing: false, scene: emptyScene() };
  set({ recording });
  seek(1); // the event that sets up the stage
}

/** Show the first `cursor` events of the recording; animate a step forward by one. */
export function seek(cursor) {
  const { recording } = state;
  if (!recording) return;
  const to = Math.max(0, Math.min(cursor, recording.events.length));
  const onward = to === recording.cursor + 1;
  const passed = recording.events.slice(onward ? recording.cursor : 0, to);
  const scene = passed.reduce(reduce, onward ? recording.scene : emptyScene());
  set({ recording: { ...recording, cursor: to, scene } });
  if (onward) publish(passed[0]);
}

/** Leave the recording for the live stage, which has continued meanwhile. */
export function backToLive() {
  set({ recording: null });
}

/** On a new stage customers keep their names, and their old credentials are void. */
function withEmptyHands() {
  const emptied = (customer) => customer && { ...customer, credentials: null };
  return { me: emptied(state.me), second: emptied(state.second) };
}

function publish(event) {
  for (const viewer of listeners) attempt(viewer, event);
}

/** An error in one part of the page must not stop the others. */
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
