/**
 * Requests in flight: a dot for each that nginx logged, or a count if there are too many.
 *
 * A dot is moved by the compositor alone (a transform, given once for each way); places are known
 * before it starts, so no frame ever asks for the layout. It reports its turn and its return: the
 * stage shows what a request did no earlier.
 */

import { keyOf } from "./arrivals.js";
import { h, mark, say } from "./dom.js";
import { carried } from "./figures.js";
import { lookOf, resultOf } from "./looks.js";
import { UNANSWERED } from "./words.js";

const HOP_MS = 450;
const REST = 0.5; // of a hop: so long an answer stays where it is made
const FALL_MS = 1300;
const MOST_PER_S = 20;
const CALM_PER_S = 16; // fewer than this, and dots return
const MOST_LABELS = 3; // more than this in the air cannot be read: then each is a sign only
const COUNT_EVERY_MS = 300;
export const STILL = matchMedia("(prefers-reduced-motion: reduce)");

const moving = new Map(); // what is on its way in either lane → its animation
export let tempo = { speed: 1, paused: false };

/** True if anything is moving on the stage. */
export function isMoving() {
  return moving.size > 0;
}

/** From now on everything moves at this speed, or stands still: {speed: 0.25, paused: false}. */
export function keepTempo(wanted) {
  if (wanted.speed === tempo.speed && wanted.paused === tempo.paused) return;
  tempo = wanted;
  for (const motion of moving.values()) inTempo(motion);
}

function inTempo(motion) {
  motion.updatePlaybackRate(tempo.speed);
  if (tempo.paused) motion.pause();
  else if (motion.playState === "paused") motion.play();
}

/** Move a part of the stage that stays a part of it; resolves when it has moved. */
export async function act(node, frames, ms) {
  await travel(node, frames, ms, "backwards");
  moving.delete(node);
}

/**
 * Move `node` over `frames`; resolves when it is there, and never if it is taken away before. It is
 * at the first frame from the start: on a busy machine the motion begins later than it is drawn.
 */
function travel(node, frames, ms, fill = "both") {
  const motion = node.animate(frames, { duration: ms, fill });
  moving.set(node, motion);
  inTempo(motion);
  return new Promise((there) => { motion.onfinish = there; });
}

/** The places a request came through, in order, and which of them (`turn`) it turned back at. */
export function journey({ tried = [], served_by, store_operations: operations, status }) {
  const asked = tried.map(({ server }) => server || served_by).filter(Boolean).map((server) => `server:${server}`);
  const stored = asked.length > 0 && operations > 0 && !UNANSWERED.includes(status ?? 0);
  const there = asked.flatMap((server, n) => (n ? ["balancer", server] : [server]));
  const out = ["customer", "balancer", ...there, ...(stored ? ["store"] : [])];
  const back = [...(stored ? [asked.at(-1)] : []), ...(asked.length ? ["balancer"] : []), "customer"];
  return { places: [...out, ...back], turn: out.length - 1 };
}

/** The same in words, for reduced motion: ["GET cart: customer → balancer", "→ B", "← 401 refused"]. */
export function steps(event, exchange, thief) {
  const { places, turn } = journey(event);
  const there = places.slice(2, turn + 1).map((place) => `→ ${place.replace("server:", "")}`);
  return [`${title(event)}: customer → balancer`, ...there, `← ${resultOf(event, lookOf(event, exchange, thief)[2])}`];
}

/** "GET cart", "POST items", "GET cart?token=…&userId=123": short enough to travel. */
export function title({ method, path, query }) {
  const [bare, own = ""] = path.split("?");
  const asked = (query ?? own).replace(/(token=)[^&]*/, "$1…");
  return `${method} ${bare.replace(/^\/api\/(cart\/)?/, "")}${asked && `?${asked}`}`;
}

