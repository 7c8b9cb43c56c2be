/** What a server found when a request made it look: into its drawer, or at the seal. Pure. */

import { credentialOf } from "./carts.js";
import { isCached } from "./looks.js";

const TAKEN = { "POST /api/logout": "deleted", "POST /api/checkout": "emptied", "DELETE /api/cart": "emptied" };
const UNASKED = /^\/api\/(login|products|server)\b/; // they bring no credential

/**
 * {words, good, line} of a request at a desk of that kind, null where no server looked. `good` is "plain" where the answer says it: to a
 * thief, with harm, of nothing. `line` of its code ran: "finds", "refuses", "" for not known. `people` look, or servers.
 */
export function findingOf(kind, { tried, path }, exchange, people = false, thief = "") {
  const { status, who, method } = exchange;
  if (!who || UNASKED.test(path) || tried?.length === 0 || isCached(exchange)) return null;
  const stateless = kind === "stateless";
  const theft = thief && exchange.theft;
  const plain = theft || exchange.mark?.[0] === "lost";
  const shown = (words, good) => ({ ...(plain ? { words, good: "plain" } : { words: `${words} ${good ? "✓" : "✕"}`, good }), line: good ? "finds" : "refuses" });
  if (status === 401) return shown(missing(stateless, exchange, people, theft), false);
  if (status === 503 && !stateless) return { words: "cannot look", good: false, line: "" };
  if (!(status >= 200 && status < 400) && ![404, 409, 422].includes(status)) return null;
  if (stateless) return shown(people ? "signature: good" : "seal: good", true);
  if (people) return shown(`“I know ${exchange.customer}”`, true);
  if (status === 409) return { words: "drawer: empty", good: "plain", line: "finds" }; // only an order is refused so
  const taken = status < 300 && TAKEN[`${method} ${path.split("?")[0]}`];
  return shown(taken ? `drawer: found, ${taken}` : "drawer: found", true);
}

/** Why a desk did not accept what a request brought. */
function missing(stateless, exchange, people, theft) {
  if (people && !stateless) return theft ? "“Who are you?”" : `“Who is ${exchange.customer}?”`;
  const brought = credentialOf({ request: exchange.request }) || /[?&]token=/.test(exchange.path);
  if (!stateless) return brought ? "no such drawer" : "no ticket";
  if (!brought) return people ? "no form" : "no parcel";
  const seal = people ? "signature" : "seal";
  return `${seal}: ${/older than/.test(exchange.response?.body?.detail) ? "too old" : "bad"}`;
}
