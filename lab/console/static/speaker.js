/** The speaker's window: what to say, what comes next, the clock, and the room's votes. */

import { get } from "./api.js";
import { button } from "./card.js";
import { $, h, mark, refill, say } from "./dom.js";
import { recall, remember, WINDOW } from "./kept.js";

const channel = new BroadcastChannel(`two-desks:${globalThis.location?.hash.slice(1)}`);
const LESSON_KEYS = ["ArrowRight", "ArrowLeft", "PageDown", "PageUp", "1", "2", "3", "4", "b", ".", "k", "r", "p"];
const CLOSED = "The lesson's window is closed: open it again, and this one goes on.";

let chapters = [];
let place = null;

/** What follows, in a sentence. Pure. */
export function nextOf({ step, scene, act, guess }, all) {
  const { claim, acts, predict: { choices } } = all[step - 1];
  if (scene === "ask") return `Watch: ${acts[choices[guess]?.act ?? 0].label}`;
  if (scene === "so") return all[step] ? `Chapter ${step + 1}, ${all[step].title}: ${all[step].predict.question}` : "The end: all predictions, and the challenges.";
  const steps = acts[act.where.split("/")[1]]?.steps ?? [];
  const next = act.running && act.where.startsWith(`${all[step - 1].slug}/`) && steps[act.at];
  return next ? next.say ?? next.do : `So? ${claim}`;
}

/** "7:05" of so many ms. Pure. */
export function elapsed(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function draw() {
  say($("#trouble"), place ? (place.connection === "lost" ? "The lesson's window is not connected to the lab." : "") : CLOSED);
  const chapter = chapters[(place?.step ?? 0) - 1];
  if (!place || !chapter) return;
  const { step, scene, act, votes, recording } = place;
  say($("#where"), `${step} of ${chapters.length} · ${chapter.title} · ${recording ? `recording ${recording}` : scene}`);
  say($("#now"), act.running ? `${act.paused ? "Paused at" : "Step"} ${act.at} of ${act.of}: ${act.caption}` : { ask: chapter.predict.question, watch: "The stage is shown.", so: chapter.claim }[scene]);
  say($("#upcoming"), nextOf(place, chapters));
  refill($("#text"), chapter.slug, () => [h("p", {}, chapter.setup), ...chapter.text.map((each) => h("p", {}, each)), h("p", {}, h("strong", {}, "What decides it: "), chapter.explain)]);
  const vote = votes?.chapter === chapter.slug ? votes : null;
  refill($("#answers"), JSON.stringify([chapter.slug, place.guess, place.seen, vote]), () => chapter.predict.choices.map((choice, n) => answer(choice, n, place, vote)));
  say($("#votes"), vote ? `Vote ${vote.round}, ${vote.phase}: ${vote.voted} voted.` : votes === undefined ? "No vote: phones join with lab class." : "No vote on this question yet.");
  say($(".pause"), act.paused ? "Continue" : "Pause");
  mark($(".pause"), "disabled", !act.running);
  mark($(".go"), "disabled", act.running);
}

function answer({ text, because }, n, { guess, seen }, vote) {
  const counts = (vote?.histogram ?? []).map((round) => round[n]);
  return h("li", {}, h("strong", {}, `${n === seen ? "✓ " : ""}${text}`), n === guess && " (chosen)", counts.length > 0 && h("span", { class: "counts" }, ` ${counts.join(" → ")}`), h("p", {}, because));
}

function tick() {
  const began = Number(recall("began", WINDOW)) || Date.now();
  remember("began", String(began), WINDOW);
  say($("#clock"), new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  say($("#elapsed"), elapsed(Date.now() - began));
}

function press(key) {
  channel.postMessage({ key });
}

async function start() {
  const restart = () => {
    remember("began", null, WINDOW);
    tick();
  };
  $("#keys").append(button("← Back", () => press("PageUp")), button("Next →", () => press("PageDown")), button("Run, or go on ▸", () => channel.postMessage({ go: true }), { main: true, name: "go" }),
    button("Pause", () => press(" "), { name: "pause" }), button("Black screen", () => press("b")), button("Clock from 0:00", restart));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || (event.key === " " && event.target.closest("button"))) return;
    if (event.key !== " " && !LESSON_KEYS.includes(event.key.toLowerCase()) && !LESSON_KEYS.includes(event.key)) return;
    event.preventDefault();
    press(event.key);
  });
  channel.addEventListener("message", ({ data }) => {
    if (!("place" in data)) return;
    place = data.place;
    draw();
  });
  tick();
  setInterval(tick, 1000);
  ({ chapters } = await get("/lab/chapters"));
  channel.postMessage({ hello: true });
  draw();
}

if (globalThis.document) start().catch((error) => say($("#trouble"), error.message));
