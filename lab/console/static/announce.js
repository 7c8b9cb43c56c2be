/**
 * Announces to screen readers what the stage shows: one polite live region, where a burst of events
 * becomes one sentence. It also shows a notice if a key could not do its work.
 */

import { cartsOf } from "./carts.js";
import { $, h, say } from "./dom.js";
import { capital } from "./names.js";
import { onShown, shown, state, subscribe } from "./state.js";
import { FAULTS, UNANSWERED } from "./words.js";

const GATHER_MS = 500;
const NOTICE_MS = 7000;

const waiting = new Map(); // subject → its newest sentence
let timer = 0;
let toast = null;
let fading = 0;
let known = {}; // desk and customer → the last announcement about the cart
let connection = "connecting";

/** Announce it soon. Of several sentences about one subject in a burst, the last is announced. */
export function announce(text, about = text) {
  waiting.delete(about);
  waiting.set(about, text);
  timer ||= setTimeout(flush, GATHER_MS);
}

/** Announce it, and show it for a while. */
export function notice(text) {
  announce(text);
  if (!toast) $("#trouble").after(toast = h("p", { class: "toast", "aria-hidden": "true" })); // in the flow: it covers nothing
  say(toast, text);
  toast.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toast.hidden = true; }, NOTICE_MS);
}

function flush() {
  timer = 0;
  const text = [...waiting.values()].join(" ");
  waiting.clear();
  const line = $("#announcer");
  if (line) line.textContent = text; // even the same text: it happened again
}

/** The sentence about an event and its subject; null if it needs no announcement. `cart` is the customer's, as it is drawn. */
export function sentence(event, who, cart) {
  if (event.kind === "stage") return ["A clean stage.", "stage"];
  if (event.kind === "setting") return [`${capital(event.target)} is now ${event.evidence.value}.`, event.target];
  if (event.kind === "fault") return [ofFault(event), `${event.desk} ${event.target}`];
  if (event.kind !== "exchange" || (who && event.who !== who)) return null;
  const desk = capital(event.desk);
  if (event.fate) return [`${desk}: ${who ? "cart" : `${event.customer}'s cart`} ${fateOf(event, cart)}.`, `${event.desk} cart`];
  if (UNANSWERED.includes(event.status ?? 0)) return [`${desk}: no server answered.`, `${event.desk} cart`];
  return event.status >= 400 ? [`${desk}: refused with ${event.status}.`, `${event.desk} cart`] : null;
}

/** Another server may still have a cart that this one did not show. */
function fateOf({ fate }, cart) {
  return cart?.fate === "unshown" ? "not shown" : fate;
}

function ofFault({ desk, fault, target, confirmed, evidence = {} }) {
  const name = target === "store" ? "The session store" : `Server ${target}`;
  const seen = [evidence.pid && `pid ${evidence.pid}`, evidence.signal, { true: "confirmed", false: "not confirmed" }[confirmed]];
  const proof = seen.filter(Boolean).join(", ");
  return `${name} ${FAULTS[fault]?.done ?? fault}${desk ? ` at the ${desk} desk` : ""}${proof ? `: ${proof}` : ""}.`;
}

/** Announce the state of a cart only if it has changed. */
function isNews(event, text) {
  if (["stage", "fault", "setting"].includes(event.kind)) known = {};
  if (event.kind !== "exchange") return true;
  const cart = `${event.desk} ${event.who}`;
  const before = known[cart];
  known[cart] = text;
  return before !== text;
}

onShown((event) => {
  const cart = event.fate && cartsOf(shown(), event.desk).get(event.who || event.customer);
  const [text, about] = sentence(event, state.recording ? "" : state.me?.who ?? "no one", cart) ?? [];
  if (text && isNews(event, text)) announce(text, about);
});

subscribe(({ connection: now }) => {
  if (now === "lost") announce("Connection lost.", "line");
  if (now === "open" && connection === "lost") announce("Connected again.", "line");
  connection = now;
});