/** The traffic of one lane, drawn on `layer`; `places.of(place)` → {x, y, top} or undefined. */
export class Flight {
  /**
   * `does` has what is asked of the lane, and `turned(key)` and `back(key)`: called as a request
   * passes its turn, and at its end. `plot()` is {thief, forges, sends}: does another than a customer send?
   */
  constructor(layer, places, does) {
    Object.assign(this, does, { layer, places, dots: new Map(), aims: new WeakMap(), counts: new Map(), stamps: [], timer: 0, sent: 0 });
    places.resized = () => this.realign();
  }

  /** Show one request as it happens. False if it cannot be shown: then it is back at once. */
  launch(event, exchange) {
    const way = journey(event);
    this.stamps.push({ at: performance.now(), places: new Set(way.places.slice(1, -1)) });
    if (this.timer || this.rate() > MOST_PER_S) this.timer ||= setInterval(() => this.count(), COUNT_EVERY_MS);
    else if (!STILL.matches && !document.hidden && this.layer.checkVisibility()) return this.fly(event, way, exchange);
    return false;
  }

  /** Its exchange has arrived, with the fate of the cart. */
  answered(exchange) {
    const dot = this.dots.get(exchange.op);
    if (dot) dress(dot, exchange, exchange, this.plot()?.thief);
  }

  /** Remove everything in flight: it belongs to an earlier stage. */
  clear() {
    for (const node of this.layer.children) moving.delete(node);
    this.layer.replaceChildren();
    this.dots.clear();
    this.counts.clear();
    this.stamps = [];
    this.thin();
  }

  /** Remove the dots whose requests are not on their way any more. */
  keep(travelling) {
    for (const [key, dot] of this.dots) if (!travelling.has(key)) this.end(key, dot);
  }

  end(key, dot) {
    gone(dot);
    this.dots.delete(key);
    this.thin();
  }

  /** Where many are in the air at once, each shows its sign and no words. */
  thin() {
    mark(this.layer, "data-many", this.dots.size > MOST_LABELS);
  }

  /** A cart falls off the stage, because its process has died. */
  drop(place, goods) {
    const from = this.places.of(place);
    if (!from || STILL.matches || document.hidden) return;
    const cart = h("span", { class: "falling" }, `✕ ${goods}`);
    this.layer.append(cart);
    const x = Math.max(from.x, cart.offsetWidth / 2);
    const at = (dx, y, turn) => `translate(${x + dx}px, ${y}px) translate(-50%, -50%) rotate(${turn}deg)`;
    travel(cart, [
      { transform: at(0, from.drawer, 0), easing: "ease-out" },
      { transform: at(4, from.drawer - 20, 5), offset: 0.2, easing: "cubic-bezier(.5, 0, .9, .6)" },
      { transform: at(14, this.places.depth + 40, -24) },
    ], FALL_MS).then(() => gone(cart));
  }

  fly(event, { places, turn }, exchange) {
    const own = `customer:${event.who}`;
    const from = event.who && this.plot()?.sends && this.places.of("copier") ? "copier" : this.places.of(own) ? own : "customer";
    const way = places.map((place, n) => ({ place: place === "customer" ? from : place, below: place === "store" ? places[n - 1] : "", n })).filter(({ place }) => this.places.of(place));
    const there = way.filter(({ n }) => n <= turn).length;
    if (way.length < 2 || !there) return false;
    const key = keyOf(event);
    const dot = dotOf(event, drawnLoad(this.loadOf(event, from)));
    const sway = ((this.sent++ % 5) - 2) * (this.dots.size < MOST_LABELS ? 7 : 22); // so that two at once do not overlap
    dress(dot, event, exchange, this.plot()?.thief);
    const chars = Math.max(...[...dot.children].map((label) => label.textContent.length));
    this.dots.set(key, dot);
    this.layer.append(dot);
    this.thin();
    this.follow(key, dot, () => this.frames(way, sway, chars), there, [turn, places.length - 1 - turn]);
    return true;
  }

