/**
 * A recorded lesson in place of the console: it answers what the page asks as the console did, and
 * sends the events that came of it. What was not recorded is refused, with what to do.
 */

const ELSEWHERE = "This page plays recorded runs, and this was not recorded. Run it yourself: pip install . in a clone of Two Desks, then lab up.";
const LONGEST_MS = 250; // longer pauses between events are shortened to this
const BEAT_MS = 2000;
const NOT_DRAWN = { type: "text/html", text: "" }; // before the first request

const data = await unpacked(document.getElementById("recording").textContent);
const { customers, answers } = data;
const snapshot = { ...data.snapshot, epoch: String(Math.random()) }; // what ran before a reload is not on this stage
const scripts = new Map(data.scripts.map((script) => [keyOf(script.name, script.settings), script]));

let drawings = {}; // of the script that runs, or ran last, by path
let newest = 0; // the number of the last event
let heard = null; // the stream

/** When and with what the page was recorded: `made` is a time, `provenance` what is said of it. */
export const recorded = { made: data.made, provenance: data.provenance };

/** The kept runs in the page. */
export const keptRuns = answers["/lab/runs"]?.json.runs ?? [];

/** Answer a request as the console did. */
export async function send(path, { method = "GET", body = "{}" } = {}) {
  const [status, answer] = method === "GET" ? read(path) : await order(path, JSON.parse(body));
  if (answer?.type) return new Response(answer.text ?? JSON.stringify(answer.json), { status, headers: { "Content-Type": answer.type } });
  return new Response(JSON.stringify(answer), { status });
}

/** Open the stream of events. */
export function stream() {
  clearInterval(heard?.beat);
  heard = new Stream();
  return heard;
}

/** Whether the script was recorded with these settings. */
export function isRunnable(name, settings) {
  return scripts.has(keyOf(name, settings));
}

/** A recording has one stage. */
export function useStage(path) {}

class Stream extends EventTarget {
  readyState = 1;

  constructor() {
    super();
    newest = Math.max(newest, ...snapshot.events.map(({ id }) => id));
    setTimeout(() => this.say("snapshot", snapshot));
    this.beat = setInterval(() => this.say("beat", {}), BEAT_MS);
  }

  say(kind, value) {
    if (this.readyState === 1) this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(value) }));
  }

  close() {
    this.readyState = 2;
    clearInterval(this.beat);
  }
}

function read(path) {
  if (path === "/lab/whoami") return [200, { instructor: true, live: true, own_stages: false, epoch: snapshot.epoch }];
  const found = drawings[path] ?? answers[path] ?? (path.startsWith("/lab/sequence/") && NOT_DRAWN);
  return found ? [200, found] : refused(404);
}

async function order(path, body) {
  if (path === "/lab/customer") return introduce(body);
  if (path === "/lab/step") return perform(body);
  return path === "/lab/stage" ? emptied() : refused(409);
}

function introduce({ name, id }) {
  const found = Object.values(customers).find((each) => each.name === name || each.id === id);
  return found ? [200, found] : refused(id ? 404 : 409);
}

async function perform({ script: name, step, settings }) {
  const script = scripts.get(keyOf(name, settings));
  if (!script) return refused(409);
  const { answer, events } = script.steps[step];
  drawings = script.answers; // whole: the page shows of it what its stage has shown
  await publish(events);
  return [200, { ...answer, id: newest }];
}

/** A clean stage: the one that a script begins with. */
async function emptied() {
  drawings = {};
  await publish(data.scripts[0].steps[0].events);
  return [200, {}];
}

function refused(status) {
  return [status, { title: "Not recorded", status, detail: ELSEWHERE }];
}

async function publish(events) {
  for (const [n, event] of events.entries()) {
    const gap = n ? 1000 * (event.at - events[n - 1].at) : 0;
    if (gap > 0) await new Promise((wake) => setTimeout(wake, Math.min(gap, LONGEST_MS)));
    newest += 1;
    heard?.say("message", { ...event, id: newest });
  }
}

/** A script with its settings in the order of their names. */
function keyOf(name, settings) {
  return JSON.stringify([name, ...Object.entries(settings).sort()]);
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const parts = [];
  for (const part of await new Response(unzipped).json()) parts.push(whole(part, parts));
  return parts.at(-1);
}

/** A part with those that it refers to in it: see packing.py. */
function whole(value, parts) {
  if (Array.isArray(value)) return value.map((each) => whole(each, parts));
  if (value === null || typeof value !== "object") return value;
  const { $: given } = value;
  if (typeof given === "number") return parts[given];
  const entries = Array.isArray(given) ? given : Object.entries(value);
  return Object.fromEntries(entries.map(([key, each]) => [key, whole(each, parts)]));
}
