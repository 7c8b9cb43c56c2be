/** <lab-role>: what this window is to the room, in one line: it waits for a stage, or follows. */

import { button } from "./card.js";
import { h, refill } from "./dom.js";
import { follow, unfollow } from "./follow.js";
import { leaveQueue } from "./own-stage.js";
import { followed, presented } from "./scenes.js";
import { subscribe } from "./state.js";

class LabRole extends HTMLElement {
  connectedCallback() {
    subscribe((now) => this.draw(now));
  }

  draw(now) {
    const shown = now.queue?.state === "waiting" ? waiting(now) : presented(now) ? led(now) : [];
    this.hidden = !shown.length;
    const text = shown.map((each) => each.textContent ?? each).join();
    refill(this, text, () => shown);
  }
}

function waiting({ queue: { ahead, most, recorded }, view }) {
  const place = ahead ? `${ahead} ${ahead === 1 ? "waits" : "wait"} before you` : "you are next";
  return [
    line(`All ${most} stages for learners are taken; ${place}.`),
    recorded ? h("a", { href: `/recorded?step=${view.step}`, target: "_blank" }, "Or watch the recorded run")
      : h("span", {}, "No recorded run is at hand: the instructor can make one with ", h("code", {}, "lab record"), "."),
    button("Leave the queue", leaveQueue, { name: "leave-queue" }),
  ];
}

function led(now) {
  if (followed(now)) return [line("You follow the instructor, with predictions of your own."), button("Leave", unfollow, { name: "unfollow" })];
  const number = now.plan?.chapters.findIndex(({ slug }) => slug === now.led.chapter) ?? -1;
  const what = now.plan?.chapters[number]?.title;
  return [line(`The instructor presents${what ? ` chapter ${number + 1}, “${what}”` : ""}.`), button("Follow", follow, { main: true, name: "follow" })];
}

function line(text) {
  return h("span", { role: "status" }, text);
}

customElements.define("lab-role", LabRole);
