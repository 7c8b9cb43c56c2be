/**
 * Facts of a window's own requests since an act began: pure, so that the same events always give
 * the same facts. tests/unit/lesson_rules.py has the same names.
 */

import { isCached } from "./looks.js";
import { DESKS, KNOWN_FATES, SAFE_METHODS, UNANSWERED } from "./words.js";

const COMPARISON = /^(>=|>|<)([0-9]+)$/;
const RANGE = /^([0-9]+)\.\.([0-9]+)$/;
const HOLE = /\{\{|\}\}|\{([^{}]*)\}/g;

/**
 * The facts of both desks, {"stateful.kept": 1, …}, from what happened after event `since` to the
 * customer `who`, and to the lesson's `second` and `third` one (`second_got`: how often that was shown this one's cart). Numbers are counts, bytes, or an HTTP status (0: no answer); null: not asked.
 */
export function facts(scene, since, who, second, third) {
  const own = (event) => event.id > since && event.who === who;
  const changed = scene.faults.find(({ id, target }) => id > since && target === "prices");
  const named = {};
  for (const desk of DESKS) {
    const here = (event) => event.desk === desk && own(event) && !event.underway;
    const exchanges = [...scene.exchanges.values()].filter(here).sort((a, b) => a.id - b.id);
    const faults = scene.faults.filter((event) => event.id > since && event.desk === desk);
    const of = (whom) => [...scene.exchanges.values()].filter((event) => event.desk === desk && event.id > since && !event.underway && event.who === whom).sort((a, b) => a.id - b.id);
    const [seconds, lost] = [of(second), (whom) => Number(isLost(fateOf(of(whom))))];
    const found = { ...atDesk(exchanges, scene.requests.filter(here), faults), sessions: scene.most[desk] ?? 0, second_lost: lost(second), third_lost: lost(third), all_lost: [who, second, third].reduce((sum, each) => sum + lost(each), 0), saved: [who, second, third].flatMap(of).filter((each) => each.path === "/api/products" && isCached(each)).length, ...shownTo(exchanges, seconds), ...pricesOf(exchanges.filter(({ status }) => status < 300), changed?.id) };
    for (const [name, value] of Object.entries(found)) named[`${desk}.${name}`] = value;
  }
  return named;
}

function atDesk(exchanges, requests, faults) {
  const count = (test) => exchanges.filter(test).length;
  const status = (exchange) => exchange.status ?? 0;
  const isRefused = (exchange) => status(exchange) >= 400 && status(exchange) < 500;
  const good = (exchange) => status(exchange) >= 200 && status(exchange) < 300;
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const fate = fateOf(exchanges);
  const path = (exchange) => exchange.path.split("?")[0];
  return {
    fate,
    kept: Number(fate === "kept"),
    lost: Number(isLost(fate)),
    answered: count((each) => !UNANSWERED.includes(status(each))),
    refused: count(isRefused),
    unanswered: count((each) => UNANSWERED.includes(status(each))),
    failed: count((each) => each.outcome === "failed" && !isRefused(each)),
    unknown: count((each) => each.outcome === "unknown"), // a change that may have been made
    status: exchanges.length ? status(exchanges.at(-1)) : null,
    replicas: new Set(exchanges.map((each) => each.served_by).filter(Boolean)).size,
    requests: exchanges.length,
    looks: count(isLook),
    bytes_out_mean: Math.floor(sum(exchanges.map((each) => each.bytes_sent)) / (exchanges.length || 1)),
    store_operations: sum(requests.map((each) => each.store_operations ?? 0)),
    orders: count((each) => path(each) === "/api/checkout" && status(each) === 201),
    acknowledged: count((each) => !SAFE_METHODS.includes(each.method) && good(each)),
    useful: new Set(exchanges.filter(good).map((each) => each.served_by).filter(Boolean)).size,
    copies: count((each) => each.aside && good(each)),
    resold: count((each) => each.aside && path(each) === "/api/checkout" && good(each)),
    grown: grownBy(exchanges.filter((each) => isLook(each) && good(each) && !each.aside)),
    kills: faults.filter((each) => each.fault === "kill" && each.confirmed).length,
  };
}

