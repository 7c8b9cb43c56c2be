/** A small stage of this window's own, for a learner without the instructor's rights. */

import { notice } from "./announce.js";
import { post } from "./api.js";
import { enterAnew } from "./customer.js";
import { useStage } from "./source.js";
import { set, state } from "./state.js";
import { until } from "./steps.js";
import { listen } from "./stream.js";

const ASK_AGAIN_MS = 700;
const LONGEST_MS = 15 * 60_000;

/** Have a stage of one's own, and move there; waits in the queue if all are taken. */
export async function takeOwnStage() {
  const end = performance.now() + LONGEST_MS;
  for (;;) {
    const answer = await post("/lab/own");
    if (answer.state === "ready") break;
    if (answer.state === "failed" || answer.state === "off") throw new Error(answer.trouble || "This lab has no stages for learners: ask for `lab up --learners 3`.");
    if (performance.now() > end) throw new Error("No stage was free for a quarter of an hour: try again later.");
    notice(inWords(answer));
    await new Promise((wake) => setTimeout(wake, ASK_AGAIN_MS));
  }
  if (!state.own) await move();
}

async function move() {
  useStage("/lab/own");
  enterAnew();
  set({ own: true, connection: "connecting" });
  listen();
  await until(() => state.connection === "open");
  notice("This is a stage of your own: two servers a desk, and nobody else on it. Reload the page to see the room's stage.");
}

function inWords({ state: how, ahead, most }) {
  if (how === "starting") return "A stage of your own is starting …";
  const before = ahead ? `${ahead} wait before you` : "you are next";
  return `All ${most} stages for learners are taken; ${before}. Stay here: a stage comes as soon as one is free.`;
}
