/** The drawings of the page, in one style: few shapes, each with an outline, no colour that decides. The report has the same symbols. */

import { h, svg } from "./dom.js";
import { GOODS_PATHS, SYMBOLS } from "./words.js";

export const SERVER_NAMES = "ABCDEFGH";
const WIDE = 330; // of one desk
const APART = 40;
const HIGH = 204;
const CHAIR = "M18 60V22q0-8 14-8t14 8v38M18 44h28";
const STORE_WIDE = 72; // the room that a store takes beside the servers
const MOST_KINDS = 3; // of goods that are seen in one place
const BOXES = { ticket: "-1 -1 42 22", parcel: "-1 -1 40 28", form: "-1 -1 30 28", key: "-1 -1 32 22" };

/**
 * Both desks as the question has them: people behind a counter, or servers; `customers` before them, each {name, server, cookie,
 * kept, goods, out, gone}: `kept` is what a desk that remembers has of `goods`; who is `out` has logged out, who is `gone` just left. The `thief` has a copy with `loot` in it. `added` servers come in the middle, a `fresh` one was
 * restarted, and who has `left` is away from the desk. `beside`: there may be a store as well.
 */
export function deskPicture({ servers = 3, store = "memory", cache = "off" } = {}, { thief = "", loot = [], people = false, added = 0, fresh = false, left = "", customers = [], beside = false } = {}) {
  const shared = store !== "memory" && customers.flatMap(({ kept }) => kept);
  const at = (name) => customers.filter(({ server }) => !shared && !fresh && server === name).flatMap(({ kept }) => kept);
  const desk = (x, name, remembers) => {
    const stored = remembers && (shared || beside) && storeOf(people ? 140 : 26, shared || [], beside ? "or a store" : "store");
    const wide = stored && !people ? WIDE - STORE_WIDE : WIDE; // of the servers
    return svg("g", { class: "counter", "data-desk": name, transform: `translate(${x} 0)` },
    !people && cookiesOf(customers, servers, wide), stored && !people && svg("path", { class: "wire", d: `M${wide / (servers + 1)} 42H${WIDE - 36}` }),
    people ? counterOf(servers, remembers && !shared && at, left) : racksOf(servers + added, remembers ? !shared && at : null, fresh ? 0 : servers, wide),
    stored,
    svg("text", people ? { x: WIDE / 2, y: 121 } : { x: 58, y: 190 }, name, svg("tspan", { class: "long" }, " desk")),
    !people && cache !== "off" && sign(WIDE / 2, 97, "cache"),
    customersOf(customers, remembers ? !people && "ticket" : people ? "form" : "parcel", people && remembers && shared),
    thief && [masked({ class: "thief", x: WIDE - 76, y: 138, width: 44, height: 44 }), loot.length > 0 && symbol(remembers ? "ticket" : "parcel", WIDE - 38, 158, 0.68, remembers ? [] : loot), svg("text", { x: WIDE - 54, y: 198 }, thief)]);
  };
  return svg("svg", { class: "desks-picture", viewBox: `0 0 ${2 * WIDE + APART} ${HIGH}`, focusable: "false" },
    desk(0, "stateful", true), desk(WIDE + APART, "stateless", false));
}

/** `minds(name)` are the goods a representative has in mind; false where they remember nothing. */
function counterOf(count, minds, left) {
  const step = WIDE / (count + 1);
  return [
    Array.from({ length: count }, (_, n) => {
      const away = SERVER_NAMES[n] === left;
      const [x, y] = away ? [32, 158] : [step * (n + 1), 66];
      return svg("g", { "data-server": SERVER_NAMES[n] },
        away && svg("path", { class: "chair", d: CHAIR, transform: `translate(${step * (n + 1) - 32} 40)` }),
        minds && (away || !left) && thought(away ? x + 48 : x, away ? y - 2 : y - 40, minds(SERVER_NAMES[n])),
        symbol("person", x, y, 1.05), svg("text", { class: "name", x, y: y + 29 }, SERVER_NAMES[n]));
    }),
    svg("rect", { class: "wood", x: 8, y: 100, width: WIDE - 16, height: 30, rx: 5 }),
  ];
}

/** The first `old` servers were there before. `drawers(name)` are the goods in a server's drawer; false where it has none, null where it has a key. */
function racksOf(count, drawers, old, wide) {
  const step = wide / (count + 1);
  const size = Math.min(1, step / 72);
  return [
    Array.from({ length: count }, (_, n) => {
      const [x, is] = [step * (n + 1), n < old ? "" : " fresh"];
      return svg("g", { "data-server": SERVER_NAMES[n] },
        svg("path", { class: "wire", d: `M${wide / 2} 118L${x} 84` }),
        svg("g", { class: `rack${is}` }, symbol("server", x, 8, size)),
        svg("text", { class: is ? "name small" : "name", x, y: 34 }, SERVER_NAMES[n], is && svg("tspan", { class: "long" }, " new")),
        drawers && symbol("drawer", x, 46, size, drawers(SERVER_NAMES[n])), drawers === null && symbol("key", x - 15 * size, 52, size));
    }),
    symbol("balancer", wide / 2, 108, 1.2), svg("text", { class: "small", x: wide / 2, y: 126 }, "balancer"),
  ];
}

function storeOf(y, goods, text) {
  return [symbol("store", WIDE - 36, y, 1, goods), svg("text", { class: "small", x: WIDE - 36, y: y + 46 }, text)];
}