/** How many carts and orders came after the shop's prices had changed, and had the price from before. */
function pricesOf(exchanges, changed) {
  const before = {};
  const found = { priced: 0, old_price: 0 };
  for (const { id, response } of exchanges) {
    const { lines = [] } = response?.body?.cart ?? response?.body?.order ?? {};
    if (!(id > changed)) for (const { sku, unit_price_cents: cents } of lines) before[sku] = cents;
    const known = id > changed ? lines.filter(({ sku }) => sku in before) : [];
    found.priced += Number(known.length > 0);
    found.old_price += Number(known.some(({ sku, unit_price_cents: cents }) => cents === before[sku]));
  }
  return found;
}

/** By how many bytes the last look's request was longer than the first's. */
function grownBy(looks) {
  return looks.length ? looks.at(-1).bytes_sent - looks[0].bytes_sent : 0;
}

/** Carts that were shown to this customer and to the second one, and how many were not theirs. */
function shownTo(exchanges, others) {
  const [mine, seconds] = [exchanges, others].map((own) => own.filter((each) => isLook(each) && each.status === 200));
  const [me, second] = [exchanges, others].map(userOf);
  const isStrange = (each, user) => user !== undefined && each.response?.body?.user?.user_id !== user;
  const wrong = (own, user) => own.filter((each) => isLost(each.fate) || isStrange(each, user)).length;
  return {
    shown: mine.length + seconds.length,
    shown_wrong: wrong(mine, me) + wrong(seconds, second),
    second_got: seconds.filter((each) => me !== undefined && me !== second && each.response?.body?.user?.user_id === me).length,
  };
}

/** True of a request that shows a cart. */
export function isLook({ method, path }) {
  return method === "GET" && path.split("?")[0] === "/api/cart";
}

/** The user id that the shop knows a customer by, from the last login. */
function userOf(exchanges) {
  const login = exchanges.findLast(({ path, status }) => path === "/api/login" && status === 200);
  return login?.response?.body?.user?.user_id;
}

/** What the last read of the cart has shown of it. */
function fateOf(exchanges) {
  const fates = exchanges.map((each) => each.fate).filter(Boolean);
  return fates.findLast((each) => KNOWN_FATES.includes(each)) ?? fates.at(-1) ?? null;
}

function isLost(fate) {
  return KNOWN_FATES.includes(fate) && fate !== "kept";
}

/** True if every condition holds: {"stateful.kept": 1, "stateless.refused": ">0"}. */
export function matches(when, found) {
  return Object.entries(when).every(([name, wanted]) => holds(wanted, known(found, name)));
}

/** The index of the choice that came true, or null if none has conditions or fits. */
export function borneOut(choices, found) {
  const at = choices.findIndex(({ when }) => when && matches(when, found));
  return at < 0 ? null : at;
}

/** Fill the template with facts: "{stateful.kept} kept" → "1 kept". */
export function fill(template, found) {
  return template.replace(HOLE, (hole, name) => (
    name === undefined ? hole[0] : inWords(name, known(found, name))));
}

function holds(wanted, value) {
  const [, least, most] = RANGE.exec(wanted) ?? [];
  if (least) return value !== null && value >= Number(least) && value <= Number(most);
  const [, sign, text] = COMPARISON.exec(wanted) ?? [];
  if (!sign) return value === wanted;
  if (value === null) return false;
  const limit = Number(text);
  return { ">=": value >= limit, ">": value > limit, "<": value < limit }[sign];
}

function known(found, name) {
  if (!Object.hasOwn(found, name)) throw new Error(`There is no fact ${name}.`);
  return found[name];
}

function inWords(name, value) {
  if (value === null) return "not asked";
  if (name.endsWith(".status")) return value ? String(value) : "no answer";
  return typeof value === "number" ? value.toLocaleString("en") : String(value);
}
