/** What a server found when a request made it look: into its drawer, or at the seal. Pure. */

import { isCached } from "./looks.js";

const EMPTIES = /^\/api\/(logout|checkout)\b/;
const UNASKED = /^\/api\/(login|products|server)\b/; // they bring no credential

/**
 * {words, good ("thief": where a thief asks, found is not good), line} of a request at a desk of that kind: `line` is "finds" or "refuses", the
 * line of its code that ran, or "" where it is not known. Null where no server looked. `people`:
 * representatives look, not servers. `thief` is the name of one who takes part, or "".
 */
export function findingOf(kind, { tried, path }, exchange, people = false, thief = "") {
  const { status, who, customer } = exchange;
  const theft = thief && exchange.theft;
  if (!who || UNASKED.test(path) || tried?.length === 0 || isCached(exchange)) return null;
  const stateless = kind === "stateless";
  const good = (status >= 200 && status < 400) || [404, 409, 422].includes(status);
  const [found, not] = people
    ? [stateless ? "signature: good" : `“I know ${customer}”`, stateless ? "signature: bad" : `“Who is ${customer}?”`]
    : [stateless ? "seal: good" : "drawer: found", stateless ? "seal: bad" : `no drawer for ${customer}`];
  const emptied = good && !stateless && !people && EMPTIES.test(path) ? "drawer: found, emptied" : found;
  const shown = (words, sign, line) => (theft ? { words, good: "thief", line } : { words: `${words} ${sign}`, good, line });
  if (good) return shown(emptied, "✓", "finds");
  if (status === 401) return shown(not, "✕", "refuses");
  return status === 503 && !stateless ? { words: "cannot look", good, line: "" } : null;
}
