/** This window's customer, and two more if a lesson needs them. */

import { post, Refused } from "./api.js";
import { recall, remember, WINDOW } from "./kept.js";
import { set, state } from "./state.js";

export const CUSTOMERS = { me: "John", second: "Bob", third: "Carol" };
const coming = {};

/** Enter, or come back after a reload: the window keeps the customer's key. */
export function come(as = "me") {
  coming[as] ??= enter(as).finally(() => delete coming[as]);
  return coming[as];
}

/** Enter under another name, as a new customer. */
export async function rename(name) {
  const customer = await post("/lab/customer", { name });
  keep("me", { ...customer, credentials: null });
}

/** This window's customers belong to another stage. Those of the room's come back when it does. */
export function enterAnew() {
  set({ me: null, second: null, third: null });
}

/** Do something at the desks: act({do: "add", sku: "pen", quantity: 2}). Returns {ops}. */
export function act(order, as) {
  return send("/lab/act", order, as);
}

/** Do a step of a script: doStep({script: "the-crash/0", step: 2, settings: {}}). Returns {id, ops}. */
export function doStep(step, as) {
  return send("/lab/step", step, as);
}

async function send(path, order, as = "me", again = true) {
  const customer = state[as] ?? (await come(as));
  const { begun } = state.scene;
  const stillHere = () => state[as]?.id === customer.id; // or this window has a new customer by now
  try {
    const { credentials, ...done } = await post(path, { ...order, customer: customer.id });
    // Credentials of an earlier stage are not valid on the new one.
    if (stillHere() && state.scene.begun === begun) {
      set({ [as]: { ...state[as], credentials: { ...state[as].credentials, ...credentials } } });
    }
    return done;
  } catch (refusal) {
    if (!(refusal instanceof Refused) || refusal.status !== 404 || !again) throw refusal;
    if (stillHere()) {
      remember(as, null, WINDOW); // the key is of an earlier lab
      set({ [as]: null });
    }
    return send(path, order, as, false);
  }
}

async function enter(as) {
  const id = state.own ? null : recall(as, WINDOW);
  if (id) {
    try {
      return keep(as, await post("/lab/customer", { id }));
    } catch (refusal) {
      if (refusal.status !== 404) throw refusal;
    }
  }
  return keep(as, await post("/lab/customer", { name: CUSTOMERS[as] }));
}

function keep(as, customer) {
  if (!state.own) remember(as, customer.id, WINDOW);
  set({ [as]: { credentials: null, ...customer } });
  return state[as];
}
