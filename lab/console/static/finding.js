/** What a server found when a request made it look: into its drawer, or at the seal. Pure. */

import { isCached } from "./carts.js";

const UNASKED = /^\/api\/(login|products|server)\b/; // they bring no credential

/**
 * {words, good, line} of a request at a desk of that kind: `line` is "finds" or "refuses", the
 * line of its code that ran, or "" where it is not known. Null where no server looked.
 */
export function findingOf(kind, { tried, path }, exchange) {
  const { status, who, customer } = exchange;
  if (!who || UNASKED.test(path) || tried?.length === 0 || isCached(exchange)) return null;
  const stateless = kind === "stateless";
  const good = (status >= 200 && status < 400) || [404, 409, 422].includes(status);
  if (good) return { words: stateless ? "seal: good ✓" : "drawer: found ✓", good, line: "finds" };
  if (status === 401) return { words: stateless ? "seal: bad ✕" : `no drawer for ${customer}`, good, line: "refuses" };
  return status === 503 && !stateless ? { words: "cannot look", good, line: "" } : null;
}
