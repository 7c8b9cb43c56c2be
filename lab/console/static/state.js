/** The state of this window, in one place; subscribers are called once a frame. */

import { arrive, hear, keyOf, settled, turn } from "./arrivals.js";
import { emptyScene, idleScene, reduce, sceneOf } from "./scene.js";

/** The script while none runs: what acts.js says of the one that does. */
export const IDLE = { running: false, paused: false, once: 0, label: "", where: "", at: 0, of: 0, since: 0, caption: "", by: "" };

/** Read it anywhere; change it through the functions below only. */
export const state = {
  me: null, // {id, who, name, user_id, credentials}: this window's customer
  second: null, // another one, if a lesson needs more
  third: null,
  instructor: false, // has this window the instructor's rights?
  ownStages: false, // may a window without these rights have a stage of its own?
  own: false, // does this window show a stage of its own?
  queue: null, // {state, ahead, most} of the stages for learners, while this window waits for one
  led: null, // where the instructor is in the lesson: the last body of POST /lab/lesson
  following: false, // does this window go along?
  votes: undefined, // of the room, null before the first: {chapter, phase, round, voted, histogram: [a number for each answer] of each round, or null}
  barred: 0, // the status with which this window's stage was refused
  live: true, // false without a stage (`lab play` of kept runs alone)
  has: [], // of what parts of the page need: "servers" to act on, the "lesson", "runs" that are kept
  connection: "connecting", // "open", "lost"
  refused: null, // why the console accepts no more pages
  plan: null, // {chapters, scenes}
  view: { step: 1, servers: null, present: false, run: null }, // from the URL
  epoch: "", // identifies the lab that numbers the events
  scene: emptyScene(), // what has happened on the live stage
  shown: settled(emptyScene()), // what is drawn of it, or of the recording: see arrivals.js
  ran: null, // the script that this window ran last, on which stage: {stage, slug, number, since, whos}
  byHand: 0, // the step of the view at which this window last changed the stage by hand
  recording: null, // {name, index, outline, events, steps, sequence, cursor}
  act: IDLE,
  tempo: { speed: 1, paused: false }, // of everything that moves
  wanted: null, // {slug, scene}: what the reader turned to
  coded: null, // does the code stand below the lanes? null: where there is room, below servers
  people: null, // are servers drawn as people? null: as the chapter has it
  keys: true, // are single letters commands?
};

export const CUSTOMER_KEYS = ["me", "second", "third"];
const viewers = new Set();
const listeners = new Set();
const viewersOfShown = new Set();
let walks = () => false;
let idles = () => null;
let idle = null; // that step
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

/** Call it with each event when the stage shows it: an exchange once its answer is back. */
export function onShown(viewer) {
  viewersOfShown.add(viewer);
  return () => viewersOfShown.delete(viewer);
}

/** Have `test(event)` say which faults take their time on the stage, until comeBack(). */
export function onFaults(test) {
  walks = test;
}

/** Have `test(state)` name the first step of the script whose stage is drawn in place of the live one; null: none. */
export function onIdle(test) {
  idles = test;
}

/** Change part of the state: set({connection: "open"}). */
export function set(patch) {
  Object.assign(state, patch);
  frame ||= requestAnimationFrame(draw);
}

/** The scene that is drawn: of the open recording, else of the live stage. */
export function shown(now = state) {
  return now.shown.stage;
}

/** True if this window may change what runs. */
export function mayBreak({ has, instructor, own }) {
  return has.includes("servers") && (instructor || own);
}

/** This window's customers, as far as they have come: the lesson's own first. */
export function ownCustomers(now = state) {
  return CUSTOMER_KEYS.map((as) => now[as]).filter(Boolean);
}

/** A new connection has sent its snapshot. */
export function begin(snapshot) {
  const scene = sceneOf(snapshot);
  const { epoch } = state;
  const anew = epoch && (epoch !== snapshot.epoch || scene.begun !== state.scene.begun);
  set({ ...(anew && withEmptyHands()), ...(epoch !== snapshot.epoch && { byHand: 0 }), epoch: snapshot.epoch, scene, led: snapshot.lesson ?? null });
  if (!state.recording) drawLive();
}

/** Take one live event. */
export function happen(event) {
  const { scene } = state;
  if (event.kind === "lesson") set({ led: event });
  set({ ...(event.kind === "stage" && withEmptyHands()), ...(event.script && { byHand: 0 }), scene: reduce(scene, event) });
  if (state.recording) return;
  keepIdle(scene);
  if (!idle) show(event);
}

/** A request on the stage has passed the place that decided it. */
export function passTurn(key) {
  set({ shown: turn(state.shown, key) });
}

/** A request on the stage is back at its customer. */
export function comeBack(key) {
  const { exchange, fault } = state.shown.travelling.get(key) ?? {};
  set({ shown: arrive(state.shown, key) });
  if (exchange ?? fault) publishShown(exchange ?? fault);
}

/** Show the end of whatever is on its way. */
export function settle() {
  for (const key of state.shown.travelling.keys()) comeBack(key);
}

/** Open a recording at its beginning: GET /lab/runs/<name>/<index>. */
export function openRecording(playback) {
  set({ recording: { ...playback, cursor: 0 }, shown: settled(emptyScene()) });
  seek(1); // the event that sets up the stage
}

/** Show the first `cursor` events of the recording; animate a step forward by one. */
export function seek(cursor) {
  const { recording } = state;
  if (!recording) return;
  const to = Math.max(0, Math.min(cursor, recording.events.length));
  const onward = to === recording.cursor + 1;
  set({ recording: { ...recording, cursor: to } });
  if (onward) show(recording.events[to - 1]);
  else set({ shown: settled(recording.events.slice(0, to).reduce(reduce, emptyScene())) });
}

/** Leave the recording for the live stage, which has continued meanwhile. */
export function backToLive() {
  if (!state.recording) return;
  set({ recording: null });
  drawLive();
}

function drawLive() {
  idle = null;
  set({ shown: settled(state.scene) });
  keepIdle();
}

/** Draw an idle stage as long as the live one holds something else; then the live one, from `scene` on. */
function keepIdle(scene = state.scene) {
  const step = state.recording ? null : idles(state);
  if (step === idle) return;
  idle = step;
  if (!state.recording) set({ shown: settled(step ? idleScene(step) : scene) });
}

/** On a new stage customers keep their names, and their old credentials are void. */
function withEmptyHands() {
  return Object.fromEntries(CUSTOMER_KEYS.map((as) => [as, state[as] && { ...state[as], credentials: null }]));
}

/** Let the stage know of an event; without a way to travel it is there at once. */
function show(event) {
  const leaves = event.kind === "fault" && walks(event);
  const travels = leaves || event.kind === "request" || event.kind === "exchange";
  if (event.kind === "fault" || event.kind === "setting") {
    for (const [key, { desk }] of state.shown.travelling) if (!event.desk || desk === event.desk) comeBack(key);
  }
  set({ shown: hear(state.shown, event, leaves) });
  const back = travels && !state.shown.travelling.has(keyOf(event));
  for (const viewer of listeners) attempt(viewer, event);
  if (!travels || (back && event.kind === "exchange")) publishShown(event);
}

function publishShown(event) {
  for (const viewer of viewersOfShown) attempt(viewer, event);
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
  keepIdle();
  for (const viewer of viewers) attempt(viewer, state);
}
