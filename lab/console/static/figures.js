/** The drawings of the page, in one style: few shapes, each with an outline, no colour that decides. */

import { svg } from "./dom.js";

const SERVER_NAMES = "ABCDEFGH";
const WIDE = 330; // of one desk
const APART = 40;
const HIGH = 204;
const CHAIR = "M18 60V22q0-8 14-8t14 8v38M18 44h28";

/**
 * Both desks as the question has them: people behind a counter, or servers; John before them. `added` servers come in the
 * middle, a `fresh` one was restarted, and who has `left` is away from the desk. Of a `crowd` [{name, server}] each sticks to
 * a server. `beside`: there may be a store as well.
 */
export function deskPicture({ servers = 3, store = "memory", cache = "off" } = {}, { thief = "", people = false, added = 0, fresh = false, left = "", crowd = [], beside = false } = {}) {
  const desk = (x, name, kept) => svg("g", { class: "counter", "data-desk": name, transform: `translate(${x} 0)` },
    people ? counterOf(servers, kept, left) : racksOf(servers + added, kept, fresh ? 0 : servers, added, beside && kept === "memory"),
    svg("text", people ? { x: WIDE / 2, y: 121 } : { x: 58, y: 190 }, `${name} desk`),
    !people && cache !== "off" && sign(WIDE / 2, 97, "cache"),
    crowd.length ? crowdOf(crowd, servers) : person(WIDE / 2 - 8, 158, 1),
    thief && [masked({ class: "thief", x: WIDE - 76, y: 138, width: 44, height: 44 }), svg("text", { x: WIDE - 54, y: 198 }, thief)],
    !crowd.length && (name === "stateful" ? !people && ticket(WIDE / 2 + 20, 160) : (people ? form : parcel)(WIDE / 2 + 20, 156)));
  return svg("svg", { class: "desks-picture", viewBox: `0 0 ${2 * WIDE + APART} ${HIGH}`, focusable: "false" },
    desk(0, "stateful", store), desk(WIDE + APART, "stateless", "token"));
}

function counterOf(count, kept, left) {
  const step = WIDE / (count + 1);
  return [
    Array.from({ length: count }, (_, n) => {
      const away = SERVER_NAMES[n] === left;
      const [x, y] = away ? [32, 158] : [step * (n + 1), 66];
      return svg("g", {},
        away && svg("path", { class: "chair", d: CHAIR, transform: `translate(${step * (n + 1) - 32} 40)` }),
        kept === "memory" && (away || !left) && thought(away ? x + 48 : x, away ? y - 2 : y - 40, away),
        person(x, y, 1.05), svg("text", { class: "name", x, y: y + 29 }, SERVER_NAMES[n]));
    }),
    svg("rect", { class: "wood", x: 8, y: 100, width: WIDE - 16, height: 30, rx: 5 }),
  ];
}

/** The first `old` servers were there before; of `added` ones it matters that John's cart is in the first. */
function racksOf(count, kept, old, added, beside) {
  const wide = Math.min(78, (WIDE - 20) / count - 12);
  const step = WIDE / (count + 1);
  const shared = kept !== "memory" && kept !== "token";
  const rack = (x, n) => svg("g", {},
    svg("path", { class: "wire", d: `M${WIDE / 2} 118L${x} 84` }),
    svg("rect", { class: n < old ? "rack" : "rack fresh", x: x - wide / 2, y: 8, width: wide, height: 76, rx: 6 }),
    svg("text", { class: n < old ? "name" : "name small", x, y: 34 }, n < old ? SERVER_NAMES[n] : `${SERVER_NAMES[n]} new`),
    kept === "memory" && drawer(x - wide / 2 + 8, 46, wide - 16, 28, added && n < old), kept === "token" && key(x - 15, 52));
  return [
    Array.from({ length: count }, (_, n) => rack(count < 4 ? step * (n + 1) : (wide + 12) * (n + 0.5) + 10, n)),
    svg("rect", { class: "wood", x: WIDE / 2 - 44, y: 110, width: 88, height: 22, rx: 11 }), svg("text", { class: "small", x: WIDE / 2, y: 126 }, "balancer"),
    (shared || beside) && [drawer(WIDE - 84, 104, 72, 30), svg("text", { class: "small", x: WIDE - 48, y: 150 }, beside ? "or a store" : "store")],
  ];
}

