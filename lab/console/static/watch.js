/** The second scene: the stage alone, one caption line, and the speed. */

import { keepSpeed, nextRequest, stopAct, toggleAct } from "./acts.js";
import { button } from "./card.js";
import { h, mark, say } from "./dom.js";
import { set } from "./state.js";

const SPEEDS = [[0.25, "¼×", "a quarter of the speed"], [1, "1×", "usual speed"], [3, "3×", "three times the speed"]];

/** The caption and the controls of what runs; `does` is {again(), onward(), code()}. */
export class Watch {
  constructor(does) {
    this.caption = h("p", { class: "caption", tabindex: -1, "data-next": true });
    this.count = h("span", { class: "count" });
    this.speeds = SPEEDS.map(([speed, sign, name]) => h("button", { type: "button", class: "speed", "data-speed": speed, "aria-label": name, onclick: () => keepSpeed(speed) }, sign));
    this.pause = button("Pause", toggleAct, { name: "pause" });
    this.one = button("Next request", nextRequest, { name: "next-request" });
    this.stop = button("Stop", stopAct, { name: "stop" });
    this.again = button("Again", () => does.again(this.script.number), { name: "again" });
    this.onward = button("So? ▸", () => does.onward(), { main: true, name: "onward" });
    this.code = button("Code", () => does.code(), { name: "code" });
    this.title = h("h1", { class: "unseen" });
    this.node = h("div", { class: "watching" }, this.title, this.caption, h("div", { class: "controls" },
      h("span", { class: "speeds", role: "group", "aria-label": "Speed" }, this.speeds), this.pause, this.one, this.stop, this.again, this.onward, this.code, this.count));
  }

  /** `given` is {act, tempo, recording, chapter, script, said, since, begun, done, mayRun, coded}. */
  draw({ act, led, tempo, recording, chapter, script, said, since, begun, done, mayRun, coded }) {
    this.script = script;
    const ready = !act.running && !recording && !led;
    const asks = ready && done && mayRun;
    if (asks) this.whatIf ??= this.loadWhatIf();
    this.whatIf?.draw?.(chapter, script, asks);
    mark(this.code, "aria-pressed", String(coded));
    say(this.title, chapter.title);
    say(this.caption, captionOf(act, recording, (this.whatIf?.since === since && this.whatIf?.said) || said || script.label));
    say(this.again, begun || recording ? "Again" : "Run ▸");
    say(this.count, act.running ? `${act.paused ? "paused at " : ""}step ${act.at} of ${act.of}` : "");
    say(this.pause, act.paused ? "Continue" : "Pause");
    this.speeds.forEach((each, n) => mark(each, "aria-pressed", String(tempo.speed === SPEEDS[n][0])));
    for (const each of [this.pause, this.one, this.stop]) mark(each, "hidden", !act.running || led);
    mark(this.again, "hidden", act.running || !(recording || mayRun));
    mark(this.onward, "hidden", !ready || !done);
  }

  async loadWhatIf() {
    const { WhatIf } = await import("./what-if.js");
    this.whatIf = new WhatIf();
    this.onward.before(...this.whatIf.node);
    set({});
  }
}

function captionOf(act, recording, said) {
  if (act.running) return act.caption || "Getting ready …";
  return recording ? `Recorded: ${recording.name}` : said;
}
