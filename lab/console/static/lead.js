/** An instructor who presents leads: the lab hears where the lesson is, for pages that follow. */

import { post } from "./api.js";
import { noteOf } from "./notes.js";
import { sceneOf } from "./scenes.js";
import { recorded } from "./source.js";
import { ownCustomers, set, state, subscribe } from "./state.js";

const LEAD_AGAIN_MS = 2000;

let last = null; // the script that ran last: {chapter, act, step, of, who, second, third}
let sent = ""; // the place that the lab was sent last
let leading = false;
let calm = true; // false while a place is on its way

/** Where the lesson is: the body of POST /lab/lesson. */
function placeOf(now) {
  const { plan, view, act } = now;
  const [me, second, third] = ownCustomers(now);
  const chapter = plan.chapters[view.step - 1];
  const notes = noteOf(chapter.slug);
  const [slug, number] = act.where.split("/");
  if (act.running && slug === chapter.slug) last = { chapter: slug, act: Number(number), step: act.at, of: act.of, who: me?.who ?? "", second: second?.who ?? "", third: third?.who ?? "" };
  const own = last?.chapter === chapter.slug ? { ...last, since: notes.acts[last.act]?.since ?? 0 } : {};
  return { chapter: chapter.slug, scene: sceneOf(now, chapter, notes), state: stateOf(own, notes, act), ...own };
}

function stateOf({ act: number }, { acts }, act) {
  if (number === undefined) return "asking";
  if (act.running) return "running";
  return { done: "done", stopped: "stopped", failed: "stopped" }[acts[number]?.state] ?? "asking";
}

/** Send a place, one after the other; `atLast`: the window closes, and waits for none. */
async function send(place, atLast = false) {
  const key = JSON.stringify(place);
  if (!atLast && (!calm || (key === sent && state.led && state.led.state !== "over"))) return; // null at a lab that was started again; over where this window was away for long
  calm = false;
  try {
    await post("/lab/lesson", place, { keepalive: true });
    sent = key;
    if (!state.led) set({ led: place });
  } catch {
    await new Promise((wake) => setTimeout(wake, LEAD_AGAIN_MS));
  }
  calm = true;
  set({}); // the lesson may have gone on meanwhile
}

function over(atLast = false) {
  if (!leading || !(calm || atLast)) return; // a place that has arrived comes here again
  leading = false;
  send({ chapter: state.plan.chapters[0].slug, state: "over" }, atLast);
}

subscribe((now) => {
  const { instructor, live, own, plan, view, connection, recording, led } = now;
  if (recorded || !live || !instructor || own || !plan || recording) return;
  if (!led) last = null;
  if (connection !== "open") return;
  if (!view.present) return over();
  leading = true;
  send(placeOf(now));
});

addEventListener("pagehide", () => over(true));
