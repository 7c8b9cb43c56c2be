/** The line to the console: events as they happen, and whether the line is up. */

import { begin, happen, set } from "./state.js";

const SILENCE_MS = 6000; // three beats
const GRACE_MS = 1500; // a reload of nginx cuts the line for a moment: not worth an alarm
const AGAIN_MS = 1000;

let source = null;
let silence = 0;
let grace = 0;
let asked = false;

/** Open the line, and keep opening it: a browser gives up at the first answer that is no stream. */
export function listen() {
  source?.close();
  expect();
  source = new EventSource("/lab/events");
  source.addEventListener("snapshot", (message) => {
    begin(JSON.parse(message.data));
    heard();
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
    silence = setTimeout(listen, AGAIN_MS);
    if (!asked) askWhy();
  });
}

/** An EventSource keeps to itself why it was refused: ask once more, by hand. */
async function askWhy() {
  asked = true;
  const enough = new AbortController();
  try {
    const answer = await fetch("/lab/events", { signal: enough.signal });
    if (answer.status === 503) set({ refused: (await answer.json()).detail ?? null });
  } catch {
    // Not even an answer: that the line is lost is all there is to say.
  } finally {
    enough.abort(); // had it been let in this time, it would keep a place
  }
}

function heard() {
  clearTimeout(grace);
  grace = 0;
  asked = false;
  expect();
  set({ connection: "open", refused: null });
}

/** A line may be silent and not closed, from its beginning or at any time. */
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
