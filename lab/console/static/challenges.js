/** <lab-challenges>: goals that a learner reaches on the stage with actions of its own. */

import { announce } from "./announce.js";
import { post } from "./api.js";
import { bar, button } from "./card.js";
import { act } from "./customer.js";
import { deeds } from "./deeds.js";
import { h, mark, refill, say } from "./dom.js";
import { fill, matches } from "./facts.js";
import { recallJson, remember, WINDOW } from "./kept.js";
import { takeOwnStage } from "./own-stage.js";
import { backToLive, mayBreak, set, shown, state, subscribe } from "./state.js";
import { Stopped, until } from "./steps.js";
import { DESKS } from "./words.js";

const KEPT_AS = "challenges";
const CLEAN = { servers: 3, store: "memory", affinity: "none", retry: "off", cache: "off" };
const START_ONE = "Challenges need servers to break: pip install . in a clone, then lab up.";
const SERVER = { "": "the balancer's choice", served: "the one that answered last" };
const WHERE = { both: "At both desks", stateful: "Stateful only", stateless: "Stateless only" };

set({ challenge: recallJson("challenge", WINDOW) }); // {slug, begun: the event that began its stage}

class LabChallenges extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    const kept = recallJson(KEPT_AS);
    this.solved = new Set(Array.isArray(kept) ? kept : []);
    this.chosen = state.challenge?.slug;
    this.list = h("ul", { class: "chosen-from" });
    this.goal = h("div", { class: "part" });
    this.lately = h("p", { class: "note", role: "status" });
    this.refusal = h("p", { class: "trouble", role: "alert" });
    const choice = (name, label, values) => h("label", {}, `${label} `, h("select", { name }, Object.entries(values).map(([value, word]) => h("option", { value }, word))));
    this.hands = h("div", { class: "part" }, bar(choice("who", "Who:", { me: "John", second: "Bob" }), choice("desks", "Where:", WHERE), choice("server", "Server:", SERVER)), this.doings(), this.lately,
      h("p", { class: "note" }, "To break and to set: choose a server, a balancer or the store on the drawing."));
    this.append(this.list, this.goal, this.hands, this.refusal, this.hint = h("div", {}));
    subscribe((now) => this.draw(now));
  }

  doings() {
    const give = (label, what) => button(label, () => this.try(what));
    return bar(give("Log in", () => this.order({ do: "login" })), give("Put a laptop in", () => this.order({ do: "add", sku: "laptop", quantity: 1 })),
      give("Look", () => this.order({ do: "view" })), give("Look at every server", () => this.lookAround()),
      give("Order", () => this.order({ do: "checkout" })), give("Send the last request again", () => this.repeat()));
  }

  get as() {
    return this.querySelector("[name=who]").value;
  }

  get desks() {
    const { value } = this.querySelector("[name=desks]");
    return value === "both" ? DESKS : [value];
  }

  order(order) {
    const server = this.querySelector("[name=server]").value;
    return act({ ...order, ...(server && order.do !== "login" && { server }), desks: this.desks }, this.as);
  }

  async lookAround() {
    for (const desk of this.desks) {
      for (const { name, state: how } of state.scene.stack.desks[desk]) {
        if (how !== "dead") await act({ do: "view", server: name, desks: [desk] }, this.as);
      }
    }
  }

  repeat() {
    const own = [...state.scene.exchanges.values()].filter(({ who, aside }) => who === state[this.as]?.who && !aside);
    const last = this.desks.map((desk) => own.findLast((each) => each.desk === desk)).filter(Boolean);
    if (!last.length) throw new Error("Nothing has been sent yet: log in first.");
    return Promise.all(last.map(({ op, desk }) => act({ do: "replay", op, desks: [desk] }, this.as)));
  }

  async begin({ slug }) {
    set({ following: false });
    backToLive();
    if (!mayBreak(state)) await takeOwnStage();
    const before = state.scene.begun;
    await post("/lab/stage", CLEAN);
    await until(() => state.scene.begun !== before);
    const { slug: chapter } = state.plan.chapters[state.view.step - 1];
    // Servers, balancer and store are to be seen: people have none.
    set({ challenge: { slug, begun: state.scene.begun }, people: false, wanted: { slug: chapter, scene: "watch" } });
    remember("challenge", JSON.stringify(state.challenge), WINDOW);
    scrollTo(0, 0);
  }

  /** Do it; what was refused is shown in the console's words. */
  async try(what) {
    if (this.hasAttribute("aria-busy")) return; // one after the other
    say(this.refusal, "");
    mark(this, "aria-busy", "true");
    try {
      await what();
    } catch (error) {
      if (!(error instanceof Stopped)) say(this.refusal, `✕ ${error.message}`);
    } finally {
      mark(this, "aria-busy", null);
    }
  }

  draw(now) {
    const all = now.plan?.challenges ?? [];
    const chosen = all.find(({ slug }) => slug === this.chosen) ?? all[0];
    if (!chosen) return;
    const underway = now.challenge?.slug === chosen.slug && now.challenge.begun === now.scene.begun && mayBreak(now) && !now.recording;
    const found = underway && deeds(shown(now), now.me, now.second);
    if (found && !now.act.running && matches(chosen.when, found)) this.solve(chosen);
    const done = this.solved.has(chosen.slug);
    refill(this.list, [chosen.slug, ...this.solved].join(), () => all.map((each, n) => h("li", {}, this.entry(each, n, each === chosen))));
    refill(this.goal, [chosen.slug, underway, done, now.instructor || now.ownStages].join(), () => this.describe(chosen, { underway, done }));
    refill(this.hint, chosen.slug, () => [h("details", {}, h("summary", {}, "A hint"), h("p", {}, chosen.hint))]);
    this.hands.hidden = !underway;
    say(this.lately, found ? chosen.measured.map((line) => fill(line, found)).join(" ") : "");
  }

  entry({ slug, title }, n, isChosen) {
    const choose = () => {
      this.chosen = slug;
      set({});
    };
    const done = this.solved.has(slug);
    return h("button", { type: "button", "data-challenge": slug, "data-solved": done, "aria-pressed": String(isChosen), onclick: choose },
      `${done ? "✓" : n + 1} ${title}`, done && h("span", { class: "unseen" }, ", solved"));
  }

  describe(chosen, { underway, done }) {
    const may = state.instructor || state.ownStages;
    return [
      h("h1", { class: "unseen" }, `Challenge: ${chosen.title}`),
      done && h("p", { class: "solved" }, `✓ Solved. ${chosen.because}`),
      may ? bar(h("span", {}, chosen.goal), button(underway ? "Begin again" : "Begin on a clean stage ▸", () => this.try(() => this.begin(chosen)), { main: !underway && !done, name: "begin" }))
        : [h("p", {}, chosen.goal), h("p", { class: "note" }, START_ONE)],
    ].flat().filter(Boolean);
  }

  solve({ slug, title }) {
    if (this.solved.has(slug)) return;
    this.solved.add(slug);
    remember(KEPT_AS, JSON.stringify([...this.solved]));
    announce(`Challenge solved: ${title}.`, "challenge");
  }
}

customElements.define("lab-challenges", LabChallenges);
