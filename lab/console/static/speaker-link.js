/** The lesson's end of the speaker's window: says where the lesson is, and does what is pressed there. */

import { notice } from "./announce.js";
import { $ } from "./dom.js";
import { borneOut } from "./facts.js";
import { recall, remember, WINDOW } from "./kept.js";
import { noteOf } from "./notes.js";
import { isDecided, resultOf, sceneOf } from "./scenes.js";
import { recorded } from "./source.js";
import { set, state, subscribe } from "./state.js";

const SPEAKER = recall("speaker", WINDOW) ?? String(Math.random()).slice(2); // each window has a speaker's window of its own
const GO = [".ask .seal:not(:disabled)", ".ask .run", ".ask .skip-it", ".onward:not([hidden])"].map((part) => `lab-lesson ${part}`);
const channel = new BroadcastChannel(`two-desks:${SPEAKER}`);

remember("speaker", SPEAKER, WINDOW);
let sent = "";

/** Open the speaker's window, or bring it to the front. */
export function openSpeaker() {
  if (recorded) return notice("The speaker view belongs to a lab that runs: pip install . in a clone, then lab up.");
  if (!open(`/speaker#${SPEAKER}`, `speaker-${SPEAKER}`, "popup,width=1000,height=720")) notice("This browser has blocked the window: allow it, and press S again.");
}

function placeOf(now) {
  const { plan, view, act, connection, votes, recording } = now;
  const chapter = plan?.chapters[view.step - 1];
  if (!chapter) return null;
  const notes = noteOf(chapter.slug);
  const { running, paused, at, of, caption, where } = act;
  return { step: view.step, scene: sceneOf(now, chapter, notes), act: { running, paused, at, of, caption, where }, guess: notes.guess, seen: seenOf(chapter, notes), connection, votes, recording: recording?.name ?? null };
}

/** The answer that came true here; null before, and where nothing decides. */
function seenOf(chapter, notes) {
  const result = isDecided(chapter) && resultOf(notes, chapter);
  return result && !chapter.acts[result.number]?.result ? borneOut(chapter.predict.choices, result.facts) : null;
}

function send(now) {
  const place = placeOf(now);
  const key = JSON.stringify(place);
  if (!place || key === sent) return;
  sent = key;
  channel.postMessage({ place });
}

channel.addEventListener("message", ({ data: { hello, key, go } }) => {
  if (hello) sent = "";
  if (key) ($("dialog[open]") ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  if (go) GO.map((part) => $(part)).find(Boolean)?.click();
  set({});
});
addEventListener("pagehide", () => channel.postMessage({ place: null }));
addEventListener("pageshow", () => {
  sent = "";
  send(state);
});
subscribe(send);
