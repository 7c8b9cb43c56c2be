/** The line to the console: events as they happen, and whether the line is up. */

import { begin, happen, set } from "./state.js";

const SILENCE_MS = 6000; // three beats
const GRACE_MS = 1500; // a reload of nginx cuts the line for a moment: not worth an alarm
const AGAIN_MS = 1000;

let source = null;
let silence = 0;
let grace = 0;

/** Open the line, and keep opening it: a browser gives up at the first answer that is no stream. */
export function listen() {
  source?.close();
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
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
  });
}

function heard() {
  clearTimeout(grace);
  clearTimeout(silence);
  grace = 0;
  silence = setTimeout(() => {
    lost();
    listen(); // a line that is silent and not closed
  }, SILENCE_MS);
  set({ connection: "open" });
}

function lost() {
  set({ connection: "lost" });
}
