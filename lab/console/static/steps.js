/** Does one step of a script, and waits until its events have arrived. */

import { post } from "./api.js";
import { act } from "./customer.js";
import { clearStage, state } from "./state.js";
import { DESKS, FAULTS } from "./words.js";

const LOOK_EVERY_MS = 25;
const UNSEEN = "The page has not seen it. Is the connection lost, or was the stage reset meanwhile? Try again.";
const LOG_MS = 1000; // nginx sends its log line as a datagram, which may be lost
const TARGETED = Object.fromEntries(Object.keys(FAULTS).filter((kind) => kind !== "add").map((kind) => [kind, fault]));
const OTHERS = { ...TARGETED, stage, knobs: settings, replay, store, say: () => {}, "add-server": addServer };

/** The caption of a step. */
export function captionOf(step) {
  return step.say ?? step.text ?? `${step.do} ${step.sku ?? step.target ?? step.what ?? ""}`.trim();
}

/** Whether a step needs the instructor's rights. */
export function isGuarded({ do: verb }) {
  return verb !== "say" && verb !== "replay" && verb in OTHERS;
}

/**
 * Do `step`. `memory` is kept between the steps of one script: what each customer has sent.
 * Throws what the console refused, an Error if its events do not arrive, Stopped by `signal`.
 */
export async function perform(step, memory, signal) {
  await (OTHERS[step.do] ?? request)(step, { memory, signal, since: state.scene.id });
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

async function request(step, { memory, signal }) {
  const { say, as: seat = "me", ...order } = step;
  const { ops } = await act(order, seat);
  memory[`${seat} ${step.do}`] = ops;
  await heardOf(ops, signal);
}

/** Repeat an earlier request, which has an id of its own at each desk. */
async function replay(step, { memory, signal }) {
  const { say, as: seat = "me", of, desks = DESKS, ...order } = step;
  const sent = memory[`${seat} ${of}`];
  const done = await Promise.all(desks.map((desk) => act({ ...order, op: sent[desk], desks: [desk] }, seat)));
  await heardOf(Object.assign({}, ...done.map(({ ops }) => ops)), signal);
}

async function heardOf(ops, signal) {
  const all = Object.values(ops);
  await until(() => all.every((op) => state.scene.exchanges.has(op)), signal);
  const logged = () => all.every((op) => state.scene.requests.some((each) => each.op === op));
  const end = performance.now() + LOG_MS;
  await until(() => logged() || performance.now() > end, signal);
}

async function fault({ do: kind, target, desks = DESKS }, { signal, since }) {
  const servers = desks.map((desk) => `${desk}/${target === "served" ? servedAt(desk) : target}`);
  await Promise.all(servers.map((server) => post(`/lab/${kind}`, { server })));
  await happened(servers.length, (each) => each.fault === kind && servers.includes(`${each.desk}/${each.target}`), since, signal);
}

async function addServer({ desks = DESKS }, { signal, since }) {
  await post("/lab/add", { desk: desks.length === 1 ? desks[0] : "" });
  await happened(desks.length, (each) => each.fault === "add", since, signal);
}

async function store({ what }, { signal, since }) {
  await post("/lab/store", { do: what });
  await happened(1, (each) => each.fault === what && each.target === "store", since, signal);
}

async function settings({ do: verb, say, ...wanted }, { signal, since }) {
  await post("/lab/knobs", wanted);
  await happened(Object.keys(wanted).length, (each) => each.fault === "knob", since, signal);
}

async function stage({ do: verb, say, ...wanted }, { signal, since }) {
  const { servers } = state.view;
  clearStage();
  await post("/lab/stage", servers ? { ...wanted, servers } : wanted);
  await until(() => isFresh(state.scene, since), signal);
}

function isFresh({ id, requests, exchanges, faults }, since) {
  const old = (event) => event && event.id <= since;
  return id > since && ![requests[0], faults[0], exchanges.values().next().value].some(old);
}

function happened(count, test, since, signal) {
  const seen = () => state.scene.faults.filter((each) => each.id > since && test(each)).length;
  return until(() => seen() >= count, signal);
}
