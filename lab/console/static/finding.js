/** What a server found when a request made it look: into its drawer, or at the seal. Pure. */

import { isCached } from "./looks.js";

const UNASKED = /^\/api\/(login|products|server)\b/; // they bring no credential

/**
 * {words, good, line} of a request at a desk of that kind: `line` is "finds" or "refuses", the
 * line of its code that ran, or "" where it is not known. Null where no server looked. `people`:
 * representatives look, not servers.
 */
export function findingOf(kind, { tried, path }, exchange, people = false) {
  const { status, who, customer } = exchange;
  if (!who || UNASKED.test(path) || tried?.length === 0 || isCached(exchange)) return null;
  const stateless = kind === "stateless";
  const good = (status >= 200 && status < 400) || [404, 409, 422].includes(status);
  const [found, not] = people
    ? [stateless ? "signature: good ✓" : `“I know ${customer}” ✓`, stateless ? "signature: bad ✕" : `“Who is ${customer}?” ✕`]
    : [stateless ? "seal: good ✓" : "drawer: found ✓", stateless ? "seal: bad ✕" : `no drawer for ${customer} ✕`];
  if (good) return { words: found, good, line: "finds" };
  if (status === 401) return { words: not, good, line: "refuses" };
  return status === 503 && !stateless ? { words: "cannot look", good, line: "" } : null;
}
