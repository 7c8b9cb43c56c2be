/** Which of its three scenes a chapter shows, and what is in it: ask → watch → so?. Pure. */

import { borneOut, fill, matches } from "./facts.js";
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
  if (recording || act.running) return "watch";
  const led = followed(state);
  if (led) return led.chapter === chapter.slug && canTurnTo(led.scene, notes) ? led.scene : "ask";
  if (wanted?.slug === chapter.slug && canTurnTo(wanted.scene, notes)) return wanted.scene;
  return resultOf(notes) ? "so" : "ask";
}

/** Whether the chapter has that scene already: without a result there is no “so?”. */
export function canTurnTo(scene, notes) {
  return scene !== "so" || Boolean(resultOf(notes));
}

/** The newest result of the chapter's scripts: {number, facts, guess, …}, or null. */
export function resultOf({ acts }) {
  const done = Object.entries(acts).filter(([, { state, facts }]) => state === "done" && facts);
  const [number, act] = done.sort(([, a], [, b]) => a.took - b.took).at(-1) ?? [];
  return act ? { number: Number(number), ...act } : null;
}

/** The scripts of a chapter, [{number, label, steps}]; its other acts are experiments. */
export function scriptsOf({ acts }) {
  return acts.map((act, number) => ({ number, ...act })).filter(({ steps }) => steps);
}

/** What the last scene says: {verdict, good, desks: [{desk, good, words, numbers: [{number, unit}]}], said, …}. */
export function findingsOf(chapter, { facts, guess }) {
  const { numbers, findings, verdicts, cases } = chapter.result;
  const desks = DESKS.map((desk) => {
    const found = findings.find(({ when }) => matches(ofDesk(desk, when), facts));
    return { desk, good: found?.good ?? false, words: found?.words ?? "not measured", numbers: numbers.map((each) => numberOf(desk, each, facts)) };
  });
  const good = desks.filter((each) => each.good).map(({ desk }) => desk);
  const side = good.length === DESKS.length ? "both" : good[0] ?? "neither";
  const special = cases.find(({ when }) => matches(when, facts))?.words;
  return { desks, verdict: special ?? verdicts[side], good: side === "both" && !special, ...saidOf(chapter.predict.choices, guess, facts) };
}

/** {number: "3 of 6", unit: "looks refused"} */
function numberOf(desk, { fact, of, unit }, facts) {
  const [number, all] = [fact, of].map((name) => name && fill(`{${desk}.${name}}`, facts));
  return { number: all ? `${number} of ${all}` : number, unit: unit[Number((all ?? number) !== "1")] };
}

/** The prediction against what came true: {right: "yes" | "no" | "open" | "skipped" | "none", said, because}. */
function saidOf(choices, guess, facts) {
  const seen = borneOut(choices, facts);
  const chosen = typeof guess === "number" ? choices[guess] : null;
  const text = (choice) => `“${choice.text}”`;
  const because = chosen?.because ?? "";
  if (!choices.some(({ when }) => when)) return { right: "open", said: chosen ? `You chose ${text(chosen)}` : "You chose nothing yet.", because };
  if (seen === null) return { right: "none", said: `None of the answers fits what was measured this time.${chosen ? ` You said ${text(chosen)}` : ""}`, because: "" };
  if (!chosen) return { right: "skipped", said: `It came true: ${text(choices[seen])}`, because: choices[seen].because };
  if (guess === seen) return { right: "yes", said: `You said ${text(chosen)} So it was.`, because };
  return { right: "no", said: `You said ${text(chosen)} It was ${text(choices[seen])}`, because };
}

function ofDesk(desk, when) {
  return Object.fromEntries(Object.entries(when).map(([name, wanted]) => [`${desk}.${name}`, wanted]));
}
