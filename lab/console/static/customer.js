/** This window's customer, and two more if a lesson needs them. */

import { post, Refused } from "./api.js";
import { recall, remember, WINDOW } from "./kept.js";
import { set, state } from "./state.js";

export const SEATS = { me: "John", second: "Bob", third: "Carol" };
const coming = {};

/** Enter, or come back after a reload: the window keeps the customer's key. */
export function come(seat = "me") {
  coming[seat] ??= enter(seat).finally(() => delete coming[seat]);
  return coming[seat];
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
export function act(order, seat) {
  return send("/lab/act", order, seat);
}

/** Do a step of a script: doStep({script: "the-crash/0", step: 2, settings: {}}). Returns {id, ops}. */
export function doStep(step, seat) {
  return send("/lab/step", step, seat);
}

async function send(path, order, seat = "me", again = true) {
  const customer = state[seat] ?? (await come(seat));
  const { begun } = state.scene;
  const stillHere = () => state[seat]?.id === customer.id; // or this window has a new customer by now
  try {
    const { credentials, ...done } = await post(path, { ...order, customer: customer.id });
    // Credentials of an earlier stage are not valid on the new one.
    if (stillHere() && state.scene.begun === begun) {
      set({ [seat]: { ...state[seat], credentials: { ...state[seat].credentials, ...credentials } } });
    }
    return done;
  } catch (refusal) {
    if (!(refusal instanceof Refused) || refusal.status !== 404 || !again) throw refusal;
    if (stillHere()) {
      remember(seat, null, WINDOW); // the key is of an earlier lab
      set({ [seat]: null });
    }
    return send(path, order, seat, false);
  }
}

async function enter(seat) {
  const id = state.own ? null : recall(seat, WINDOW);
  if (id) {
    try {
      return keep(seat, await post("/lab/customer", { id }));
    } catch (refusal) {
      if (refusal.status !== 404) throw refusal;
    }
  }
  return keep(seat, await post("/lab/customer", { name: SEATS[seat] }));
}

function keep(seat, customer) {
  if (!state.own) remember(seat, customer.id, WINDOW);
  set({ [seat]: { credentials: null, ...customer } });
  return state[seat];
}
