/**
 * Where each customer's cart is now, and what became of it: pure, from a scene alone.
 *
 * A cart is where the last acknowledged write put it. It is gone when the process that held it
 * is, and it is kept or lost when a read after that says so; nothing here is a guess.
 */

import { FAULTS, SAFE_METHODS } from "./words.js";

const MOST_LINES = 2;

/**
 * The carts at one desk, oldest customer first: Map of customer → {who, name, goods ("1 × Laptop"),
 * owed (was a cart acknowledged?), place ("server", "store", "hand"), server, instance, gone,
 * fate ("open", "kept", "lost", "doubt"), sign, word, credential, op (of the write)}.
 */
export function cartsOf(scene, desk) {
  const visits = new Map();
  for (const event of happened(scene, desk)) {
    if (event.kind === "fault") shake(visits, event);
    else if (!event.aside) note(visits, event, storeAt(scene, desk, event.id));
  }
  for (const visit of visits.values()) finish(visit, scene.stack?.desks?.[desk] ?? null);
  return visits;
}

/** Who is named and who is only counted: the favourites first, else whoever acted last. */
export function cast(visits, favourites, most = 2) {
  const mine = favourites.filter((who) => visits.has(who));
  const latest = [...visits.values()].sort((a, b) => b.at - a.at).map(({ who }) => who);
  const names = (mine.length ? mine : latest).slice(0, most);
  return {
    named: names.map((who) => visits.get(who)),
    others: [...visits.values()].filter(({ who }) => !names.includes(who)),
  };
}

/** "+ 3 more", "+ 4, all lost ✕", "+ 3: 2 kept ✓, 1 lost ✕", or "" where there is nobody. */
export function tally(others) {
  const all = others.length;
  const count = (sign, word) => [others.filter((each) => each.sign === sign).length, `${word} ${sign}`];
  const told = [count("✓", "kept"), count("✕", "lost")].filter(([some]) => some);
  if (!all || !told.length) return all ? `+ ${all} more` : "";
  if (told[0][0] === all) return `+ ${all}, all ${told[0][1]}`;
  return `+ ${all}: ${told.map(([some, word]) => `${some} ${word}`).join(", ")}`;
}

/** What lies in a cart, in a few words. */
export function goodsOf(cart) {
  const lines = cart?.lines ?? [];
  if (!lines.length) return "empty cart";
  const shown = lines.length > MOST_LINES ? lines.slice(0, 1) : lines;
  const words = shown.map((line) => `${line.quantity} × ${line.name ?? line.sku}`);
  const left = lines.length - shown.length;
  return words.join(", ") + (left ? ` and ${left} more` : "");
}

/** The credential an exchange showed, shortened: {kind: "session id" or "token", text}, or null. */
export function credentialOf({ request, response }) {
  const token = response?.body?.token ?? header(request, "authorization")?.replace(/^\S+\s+/, "");
  if (token) return { kind: "token", text: beginning(token) };
  const cookies = [header(response, "set-cookie"), header(request, "cookie")];
  const found = cookies.map((each) => /desk_session=([^;,\s]+)/.exec(each ?? "")?.[1]).find(Boolean);
  return found ? { kind: "session id", text: beginning(found) } : null;
}

/** Exchanges and faults of a desk in the order in which they happened. */
function happened(scene, desk) {
  const exchanges = [...scene.exchanges.values()].filter((event) => event.desk === desk);
  const faults = scene.faults.filter((event) => event.desk === desk || !event.desk);
  return [...exchanges, ...faults].sort((a, b) => a.id - b.id);
}

/** Where the desk kept its carts when event `id` happened: "memory", "file", "redis…", "token". */
function storeAt(scene, desk, id) {
  const now = scene.stack?.knobs?.[desk]?.store ?? (desk === "stateless" ? "token" : "memory");
  if (now === "token") return now;
  const changes = scene.faults.filter((each) => each.fault === "knob" && each.target === "store");
  const before = changes.filter((each) => each.id < id).at(-1);
  const after = changes.find((each) => each.id > id);
  if (before) return before.stack?.knobs?.[desk]?.store ?? now;
  if (after) return after.evidence?.was ?? (after.evidence?.value === "memory" ? "file" : "memory");
  return now;
}

