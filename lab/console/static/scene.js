/** The state that the events so far add up to: pure, for the live stage and for recordings. */

const MOST_REQUESTS = 600;
const MOST_EXCHANGES = 300;

/** A scene before the first event. */
export function emptyScene() {
  return {
    stack: null, // servers, settings, store
    score: null, // totals of each desk
    begun: 0, // the event that began the stage
    script: "", // the script that began it, "" for none
    at: 0, // seconds since the stage was set up, at the newest event
    id: 0, // the newest event
    requests: [], // those that nginx logged, oldest first, the last few hundred
    exchanges: new Map(), // op → the whole request, if the lab sent it itself
    last: { stateful: null, stateless: null }, // the newest exchange of each desk
    faults: [],
    run: null, // an experiment that runs next to the stage
    most: {}, // desk → the most sessions that it kept at a time
  };
}

/** The stage that a script's first step sets up, before anything happens on it. */
export function idleScene({ servers, store, affinity, retry, cache }) {
  const both = Array.from({ length: servers }, (_, n) => ({ name: String.fromCharCode(65 + n), state: "up" }));
  const [stateful, stateless] = [store, "token"].map((each) => ({ store: each, affinity, retry, cache }));
  return { ...emptyScene(), stack: { origin: "", desks: { stateful: both, stateless: both }, settings: { stateful, stateless }, store: store === "redis" ? { state: "up", program: "store" } : null } };
}

/** The scene with another stack. */
export function withStack(scene, stack) {
  const most = { ...scene.most };
  for (const desk of Object.keys(stack?.desks ?? {})) most[desk] = Math.max(most[desk] ?? 0, sessionsAt(stack, desk));
  return { ...scene, stack, most };
}

/** How many sessions a desk keeps now, as its servers and its store count them. */
export function sessionsAt({ desks, settings, store }, desk) {
  const inServers = desks[desk].reduce((sum, each) => sum + (each.carts_remembered ?? 0), 0);
  return inServers + (settings?.[desk]?.store.startsWith("redis") ? store?.sessions ?? 0 : 0);
}

/** The scene after a snapshot, from its history and its totals. */
export function sceneOf(snapshot) {
  const scene = snapshot.events.reduce(reduce, emptyScene());
  // Dropped events are the oldest, so the ids after them have no gaps.
  const [oldest] = snapshot.events;
  const begun = oldest ? oldest.id - (snapshot.dropped ?? 0) : scene.begun;
  return { ...withStack(scene, snapshot.stack), begun, script: snapshot.script ?? scene.script, score: snapshot.score, at: snapshot.now_s ?? scene.at };
}

/** The scene after one more event. */
export function reduce(scene, event) {
  const next = { ...(event.stack === undefined ? scene : withStack(scene, event.stack)), id: event.id, at: event.at, score: event.score ?? scene.score };
  switch (event.kind) {
    case "stage":
      return { ...withStack(emptyScene(), event.stack), run: scene.run, score: event.score, begun: event.id, script: event.script ?? "", id: event.id };
    case "request":
      next.requests = [...scene.requests.slice(1 - MOST_REQUESTS), event];
      return next;
    case "exchange":
      next.exchanges = bounded(scene.exchanges).set(event.op, event);
      next.last = { ...scene.last, [event.desk]: event };
      return next;
    case "fault":
    case "setting":
      next.faults = [...scene.faults, event];
      return next;
    case "run":
      next.run = event;
      return next;
    default:
      return next;
  }
}

/** An exchange has got to the place that decided it: what it did there is seen, its answer not yet. */
export function reach(scene, exchange) {
  return { ...scene, exchanges: bounded(scene.exchanges).set(exchange.op, { ...exchange, underway: true }) };
}

function bounded(exchanges) {
  const kept = new Map(exchanges);
  if (kept.size >= MOST_EXCHANGES) kept.delete(kept.keys().next().value);
  return kept;
}
