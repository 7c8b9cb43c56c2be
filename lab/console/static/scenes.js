/** Which of its three scenes a chapter shows, and what is in it: ask → watch → so?. Pure. */

import { cartsOf } from "./carts.js";
import { borneOut, facts, fill, matches } from "./facts.js";
import { loadOf } from "./load.js";
import { CUSTOMER_KEYS, onIdle, ownCustomers } from "./state.js";
import { DESKS } from "./words.js";

export const SCENES = ["ask", "watch", "so"];

/** Where the instructor is, for a window that may follow; null where nothing is presented. */
export function presented({ led, instructor, live }) {
  return live && !instructor && led && led.state !== "over" ? led : null;
}

/** The same for a window that follows. */
export function followed(state) {
  return state.following && !state.recording ? presented(state) : null;
}

/**
 * The scene to show: `wanted` {slug, scene} is what the reader turned to; `notes` are the chapter's.
 * What runs is watched; a chapter that has a result begins with it.
 */
export function sceneOf(state, chapter, notes) {
  const { recording, act, wanted } = state;
  if (recording || (act.running && !isElsewhere(act, chapter))) return "watch";
  const led = followed(state);
  if (led) return led.chapter === chapter.slug && canTurnTo(led.scene, notes) ? led.scene : "ask";
  if (wanted?.slug === chapter.slug && canTurnTo(wanted.scene, notes)) return wanted.scene;
  return resultOf(notes) ? "so" : "ask";
}

/** True if the chapter has that scene already: without a result there is no “so?”. */
export function canTurnTo(scene, notes) {
  return scene !== "so" || Boolean(resultOf(notes));
}

/** The newest result of the chapter's scripts: {number, facts, guess, …}, or null. With the `chapter` rather one that its question is about, else rather that of the script `wanted`. */
export function resultOf({ acts, guess }, chapter = null, wanted = null) {
  const all = Object.entries(acts).filter(([, { state, facts }]) => state === "done" && facts);
  const isAbout = (number) => (isDecided(chapter) ? !chapter.acts[number]?.result : scriptOf(chapter, guess).number === Number(number));
  const asked = all.filter(([number]) => (chapter ? isAbout(number) : Number(number) === wanted));
  const done = asked.length ? asked : all;
  const [number, act] = done.sort(([, a], [, b]) => a.took - b.took).at(-1) ?? [];
  return act ? { number: Number(number), ...act } : null;
}

/** How a run ended that did not come to its end, in a sentence; else null. */
export function endedOf({ state: how, at, of, trouble } = {}) {
  const where = at ? ` at step ${at} of ${of}` : " before its first step";
  const left = at ? `${where}: what it measured is incomplete.` : `${where}.`;
  if (how === "interrupted") return `? Interrupted by ${trouble ?? "a reload of the page"}${left}`;
  if (how === "stopped") return `• Stopped${left}`;
  return how === "failed" ? `✕ It failed${where}. ${trouble}` : null;
}

/** The scripts of a chapter, [{number, label, steps}]; its other acts are experiments. */
export function scriptsOf({ acts }) {
  return acts.map((act, number) => ({ number, ...act })).filter(({ steps }) => steps);
}

/** The script that a prediction is run with; a question without a right answer has one for each choice. */
export function scriptOf(chapter, guess) {
  const number = chapter.predict.choices[guess]?.act ?? 0;
  return { number, ...chapter.acts[number] };
}

/** What a run of a chapter has measured since event `since`, for the notes: {facts, load}; `whos` are its customers. */
export function measuredOf(chapter, scene, since, whos) {
  return { facts: facts(scene, since, ...whos), load: chapter.load ? eachDesk((desk) => loadOf(scene, desk, since)) : null };
}

/** True if a chapter's script runs, and it is not this chapter's. */
export function isElsewhere({ where = "" }, { slug }) {
  const [of] = where.split("/");
  return !["", "scenes", slug].includes(of);
}

/** The run under way, as it is noted: {stage, slug, number, since, whos}; null before its stage has begun. */
export function ranNow({ act, epoch, scene, ...now }) {
  const [slug, number] = act.where.split("/");
  return scene.begun > act.since ? { stage: stageOf({ epoch, scene }), slug, number: Number(number), since: act.since, whos: ownCustomers(now).map(({ who }) => who) } : null;
}

