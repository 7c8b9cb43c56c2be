/** The event stream of the console, and whether it is connected. */

import { send, stream } from "./source.js";
import { begin, happen, set } from "./state.js";

const SILENCE_MS = 6000; // three beats
const GRACE_MS = 1500; // a reload of nginx interrupts the stream for a moment: no alarm yet
const AGAIN_MS = 1000;

let source = null;
let silence = 0;
let grace = 0;
let asked = false;
let onSnapshot = async () => {};

/**
 * Connect, and reconnect: a browser gives up at the first response that is no stream. `then` is
 * called after each snapshot: at the beginning, and when another lab answers.
 */
export function listen(then = onSnapshot) {
  onSnapshot = then;
  source?.close();
  expect();
  source = stream();
  source.addEventListener("snapshot", (message) => {
    begin(JSON.parse(message.data));
    heard();
    onSnapshot().catch(() => null); // it is asked again at the next one
  });
  source.addEventListener("message", (message) => {
    happen(JSON.parse(message.data));
    heard();
  });
  source.addEventListener("beat", heard);
  source.addEventListener("error", () => {
    grace ||= setTimeout(lost, GRACE_MS);
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(silence);
    silence = setTimeout(() => listen(), AGAIN_MS);
    if (!asked) askWhy();
  });
}

/** An EventSource does not say why it was refused: ask once more with fetch. */
async function askWhy() {
  asked = true;
  const enough = new AbortController();
  try {
    const answer = await send("/lab/events", { signal: enough.signal });
    if (answer.status === 503) set({ refused: (await answer.json()).detail ?? null });
    else if (!answer.ok) set({ barred: answer.status });
  } catch {
    // No response at all: the connection is lost, and no reason is known.
  } finally {
    enough.abort(); // if it was accepted this time, free its place
  }
}

function heard() {
  clearTimeout(grace);
  grace = 0;
  asked = false;
  expect();
  set({ connection: "open", refused: null, barred: 0 });
}

/** Notice a stream that is silent but not closed. */
function expect() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    lost();
    listen();
  }, SILENCE_MS);
}

function lost() {
  set({ connection: "lost" });
}
