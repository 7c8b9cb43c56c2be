/**
 * What a click on a server, the store or the balancer offers: an order to the console, or a look.
 *
 * The offers are pure; the menu only shows one, by mouse or keyboard, and gives the focus back.
 */

import { post } from "./api.js";
import { h } from "./dom.js";
import { capital, ordersAt } from "./names.js";
import { SETTINGS, STORE_FAULTS } from "./words.js";

const ONLY_RECORDED = "This was recorded: `lab up` starts servers that can be broken.";
const MENU_LOCKED = "To change anything, open the link that `lab up` printed, or begin a challenge: that gives you a stage of your own.";

/** Which kind of thing is offered what: `view` is {scene, mayBreak, has, recording}. */
export function offerOf(place, desk, view) {
  const [kind, name] = place.split(":");
  const offer = { server: serverOffer, balancer: balancerOffer, store: storeOffer }[kind](view.scene, desk, name);
  if (!view.has.includes("servers")) return { ...offer, groups: [], note: ONLY_RECORDED };
  if (view.recording) return { ...offer, groups: [], note: "A recording: what is live is one click on “Back to live” away." };
  return view.mayBreak ? offer : { ...offer, groups: [], note: MENU_LOCKED };
}

function serverOffer({ stack, requests }, desk, name) {
  const server = stack.desks[desk].find((each) => each.name === name);
  const body = { server: `${desk}/${name}` };
  const alive = server.state !== "dead";
  const items = ordersAt(server.state).map((kind) => order(kind, [`/lab/${kind}`, body]));
  const answered = requests.filter((each) => each.desk === desk && each.served_by === name);
  const ofThisOne = answered.filter((each) => each.instance === server.instance);
  return {
    title: `Server ${name}, ${desk} desk`,
    groups: [{ items }],
    facts: [
      ["state", server.state], ["pid", server.pid ?? (alive ? "not recorded" : "no process")],
      ["instance", server.instance ?? (alive ? "not recorded" : "none")], ["port", server.port ?? "not recorded"],
      ["requests answered", `${ofThisOne.length} by this process, ${answered.length} by ${name}`],
      ["carts remembered", server.carts_remembered ?? (alive ? "not known" : "none")],
    ],
  };
}

function balancerOffer({ stack, requests }, desk) {
  const settings = stack.settings[desk];
  return {
    title: "Balancer, both desks",
    groups: [
      ...["affinity", "retry", "cache"].map((name) => choice(name, settings[name])),
      storeChoice(stack),
      { label: "Servers", items: [{ label: `Add a server at the ${desk} desk`, order: ["/lab/add", { desk }] }] },
    ],
    facts: [
      ["address", stack.origin], ["servers", stack.desks[desk].length],
      ["requests seen", requests.filter((each) => each.desk === desk).length],
    ],
  };
}

function storeOffer({ stack }) {
  const store = stack.store;
  const actions = ordersAt(store?.state, STORE_FAULTS).map((kind) => order(kind, ["/lab/store", { do: kind }]));
  return {
    title: "Session store",
    groups: [{ items: actions }, storeChoice(stack)].filter(({ items }) => items.length),
    facts: [
      ["kind", stack.settings.stateful.store], ["program", store?.program ?? "none"],
      ["state", store?.state ?? "none"], ["pid", store?.pid ?? "no process of the lab"],
    ],
  };
}

function storeChoice({ settings }) {
  return choice("store", settings.stateful.store.split(":")[0]);
}

function order(kind, call) {
  return { label: capital(kind), order: call, grave: kind === "kill" };
}

function choice(name, now) {
  const { label, values } = SETTINGS[name];
  const items = Object.entries(values).map(([value, word]) => (
    { label: word, checked: value === now, order: ["/lab/settings", { [name]: value }] }));
  return { label, items };
}

/** The one menu of the stage; `report(text)` gets what was refused, "" when all is well. */
export class Menu {
  constructor(host, report) {
    this.report = report;
    this.box = h("div", { class: "stage-menu", popover: "auto" });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("toggle", ({ newState }) => {
      this.button?.setAttribute("aria-expanded", newState === "open");
    });
    host.append(this.box);
  }

  open(button, offer) {
    this.button = button;
    const facts = h("dl", { hidden: true }, offer.facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]));
    const inspect = { label: "Inspect", act: () => { facts.hidden = false; this.place(); } };
    const groups = [...offer.groups, { items: [inspect] }];
    this.box.replaceChildren(...[
      h("p", { class: "menu-title", id: "stage-menu-title" }, offer.title),
      h("div", { role: "menu", "aria-labelledby": "stage-menu-title" }, groups.map((group) => this.group(group))),
      h("div", { role: "status" }, facts),
      offer.note ? h("p", { class: "menu-note" }, offer.note) : "",
    ]);
    this.box.showPopover();
    this.place();
    this.items()[0].focus();
  }

  group({ label, items }) {
    const name = label && h("span", { class: "menu-label", "aria-hidden": "true" }, label);
    return h("div", { role: "group", "aria-label": label, class: "menu-group" }, name, items.map((item) => this.item(item)));
  }

  item({ label, checked, order, act, grave }) {
    const role = checked === undefined ? "menuitem" : "menuitemradio";
    const chosen = checked === undefined ? null : String(checked);
    const attributes = { type: "button", role, tabindex: -1, class: grave && "grave", "aria-checked": chosen };
    return h("button", { ...attributes, onclick: () => (act ? act() : this.send(order)) }, label);
  }

  async send([path, body]) {
    this.close();
    try {
      await post(path, body);
      this.report("");
    } catch (refusal) {
      this.report(refusal.message);
    }
  }

  close() {
    this.box.hidePopover();
    this.button.focus();
  }

  items() {
    return [...this.box.querySelectorAll("[role^=menuitem]")];
  }

  key(event) {
    const items = this.items();
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    event.stopPropagation(); // single letters are the lecturer's keys elsewhere
    if (event.key === "Escape" || event.key === "Tab") this.close();
    if (event.key === "Escape" || to !== undefined) event.preventDefault();
    if (to !== undefined) items.at(to % items.length).focus();
  }

  /** Below its button, or wherever there is room. */
  place() {
    const at = this.button.getBoundingClientRect();
    const own = this.box.getBoundingClientRect();
    const fit = (wish, size, room) => `${Math.max(4, Math.min(wish, room - size - 4))}px`;
    this.box.style.left = fit(at.left, own.width, innerWidth);
    this.box.style.top = fit(at.bottom + 4, own.height, innerHeight);
  }
}
