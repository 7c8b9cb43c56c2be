/** Keeps the page's URL and the state's `view` in step: ?step=4&servers=3&present&run=NAME. */

import { set, state } from "./state.js";

/** Read the URL into the state's `view`; ignore invalid parts. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  set({
    view: {
      step: whole(query.get("step"), 1, 99) ?? 1,
      servers: whole(query.get("servers"), 1, 8),
      present: query.has("present"),
      run: query.get("run"),
    },
  });
}

/** Change the view and the URL; another step is a history entry of its own. */
export function go(patch) {
  const view = { ...state.view, ...patch };
  const query = new URLSearchParams();
  query.set("step", view.step);
  if (view.servers) query.set("servers", view.servers);
  if (view.run) query.set("run", view.run);
  const text = query.toString() + (view.present ? "&present" : "");
  const same = view.step === state.view.step && view.run === state.view.run;
  history[same ? "replaceState" : "pushState"](null, "", `?${text}`);
  set({ view });
}

/** Go to the next or the previous step, if there is one. */
export function step(by) {
  turnTo(state.view.step + by);
}

/** Go to a chapter, by its number, if there is such a one. */
export function turnTo(to) {
  set({ following: false }); // who goes on by hand leaves the instructor
  if (to >= 1 && to <= (state.plan?.chapters.length ?? 1)) go({ step: to, servers: null, run: null });
}

/** Remove the one-time ticket from the URL, so that it is neither kept nor shown; return it, or null. */
export function takeTicket() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (ticket) history.replaceState(null, "", location.pathname + location.search);
  return ticket;
}

addEventListener("popstate", () => {
  set({ following: false });
  readAddress();
});

function whole(text, least, most) {
  const number = /^\d{1,2}$/.test(text ?? "") ? Number(text) : 0;
  return number >= least && number <= most ? number : null;
}
