/**
 * What a window's customers have done to both desks since the stage began: the facts that
 * challenges are judged by. Pure.
 */

import { isLook } from "./facts.js";
import { DESKS, FAULTS, KNOWN_FATES, SAFE_METHODS } from "./words.js";

const HARMS = Object.keys(FAULTS).filter((kind) => FAULTS[kind].applies_to.includes("up"));

/** {"stateful.john_lost": 1, …, "sold_twice": 0} of the customers John (`me`) and Bob (`second`; null: not here). */
export function deeds(scene, me, second) {
  const all = [...scene.exchanges.values()].sort((a, b) => a.id - b.id);
  const of = (desk, one) => all.filter((each) => each.desk === desk && each.who === one?.who && !each.underway);
  const deaths = scene.faults.filter((each) => each.fault === "kill" && each.target === "store" && each.confirmed);
  const named = { sold_twice: 0, handed_over: 0, store_kept: 0, store_unkept: 0 };
  for (const desk of DESKS) {
    const [john, bob] = [of(desk, me), of(desk, second)];
    const faults = harmsAt(scene.faults, desk);
    const after = (own, which = faults) => which.map((fault) => outcomeOf(own, fault, scene.stack?.desks[desk] ?? [])).filter(Boolean);
    const [johns, bobs] = [after(john), after(bob)];
    const count = (test) => [...johns, ...bobs].filter(test).length;
    const found = {
      faults: faults.length,
      john_lost: johns.filter(({ fate }) => fate === "lost").length,
      lost: count(({ fate }) => fate === "lost"),
      open: count(({ fate }) => fate === "open"),
      hit: count(({ hit }) => hit),
      carts: Number(johns.length > 0) + Number(bobs.length > 0),
      unled: [...john, ...bob].filter(({ id }) => affinityAt(scene, desk, id) !== "cookie").length,
    };
    for (const [name, value] of Object.entries(found)) named[`${desk}.${name}`] = value;
    named.sold_twice += [john, bob].reduce((sum, own) => sum + oversold(own), 0);
    named.handed_over += bob.filter((each) => isLook(each) && !each.aside && each.status === 200 && isCartOf(me, each)).length;
    for (const { fate } of [...after(john, deaths), ...after(bob, deaths)]) named[fate === "kept" ? "store_kept" : "store_unkept"] += 1;
  }
  return named;
}

/** Faults at a desk, or of its store; the restart of what was dead mends, and is not one. */
function harmsAt(faults, desk) {
  const here = faults.filter((each) => HARMS.includes(each.fault) && (each.desk === desk || (each.target === "store" && desk === "stateful")));
  return here.filter(({ fault, target }, n) => fault !== "restart" || here.slice(0, n).findLast((each) => each.target === target)?.fault !== "kill");
}

/**
 * What became of a customer's cart through a fault: {fate: "kept", "lost", or "open" while that is
 * not known, hit: did its server end?}. Null where there was no cart.
 */
function outcomeOf(own, fault, servers) {
  const written = own.findLast((each) => isWrite(each) && each.id < fault.id);
  if (!(written?.response?.body?.cart?.item_count > 0)) return null;
  const next = own.find((each) => isWrite(each) && each.id > fault.id)?.id ?? Infinity;
  const looks = own.filter((each) => isLook(each) && KNOWN_FATES.includes(each.fate) && each.id > fault.id && each.id < next);
  const asked = looks.map((each) => each.served_by);
  const everywhere = asked.length > 0 && servers.every(({ name, state }) => state === "dead" || asked.includes(name));
  const kept = looks.some(({ fate }) => fate === "kept");
  return { fate: kept ? "kept" : everywhere ? "lost" : "open", hit: fault.target === written.served_by };
}

/** The balancer's affinity when event `id` came. */
function affinityAt({ faults, stack }, desk, id) {
  const turns = faults.filter(({ kind, target }) => kind === "setting" && target === "affinity");
  return turns.findLast((each) => each.id < id)?.evidence.value ?? turns[0]?.evidence.was ?? stack?.settings[desk].affinity;
}

/** Laptops that were ordered and had not been put into the cart. */
function oversold(own) {
  const laptops = (lines) => (lines ?? []).filter(({ sku }) => sku === "laptop").reduce((sum, { quantity }) => sum + quantity, 0);
  const sum = (which, count) => own.filter(which).reduce((total, each) => total + count(each), 0);
  const put = sum((each) => !each.aside && isWrite(each) && /^\/api\/cart\/items\b/.test(each.path) && each.method !== "DELETE",
    ({ request, path }) => (path.endsWith("/laptop") || request?.body?.sku === "laptop" ? request.body.quantity : 0));
  const sold = sum((each) => each.path === "/api/checkout" && each.status === 201, ({ response }) => laptops(response?.body?.order?.lines));
  return Math.max(0, sold - put);
}

function isCartOf(one, { response }) {
  return one !== null && response?.body?.user?.user_id === one?.user_id && response.body.cart?.item_count > 0;
}

function isWrite({ method, status, aside }) {
  return !aside && !SAFE_METHODS.includes(method) && status >= 200 && status < 300;
}
