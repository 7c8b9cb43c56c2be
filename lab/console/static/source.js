/**
 * Where the page gets its data from: the console. In an exported page recorded.js stands in its
 * place, and the rest of the page is the same.
 */

/** What the page was recorded with; null where it is live. */
export const recorded = null;

/** Send a request to the console. */
export function send(path, how) {
  return fetch(path, how);
}

/** Open the stream of events: an EventSource. */
export function stream() {
  return new EventSource("/lab/events");
}

/** Say which script begins: a recording has to know, the console does not. */
export function begin(steps) {}
