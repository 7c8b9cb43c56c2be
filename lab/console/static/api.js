/** Calls to the console. An error's message says what to do next. */

import { send } from "./source.js";
import { set, state } from "./state.js";

const BY_HAND = /^\/lab\/(act|add|drain|kill|pause|restart|resume|settings|stage|store)$/;

let proof = "";

/** Send this with every order: it shows that the order is from the instructor's own page. */
export function proveWith(signed) {
  proof = signed;
}

/** A refused call: `status` is the HTTP status, 0 if there was no answer. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** GET a JSON document. */
export function get(path) {
  return call(path, {});
}

/** GET a text: a stylesheet, a drawing. */
export async function getText(path) {
  return (await answer(path, {})).text();
}

/** POST JSON, with a header that forms and other origins cannot send. */
export function post(path, body = {}, how = {}) {
  if (BY_HAND.test(path)) set({ byHand: state.view.step });
  const headers = { "Content-Type": "application/json", "X-Lab-Console": "1", ...(proof && { "X-Lab-Proof": proof }) };
  return call(path, { method: "POST", headers, body: JSON.stringify(body), ...how });
}

async function call(path, how) {
  const response = await answer(path, how);
  return response.status === 204 ? null : response.json();
}

async function answer(path, how) {
  let response;
  try {
    response = await send(path, { ...how, credentials: "same-origin" });
  } catch {
    throw new Refused(0, "The lab does not answer. Is `lab up` still running?");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? `The lab answered ${response.status}.`);
}
