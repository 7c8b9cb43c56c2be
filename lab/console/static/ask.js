/** The first scene: one question, its answers as large buttons, and the way on. */

import { bar, button } from "./card.js";
import { CUSTOMERS } from "./customer.js";
import { h } from "./dom.js";
import { deskPicture, SERVER_NAMES } from "./figures.js";
import { isDecided } from "./scenes.js";

/**
 * Draw it: `given` is {chapter, people, guess, chosen, begun, ended, mayRun, waits for a stage, live, why it may not run}; `does` has what its
 * buttons do, {choose(number), predict(), skip(), change(), run()}.
 */
export function drawAsk({ chapter, people, guess, chosen, begun, ended, mayRun, waits, live, why }, does) {
  const { setup, predict: { question, choices } } = chapter;
  const verb = isDecided(chapter) ? "Predict" : "Choose"; // what nothing decides is not predicted
  const open = guess === undefined;
  const picked = open ? chosen : guess;
  return [
    h("p", { class: "setup" }, setup),
    h("h1", { class: "asks", tabindex: -1, "data-next": true }, question),
    h("div", { class: "picture", "aria-hidden": "true" }, deskPicture(chapter.wants, { people, beside: !chapter.wants, ...comingOf(chapter) })),
    h("div", { class: "choices", role: "group", "aria-label": "Answers" }, choices.map(({ text }, number) => h("button", {
      type: "button", class: "choice", "data-choice": number, "aria-pressed": String(picked === number),
      disabled: !open, onclick: () => does.choose(number) }, h("kbd", { "aria-hidden": "true" }, String(number + 1)), h("span", {}, text)))),
    ended && h("p", { class: "trouble", role: "alert" }, ended),
    bar(...buttons({ verb, open, guess, chosen, begun, mayRun, waits, live, why }, does)),
  ].filter(Boolean);
}

/** What its script does that the question speaks of, so that the drawing has it. Where nothing decides, it may do this or that. */
export function comingOf(chapter) {
  const { thief, steps = [] } = chapter.acts[0];
  const done = (what) => steps.filter((each) => each.do === what);
  const customers = customersAt(steps, chapter.wants);
  if (!isDecided(chapter)) return { customers };
  const loot = thief && customers[0]?.goods; // what was copied before the owner logged out
  if (done("logout").length) for (const each of customers) Object.assign(each, { goods: [], kept: [], out: true });
  return { thief, loot, customers, added: done("add-server").length, fresh: done("restart").length > 0, left: done("kill")[0]?.target };
}

/** The customers as they are when one goes away, or a cart with something in it is first looked at: {name, server, cookie, goods, kept: those of them that a desk which remembers has, gone}. */
function customersAt(steps, { servers = 3, store = "memory", affinity = "none" } = {}) {
  const customers = new Map();
  let turn = 0;
  for (const { do: verb, as = "me", until, server, sku } of steps) {
    const one = customers.get(as);
    if (verb === "leave" || (one?.goods.length && /^view/.test(verb))) break;
    const named = until ?? { served: one?.server }[server] ?? server;
    if (verb === "login") customers.set(as, { name: CUSTOMERS[as], cookie: until, server: named ?? SERVER_NAMES[turn++ % servers], goods: [], kept: [] });
    if (verb !== "add") continue;
    const at = named ?? (affinity === "cookie" ? one.server : SERVER_NAMES[turn++ % servers]);
    one.goods.push(sku);
    if (store !== "memory" || at === one.server) one.kept.push(sku);
  }
  for (const { as = "me" } of steps.filter((step) => step.do === "leave")) customers.get(as).gone = true;
  return [...customers.values()];
}

function buttons({ verb, open, guess, chosen, begun, mayRun, waits, live, why }, does) {
  const nothing = typeof chosen !== "number";
  if (!live) return [h("p", { class: "note" }, "No servers run here, and no lesson is recorded: ", h("code", {}, "lab record"), " makes one. Kept runs are under Runs in Look closer.")];
  if (open && mayRun) {
    return [
      button(`${verb} and run ▸`, does.predict, { main: true, name: "seal", disabled: nothing }),
      button(verb === "Predict" ? "Run without predicting" : "Run without choosing", does.skip, { name: "skip-it" }),
    ];
  }
  if (open) return [button(verb, does.predict, { main: true, name: "seal", disabled: nothing }), h("p", { class: "note" }, why)];
  if (waits) return [button(waits === "starting" ? "Your stage is starting …" : "Waiting for a stage …", null, { main: true, disabled: true })];
  return [
    mayRun ? button(begun ? "Run it again ▸" : "Run ▸", does.run, { main: true, next: true, name: "run" }) : h("p", { class: "note" }, why),
    h("p", { class: "sealed", "data-guess": guess }, guess === "skip" ? "No answer given." : "Your answer stands."),
    !begun && button("Change", does.change, { name: "change" }),
  ].filter(Boolean);
}