/** Which stage it is, among all that this browser may have seen. */
export function stageOf({ epoch, scene }) {
  return `${epoch}.${scene.begun}`;
}

/** The chapter's run that the stage holds, under way or over: {chapter, act, number, since, whos}; or null. */
export function runOf(now) {
  const { recording, plan, view, act, lesson, ran, scene } = now;
  const chapter = recording ? null : plan?.chapters[view.step - 1];
  if (!chapter) return null;
  const { slug } = chapter;
  const led = followed(now);
  const held = () => [ran, ...Object.values(lesson[slug]?.acts ?? {}).map((each) => each.ran)].find((each) => each?.slug === slug && each.stage === stageOf(now));
  const lead = () => scene.script === `${led.chapter}/${led.act}` && scene.begun > led.since && led.chapter === slug && led.who && { number: led.act, since: led.since, whos: [led.who, led.second, led.third] };
  const run = led ? lead() : act.running ? !isElsewhere(act, chapter) && ranNow(now) : held();
  return run && chapter.acts[run.number] ? { chapter, act: chapter.acts[run.number], ...run } : null;
}

/** The first step of the script whose stage is drawn idle, because the live one holds something else; or null. */
export function idleOf(now) {
  const { recording, plan, view, act, lesson, live, scene, byHand } = now;
  const chapter = recording || !live ? null : plan?.chapters[view.step - 1];
  if (!chapter || runOf(now)) return null;
  const notes = lesson[chapter.slug] ?? { acts: {} };
  const runs = act.running && !isElsewhere(act, chapter);
  const idle = (chapter.acts[runs && act.where.split("/")[1]] ?? scriptOf(chapter, notes.guess)).steps[0];
  if (runs) return scene.begun > act.since ? null : idle; // a presentation's script
  if (byHand === view.step) return null;
  const [of] = scene.script.split("/");
  if (plan.chapters.some(({ slug }) => slug === of)) return of === chapter.slug && !resultOf(notes) ? null : idle;
  return scene.requests.length || scene.exchanges.size || scene.faults.length ? null : idle;
}

onIdle(idleOf);

/** Who else sends requests in that script: {name: a thief, or "you", thief: the same, or "", copies: the step that is sent again, forges, sends: just now?}; or null. */
export function plotOf(now) {
  const { thief = "", steps = [] } = runOf(now)?.act ?? {};
  const copies = steps.find((step) => step.do === "replay")?.of;
  if (!thief && !copies) return null;
  const led = followed(now);
  const by = led ? led.state === "running" && steps[led.step - 1]?.do : now.act.by;
  return { name: thief || "you", thief, copies, forges: steps.some((step) => step.do === "forge"), sends: ["replay", "forge"].includes(by) };
}

/** Which customers have gone away by now in the script that runs, or ran last. */
export function awayOf(now) {
  const run = runOf(now);
  if (!run?.act.steps) return [];
  const led = followed(now);
  const at = now.act.running ? now.act.at : led?.state === "running" ? led.step : Infinity;
  return run.act.steps.slice(0, at).filter((step) => step.do === "leave").map(({ as }) => run.whos[CUSTOMER_KEYS.indexOf(as)]);
}

/** True if people behind a desk are drawn: in the first chapter they are, until the reader says otherwise. A recorded run is of servers. */
export function isPeopled({ people, view, recording }) {
  return !recording && (people ?? view.step === 1);
}

/** What the stage counts beside each desk while a script runs: {numbers: {desk: […]}, loads: {desk: {before, after}} or null, soFar: is there more to come?}. */
export function tallyOf(now, scene) {
  const run = runOf(now);
  if (!run || run.since === undefined || !scene.stack) return {};
  const found = { ...facts(landed(scene), run.since, ...run.whos) };
  for (const desk of DESKS) addGone(found, scene, desk, run.whos);
  const counted = ({ numbers }, desk) => numbers.filter(({ of }) => !of || found[`${desk}.${of}`]).map((each) => numberOf(desk, each, found));
  const soFar = now.act.running || followed(now)?.state === "running";
  return { soFar, numbers: eachDesk((desk) => counted(run.act.result ?? run.chapter.result, desk)), loads: run.chapter.load ? eachDesk((desk) => loadOf(scene, desk, run.since)) : null };
}