/** A line from each customer to the server that its cookie names, behind what stands between them. */
function cookiesOf(customers, servers, wide) {
  const [from, apart] = rowOf(customers);
  return customers.map(({ cookie }, n) => cookie && svg("path", { class: "cookie", d: `M${from + apart * n} 140L${(wide / (servers + 1)) * (SERVER_NAMES.indexOf(cookie) + 1)} 84` }));
}

/** Customers with what they carry. */
function customersOf(customers, what, crowded) {
  const [from, apart, size] = rowOf(customers, crowded);
  const away = [...customers.keys()].filter((n) => customers[n].gone);
  return [
    customers.some(({ cookie }) => cookie) && svg("text", { class: "small sticks", x: WIDE, y: 120 }, "cookies"),
    away.length > 0 && svg("text", { class: "small", x: from + apart * (away[0] + away.at(-1)) / 2 + 14, y: 134 }, "gone"),
    customers.map(({ name, goods, out, gone }, n) => {
      const x = from + apart * n;
      return svg("g", { class: "crowd", "data-name": name, "data-gone": gone },
        symbol("person", x, 153, size), svg("text", { class: "small", x, y: 199 }, name),
        what && !out && symbol(what, x + 20 * size, 152, customers.length > 1 ? 0.68 : 1, what === "parcel" ? goods : []));
    }),
  ];
}

/** Where the first of them stands, how far apart they are, and their size. */
function rowOf({ length }, crowded) {
  if (length < 2) return [WIDE / 2 - 8, 0, 1];
  return crowded && length > 2 ? [100, 56, 0.8] : [150, 60, 0.8];
}

function sign(x, y, text) {
  return [svg("rect", { class: "wood", x: x - 28, y: y - 11, width: 56, height: 22, rx: 4 }), svg("text", { class: "small", x, y: y + 5 }, text)];
}

function thought(x, y, goods) {
  return [svg("path", { class: "thought", d: `M${x - 20} ${y}c-9-16 10-26 20-18c9-9 30-1 21 14c4 12-14 15-21 9c-6 6-20 5-20-5zm9 17a3 3 0 1 0 .1 0` }), contents(goods, x, y - 12)];
}

/** One of the symbols, with its origin at x and y; `goods` are seen in it, a ticket has a `number`. */
function symbol(name, x, y, size = 1, goods = [], number = "№") {
  const parts = Object.entries(SYMBOLS[name]).filter(([part]) => part !== "handle" || !goods.length);
  return svg("g", { class: `symbol is-${name}`, transform: `translate(${x} ${y}) scale(${size})` },
    parts.map(([part, d]) => svg("path", { class: part, d })), name === "ticket" ? svg("text", { x: 20, y: 14 }, number) : contents(goods, name === "parcel" ? 19 : 0, 7));
}

/** Goods of the first kinds, beside each other. */
function contents(goods, x, y) {
  const kinds = [...new Set(goods.map((text) => Object.keys(GOODS_PATHS).find((word) => text.toLowerCase().includes(word))))].slice(0, MOST_KINDS);
  const [first, size] = [x - 9 * (kinds.length - 1), kinds.length > 1 ? 0.75 : 1];
  return kinds.map((kind, n) => svg("path", { class: "goods", "data-goods": kind, d: GOODS_PATHS[kind], transform: `translate(${first + 18 * n} ${y}) scale(${size})` }));
}

/** A customer. */
export function customer() {
  return svg("svg", { class: "person", viewBox: "-20 -20 40 52", "aria-hidden": "true" }, symbol("person", 0, 0));
}

/** A representative, and the chair that stays when they have put on a coat and left. */
export function clerk(name) {
  return svg("svg", { class: "clerk", viewBox: "0 0 64 62", "aria-hidden": "true" },
    svg("path", { class: "chair", d: CHAIR }),
    svg("g", { class: "goes" }, symbol("person", 32, 30),
      svg("g", { class: "coat" }, svg("path", { d: "M13 61q0-38 19-38t19 38zM32 23v38M25 25l7 12l7-12" }), svg("path", { d: "M20 20h24M24 20v-6q8-6 16 0v6" })),
      svg("text", { class: "name", x: 32, y: 57 }, name)));
}

/** The door by which a representative leaves: it opens. */
export function door() {
  return svg("svg", { class: "door", viewBox: "0 0 40 64", "aria-hidden": "true" },
    svg("path", { class: "opening", d: "M4 62V4h32v58" }), svg("g", { class: "leaf" }, svg("path", { d: "M4 62V4h32v58z" }), svg("circle", { cx: 30, cy: 35, r: 2.5 })));
}

/** Mallory, who keeps copies: a hat, a mask. */
export function masked(attributes = { class: "person thief", "aria-hidden": "true" }) {
  return svg("svg", { viewBox: "0 0 20 20", ...attributes },
    svg("circle", { cx: 10, cy: 7.5, r: 4 }), svg("path", { d: "M2 20c0-9 16-9 16 0z" }),
    svg("path", { class: "hat", d: "M3 5h14M6 5l1-4h6l1 4M6.5 8h7" }));
}

/** What is carried, small enough to travel: "ticket" (with what its `id` begins with), "parcel" (with its `goods` seen through it), "form", "key"; "name" is but said. */
export function carried(what, id, goods = "") {
  if (what === "name") return id ? h("span", { class: "said" }, `“I'm ${id}”`) : null;
  return svg("svg", { class: "carried", viewBox: BOXES[what], "aria-hidden": "true" }, symbol(what, 0, 0, 1, what === "parcel" ? goods.split(", ") : [], id ? `${id.slice(0, 3)}…` : "№"));
}
