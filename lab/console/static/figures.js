/** The drawings of the page, in one style: few shapes, each with an outline, no colour that decides. */

import { svg } from "./dom.js";

const NAMES = "ABCDEFGH";
const WIDE = 330; // of one desk's counter
const APART = 40;

/** Both desks as they stand before anything runs: people behind a counter, John before it. */
export function deskPicture({ servers = 3, store = "memory" } = {}, thief = "") {
  return svg("svg", { class: "desks-picture", viewBox: `0 0 ${2 * WIDE + APART} 190`, focusable: "false" },
    counter(0, "stateful", servers, store, thief), counter(WIDE + APART, "stateless", servers, "token", thief));
}

function counter(x, desk, servers, store, thief) {
  const step = WIDE / (servers + 1);
  const people = Array.from({ length: servers }, (_, n) => representative(step * (n + 1), NAMES[n], store === "memory"));
  return svg("g", { class: "counter", "data-desk": desk, transform: `translate(${x} 0)` },
    people,
    svg("rect", { class: "wood", x: 8, y: 96, width: WIDE - 16, height: 34, rx: 5 }),
    svg("text", { class: "sign", x: WIDE / 2, y: 119 }, `${desk} desk`),
    store !== "memory" && store !== "token" && book(WIDE - 42, 62),
    person(WIDE / 2 - 8, 150, 1),
    thief && [masked({ class: "thief", x: WIDE - 72, y: 132, width: 40, height: 40 }), svg("text", { x: WIDE - 52, y: 187 }, thief)],
    desk === "stateful" ? ticket(WIDE / 2 + 20, 152) : parcel(WIDE / 2 + 20, 148));
}

/** Somebody behind the counter, with a name, and a thought if they remember. */
function representative(x, name, remembers) {
  return svg("g", {},
    remembers && svg("path", { class: "thought", d: `M${x - 20} 26c-9-16 10-26 20-18c9-9 30-1 21 14c4 12-14 15-21 9c-6 6-20 5-20-5zm9 17a3 3 0 1 0 .1 0` }),
    person(x, 62, 1.05), svg("text", { class: "name", x, y: 91 }, name));
}

/** Head and shoulders. */
export function person(x, y, size = 1) {
  return svg("g", { class: "figure", transform: `translate(${x} ${y}) scale(${size})` },
    svg("circle", { cx: 0, cy: -8, r: 9 }), svg("path", { d: "M-17 30c0-38 34-38 34 0z" }));
}

/** A representative behind the desk; an empty chair once they have left. */
export function clerk(name) {
  return svg("svg", { class: "clerk", viewBox: "0 0 64 62", "aria-hidden": "true" },
    svg("path", { class: "chair", d: "M18 60V22q0-8 14-8t14 8v38M18 44h28" }),
    person(32, 30, 1), svg("text", { class: "name", x: 32, y: 57 }, name));
}

/** Mallory, who keeps copies: a hat, a mask. */
export function masked(attributes = { class: "person thief", "aria-hidden": "true" }) {
  return svg("svg", { viewBox: "0 0 20 20", ...attributes },
    svg("circle", { cx: 10, cy: 7.5, r: 4 }), svg("path", { d: "M2 20c0-9 16-9 16 0z" }),
    svg("path", { class: "hat", d: "M3 5h14M6 5l1-4h6l1 4M6.5 8h7" }));
}

/** What a request carries, small enough to travel: "ticket" (with what its `id` begins with), "parcel", or nothing. */
export function carried(what, id) {
  if (what === "ticket") return svg("svg", { class: "carried", viewBox: "-1 -1 42 22", "aria-hidden": "true" }, ticket(0, 0, id));
  if (what === "parcel") return svg("svg", { class: "carried", viewBox: "-1 -1 40 28", "aria-hidden": "true" }, parcel());
  return null;
}

/** A cloakroom ticket: a session id, of which the beginning is on it once there is one. */
export function ticket(x = 0, y = 0, id = "") {
  return svg("g", { class: "ticket", transform: `translate(${x} ${y})` },
    svg("path", { d: "M0 0h40v6a4 4 0 0 0 0 8v6H0v-6a4 4 0 0 0 0-8z" }), svg("text", { x: 20, y: 14 }, id ? `${id.slice(0, 3)}…` : "№"));
}

/** A sealed parcel, through which what is in it is seen: a token. */
export function parcel(x = 0, y = 0) {
  return svg("g", { class: "parcel", transform: `translate(${x} ${y})` },
    svg("rect", { width: 38, height: 26, rx: 2 }), laptop(10, 6), svg("circle", { class: "seal-dot", cx: 32, cy: 21, r: 5 }));
}

function laptop(x, y) {
  return svg("path", { class: "laptop", d: `M${x + 2} ${y}h14v9h-14zM${x} ${y + 12}h18` });
}

function book(x, y) {
  return svg("g", { class: "book", transform: `translate(${x} ${y})` },
    svg("path", { d: "M0 0h14a3 3 0 0 1 3 3a3 3 0 0 1 3-3h14v26H20a3 3 0 0 0-3 3a3 3 0 0 0-3-3H0zM17 3v26" }));
}
