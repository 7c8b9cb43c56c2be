/**
 * A learner follows the instructor: the same chapter, scene and steps, judged by the learner's own
 * predictions. Going anywhere by hand leaves; the bar brings back.
 */

import { stopAct } from "./acts.js";
import { go } from "./address.js";
import { recall, remember, WINDOW } from "./kept.js";
import { noteAct, noteOf } from "./notes.js";
import { leaveOwnStage, leaveQueue } from "./own-stage.js";
import { followed, measuredOf, stageOf } from "./scenes.js";
import { set, state, subscribe } from "./state.js";

set({ following: recall("following", WINDOW) !== null });

/** Follow from now on. */
export async function follow() {
  stopAct();
  if (state.queue) leaveQueue();
  await leaveOwnStage();
  set({ following: true });
}

/** Go on by oneself. */
export function unfollow() {
  set({ following: false });
}

/** Note what the instructor's run has measured, against this browser's own prediction. */
function judge({ chapter, act, since, who, second, third }, { epoch, scene, plan }) {
  const { guess = "skip", acts } = noteOf(chapter);
  const ran = [...scene.exchanges.values()].some((each) => each.who === who && each.id > since);
  if (!ran || (acts[act]?.state === "done" && acts[act].since === since)) return;
  const whos = [who, second || undefined, third || undefined];
  noteAct(chapter, act, { state: "done", guess, since, took: Date.now(), ran: { stage: stageOf({ epoch, scene }), slug: chapter, number: act, since, whos }, ...measuredOf(plan.chapters.find(({ slug }) => slug === chapter), scene, since, whos) });
}

subscribe((now) => {
  const { plan, view, following } = now;
  if ((recall("following", WINDOW) !== null) !== following) remember("following", following ? "yes" : null, WINDOW);
  const led = plan && followed(now);
  if (!led) return;
  const step = 1 + plan.chapters.findIndex(({ slug }) => slug === led.chapter);
  if (step && step !== view.step) go({ step, servers: null, run: null });
  if (led.state === "done") judge(led, now);
});