  /** The way as key frames, as the lane is laid out now; null if a part of it has gone. */
  frames(way, sway, chars) {
    const points = way.map(({ place, below }) => ({ ...this.places.of(place), ...(below && { x: this.places.of(below)?.x }) }));
    if (points.some(({ x, y }) => x === undefined || y === undefined)) return null;
    const { width, em } = this.places;
    const edge = Math.min(Math.max(width * 0.16, em * (1.5 + 0.3 * chars)), width / 2); // half a label, which has to stay inside
    return points.map(({ x, y }) => ({ transform: `translate(${Math.min(Math.max(x + sway, edge), width - edge)}px, ${y}px)`, easing: "ease-in-out" }));
  }

  /** There and back in so many hops, with a report at each end. */
  async follow(key, dot, frames, there, [hops, back]) {
    await this.leg(dot, () => frames()?.slice(0, there), HOP_MS * hops);
    dot.classList.add("back");
    this.turned(key);
    await this.leg(dot, () => rested(frames()?.slice(there - 1), REST / back), HOP_MS * back);
    this.end(key, dot);
    this.back(key);
  }

  leg(dot, frames, ms) {
    this.aims.set(dot, frames);
    return travel(dot, frames() ?? [], ms);
  }

  /** The lane is laid out anew: what is on its way goes on where that way is now. */
  realign() {
    for (const dot of this.dots.values()) {
      const frames = this.aims.get(dot)();
      if (frames) moving.get(dot)?.effect.setKeyframes(frames);
    }
  }

  /** What a customer's request carries, unless it needs nothing; a thief has what was copied. */
  loadOf({ who, path }, from) {
    if (!who || path === "/api/login" || path === "/api/products") return [];
    return from === "copier" ? this.loot() : [this.carries(), ...(this.idOf(who) ?? [])];
  }

  rate(now = performance.now()) {
    while (this.stamps.length && now - this.stamps[0].at > 1000) this.stamps.shift();
    return this.stamps.length;
  }

  /** Too many for dots: show how many requests took each way in the last second. */
  count() {
    const sums = new Map();
    if (this.rate() < CALM_PER_S) {
      clearInterval(this.timer);
      this.timer = 0;
    } else {
      for (const place of this.stamps.flatMap(({ places }) => [...places])) sums.set(place, (sums.get(place) ?? 0) + 1);
    }
    for (const [place, node] of this.counts) if (!sums.has(place)) this.counts.delete(place) && node.remove();
    for (const [place, sum] of sums) this.showRate(place, `${sum}/s`);
  }

  showRate(place, text) {
    const point = this.places.of(place);
    if (!point) return;
    const node = this.counts.get(place) ?? this.layer.appendChild(h("span", { class: "rate", "data-edge": place }));
    this.counts.set(place, node);
    node.style.transform = `translate(${point.x}px, ${point.top - 8}px) translate(-50%, -50%)`;
    say(node, text);
  }
}

/** The same frames, with a rest at the first. */
function rested(frames, offset) {
  return frames && [frames[0], { ...frames[0], offset }, ...frames.slice(1)];
}

function drawnLoad([what, id, goods]) {
  return what ? carried(what, id, goods) : null;
}

function dotOf(event, load) {
  const foreign = !event.who;
  const ask = `${title(event)}${foreign ? " · from elsewhere" : ""}`;
  return h("span", { class: `dot${foreign ? " foreign" : ""}`, "data-op": keyOf(event) },
    h("span", { class: "ask" }, load, h("span", { class: "words" }, ask)), h("span", {}, h("span", { class: "words" }), h("span", { class: "sign" })));
}

function gone(node) {
  moving.delete(node);
  node.remove();
}

function dress(dot, event, exchange, thief) {
  const [look, sign, word] = lookOf(event, exchange, thief);
  dot.lastChild.className = `answer ${look}`;
  const [words, short] = dot.lastChild.children;
  say(words, resultOf(event, word));
  say(short, sign);
}
