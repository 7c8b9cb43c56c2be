/**
 * Where each customer's cart is now, and its fate: a pure function of a scene.
 *
 * A cart is where the last acknowledged write put it. It is gone when the process that held it
 * is, and kept if a later read shows it. A read that does not show it says only that; the cart is
 * lost where its holder itself does not have it any more.
 */

import { header, isCached } from "./looks.js";
import { FATE_SIGNS, FAULTS, SAFE_METHODS } from "./words.js";

const MOST_LINES = 2;

/**
 * The carts at one desk, oldest customer first: Map of customer → {who, name, goods ("1 × Laptop"), owed (is there a cart to draw?),
 * acknowledged (of a change, not a login's), place ("server", "store", "hand"), server, instance, gone, strange ("Ann's cart", shown last),
 * sticks (the server that the balancer chose last), fate ("open", "kept", "unshown", "lost", "doubt"), sign, word, credential,
 * left (logged out), op (of the write), cause (the request that made it so)}.
 */
export function cartsOf(scene, desk) {
  const customers = new Map();
  const settings = scene.stack?.settings?.[desk];
  const priced = settings?.store === "token" && Boolean(settings.changed?.token); // what is kept has prices in it
  for (const event of happened(scene, desk)) {
    if (event.kind === "fault" || event.kind === "setting") shake(customers, event);
    else if (!event.aside) note(customers, event, storeAt(scene, desk, event.id), priced);
  }
  for (const customer of customers.values()) finish(customer, scene.stack?.desks?.[desk] ?? null);
  return customers;
}

/** Which customers are named and which only counted: favourites, else the latest, are named. */
export function cast(customers, favourites, most = 3) {
  const mine = favourites.filter((who) => customers.has(who));
  const latest = [...customers.values()].sort((a, b) => b.at - a.at).map(({ who }) => who);
  const names = (mine.length ? mine : latest).slice(0, most);
  return {
    named: names.map((who) => customers.get(who)),
    others: [...customers.values()].filter(({ who }) => !names.includes(who)),
  };
}

/** "+ 3 more", "+ 4, all lost ✕", "+ 3: 2 kept ✓, 1 lost ✕", or "" for no customers. */
export function tally(others) {
  const all = others.length;
  const count = (sign, word) => [others.filter((each) => each.sign === sign).length, `${word} ${sign}`];
  const { kept, unshown, lost } = FATE_SIGNS;
  const counts = [count(kept, "kept"), count(unshown, "not shown"), count(lost, "lost")].filter(([some]) => some);
  if (!all || !counts.length) return all ? `+ ${all} more` : "";
  if (counts[0][0] === all) return `+ ${all}, all ${counts[0][1]}`;
  return `+ ${all}: ${counts.map(([some, word]) => `${some} ${word}`).join(", ")}`;
}

/** The content of a cart in a few words, or `priced`. */
export function goodsOf(cart, priced = false) {
  const lines = cart?.lines ?? [];
  if (!lines.length) return "empty cart";
  const shown = lines.length > MOST_LINES ? lines.slice(0, 1) : lines;
  const price = ({ unit_price_cents: cents }) => (priced ? ` at ${(cents / 100).toLocaleString("en")}` : "");
  const words = shown.map((line) => `${line.quantity} × ${line.name ?? line.sku}${price(line)}`);
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
  const now = scene.stack?.settings?.[desk]?.store ?? (desk === "stateless" ? "token" : "memory");
  if (now === "token") return now;
  const changes = scene.faults.filter((each) => each.kind === "setting" && each.target === "store");
  const before = changes.filter((each) => each.id < id).at(-1);
  const after = changes.find((each) => each.id > id);
  if (before) return before.stack?.settings?.[desk]?.store ?? now;
  if (after) return after.evidence?.was ?? (after.evidence?.value === "memory" ? "file" : "memory");
  return now;
}

function note(customers, exchange, store, priced) {
  const who = exchange.who || exchange.customer;
  if (!customers.has(who)) customers.set(who, { who, name: exchange.customer, owed: false, goods: "", fate: "open" });
  const customer = customers.get(who);
  customer.priced = priced;
  const ok = exchange.status >= 200 && exchange.status < 300;
  customer.at = exchange.id;
  if (!exchange.target && exchange.served_by && !isCached(exchange)) customer.sticks = exchange.served_by;
  if (exchange.underway && (store === "token" || isCached(exchange))) return; // no server has it in hand: it shows when it is back
  if (SAFE_METHODS.includes(exchange.method)) read(customer, exchange, store);
  else if (ok) write(customer, exchange, store);
  else if (exchange.outcome === "unknown") customer.fate = "doubt";
}