/** Customers, each with a line to the server that its cookie names. */
function crowdOf(crowd, servers) {
  return [svg("text", { class: "small sticks", x: WIDE - 28, y: 120 }, "cookies"), crowd.map(({ name, server }, n) => {
    const [x, to] = [WIDE - 60 * (crowd.length - n) + 24, (WIDE / (servers + 1)) * (SERVER_NAMES.indexOf(server) + 1)];
    return svg("g", { class: "crowd" }, svg("path", { class: "cookie", d: `M${x} 146L${to} 84` }), person(x, 158, 0.85), svg("text", { class: "small", x, y: 199 }, name));
  })];
}

function sign(x, y, text) {
  return [svg("rect", { class: "wood", x: x - 28, y: y - 11, width: 56, height: 22, rx: 4 }), svg("text", { class: "small", x, y: y + 5 }, text)];
}

function thought(x, y, full) {
  return [svg("path", { class: "thought", d: `M${x - 20} ${y}c-9-16 10-26 20-18c9-9 30-1 21 14c4 12-14 15-21 9c-6 6-20 5-20-5zm9 17a3 3 0 1 0 .1 0` }),
    full && svg("path", { class: "thought", d: laptop(x, y - 12) })];
}

/** Head and shoulders. */
function person(x, y, size = 1) {
  return svg("g", { class: "figure", transform: `translate(${x} ${y}) scale(${size})` },
    svg("circle", { cx: 0, cy: -8, r: 9 }), svg("path", { d: "M-17 30c0-38 34-38 34 0z" }));
}

/** A customer. */
export function customer() {
  return svg("svg", { class: "person", viewBox: "-20 -20 40 52", "aria-hidden": "true" }, person(0, 0));
}

/** A representative, and the chair that stays when they have put on a coat and left. */
export function clerk(name) {
  return svg("svg", { class: "clerk", viewBox: "0 0 64 62", "aria-hidden": "true" },
    svg("path", { class: "chair", d: CHAIR }),
    svg("g", { class: "goes" }, person(32, 30, 1),
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

/** What is carried, small enough to travel: "ticket" (with what its `id` begins with), "parcel" (with its `goods` seen through it), "form", "key". */
export function carried(what, id, goods) {
  const [box, drawing] = { ticket: ["-1 -1 42 22", ticket], parcel: ["-1 -1 40 28", parcel], form: ["-1 -1 30 28", form], key: ["-1 -1 32 22", key] }[what];
  return svg("svg", { class: "carried", viewBox: box, "aria-hidden": "true" }, drawing(0, 0, what === "parcel" ? goods : id));
}

/** A cloakroom ticket: a number that means something to one drawer only. */
function ticket(x, y, id = "") {
  return svg("g", { class: "ticket", transform: `translate(${x} ${y})` },
    svg("path", { d: "M0 0h40v6a4 4 0 0 0 0 8v6H0v-6a4 4 0 0 0 0-8z" }), svg("text", { x: 20, y: 14 }, id ? `${id.slice(0, 3)}…` : "№"));
}

const GOODS = [["Laptop", "M12 6h14v9h-14zM10 18h18"], ["Pen", "M11 17l3-1l12-11l-2-2l-12 11z"], ["Mouse", "M13 11c0-9 12-9 12 0v4c0 8-12 8-12 0zM19 5v5"], ["empty", ""], ["", "M11 7h16v11h-16zM11 11h16"]];

/** A sealed parcel, through which the first of the goods in it are seen. */
function parcel(x, y, goods = "Laptop") {
  const [, d] = GOODS.find(([name]) => goods.includes(name));
  return svg("g", { class: "parcel", transform: `translate(${x} ${y})` },
    svg("rect", { width: 38, height: 26, rx: 2 }), svg("path", { class: "laptop", d }), seal(32, 21));
}

/** A form that is filled in and signed. */
function form(x, y) {
  return svg("g", { class: "parcel", transform: `translate(${x} ${y})` },
    svg("rect", { width: 28, height: 26, rx: 2 }), svg("path", { class: "laptop", d: "M5 7h18M5 12h18M5 17h9" }), seal(22, 20));
}

function seal(cx, cy) {
  return svg("circle", { class: "seal-dot", cx, cy, r: 5 });
}

function laptop(x, y) {
  return `M${x - 7} ${y}h14v9h-14zM${x - 10} ${y + 13}h20`;
}

function drawer(x, y, wide, high = 28, full = false) {
  return svg("g", { class: "chest", transform: `translate(${x} ${y})` },
    svg("rect", { width: wide, height: high, rx: 3 }), svg("path", { d: full ? laptop(wide / 2, 7) : `M${wide / 2 - 9} ${high / 2}h18` }));
}

function key(x, y) {
  return svg("g", { class: "key", transform: `translate(${x} ${y})` }, svg("path", { d: "M16 10H29V15M24 10v4" }), svg("circle", { cx: 9, cy: 10, r: 6 }));
}
