/**
 * A recorded lesson in place of the console: it answers the page's orders as the console did, and
 * sends the events that came of them. What was not recorded is refused, with what to do.
 */

const ELSEWHERE = "This page plays recorded runs, and this was not recorded. Run it yourself: pip install two-desks, then lab up.";
const LONGEST_MS = 250; // longer pauses between events are shortened to this
const BEAT_MS = 2000;

const data = await unpacked(document.getElementById("recording").textContent);
const { snapshot, customers, answers } = data;
const scripts = new Map(data.scripts.map((script) => [script.key, script]));

let chosen = {}; // the settings that a script leaves open
let script = null; // the one that runs
let at = 0; // its current step
let open = []; // the orders of that step that were not given yet
let newest = 0; // the number of the last event
let heard = null; // the stream

/** What the page was recorded with; `line` is one sentence of it. */
export const recorded = { made: data.made, lab: data.lab, components: data.components, missing: data.missing, line: described() };

/** Answer a request as the console did. */
export async function send(path, { method = "GET", body = "{}" } = {}) {
  const [status, answer] = method === "GET" ? read(path) : await order(path, JSON.parse(body));
  if (answer?.type) return new Response(answer.text, { status, headers: { "Content-Type": answer.type } });
  return new Response(status === 204 ? null : JSON.stringify(answer), { status });
}

/** Open the stream of events. */
export function stream() {
  clearInterval(heard?.beat);
  heard = new Stream();
  return heard;
}

/** The script whose orders come next. */
export function begin(steps) {
  turnTo(scripts.get(keyOf(steps)) ?? null);
}

/** A stage that leaves settings open has those that were chosen. */
function keyOf([first, ...rest]) {
  const all = [first.do === "stage" ? { ...chosen, ...first } : first, ...rest];
  return canonical(all.map(({ say, ...step }) => step));
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

function described() {
  const { nginx, store } = data.components;
  const parts = [`lab ${data.lab}`, nginx && `nginx ${nginx.version}`, store && `${store.program ?? "store"} ${store.version}`];
  return `recorded on ${data.made.slice(0, 10)} with ${parts.filter(Boolean).join(", ")}. Record your own: pip install two-desks, then lab export`;
}

function read(path) {
  if (path === "/lab/whoami") return [200, { instructor: true, live: true, own_stages: false, epoch: snapshot.epoch }];
  const drawing = script && at >= script.steps.length && script.answers[path];
  const found = drawing || answers[path];
  return found ? [200, found] : refused(404);
}

async function order(path, body) {
  if (path === "/lab/customer") return introduce(body);
  if (path === "/lab/stage" && !Object.keys(body).length) return emptied();
  if (path === "/lab/knobs" && !open.length) return choose(body);
  const wanted = path === "/lab/stage" ? { ...chosen, ...body } : body;
  const given = open.findIndex((each) => each.path === path && canonical(each.body) === canonical(wanted));
  if (given < 0) return refused(409);
  const [{ status, answer }] = open.splice(given, 1);
  if (!open.length) {
    const { events } = script.steps[at];
    turnTo(script, at + 1);
    await publish(events);
  }
  return [status, answer];
}

function introduce({ name, id }) {
  const found = Object.values(customers).find((each) => each.name === name || each.id === id);
  return found ? [200, found] : refused(id ? 404 : 409);
}

/** Keep what was chosen for the next script; the usual value is none. */
function choose(settings) {
  for (const [name, value] of Object.entries(settings)) {
    const usual = data.choices[name]?.[0];
    if (!data.choices[name]?.includes(value)) return refused(409);
    const { [name]: before, ...others } = chosen;
    chosen = value === usual ? others : { ...others, [name]: value };
  }
  return [200, snapshot.stack];
}

/** A clean stage: the one that a script begins with. */
async function emptied() {
  const first = script ?? data.scripts[0];
  turnTo(null);
  await publish(first.steps[0].events);
  return [200, {}];
}

function refused(status) {
  return [status, { title: "Not recorded", status, detail: ELSEWHERE }];
}

/** Go to the next step that has orders. */
function turnTo(other, step = 0) {
  script = other;
  at = step;
  while (script?.steps[at]?.orders.length === 0) at += 1;
  open = [...(script?.steps[at]?.orders ?? [])];
}

async function publish(events) {
  for (const [n, event] of events.entries()) {
    const gap = n ? 1000 * (event.at - events[n - 1].at) : 0;
    if (gap > 0) await new Promise((wake) => setTimeout(wake, Math.min(gap, LONGEST_MS)));
    newest += 1;
    heard?.say("message", { ...event, id: newest });
  }
}

/** JSON whose members are in order of their names, as Python writes it. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unzipped).json();
}
