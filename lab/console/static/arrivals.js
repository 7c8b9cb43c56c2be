/**
 * What the stage shows of the events that have come: nothing before its cause. Pure.
 *
 * A request travels over the stage. What it did shows when it passes the place that decided it
 * (`turn`); its answer, the score and the evidence show when it is back at the customer (`arrive`).
 * A representative who is sent away walks to the door: what that ends shows when they are out.
 */

import { isCached } from "./looks.js";
import { reach, reduce, withStack } from "./scene.js";
import { DESKS } from "./words.js";

const nothing = () => Object.fromEntries(DESKS.map((desk) => [desk, []]));

/**
 * All of `scene` shows: {stage: the scene that is drawn, travelling: Map of key → journey,
 * waiting: stacks that are not drawn yet, scores: each desk's totals that are not drawn yet}.
 */
export function settled(scene) {
  return { stage: scene, travelling: new Map(), waiting: [], scores: nothing() };
}

/** The id of a request, from any client, or that of a fault. */
export function keyOf({ op, request_id: request, id }) {
  return op || request || id;
}

/** An event has come. A request or exchange is on its way from now on, and a fault that `walks`; the rest shows at once. */
export function hear(shown, event, walks = false) {
  if (walks) return depart(hurry(shown, event.desk), event);
  switch (event.kind) {
    case "stage": return settled(reduce(shown.stage, event));
    case "request":
    case "exchange": return depart(shown, event);
    case "stack": return release({ ...shown, waiting: [...shown.waiting, event] });
    case "fault":
    case "setting": return release(count(draw(hurry(shown, event.desk), event), event));
    default: return draw(shown, event);
  }
}

/** The request has passed the place that decided it. */
export function turn(shown, key) {
  const journey = shown.travelling.get(key);
  if (!journey || journey.turned) return shown;
  const travelling = new Map(shown.travelling).set(key, { ...journey, turned: true });
  return release({ ...shown, stage: atServer(shown.stage, { ...journey, turned: true }), travelling });
}

/** The request is back: its answer shows. */
export function arrive(shown, key) {
  const journey = shown.travelling.get(key);
  if (!journey) return shown;
  const travelling = new Map(shown.travelling);
  travelling.delete(key);
  const events = [journey.request, journey.exchange, journey.fault].filter(Boolean);
  const next = events.reduce((now, event) => count(draw(now, event), event), { ...shown, travelling });
  return release(next);
}

/** Let all requests at a desk ("": at any) arrive now: something else happens after them. */
export function hurry(shown, desk = "") {
  const keys = [...shown.travelling].filter(([, journey]) => !desk || journey.desk === desk).map(([key]) => key);
  return keys.reduce(arrive, shown);
}

function depart(shown, event) {
  const key = keyOf(event);
  const journey = shown.travelling.get(key);
  if (event.kind === "exchange" && !journey && shown.stage.requests.some((each) => keyOf(each) === key)) {
    return release(count(draw(shown, event), event)); // its request is back already
  }
  const next = { desk: event.desk, id: event.id, turned: false, ...journey, [event.kind]: event };
  const travelling = new Map(shown.travelling).set(key, next);
  return { ...shown, travelling, stage: atServer(shown.stage, next) };
}

/** The stage with what a request has done at a server, or at the cache. */
function atServer(stage, { turned, request, exchange }) {
  return turned && exchange && request && (request.tried.length || isCached(exchange)) ? reach(stage, exchange) : stage;
}

/** The stage after the event; the score follows by itself. */
function draw(shown, event) {
  const { stage } = shown;
  const id = Math.max(stage.id, event.id);
  return { ...shown, stage: { ...reduce(stage, event), score: stage.score, id, at: Math.max(stage.at, event.at) } };
}

/** Note the totals that came with an event: they count everything before it at each desk. */
function count(shown, { id, desk, score }) {
  const scores = { ...shown.scores };
  for (const each of DESKS) {
    if (score?.[each] && (!desk || each === desk)) scores[each] = [...scores[each], { id, totals: score[each] }];
  }
  return { ...shown, scores };
}

/** Show the totals and stacks that no request on its way can have changed. */
function release(shown) {
  let { stage } = shown;
  const on = [...shown.travelling.values()];
  const scores = nothing();
  for (const desk of DESKS) {
    const first = Math.min(...on.filter((each) => each.desk === desk).map(({ id }) => id));
    const known = shown.scores[desk].filter(({ id }) => id < first).sort((a, b) => a.id - b.id).at(-1);
    scores[desk] = shown.scores[desk].filter(({ id }) => id >= first);
    if (known) stage = { ...stage, score: { ...stage.score, [desk]: known.totals } };
  }
  const unturned = Math.min(...on.filter(({ turned }) => !turned).map(({ id }) => id));
  const waiting = shown.waiting.filter(({ id }) => id > unturned);
  const due = shown.waiting.filter(({ id }) => id <= unturned).at(-1);
  if (due) stage = withStack(stage, due.stack);
  return { ...shown, stage, scores, waiting };
}
