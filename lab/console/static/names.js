/** Names and signs that several parts of the page show. */

/** In the order in which they stand. */
export const DESKS = ["stateful", "stateless"];

/** What a desk is called above its column. */
export const TITLES = { stateful: "Stateful", stateless: "Stateless" };

/** The sign of a verdict. */
export const SIGNS = { holds: "✓", fails: "✕", depends: "◐", unknown: "?" };
