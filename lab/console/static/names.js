/** Words of the page that are made from words.js. */

import { FAULTS } from "./words.js";

/** The kinds of fault that change a target in that state: ["kill", "restart", …]. */
export function ordersAt(state, kinds = Object.keys(FAULTS)) {
  return kinds.filter((kind) => FAULTS[kind].applies_to.includes(state));
}

/** "kill" → "Kill". */
export function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