function write(customer, exchange, store) {
  const path = exchange.path.split("?")[0];
  const cart = exchange.response?.body?.cart;
  if (path === "/api/logout") Object.assign(customer, { owed: false, credential: null, left: true, fate: "open" });
  else if (cart || path === "/api/checkout") put(customer, exchange, store, cart);
  if (path === "/api/login") Object.assign(customer, { acknowledged: false, left: false }); // no change yet: nothing can be lost
}

/** A read shows the fate of the cart; it does not move it. */
function read(customer, exchange, store) {
  const { fate, status, response } = exchange;
  if (exchange.path.startsWith("/api/cart")) customer.strange = exchange.shows;
  if (!fate || fate === "unknown") return; // without an answer nothing is known
  // The scene no longer has the write, so this read is the first to show the cart.
  if (fate === "kept" && !customer.owed) put(customer, exchange, store, response?.body?.cart);
  customer.fate = fate === "kept" ? "kept" : isHolder(customer, exchange) ? "lost" : "unshown";
  customer.finding = fate;
  if (customer.priced && fate === "kept") customer.goods = goodsOf(response?.body?.cart, true);
  customer.cause = exchange.op;
  const server = isCached(exchange) ? "the cache" : exchange.served_by || "the balancer";
  customer.reader = status === 200 ? `shown ${goodsOf(response?.body?.cart, customer.priced)}` : `${server} answered ${status}`;
  customer.unshown = status === 200
    ? `${server} showed ${goodsOf(response?.body?.cart)} instead`
    : `${server} did not ${store === "token" ? "accept" : "find"} it (${status})`;
}

/** True if the answer is from what holds the cart: if that does not have it, nothing else has. */
function isHolder({ place, instance }, exchange) {
  if (isCached(exchange) || !exchange.served_by) return false;
  if (place === "server") return exchange.instance === instance;
  return place === "store" || exchange.status === 200; // a refused token is still the customer's
}

function put(customer, exchange, store, cart) {
  customer.name = exchange.response?.body?.user?.name ?? customer.name;
  if (!exchange.underway) customer.credential = credentialOf(exchange) ?? customer.credential;
  Object.assign(customer, home(exchange, store), { owed: true, acknowledged: true, goods: goodsOf(cart, customer.priced), fate: "open", gone: "", op: exchange.op, cause: exchange.op });
}

function home({ served_by, instance }, store) {
  if (store === "token") return { place: "hand", server: "", instance: "" };
  if (store === "memory") return { place: "server", server: served_by, instance };
  return { place: "store", server: "", instance: "" };
}

/**
 * After a fault only a new read counts; a cart that was found lost stays lost, as in the score.
 * Some faults end the process that held the cart.
 */
function shake(customers, { kind, fault, target, confirmed, evidence }) {
  for (const customer of customers.values()) {
    if (customer.fate !== "lost") customer.fate = "open";
    if (confirmed === false) continue;
    const wasIts = [evidence?.instance, evidence?.was].includes(customer.instance) || !evidence?.instance;
    const server = customer.place === "server" && customer.server === target && wasIts;
    if (server && FAULTS[fault]?.ends_process) customer.gone = "gone with its process";
    if (customer.place === "store" && takesTheStore(kind, fault, target)) customer.gone = "gone with the store";
  }
}

/** A store that is ended or begun anew has forgotten; another one never knew. */
function takesTheStore(kind, fault, target) {
  return target === "store" && (kind === "setting" || FAULTS[fault]?.ends_process);
}

/** Compare with the servers now: another process cannot have the cart. Then choose the words. */
function finish(customer, servers) {
  if (customer.owed && customer.place === "server" && servers) {
    const server = servers.find(({ name }) => name === customer.server);
    const another = server?.instance && customer.instance && server.instance !== customer.instance;
    if (!server || server.state === "dead" || another) customer.gone = "gone with its process";
  }
  if (customer.gone && !customer.acknowledged) Object.assign(customer, { owed: false, gone: "" });
  // In a process that is gone, it no longer matters whether the write arrived.
  if (!customer.owed || (customer.gone && customer.fate === "doubt")) customer.fate = "open";
  if (customer.gone && customer.fate === "unshown") customer.fate = "lost";
  const { fate } = customer;
  const said = { kept: "kept", doubt: "unknown", unshown: customer.unshown, lost: customer.finding ?? "lost", open: "" }[fate];
  customer.sign = { ...FATE_SIGNS, doubt: FATE_SIGNS.unknown, open: customer.gone ? FATE_SIGNS.lost : "" }[fate];
  customer.word = fate === "open" && customer.gone ? customer.gone : said;
  if (fate === "lost") customer.word = customer.gone || `${said}: ${customer.reader}`;
}

/** The first characters only; kept runs have it shortened already. */
function beginning(secret) {
  return `${secret.split("…")[0].slice(0, 6)}…`;
}