function note(visits, exchange, store) {
  const who = exchange.who || exchange.customer;
  if (!visits.has(who)) visits.set(who, { who, name: exchange.customer, owed: false, goods: "", fate: "open" });
  const visit = visits.get(who);
  const ok = exchange.status >= 200 && exchange.status < 300;
  visit.at = exchange.id;
  if (SAFE_METHODS.includes(exchange.method)) read(visit, exchange, store);
  else if (ok) write(visit, exchange, store);
  else if (exchange.outcome === "unknown") visit.fate = "doubt";
}

function write(visit, exchange, store) {
  const path = exchange.path.split("?")[0];
  const cart = exchange.response?.body?.cart;
  if (path === "/api/logout") Object.assign(visit, { owed: false, credential: null, fate: "open" });
  else if (cart || path === "/api/checkout") put(visit, exchange, store, cart);
}

/** A read tells what became of the cart; it moves nothing. */
function read(visit, exchange, store) {
  const { fate, status, served_by, response } = exchange;
  if (!fate || fate === "unknown") return; // nobody answered: that tells nothing
  // Its write is too long ago to be in the scene: then the read is what shows the cart.
  if (fate === "kept" && !visit.owed) put(visit, exchange, store, response?.body?.cart);
  visit.fate = fate === "kept" ? "kept" : "lost";
  visit.told = fate;
  visit.reader = `${served_by || "the balancer"} answered ${status}`;
  if (status === 200) visit.reader = `shown ${goodsOf(response?.body?.cart)}`;
}

function put(visit, exchange, store, cart) {
  visit.name = exchange.response?.body?.user?.name ?? visit.name;
  visit.credential = credentialOf(exchange) ?? visit.credential;
  Object.assign(visit, home(exchange, store), { owed: true, goods: goodsOf(cart), fate: "open", gone: "", op: exchange.op });
}

function home({ served_by, instance }, store) {
  if (store === "token") return { place: "hand", server: "", instance: "" };
  if (store === "memory") return { place: "server", server: served_by, instance };
  return { place: "store", server: "", instance: "" };
}

/**
 * After a fault only a new read counts, and what was found lost stays lost, as on the scoreboard;
 * and some faults end the process that held the cart.
 */
function shake(visits, { fault, target, confirmed, evidence }) {
  for (const visit of visits.values()) {
    if (visit.fate !== "lost") visit.fate = "open";
    if (confirmed === false) continue;
    const wasIts = [evidence?.instance, evidence?.was].includes(visit.instance) || !evidence?.instance;
    const server = visit.place === "server" && visit.server === target && wasIts;
    if (server && FAULTS[fault]?.ends_process) visit.gone = "gone with its process";
    if (visit.place === "store" && takesTheStore(fault, target)) visit.gone = "gone with the store";
  }
}

/** A store that is ended or begun anew has forgotten; another one never knew. */
function takesTheStore(fault, target) {
  return target === "store" && (fault === "knob" || FAULTS[fault]?.ends_process);
}

/** What the servers themselves show now: another process cannot remember. Then the words. */
function finish(visit, servers) {
  if (visit.owed && visit.place === "server" && servers) {
    const server = servers.find(({ name }) => name === visit.server);
    const another = server?.instance && visit.instance && server.instance !== visit.instance;
    if (!server || server.state === "dead" || another) visit.gone = "gone with its process";
  }
  // Whether a write arrived in a process that is gone makes no difference any more.
  if (!visit.owed || (visit.gone && visit.fate === "doubt")) visit.fate = "open";
  const { fate } = visit;
  const said = { kept: "kept", doubt: "nobody can say", lost: visit.told ?? "lost", open: "" }[fate];
  visit.sign = { kept: "✓", doubt: "?", lost: "✕", open: visit.gone ? "✕" : "" }[fate];
  visit.word = fate === "open" && visit.gone ? visit.gone : said;
  if (fate === "lost") visit.word = visit.gone ? visit.gone.replace("gone", said) : `${said}: ${visit.reader}`;
}

function header(message, name) {
  const headers = Object.entries(message?.headers ?? {});
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The first characters only; what was kept is shortened already. */
function beginning(secret) {
  return `${secret.split("…")[0].slice(0, 6)}…`;
}
