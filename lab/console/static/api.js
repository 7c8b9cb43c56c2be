/** Calls to the console. A refusal is an error whose message says what to do next. */

/** What the console refused: `status` is its HTTP status, 0 where it did not answer. */
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

/** POST an order. The header is one that no form can send, so no other page can do this. */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-Lab-Console": "1" };
  return call(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function call(path, how) {
  const response = await answer(path, how);
  return response.status === 204 ? null : response.json();
}

async function answer(path, how) {
  let response;
  try {
    response = await fetch(path, { ...how, credentials: "same-origin" });
  } catch {
    throw new Refused(0, "The console does not answer. Is `lab up` still running?");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? `The console answered ${response.status}.`);
}
