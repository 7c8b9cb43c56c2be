/** A small stage of this window's own, for a learner without the instructor's rights. */

import { notice } from "./announce.js";
import { post } from "./api.js";
import { enterAnew } from "./customer.js";
import { useStage } from "./source.js";
import { set, state, subscribe } from "./state.js";
import { Stopped, until } from "./steps.js";
import { listen } from "./stream.js";

const ASK_AGAIN_MS = 700;
const OFF = "This lab has no stages for learners: ask for `lab up --learners 3`.";
const ENDED = "Your own stage has ended: it stood idle, or the lab was started again. The next run starts another one.";

/**
 * Have a stage of one's own, and move there; in a queue if all are taken, which is the state's
 * `queue`. Throws Stopped when the learner leaves the queue.
 */
export async function takeOwnStage() {
  if (state.own && (await post("/lab/own")).state === "ready") return;
  set({ queue: { state: "starting", ahead: 0, most: 0 } });
  try {
    while (state.queue) {
      const answer = await post("/lab/own");
      if (answer.state === "ready") return await move();
      if (answer.state === "failed" || answer.state === "off") throw new Error(answer.trouble || OFF);
      if (state.queue) set({ queue: answer });
      await new Promise((wake) => setTimeout(wake, ASK_AGAIN_MS));
    }
    throw new Stopped();
  } finally {
    set({ queue: null });
  }
}

/** Give up one's place in the queue. */
export function leaveQueue() {
  set({ queue: null });
  return post("/lab/own/leave").catch(() => null);
}

/** Go back to the room's stage, and give up one's own. */
export async function leaveOwnStage() {
  if (!state.own) return;
  await post("/lab/own/leave").catch(() => null); // it ends by itself when it is idle
  goTo("", false);
}

async function move() {
  goTo("/lab/own", true);
  await until(() => state.connection === "open");
}

function goTo(path, own) {
  useStage(path);
  enterAnew();
  set({ own, barred: 0, connection: "connecting" });
  listen();
}

subscribe(({ own, barred }) => {
  if (!own || !barred) return;
  goTo("", false);
  notice(ENDED);
});