/** A cart that is drawn as gone is counted as lost, also before its owner asks for it. */
function addGone(found, scene, desk, whos) {
  const carts = cartsOf(scene, desk);
  const names = ["lost", "second_lost", "third_lost"].map((name) => `${desk}.${name}`);
  whos.slice(0, names.length).forEach((who, n) => { found[names[n]] ||= Number(Boolean(carts.get(who)?.gone)); });
  found[`${desk}.all_lost`] = names.reduce((sum, name) => sum + found[name], 0);
}

/** What a request did counts once it has been at its turn, as its badge says it there. */
function landed(scene) {
  const all = [...scene.exchanges];
  return all.some(([, { underway }]) => underway) ? { ...scene, exchanges: new Map(all.map(([op, each]) => [op, { ...each, underway: false }])) } : scene;
}

/** What the last scene says: {verdict, good, desks: [{desk, good, words, numbers: [{number, unit}]}], said, …}. */
export function findingsOf(chapter, { number, facts, guess }) {
  const own = chapter.acts[number]?.result;
  const { numbers, findings, verdicts, cases } = own ?? chapter.result;
  const desks = DESKS.map((desk) => {
    const found = findings.find(({ when }) => matches(ofDesk(desk, when), facts));
    return { desk, good: found?.good ?? false, words: found?.words ?? "not measured", numbers: numbers.map((each) => numberOf(desk, each, facts)) };
  });
  const good = desks.filter((each) => each.good).map(({ desk }) => desk);
  const side = good.length === DESKS.length ? "both" : good[0] ?? "neither";
  const special = cases.find(({ when }) => matches(when, facts))?.words;
  const said = own && isDecided(chapter) ? { right: "open", said: "", because: "" } : saidOf(chapter.predict.choices, guess, facts, number);
  return { desks, verdict: special ?? verdicts[side], good: side === "both" && !special, ...said };
}

/** {number: "3 of 6", unit: "looks refused", harm} */
function numberOf(desk, { fact, of, unit, harm }, facts) {
  const [number, all] = [fact, of].map((name) => name && fill(`{${desk}.${name}}`, facts));
  return { number: all ? `${number} of ${all}` : number, unit: unit[Number((all ?? number) !== "1")], harm: harm && facts[`${desk}.${fact}`] > 0 };
}

/** The cases of a chapter whose scripts have results of their own, as the notes have them: [{number, label, desks: null before it ran}]. */
export function casesOf(chapter, { acts }) {
  const scripts = scriptsOf(chapter);
  return scripts.filter(() => scripts.some(({ result }) => result)).map(({ number, label, result = chapter.result }) => {
    const facts = acts[number]?.state === "done" && acts[number].facts;
    return { number, label, desks: facts ? DESKS.map((desk) => numberOf(desk, result.numbers[0], facts)) : null, unit: result.numbers[0].unit[1] };
  });
}

/** True if a chapter's question has a right answer, which its run decides. */
export function isDecided({ predict }) {
  return Boolean(predict.choices[0].when);
}

/** The prediction against what came true: {right: "yes" | "no" | "open" | "skipped" | "none", said, because}. */
function saidOf(choices, guess, facts, number) {
  const seen = borneOut(choices, facts);
  const chosen = typeof guess === "number" ? choices[guess] : null;
  const text = (choice) => `“${choice.text}”`;
  const because = chosen?.because ?? "";
  if (!choices[0].when) {
    const run = choices.find(({ act = 0 }) => act === number);
    return { right: "open", said: `${run === chosen ? "You chose" : "This was run for"} ${text(run)}`, because: run.because };
  }
  if (seen === null) return { right: "none", said: `None of the answers fits what was measured this time.${chosen ? ` You said ${text(chosen)}` : ""}`, because: "" };
  if (!chosen) return { right: "skipped", said: `It came true: ${text(choices[seen])}`, because: choices[seen].because };
  if (guess === seen) return { right: "yes", said: `You said ${text(chosen)} So it was.`, because };
  return { right: "no", said: `You said ${text(chosen)} It was ${text(choices[seen])}`, because };
}

function eachDesk(count) {
  return Object.fromEntries(DESKS.map((desk) => [desk, count(desk)]));
}

function ofDesk(desk, when) {
  return Object.fromEntries(Object.entries(when).map(([name, wanted]) => [`${desk}.${name}`, wanted]));
}
