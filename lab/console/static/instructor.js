/**
 * <lab-instructor>: all commands of the stage on one panel. It shows the state that the stack
 * reports, never the last command.
 */

import { resetStage, runSteps, stopAct } from "./acts.js";
import { post } from "./api.js";
import { insteadOfStage } from "./back.js";
import { bar, button, signed } from "./card.js";
import { h, mark, refill, say } from "./dom.js";
import { letterSwitch, openHelp } from "./help.js";
import { capital, ordersAt } from "./names.js";
import { blank, toggleFullScreen, togglePresent } from "./present.js";
import { openSpeaker } from "./speaker-link.js";
import { isRunnable } from "./source.js";
import { set, subscribe } from "./state.js";
import { Stopped } from "./steps.js";
import { DESKS, MOST_PAGE_SERVERS, SETTINGS, STORE_FAULTS } from "./words.js";

const LOCKED = "This window may watch and shop. To break things, open the link that `lab up` printed; `lab open` makes another.";

class LabInstructor extends HTMLElement {
  connectedCallback() {
    if (this.orders) return;
    this.turning = new Set(); // settings of which an order is under way
    this.locked = h("p", { class: "note", "data-needs": "servers", hidden: true }, LOCKED);
    this.progress = h("p", { class: "lately", role: "status" });
    this.refusal = h("p", { class: "trouble", role: "alert" });
    this.orders = h("div", { class: "orders at-stage" }, this.scenes(), this.stage(), this.settings());
    this.append(this.locked, insteadOfStage(), this.progress, this.refusal, this.orders, room());
    subscribe((now) => this.draw(now));
  }

  scenes() {
    this.playing = h("span", {});
    this.presets = h("ul", { class: "presets" });
    this.stop = button("Stop", stopAct, { name: "stop" });
    return group("Scenes", "lesson", this.presets, bar(this.stop, this.playing));
  }

  stage() {
    this.reset = button("Reset: a clean stage", () => this.order("Setting up a clean stage", resetStage), { name: "reset" });
    this.servers = h("div", { class: "counts" });
    this.store = h("p", { class: "bar of-store" });
    return group("Stage", "servers", bar(this.reset), this.servers, this.store);
  }

  settings() {
    this.selects = Object.entries(SETTINGS).map(([setting, { label, values }]) => {
      const options = Object.entries(values).map(([value, word]) => h("option", { value }, word));
      const turn = async () => {
        const { value } = select;
        this.turning.add(setting);
        await this.order(`Setting ${setting} to ${value}`, () => post("/lab/settings", { [setting]: value }));
        this.turning.delete(setting);
        set({}); // it shows again what is
      };
      const select = h("select", { name: setting, onchange: turn }, options);
      return [setting, select, h("label", {}, `${label} `, select)];
    });
    return group("Settings", "servers", this.selects.map(([, , label]) => label));
  }

  draw({ instructor: taught, own, plan, scene, act }) {
    const instructor = taught || own; // on its own stage everyone is
    this.locked.hidden = instructor;
    this.orders.hidden = !instructor;
    if (!instructor) return;
    this.drawScenes(plan?.scenes.filter(({ slug }) => isRunnable(`scenes/${slug}`, {})) ?? [], act);
    if (scene.stack) this.drawStack(scene.stack);
  }

  drawScenes(scenes, act) {
    refill(this.presets, scenes.map(({ slug }) => slug).join(), () => scenes.map((scene) => h("li", {},
      button(scene.title, () => this.play(scene), { name: "preset" }), h("p", {}, scene.say))));
    for (const preset of this.presets.querySelectorAll("button")) mark(preset, "disabled", act.running);
    this.stop.hidden = !act.running;
    this.playing.hidden = !act.running;
    if (act.running) say(this.playing, `${act.label}, step ${act.at} of ${act.of}${act.paused ? " (paused)" : ""}: ${act.caption}`);
  }

  drawStack({ desks, settings, store }) {
    for (const [setting, select] of this.selects) {
      const value = String(settings.stateful[setting]).split(":")[0];
      if (!this.turning.has(setting) && select.value !== value) select.value = value;
    }
    const counts = DESKS.map((desk) => desks[desk].map(({ name, state: how }) => `${name}:${how}`).join());
    refill(this.servers, counts.join("|"), () => DESKS.map((desk) => this.serversOf(desk, desks[desk])));
    refill(this.store, String(store?.state), () => this.storeOf(store));
  }

  serversOf(desk, servers) {
    const last = servers.filter(({ state: how }) => how !== "draining").at(-1);
    const fewer = () => this.order(`Draining ${last.name}`, () => post("/lab/drain", { server: `${desk}/${last.name}` }));
    const more = () => this.order(`Adding a server to the ${desk} desk`, () => post("/lab/add", { desk }));
    return h("p", { class: "bar", "data-desk": desk },
      h("span", { class: "desk" }, desk), signed("−", `One server fewer at the ${desk} desk`, fewer, servers.length <= 1),
      h("output", {}, `${servers.length} server${servers.length === 1 ? "" : "s"}`),
      signed("+", `One server more at the ${desk} desk`, more, servers.length >= MOST_PAGE_SERVERS));
  }

  storeOf(store) {
    if (!store) return [h("span", { class: "note" }, "No store runs: turn “Stateful carts in” to a shared store.")];
    if (store.state === "external") return [h("span", { class: "note" }, "The store is not the lab's own: it is not for the lab to break.")];
    const give = (label, what) => button(label, () => this.order(label, () => post("/lab/store", { do: what })));
    return [h("span", {}, `Store: ${store.state}`), ...ordersAt(store.state, STORE_FAULTS).map((kind) => give(`${capital(kind)} the store`, kind))];
  }

  async play({ slug, title, steps }) {
    await this.order(title, () => runSteps(steps, { label: title, where: `scenes/${slug}` }));
  }

  /** Send a command and show its result; a refusal is shown in the console's words. */
  async order(what, give) {
    const began = performance.now();
    say(this.progress, `${what} …`);
    say(this.refusal, "");
    try {
      await give();
      say(this.progress, `${what}: done in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
    } catch (error) {
      say(this.progress, error instanceof Stopped ? `${what}: stopped.` : "");
      if (!(error instanceof Stopped)) say(this.refusal, `✕ ${error.message}`);
    }
  }
}

/** `needs`: what the page has to have for it. */
function group(name, needs, ...children) {
  return h("section", { class: "group", "aria-label": name, "data-needs": needs }, h("h2", {}, name), children);
}

function room() {
  const speaker = button("Speaker view", openSpeaker, { name: "speaker-view" });
  mark(speaker, "data-needs", "servers");
  return group("Room", null, bar(
    button("Presenter mode", togglePresent, { name: "presenter" }), speaker, button("Full screen", toggleFullScreen, { name: "fullscreen" }),
    button("Black screen", blank, { name: "blank" }), button("Keys", openHelp, { name: "help" })), letterSwitch());
}

customElements.define("lab-instructor", LabInstructor);
