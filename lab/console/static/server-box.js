/** One server of a lane: a box with a drawer, or a representative at a counter. */

import { $, h, mark, refill, say, svg } from "./dom.js";
import { carried, clerk } from "./figures.js";
import { act, STILL } from "./flight.js";
import { FAULTS, STATE_SIGNS } from "./words.js";

const LEAVES_MS = 1900;
const MOST_TICKS = 12; // of requests that are drawn one by one

/** Its nodes; `opener` is the button that opens its menu. */
export class ServerBox {
  constructor(desk, name, opener) {
    Object.assign(this, { name, opener });
    this.ids = h("span", { class: "ids" });
    this.load = h("span", { class: "load" });
    this.remembers = h("span", { class: "remembers" });
    this.carts = h("div", { class: "carts" });
    this.looks = h("span", { class: "looks", "aria-hidden": "true" });
    this.clerk = clerk(name);
    this.before = h("div", { class: "before" });
    this.node = h("div", { class: "server", "data-desk": desk, "data-server": name, "data-place": `server:${name}` },
      opener, this.ids, this.load, this.before, this.looks, h("div", { class: "drawer" }, this.remembers, this.carts), carried("key"), this.clerk);
  }

  /** Show a server as it is; `end` is the evidence of the kill that ended its last process; `people`: it is one of them. */
  draw({ state, pid, instance, carts_remembered: count }, end, loads, people) {
    const short = (instance ?? "").slice(0, 4); // another process has another one
    const known = pid ? [`pid ${pid}`, short && h("span", { class: "long" }, ` · ${short}`)] : [short && `instance ${short}`];
    mark(this.node, "data-state", state);
    if (this.node.dataset.leaves === "left") mark(this.node, "data-leaves", null);
    say(this.opener.lastChild, `${STATE_SIGNS[state] ?? ""} ${(people && { up: "here", dead: "gone" }[state]) || state}`);
    refill(this.ids, `${state} ${pid} ${instance} ${end?.pid}`, () => (state === "dead" ? [ended(end)] : known));
    // A recording does not know how many; then nothing is said.
    refill(this.remembers, `${state} ${count}`, () =>
      (state === "dead" || count == null ? [] : [h("span", { class: "long" }, "remembers "), `${count} ${count === 1 ? "cart" : "carts"}`]));
    refill(this.load, JSON.stringify(loads ?? null), () => loads?.map((each) => bars(each)) ?? []);
  }

  /** They put on a coat, step back from the counter, and go along behind the others and out of the door. */
  async leave(door) {
    if (STILL.matches || document.hidden || !this.node.checkVisibility()) return;
    const [own, to] = [this.node, door].map((each) => each.getBoundingClientRect());
    const { a: unit } = this.clerk.getScreenCTM();
    const at = (x, y) => `translate(${x}px, ${y}px) scale(0.8)`; // in units of the drawing
    mark(this.node, "data-leaves", true);
    act($(".leaf", door), [{}, { transform: "none", offset: 0.5 }, { transform: "scaleX(0.25)", offset: 0.65 }, { transform: "scaleX(0.25)", offset: 0.9 }, {}], LEAVES_MS);
    await act($(".goes", this.clerk), [{}, { transform: at(0, -16), offset: 0.35, easing: "ease-in-out" },
      { transform: at((to.left + to.width / 2 - own.left - own.width / 2) / unit, -16), offset: 0.92, opacity: 1 }, { opacity: 0 }], LEAVES_MS);
    mark(this.node, "data-leaves", "left");
  }

  /** Show what it found, "" for nothing. */
  look(kind, { words, good } = {}) {
    mark(this.node, "data-looks", kind);
    mark(this.node, "data-silent", null);
    if (!words) return;
    say(this.looks, words);
    mark(this.looks, "data-found", good);
  }

  /** It was asked, and has not answered. */
  keepSilent() {
    mark(this.node, "data-silent", true);
    say(this.looks, "no answer ✕");
    mark(this.looks, "data-found", null);
  }
}

/** The evidence of the kill that ended a server's last process; null where it ended otherwise. */
export function endOf(faults, desk, name) {
  const last = faults.findLast((each) => each.desk === desk && each.target === name && (FAULTS[each.fault]?.ends_process || each.fault === "add"));
  return last?.fault === "kill" ? last.evidence : null;
}

/** Requests as squares: filled where the server gave what was asked for, crossed where it refused. Or other things, as `said`. */
export function bars({ served = 0, refused = 0, before = false }, said = "") {
  const all = served + refused;
  const shown = Math.min(all, MOST_TICKS);
  const good = all ? Math.round((shown * served) / all) : 0;
  const tick = (_, n) => svg("g", { class: n < good ? "tick" : "tick bad", transform: `translate(${n * 13} 0)` },
    svg("rect", { x: 1, y: 1, width: 10, height: 14, rx: 2 }), n >= good && svg("path", { d: "M3 4l6 8M9 4l-6 8" }));
  const words = [served && `${served} served`, refused && `${refused} refused`].filter(Boolean).join(", ") || "no requests";
  return h("span", { class: "bars", "data-before": before }, (all > 0 || !said) && svg("svg", { viewBox: `0 0 ${13 * (said ? shown : MOST_TICKS)} 16`, "aria-hidden": "true" }, Array.from({ length: shown }, tick)), h("span", {}, said || (before ? `${words} before` : words)));
}

/** The process that is no more, and how it ended. */
function ended(end) {
  return end?.pid ? h("span", {}, h("s", {}, `pid ${end.pid}`), end.signal && ` · ${end.signal}`) : "no process";
}
