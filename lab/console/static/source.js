/**
 * Where the page gets its data from: the console. In an exported page recorded.js stands in its
 * place, and the rest of the page is the same.
 */

const OF_A_STAGE = /^\/lab\/(events|customer|act|step|sequence|kill|restart|pause|resume|drain|add|store|settings|stage|status)(\/|$)/;

let base = "";

/** What the page was recorded with; null where it is live. */
export const recorded = null;

/** The kept runs that the page holds; null where the console is asked for them, which may have more each time. */
export const keptRuns = null;

/** Send a request to the console. */
export function send(path, how) {
  return fetch(OF_A_STAGE.test(path) ? base + path : path, how);
}

/** Open the stream of events: an EventSource. */
export function stream() {
  return new EventSource(`${base}/lab/events`);
}

/** True if the script can be run with these settings. */
export function isRunnable(name, settings) {
  return true;
}

/** Work from now on with the stage below this path: "/lab/own", or "" for the room's. */
export function useStage(path) {
  base = path;
}
